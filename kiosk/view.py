"""From the session to what a screen needs: pure, in the visitor's language, without a window.

`view` looks at the session and at a few things that do not belong to it (`Extras`: captions, levels, titles) and gives
a frozen `View`. `Renderer` draws one. Nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from archive.feed.manifest import line_width
from archive.types import ASKED_USES
from archive.types import Kind as Told
from hardware.types import CUES, Control
from kiosk import deskview, hearview, ownview
from kiosk.alarms import longest, stands
from kiosk.extras import Extras, Look
from kiosk.faces import face
from kiosk.keys import CHOICES
from kiosk.phrases import code_words, growing, length_words, played, time_words
from kiosk.screens.icons import Icon
from kiosk.screens.model import KeyFace, Kind, View
from kiosk.screens.renderer import Renderer
from kiosk.speech import finished
from kiosk.texts import Texts, own_name
from kiosk.types import CUE_MEANINGS, Heard, Hint, Meaning, Mic, Session, State

__all__ = ["Renderer", "View", "news", "spoken", "view"]

KEY_CONTROLS = (Control.LEFT, Control.MIDDLE, Control.RIGHT)
SIDE_CONTROLS = (Control.VOLUME, Control.LANGUAGE)

CORNERS = frozenset({Meaning.PAIR, Meaning.QUESTION, Meaning.FLAG})
"""What the facilitator's key does at the desk and beside a teller or a group; entering the desk is for a real key."""

_SHORT_PROMPT = 60
"""Letters of a question that leave room for one more line on the smallest panel."""


def view(session: Session, extras: Extras, texts: Texts, keys: Mapping[Control, Meaning]) -> View:
    """What the screen shows now. ``keys`` is what each control means (`kiosk.keys.keys`)."""
    faces = tuple(face(control, keys[control], session, texts) for control in KEY_CONTROLS if control in keys)
    side = tuple(face(control, keys[control], session, texts) for control in SIDE_CONTROLS if control in keys)
    if extras.loudest:
        softer = KeyFace(Control.VOLUME, texts.get("keys.softer"), Icon.SOFTER)
        side = tuple(softer if one.control is Control.VOLUME else one for one in side)
    make = _over(session) or _SCREENS.get(session.state, _plain)
    extra = keys.get(Control.FACILITATOR)
    corner = face(Control.FACILITATOR, extra, session, texts) if extra in CORNERS else None
    return make(Look(session, extras, texts, faces, side, corner))


def spoken(shown: View, texts: Texts) -> str:
    """What is read aloud of a screen, line by line: its words, then its keys from left to right."""
    parts = [finished(part) for part in (shown.headline, shown.body) if part]
    if shown.kind is Kind.LANGUAGES:
        parts = [finished(shown.lines[shown.line])]
    elif shown.lines:
        # On the way through a list only the marked line is read, the rest when it begins.
        marked = finished(shown.lines[shown.line])
        if shown.line:
            # Taking the line about another question changes the question, so that is read after it.
            return f"{marked}\n{finished(shown.body)}" if shown.kind is Kind.CHOOSING and shown.body else marked
        parts.append(marked)
    if shown.kind is Kind.THANKS:
        parts.append(texts.get("spoken.code", code=shown.code))
    if shown.kind in {Kind.REVIEW, Kind.TRIM, Kind.STILL_THERE} and shown.time_words:
        parts.append(finished(shown.time_words))
    if shown.kind is Kind.FACILITATOR:
        parts += [finished(f"{tile.number}, {tile.title}") for tile in shown.tiles]
    if shown.kind not in {Kind.RECORDING, Kind.ATTRACT}:
        parts += [finished(note) for note in shown.notes]
    if shown.kind is Kind.STILL_THERE:
        # Any key goes on, as it has just said; three times the same would outlast the question.
        return "\n".join(parts)
    names = {Control.LEFT: "spoken.left", Control.MIDDLE: "spoken.middle", Control.RIGHT: "spoken.right"}
    parts += [texts.get(names[face.control], label=face.label) for face in shown.keys]
    if shown.corner is not None:
        parts.append(texts.get("spoken.corner", label=shown.corner.label))
    if shown.kind is Kind.READY:
        # While somebody tells the box says nothing: what it sounds then is told before.
        parts.append(texts.get("spoken.tones"))
    return "\n".join(parts)


