"""``hearth list``: what the box keeps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from archive.guests import guests
from archive.lending import put_away
from archive.store import Store
from archive.takes import Unfinished
from archive.tombstones import Tombstone
from archive.types import ASKED_USES, Form, Story
from audio.types import TakeId
from kiosk.commands.common import emit, home_option, json_option, seconds
from kiosk.reading import reading

_STOPPED = {"held": "HELD", "waits_for_guardian": "WAITS FOR A GUARDIAN", "sealed": "sealed"}
"""What keeps a story's yeses from counting now, by its name in the answer."""


@click.command(name="list")
@home_option
@click.option("--unfinished", is_flag=True, help="Takes that were begun and never closed, instead of stories.")
@click.option("--unkept", is_flag=True, help="Takes nobody kept, in sealed hold until they are erased.")
@click.option("--earlier", is_flag=True, help="What earlier borrowers told, on a box that is lent; else left out.")
@click.option("--tombstones", is_flag=True, help="What was taken back here, as hearth restore reads it.")
@json_option
def command(home: Path, unfinished: bool, unkept: bool, earlier: bool, tombstones: bool, as_json: bool) -> None:
    """List stories with their consents, never their words. Changes nothing.

    \b
    Examples:
      hearth list
      hearth list --home ./my-box --json
      hearth list --unfinished
      hearth list --unkept
      hearth list --earlier
      hearth list --tombstones --json > gone.json
    """
    with reading(home) as store:
        away = put_away(store)
        if tombstones:
            payload = {"tombstones": [Tombstone(gone.take, gone.at).to_json() for gone in store.tombstones()]}
        elif unfinished:
            payload = {"unfinished": [_take(take) | {"problem": take.problem} for take in store.unfinished()]}
        elif unkept:
            payload = {"unkept": [_take(take) for take in store.unkept() if (take.take in away) is earlier]}
        else:
            payload = {"stories": _stories(store, away, earlier=earlier), "guests": _guests(store)}
    emit(payload, lambda: _told(payload), as_json=as_json)


def _stories(store: Store, away: frozenset[TakeId], *, earlier: bool) -> list[dict[str, object]]:
    return [_story(store, story) for story in store.stories() if (story.id in away) is earlier]


def _guests(store: Store) -> list[dict[str, object]]:
    """What an archive lends this box for its cue buttons."""
    told: list[dict[str, object]] = []
    for take, guest in guests(store.db.conn).items():
        story = store.story_facts(take)
        on = sorted(
            n for name in store.cue_sheets() for n, cut in store.cue_sheet(name).cues.items() if cut.story == take
        )
        told.append(
            {
                "id": take,
                "kind": story.kind.value,
                "recorded_at": story.recorded_at.isoformat(timespec="seconds"),
                "seconds": seconds(story.length),
                "site": story.site,
                "language": story.language,
                "lent_by": guest.archive[:16],
                "buttons": on,
            }
        )
    return told


def _story(store: Store, story: Story) -> dict[str, object]:
    where = store.standing(story.id)
    return {
        "id": story.id,
        "kind": story.kind.value,
        "recorded_at": story.recorded_at.isoformat(timespec="seconds"),
        "clock_trusted": story.clock_trusted,
        "seconds": seconds(story.length),
        "prompt": story.prompt,
        "language": story.language,
        "consent": {use.value: use in where.uses for use in ASKED_USES},
        "words_alone": [str(use) for use, yes in where.uses.items() if yes.form is Form.TRANSCRIPT],
        "not_before": {str(use): str(yes.embargo) for use, yes in where.uses.items() if yes.embargo is not None},
        "waits_for_guardian": where.waits_for_guardian,
        "sealed": where.sealed,
        "held": where.held,
    }


def _take(take: Unfinished) -> dict[str, object]:
    return {
        "take": take.take,
        "seconds": seconds(take.length),
        "prompt": take.prompt,
        "language": take.language,
        "opened_at": take.opened_at.isoformat(timespec="seconds"),
    }


def _told(payload: dict[str, list[dict[str, object]]]) -> str:
    if "tombstones" in payload:
        gone = [f"{stone['id']}  taken back {stone['time']}" for stone in payload["tombstones"]]
        return "\n".join(gone) if gone else "Nothing was taken back here."
    if "unfinished" in payload:
        takes = payload["unfinished"]
        lines = [f"{take['take']}  {take['seconds']} s can be played  {take['problem']}".rstrip() for take in takes]
        return "\n".join(lines) if lines else "No take is unfinished."
    if "unkept" in payload:
        waiting = [f"{take['take']}  {take['opened_at']}  {take['seconds']} s" for take in payload["unkept"]]
        return "\n".join(waiting) if waiting else "No take is in sealed hold."
    lines = [_story_told(story) for story in payload["stories"]]
    for guest in payload.get("guests", []):
        keys = guest["buttons"]
        assert isinstance(keys, list)
        where = f"cue {', '.join(map(str, keys))}" if keys else "on no button"
        lines.append(
            f"{guest['id']}  {guest['recorded_at']}  {guest['seconds']} s  lent, from {guest['site']}  [{where}]"
        )
    return "\n".join(lines) if lines else "No story yet."


def _story_told(story: Mapping[str, Any]) -> str:
    """Say one story in a line: its yeses, and what keeps them from counting now."""
    uses = []
    for use, yes in story["consent"].items():
        day, words = story["not_before"].get(use), use in story["words_alone"]
        uses += [f"{use}{' (words)' * words}{f' from {day}' if day else ''}"] if yes else []
    stopped = [name for name in _STOPPED if story[name] and (uses or name != "sealed")]
    told = "".join(f"  {_STOPPED[name]}" for name in stopped)
    asked = ", ".join(uses) or "its teller alone"
    return f"{story['id']}  {story['recorded_at']}  {story['seconds']} s  {story['prompt']}  [{asked}]{told}"
