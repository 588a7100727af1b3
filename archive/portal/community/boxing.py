"""The boxes: how each machine is, where it stands, let one in, let one count no more. No word of any story."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from starlette.responses import Response

from archive import boxes
from archive.boxes import Box
from archive.boxlooks import LOOKS, known
from archive.catalogue import Tx
from archive.curation import BadSetting, set_setting, set_site, settings_of, site_of
from archive.errors import TransportTrouble
from archive.feed.manifest import SETTINGS, THEME, TURN, VOLUME
from archive.people.roles import Permission
from archive.portal.community.desk import Ask, Desk, Link, Page, get, go, post
from archive.portal.community.words import day, moment, some
from archive.transports.wire import address

LINKS = (Link("/boxes", "Boxes", Permission.BOXES),)
SILENT = timedelta(days=3)
"""A box hands on every night; after three nights somebody should look."""
FEW_DAYS = 30
"""A disk that lasts no longer is looked at: there is a month's time to do something."""
LOUDER_LU = 6.0
"""A microphone that is this far from its usual level was moved, covered or turned."""
WRONG_CLOCK = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing known of a machine: its name, what is so, and whether somebody should look (``say`` then says why)."""

    name: str
    value: str
    look: bool = False
    say: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A box as the page shows it."""

    box: Box
    site: str
    facts: tuple[Fact, ...]
    volume: int | None = None
    """What is set from here, in hundredths; None leaves it to the box, as with those below."""
    theme: str = ""
    turn: int | None = None
    """Seconds."""

    @property
    def looks(self) -> tuple[Fact, ...]:
        """What somebody should look at."""
        return tuple(fact for fact in self.facts if fact.look)


def routes(desk: Desk) -> list[Page]:
    """The pages of this module."""
    permission = Permission.BOXES
    return [
        get(desk, "/boxes", permission, _boxes),
        post(desk, "/boxes/add", permission, _add, "/boxes"),
        post(desk, "/boxes/{box}/revoke", permission, _revoke, "/boxes"),
        post(desk, "/boxes/{box}/site", permission, _site, "/boxes"),
        post(desk, "/boxes/{box}/settings", permission, _settings, "/boxes"),
    ]


def _boxes(ask: Ask) -> Response:
    known = boxes.boxes(ask.catalogue)
    with ask.reading() as tx:
        shown = [show(tx, box, ask.now) for box in known]
    here = [one for one in shown if one.box.revoked_at is None]
    return ask.page("boxes", here_now=here, gone=[one for one in shown if one.box.revoked_at is not None])


def show(tx: Tx, box: Box, now: datetime) -> Shown:
    """Put together what the page says of ``box`` at ``now``."""
    sent = settings_of(tx, box.name)
    volume, turn = (None if name not in sent else float(sent[name]) for name in (VOLUME, TURN))
    return Shown(
        box,
        site_of(tx, box.name),
        tuple(facts_about(box, now)),
        None if volume is None else round(100 * volume),
        str(sent.get(THEME, "")),
        None if turn is None else round(turn),
    )


def facts_about(box: Box, now: datetime) -> list[Fact]:
    """What is known of a box's machine, in the order of its page. Pure."""
    told = box.pulse
    judged = [_seen(box, now), _handed(box), _disk(told), _microphone(told), _clock(told, box.seen_at), _version(told)]
    return [*judged, *_found(told, room_is_short=judged[2].look)]


def _found(told: Mapping[str, Any], *, room_is_short: bool) -> list[Fact]:
    """What the box's own check-up found; of its room only what the days of its disk do not say already."""
    looks = [LOOKS[code] for code in known(told.get("look", ())) if code != "space" or not room_is_short]
    return [Fact(one.name, one.value, look=True, say=one.say) for one in looks]


def _seen(box: Box, now: datetime) -> Fact:
    if box.seen_at is None:
        late = now - datetime.fromisoformat(box.added_at) > SILENT
        return Fact("last seen", "never", late, "It has never called. Was its credential put in?")
    late = now - datetime.fromisoformat(box.seen_at) > SILENT
    return Fact("last seen", moment(box.seen_at), late, "Is it switched on, and does its network reach this archive?")