def news(shown: View) -> str:
    """What is read aloud where only that has changed: how many agree, or what the microphone hears."""
    return "\n".join(shown.notes) if shown.kind is Kind.AGREEMENT else shown.body


def _over(session: Session) -> Callable[[Look], View] | None:
    """A question that stands over the state: asked again, or "Still there?"."""
    if session.still_there is not None:
        return _still_there
    return _ask_again if session.asked is not None else None


def _starting(look: Look) -> View:
    return look.make(Kind.STARTING, headline=look.texts.get("starting.headline"), body=look.texts.get("starting.body"))


def _attract(look: Look) -> View:
    """The question; now and then under it an earlier voice, where the library wants that."""
    playing = look.session.playing
    if playing is None or playing.started is None:
        # The question comes first: beside a long one there is no room on a small panel.
        beside = _outcome(look) if line_width(look.extras.prompt) <= _SHORT_PROMPT else ()
        return look.make(Kind.ATTRACT, body=look.extras.prompt, notes=look.said or beside)
    captions = played(look.extras.captions, look.extras.position)
    return look.make(
        Kind.ATTRACT,
        headline=look.extras.origin or look.texts.get("listening.origin"),
        body=look.extras.prompt,
        captions=captions,
        captions_note=look.captions_note if captions else "",
        level=look.extras.level,
    )


def _languages(look: Look) -> View:
    """Every language in its own script; the marked one is already the screen's own."""
    offered = look.session.languages
    return look.make(
        Kind.LANGUAGES,
        headline=look.texts.get("languages.headline"),
        lines=tuple(own_name(language) for language in offered),
        line=offered.index(look.session.language),
    )


def _choosing(look: Look) -> View:
    return look.make(
        Kind.CHOOSING,
        headline=look.texts.get("choosing.headline"),
        body=look.extras.prompt,
        lines=tuple(look.texts.get(f"line.{meaning.value}") for meaning in CHOICES),
        line=look.session.line,
    )


def _consent(look: Look) -> View:
    return look.make(Kind.CONSENT, body=look.texts.get("consent.record"))


_AT_ONCE = {Hint.SILENT: "hint.silent", Hint.HUM: "hint.hum", Hint.OVERDRIVEN: "hint.overdriven"}
"""What is wrong with the sound itself: said in the same words before the take and in it."""


def _ready(look: Look) -> View:
    session, texts = look.session, look.texts
    if session.mic is Mic.LOST:
        body = texts.get("recording.lost")
    elif session.mic is not Mic.OPEN:
        body = texts.get("ready.waiting")
    else:
        hints = {
            Hint.GOOD: "ready.good",
            Hint.TOO_QUIET: "ready.too_quiet",
            Hint.TOO_LOUD: "ready.too_loud",
            **_AT_ONCE,
        }
        body = texts.get(hints.get(session.hint, "ready.ask") if session.hint else "ready.ask")
    return look.make(
        Kind.READY,
        headline=texts.get("ready.headline"),
        body=body,
        notes=(texts.get("ready.note"),),
        level=look.extras.level if session.mic is Mic.OPEN else 0.0,
    )


