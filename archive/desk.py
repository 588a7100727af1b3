"""What a facilitator or curator does at the box: cue sheets, excerpts, looking a story up, a withdrawal by code.

Each action is one function over the store; whoever asks (the command line now, a page later) adds nothing to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archive.envelope import ask
from archive.erasure import Gone
from archive.errors import NoSuchStory, Refused
from archive.store import Store
from archive.types import CueSheet, Excerpt, Reader, Story
from audio.types import Ms

SHEET = "main"
"""The sheet on the cue buttons unless another one is named."""
SHORTEST = Ms(1_000)
LONGEST = Ms(5 * 60_000)


@dataclass(frozen=True, slots=True)
class Playable:
    """A story the gate lets be heard here at this moment."""

    story: Story
    why: str


def set_cue(
    store: Store, button: int, story: str, start: Ms, end: Ms | None = None, *, title: str = "", sheet: str = SHEET
) -> Excerpt:
    """Cut an excerpt, ``[start, end)`` in milliseconds (to the story's end without ``end``), and put it on a button.

    What was on the button is taken off; its excerpt goes too, unless another button holds it. Raises `NoSuchStory`,
    `Refused` (consent, an excerpt outside the story, or one no group would sit through), `NoKey`.
    """
    found = find_story(store, story)
    stop = found.length if end is None else end
    if not 0 <= start < stop <= found.length:
        raise Refused(f"An excerpt lies inside its story, which lasts {found.length / 1000:.1f} s.")
    if not SHORTEST <= stop - start <= LONGEST:
        raise Refused("An excerpt lasts from one second to five minutes; 20 to 75 seconds serve a group best.")
    before = store.cue_sheet(sheet).cues.get(button)
    excerpt = store.add_excerpt(found.id, start, stop, title)
    try:
        store.set_cue(sheet, button, excerpt.id)
    except Refused:
        store.remove_excerpt(excerpt.id)
        raise
    if before is not None:
        _remove_unused(store, before)
    return excerpt


def clear_cue(store: Store, button: int, *, sheet: str = SHEET) -> bool:
    """Take off what is on a button; tells whether there was something. Raises `Refused` for a button that is not."""
    before = store.cue_sheet(sheet).cues.get(button)
    store.set_cue(sheet, button, None)
    if before is not None:
        _remove_unused(store, before)
    return before is not None


def cue_sheet(store: Store, sheet: str = SHEET) -> CueSheet:
    """Read a sheet as the gate allows it at this moment."""
    return store.cue_sheet(sheet)


def cue_sheet_json(sheet: CueSheet) -> dict[str, Any]:
    """Return a sheet as plain data for `json`; times in milliseconds."""
    return {"sheet": sheet.name, "cues": [_cue_json(button, cue) for button, cue in sorted(sheet.cues.items())]}


def find_story(store: Store, name: str) -> Story:
    """Find a kept story by its id, or by an unmistakable beginning or end of it (those of one day begin alike).

    Raises `NoSuchStory`, also where several fit.
    """
    wanted = name.strip().upper()
    kept = store.stories() if wanted else []
    fitting = [one for one in kept if one.id.upper().startswith(wanted) or one.id.upper().endswith(wanted)]
    if len(fitting) != 1:
        say = "Several stories are called like this." if fitting else "There is no story with this identifier here."
        raise NoSuchStory(say, "hearth list shows the identifiers; the last six characters mostly are enough.")
    return fitting[0]


def find_playable(store: Store, name: str) -> Playable:
    """Find a story to play aloud. Raises `NoSuchStory`, or `Refused` with the gate's own sentence."""
    story = find_story(store, name)
    answer = ask(store.db.conn, story.id, Reader.PLAY, store.now())
    if not answer.allowed:
        raise Refused(answer.why, "Only its teller can allow more, with the keep-code.")
    return Playable(story, answer.why)


def withdraw(store: Store, code: str, *, by: str = "desk") -> Gone:
    """Take a story back by its keep-code, at once and for good; the next sync carries it to every archive.

    Raises `WrongCode`, `TooManyTries`.
    """
    return store.withdraw(code, by)


def _cue_json(button: int, cue: Excerpt) -> Mapping[str, Any]:
    return {
        "button": button,
        "excerpt": cue.id,
        "story": cue.story,
        "start": cue.start,
        "end": cue.end,
        "title": cue.title,
    }


def _remove_unused(store: Store, excerpt: Excerpt) -> None:
    held = {cue.id for name in store.cue_sheets() for cue in store.cue_sheet(name).cues.values()}
    if excerpt.id not in held:
        store.remove_excerpt(excerpt.id)