def _handed(box: Box) -> Fact:
    return Fact("last story handed on", day(box.handed_at) if box.handed_at else "none yet")


def _disk(told: Mapping[str, Any]) -> Fact:
    free = told.get("disk_free_mb")
    if free is None:
        return Fact("disk", "not told yet")
    room = f"{free / 1000:.0f} GB free"
    days = told.get("disk_days")
    if days is None:
        return Fact("disk", room)
    lasts = "for years" if days > 2 * 365 else f"for about {some(int(days), 'day', 'days')}"
    return Fact(
        "disk", f"{room}, {lasts}", days < FEW_DAYS, "Its disk is nearly full: hand on, or put in a larger one."
    )


def _microphone(told: Mapping[str, Any]) -> Fact:
    level, usual = told.get("mic_lufs"), told.get("mic_usual_lufs")
    if level is None or usual is None:
        return Fact("microphone", "not enough stories yet")
    apart = level - usual
    if abs(apart) < LOUDER_LU:
        return Fact("microphone", f"as usual ({level:.0f} LUFS)")
    which = "louder" if apart > 0 else "quieter"
    value = f"{abs(apart):.0f} dB {which} than usual ({level:.0f} LUFS)"
    return Fact("microphone", value, look=True, say="Was it moved, covered or turned? Record a sentence and listen.")


def _clock(told: Mapping[str, Any], seen_at: str | None) -> Fact:
    clock = told.get("clock")
    if clock is None or seen_at is None:
        return Fact("clock", "not told yet")
    off = abs(datetime.fromisoformat(clock) - datetime.fromisoformat(seen_at))
    if off > WRONG_CLOCK:
        minutes = off // timedelta(minutes=1)
        return Fact(
            "clock", f"{some(minutes, 'minute', 'minutes')} off", look=True, say="Set it: embargoes need the day."
        )
    if told.get("clock_trusted") is False:
        return Fact("clock", "right, but not confirmed", look=True, say="It has no battery and no network time yet.")
    return Fact("clock", "right")


def _version(told: Mapping[str, Any]) -> Fact:
    return Fact("version", str(told.get("version", "not told yet")))


def _add(ask: Ask) -> Response:
    name = " ".join(ask.form.get("name", "").split())
    credential = boxes.add_box(ask.catalogue, name, ask.who, ask.now)
    if ask.form.get("site", "").strip():
        with ask.writing() as tx:
            set_site(tx, name, ask.form["site"], ask.who, ask.now)
    return ask.page("box_credential", name=name, credential=credential, address=_address(ask))


def _address(ask: Ask) -> str:
    """The address this page was asked by, as a box takes it: by https, but for this machine itself."""
    here = str(ask.request.base_url)
    try:
        return address(here)
    except TransportTrouble:
        return address(here.replace("http:", "https:", 1))


def _revoke(ask: Ask) -> Response:
    boxes.revoke_box(ask.catalogue, ask.part("box"), ask.who, ask.now)
    return go("/boxes")


def _site(ask: Ask) -> Response:
    box = boxes.box_named(ask.catalogue, ask.part("box"))
    with ask.writing() as tx:
        set_site(tx, box.name, ask.form.get("site", ""), ask.who, ask.now)
    return go("/boxes")


def _settings(ask: Ask) -> Response:
    """Set what is sent to the box; an empty field leaves that to the box again."""
    box = boxes.box_named(ask.catalogue, ask.part("box"))
    with ask.writing() as tx:
        for name, known in SETTINGS.items():
            told = ask.form.get(name, "").strip()
            value = None if not told else told if known.words else _number(name, told)
            set_setting(tx, box.name, name, value, ask.who, ask.now)
    return go("/boxes")


def _number(name: str, told: str) -> float:
    """Read a number of a form; a share is asked for in hundredths. Raises `BadSetting`."""
    try:
        number = float(told.replace(",", "."))
    except ValueError:
        raise BadSetting(f"{told[:40]!r} is no number.", "Write figures, or leave it empty.") from None
    return number / 100 if name == VOLUME else number