def _recording(look: Look) -> View:
    session, extras, texts = look.session, look.extras, look.texts
    if session.paused_at is not None:
        return look.make(
            Kind.PAUSED,
            headline=texts.get("recording.paused"),
            body=texts.get("recording.paused_body"),
            notes=look.said,
        )
    if session.mic is Mic.LOST:
        return look.make(Kind.PAUSED, headline=texts.get("recording.lost"), body=texts.get("recording.lost_body"))
    live = look.live
    hints = {
        Hint.TOO_QUIET: "recording.too_quiet",
        Hint.TOO_LOUD: "recording.too_loud",
        Hint.TAKE_YOUR_TIME: "recording.take_your_time",
        **_AT_ONCE,
    }
    hint = hints.get(session.hint) if session.hint else None
    # That one is hardly heard comes before what to ask next, and that before being told to take one's time.
    asked = extras.nudge if hint is None or session.hint is Hint.TAKE_YOUR_TIME else ""
    captions = () if session.captions_hidden else growing(extras.captions)
    left = extras.time_left
    whole = longest(session, session.kind) + session.extended * session.rules.extension
    return look.make(
        Kind.RECORDING,
        headline=texts.get("recording.headline" if live else "recording.opening"),
        body=_while_no_words(session, texts) if not captions else "",
        notes=(asked,) if asked else (texts.get(hint),) if hint else look.said,
        corner=look.corner,
        listening=live,
        level=extras.level if live else 0.0,
        captions=captions,
        captions_note=texts.get("captions.machine") if captions else "",
        time_fraction=None if left is None else min(1.0, max(0.0, 1 - left / whole)),
        time_words="" if left is None else time_words(left, texts),
    )


def _while_no_words(session: Session, texts: Texts) -> str:
    return texts.get("recording.hidden" if session.captions_hidden else "recording.start")


def _closing(look: Look) -> View:
    return look.make(Kind.CLOSING, headline=look.texts.get("closing.headline"), body=look.texts.get("closing.body"))


def _review(look: Look) -> View:
    session, extras, texts = look.session, look.extras, look.texts
    playing = session.playing is not None and session.playing.heard is Heard.OWN
    key = "review.saving" if session.saving else "review.playing" if playing else "review.headline"
    length = session.seconds
    captions = played(extras.captions, extras.position) if playing else ()
    share = None if not playing or not length else min(1.0, (extras.position or 0) / 1000 / length)
    return look.make(
        Kind.REVIEW,
        headline=texts.get(key),
        notes=look.said,
        waveform=extras.waveform,
        played=share,
        captions=captions,
        captions_note=look.captions_note if captions else "",
        time_words=length_words(length, texts),
    )


def _sharing(look: Look) -> View:
    session, texts = look.session, look.texts
    if session.asks:
        return ownview.first_questions(look)
    number = min(session.question, len(ASKED_USES) - 1)
    group = session.kind is Told.CONVERSATION
    if group:
        note = texts.get("group.all")
    else:
        note = texts.get("sharing.code", code=code_words(session.keep_code)) if session.keep_code else ""
    return look.make(
        Kind.SHARING,
        headline=texts.get("sharing.note", number=number + 1, count=len(ASKED_USES)),
        body=texts.wording(ASKED_USES[number], group=group).text,
        notes=(note,) if note else (),
        progress=(number + 1, len(ASKED_USES)),
    )


def _outcome(look: Look) -> tuple[str, ...]:
    """What became of stories like these: another line each visit, none where nobody told of any."""
    told = look.texts.outcomes
    return (told[look.session.visit % len(told)],) if told else ()


def _thanks(look: Look) -> View:
    session, texts = look.session, look.texts
    people = len(session.keep_codes)
    return look.make(
        Kind.THANKS,
        headline=texts.get("group.person", number=session.person + 1, count=people)
        if people > 1
        else texts.get("thanks.headline"),
        body=texts.get("group.body" if people > 1 else "thanks.body"),
        notes=_outcome(look),
        code=code_words(session.keep_code),
        qr=look.extras.qr or session.keep_code,
    )


def _listening(look: Look) -> View:
    """An earlier voice; a facilitator's cue sounds on the sheet it lies on."""
    session = look.session
    cue = session.playing is not None and session.playing.heard is Heard.CUE
    desk = cue and session.home is State.FACILITATOR
    return deskview.facilitator(look) if desk else hearview.listening(look)


