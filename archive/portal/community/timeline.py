"""A conversation along its time: listen from any mark, let the machine propose who spoke when, and put it right."""

from __future__ import annotations

from starlette.responses import Response

from archive.patterns import turnjobs, turns
from archive.patterns.timeline import LANES, timeline_of
from archive.patterns.turns import FACILITATOR, BadTurn
from archive.people.roles import Permission
from archive.portal.community.desk import Ask, Desk, Link, Page, get, go, need_tick, post

LINKS: tuple[Link, ...] = ()
_HERE = "/story/{story}/timeline"
_NAMES = {
    "question": "Asked", "excerpt": "Played into it", "cut": "Cut out of it", "flag": "Flagged",
    "pause": "Off the record", "code": "Coded", "gap": "Sound missing", "sound": "Sound trouble",
    "tones": "Tones of little time left",
}  # fmt: skip
_SOUND = {
    "closer": "too far away", "too_loud": "too loud", "loud_room": "a loud room", "silence": "silence",
    "hum": "a hum",
}  # fmt: skip
"""What was wrong with the sound (`audio.levels.Hint`), as people read it."""
_SESSIONS = "/patterns/sessions"
_MOST_VOICES = 12


def routes(desk: Desk) -> list[Page]:
    """The pages of this module."""
    return [
        get(desk, _HERE, Permission.STORIES, _timeline),
        get(desk, f"{_HERE}/progress", Permission.STORIES, _progress),
        post(desk, f"{_HERE}/propose", Permission.CODE, _propose, _HERE),
        post(desk, f"{_HERE}/correct", Permission.CODE, _correct, _HERE),
        post(desk, f"{_HERE}/check", Permission.CODE, _check, _HERE),
        get(desk, _SESSIONS, Permission.CODE, _sessions),
        post(desk, _SESSIONS, Permission.CODE, _propose_all, _SESSIONS),
    ]


def _timeline(ask: Ask) -> Response:
    with ask.reading() as tx:
        line = timeline_of(tx, ask.part("story"), ask.who, ask.now)
        job = turnjobs.job_of(tx, ask.part("story"))
    voices = [*dict.fromkeys([FACILITATOR, *line.speakers])]
    fresh = next(f"voice {n}" for n in range(1, _MOST_VOICES * 100) if f"voice {n}" not in voices)
    return ask.page(
        "timeline", line=line, story=line.story, lanes=[(kind, _NAMES[kind], line.lane(kind)) for kind in LANES],
        names=_NAMES, sound=_SOUND, voices=[*voices, fresh], machines=sorted({turn.by for turn in line.turns}),
        checked=bool(line.turns) and all(turn.checked_by for turn in line.turns), ai=ask.desk.place.settings.ai,
        job=job,
    )  # fmt: skip


def _progress(ask: Ask) -> Response:
    """How far the machine is, as a part of the timeline's page."""
    with ask.reading() as tx:
        turns.check_voice(tx, ask.part("story"), ask.now)
        job = turnjobs.job_of(tx, ask.part("story"))
    return ask.page("turn_job", job=job, story_id=ask.part("story"))


def _propose(ask: Ask) -> Response:
    with ask.writing() as tx:
        turnjobs.ask_for(tx, ask.desk.place.settings, ask.part("story"), ask.who, ask.now)
    return _back(ask)


def _sessions(ask: Ask) -> Response:
    with ask.reading() as tx:
        return ask.page("sessions", sessions=turnjobs.sessions(tx, ask.now), ai=ask.desk.place.settings.ai)


def _propose_all(ask: Ask) -> Response:
    with ask.writing() as tx:
        turnjobs.ask_for_all(tx, ask.desk.place.settings, ask.who, ask.now)
    return go(_SESSIONS)


def _correct(ask: Ask) -> Response:
    number = ask.form.get("turn", "")
    if not number.isdecimal() or len(number) > 6:  # noqa: PLR2004 - no session has a million turns
        raise BadTurn("This form is not complete. Nothing was changed.", "Load the page again.")
    everywhere = ask.form.get("everywhere", "") == "yes"
    with ask.writing() as tx:
        turns.check_voice(tx, ask.part("story"), ask.now)
        turns.correct(
            tx, ask.part("story"), int(number), ask.form.get("speaker", ""), ask.who, ask.now, everywhere=everywhere
        )
    return _back(ask)


def _check(ask: Ask) -> Response:
    need_tick(ask, "sure", "Nothing was noted as checked.", "Listen to every turn, and tick the box.")
    with ask.writing() as tx:
        turns.check_voice(tx, ask.part("story"), ask.now)
        turns.check(tx, ask.part("story"), ask.who, ask.now)
    return _back(ask)


def _back(ask: Ask) -> Response:
    return go(_HERE.format(story=ask.part("story")) + "#turns")
