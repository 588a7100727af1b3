"""The first run as data: ``(step, what happened) -> (next step, what to do)``. Pure; `page` writes it for the docs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from audio.loopback import Heard
from hardware.types import Control
from kiosk.names import Meaning
from kiosk.runs import script_in
from kiosk.volume import VOLUMES, louder


class Step(StrEnum):
    """Where the setting up stands."""

    LANGUAGE = "language"
    PHONE = "phone"
    SOUND = "sound"
    LIVE = "live"
    DONE = "done"


class Happening(StrEnum):
    """What is not a press."""

    SAVED = "saved"
    """The phone's page was filled in and written down."""
    TRIED = "tried"
    """The tone was played and looked for."""


class Deed(StrEnum):
    """What has to be done about it, in order."""

    OPEN = "open"
    """Ask for the box's own access point and show new digits."""
    CLOSE = "close"
    """Let the phone go and the access point close."""
    LOUDER = "louder"
    """Let what is read be heard at the next step of loudness."""
    TRY = "try"
    USE_OTHER = "use_other"
    """Write down the sound card in which the tone was heard."""
    FINISH = "finish"
    """Write down the language, and that the box is live."""


@dataclass(frozen=True, slots=True)
class Walk:
    """All that is known while a box is set up. ``heard`` is None before a tone, and while one is tried.

    ``other`` is a sound card that would do, where the one in the settings does not; ``filled`` whether a phone's page
    was written down, ``aloud`` whether screens are read. ``begins`` is the language a live box would begin with,
    where the one chosen here is a draft that nobody has signed.
    """

    step: Step = Step.LANGUAGE
    languages: tuple[str, ...] = ("en",)
    language: str = "en"
    heard: Heard | None = None
    other: str = ""
    filled: bool = False
    aloud: bool = False
    begins: str = ""
    volume: float = VOLUMES[-1]
    """How loudly screens are read; the tone that tries the sound always sounds alike."""


On = Meaning | Happening


@dataclass(frozen=True, slots=True)
class Row:
    """One line: in ``step``, when ``on`` happens and ``guard`` holds, do ``deeds`` and go to ``to`` (None: stay)."""

    step: Step
    on: On
    to: Step | None = None
    deeds: tuple[Deed, ...] = ()
    guard: str = ""


GUARDS: Mapping[str, Callable[[Walk], bool]] = {
    "": lambda _: True,
    "heard": lambda walk: walk.heard is not None,
    "screens are read": lambda walk: walk.aloud,
    "another card would do": lambda walk: bool(walk.other),
}
S, M, H, D = Step, Meaning, Happening, Deed
ROWS: tuple[Row, ...] = (
    *(Row(step, M.SPEAK) for step in (S.LANGUAGE, S.PHONE, S.SOUND, S.LIVE)),
    *(Row(step, M.LOUDER, None, (D.LOUDER,), "screens are read") for step in (S.LANGUAGE, S.PHONE, S.SOUND, S.LIVE)),
    Row(S.LANGUAGE, M.MOVE),
    Row(S.LANGUAGE, M.TAKE, S.PHONE, (D.OPEN,)),
    Row(S.PHONE, M.PAIR, None, (D.OPEN,)),
    Row(S.PHONE, M.BACK, S.LANGUAGE, (D.CLOSE,)),
    Row(S.PHONE, M.DONE, S.SOUND, (D.TRY,)),
    Row(S.PHONE, H.SAVED, S.SOUND, (D.TRY,)),
    Row(S.SOUND, H.SAVED),
    Row(S.SOUND, H.TRIED),
    Row(S.SOUND, M.HEAR, None, (D.TRY,), "heard"),
    Row(S.SOUND, M.YES, None, (D.USE_OTHER, D.TRY), "another card would do"),
    Row(S.SOUND, M.TAKE, S.LIVE, (), "heard"),
    Row(S.SOUND, M.BACK, S.PHONE, (D.OPEN,), "heard"),
    Row(S.LIVE, H.SAVED),
    Row(S.LIVE, M.BACK, S.SOUND, (D.TRY,)),
    Row(S.LIVE, M.GO_ON, S.DONE, (D.CLOSE, D.FINISH)),
)
"""The whole table."""
KEYS: Mapping[Control, tuple[tuple[Step, Meaning], ...]] = {
    Control.LEFT: (
        (S.LANGUAGE, M.TAKE), (S.PHONE, M.PAIR), (S.SOUND, M.YES), (S.SOUND, M.TAKE), (S.LIVE, M.GO_ON),
    ),
    Control.MIDDLE: ((S.LANGUAGE, M.MOVE), (S.PHONE, M.DONE), (S.SOUND, M.HEAR)),
    Control.RIGHT: ((S.PHONE, M.BACK), (S.SOUND, M.BACK), (S.LIVE, M.BACK)),
    Control.LANGUAGE: tuple((step, M.SPEAK) for step in (S.LANGUAGE, S.PHONE, S.SOUND, S.LIVE)),
    Control.VOLUME: tuple((step, M.LOUDER) for step in (S.LANGUAGE, S.PHONE, S.SOUND, S.LIVE)),
}  # fmt: skip
"""Which key means what: of a step's meanings on one key the first that would do something now."""


def keys(walk: Walk) -> Mapping[Control, Meaning]:
    """What each key means now; one that does nothing is absent."""
    offered = {}
    for control, meant in KEYS.items():
        found = next((meaning for step, meaning in meant if step is walk.step and _row(walk, meaning)), None)
        if found is not None:
            offered[control] = found
    if script_in(walk.language).right_to_left:
        # Yes is where lines end, as everywhere on the box.
        across = {Control.LEFT: Control.RIGHT, Control.RIGHT: Control.LEFT}
        return {across.get(control, control): meaning for control, meaning in offered.items()}
    return offered


def step(walk: Walk, on: On, *, heard: Heard | None = None, other: str = "") -> tuple[Walk, tuple[Deed, ...]]:
    """What the setting up is after ``on``, and what to do; what means nothing now gives the same walk back.

    ``heard`` and ``other`` come with `Happening.TRIED`.
    """
    row = _row(walk, on)
    if row is None:
        return walk, ()
    if on is Meaning.MOVE:
        here = walk.languages.index(walk.language)
        walk = replace(walk, language=walk.languages[(here + 1) % len(walk.languages)])
    if on is Meaning.SPEAK:
        walk = replace(walk, aloud=not walk.aloud)
    if on is Meaning.LOUDER:
        walk = replace(walk, volume=louder(walk.volume))
    if on is Happening.SAVED:
        walk = replace(walk, filled=True)
    if on is Happening.TRIED:
        walk = replace(walk, heard=heard, other=other)
    if Deed.TRY in row.deeds:
        walk = replace(walk, heard=None, other=walk.other if Deed.USE_OTHER in row.deeds else "")
    return replace(walk, step=row.to or walk.step), row.deeds


def _row(walk: Walk, on: On) -> Row | None:
    rows = (row for row in ROWS if row.step is walk.step and row.on == on and GUARDS[row.guard](walk))
    return next(rows, None)


def page() -> str:
    """The table as Markdown, for the documentation."""
    lines = ["| step | when | if | does | goes to |", "|---|---|---|---|---|"]
    lines += [
        f"| {row.step} | {'press ' if isinstance(row.on, Meaning) else ''}{row.on} | {row.guard} | "
        f"{', '.join(row.deeds)} | {row.to or ''} |"
        for row in ROWS
    ]
    return "\n".join(lines) + "\n"