def _recovered(look: Look) -> View:
    texts = look.texts
    body = texts.get("recovered.body", length=length_words(look.session.seconds, texts))
    return look.make(Kind.RECOVERED, headline=texts.get("recovered.headline"), body=body)


def _out_of_service(look: Look) -> View:
    session, texts = look.session, look.texts
    return look.make(
        Kind.OUT_OF_SERVICE,
        headline=texts.get("out_of_service.headline"),
        body=session.say or texts.get("out_of_service.body"),
        notes=(session.do or texts.get("out_of_service.do"),),
    )


def _plain(look: Look) -> View:
    """A calm screen for a state that has none of its own yet."""
    headline = look.texts.find(f"plain.{look.session.state.value}") or look.texts.get("plain.headline")
    live = look.live
    return look.make(
        Kind.PLAIN,
        headline=headline,
        body=" ".join(look.said),
        listening=live,
        level=look.extras.level if live else 0.0,
    )


def _ask_again(look: Look) -> View:
    asked, texts = look.session.asked, look.texts
    if asked is Meaning.NEXT_PERSON:
        return look.make(Kind.ASK_AGAIN, headline=texts.get("agreement.late"), body=texts.get("agreement.body"))
    own = {Meaning.DISCARD, Meaning.REDO, Meaning.WITHDRAW, Meaning.NARROW, Meaning.TRIM, Meaning.PART}
    key = asked.value if asked in own else "other"
    body = texts.find(f"again.{key}_body") or ""
    if asked in {Meaning.TRIM, Meaning.PART}:
        ends = look.session.ends
        body = texts.get(f"again.{key}_body", length=length_words((ends.end - ends.start) / 1000, texts))
    if asked is Meaning.WITHDRAW and look.session.mine.people > 1:
        # One person's no takes everybody's words out, so everybody's are named.
        body = texts.get("group.withdraw_body")
    playing = look.session.playing is not None and look.session.playing.started is not None
    captions = played(look.extras.captions, look.extras.position) if playing else ()
    return look.make(
        Kind.ASK_AGAIN,
        headline=texts.get(f"again.{key}"),
        body=body,
        captions=captions,
        captions_note=look.captions_note if captions else "",
        listening=look.live,
        level=look.extras.level,
    )


def _still_there(look: Look) -> View:
    live = look.session.state in {State.RECORDING, State.CONVERSATION}
    texts, left = look.texts, look.extras.still_left
    words = ""
    if left is not None:
        words = texts.get("spoken.still", length=length_words(left, texts)) if texts.aloud else time_words(left, texts)
    return look.make(
        Kind.STILL_THERE,
        time_fraction=None if left is None else min(1.0, max(0.0, 1 - left / stands(look.session.rules))),
        time_words=words,
        headline=look.texts.get("still.headline"),
        body=look.texts.get("still.body_recording" if live else "still.body"),
        listening=look.live,
        level=look.extras.level,
    )


_SCREENS: dict[State, Callable[[Look], View]] = {
    State.STARTING: _starting,
    State.ATTRACT: _attract,
    State.LANGUAGES: _languages,
    State.CHOOSING: _choosing,
    State.CONSENT: _consent,
    State.READY: _ready,
    State.RECORDING: _recording,
    State.CLOSING: _closing,
    State.REVIEW: _review,
    State.TRIM: hearview.trim,
    State.SHARING: _sharing,
    State.THANKS: _thanks,
    State.LISTENING: _listening,
    State.FACILITATOR: deskview.facilitator,
    State.AGREEMENT: deskview.agreement,
    State.CONVERSATION: deskview.conversation,
    State.CODE_ENTRY: ownview.code_entry,
    State.MY_STORY: ownview.my_story,
    State.PART: hearview.part,
    State.RECOVERED: _recovered,
    State.OUT_OF_SERVICE: _out_of_service,
}
assert len(CUE_MEANINGS) == len(CUES)
