"""``hearth archive patterns``: what is shared and where it differs, across everything that was told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kiosk.commands.archiving.common import archive_home_option
from kiosk.commands.common import emit, json_option


@click.command(name="patterns")
@archive_home_option
@click.option("--codebook", default="", help="Only the codes of this codebook, by its name.")
@click.option(
    "--themes", type=click.IntRange(0, 100), default=0, show_default="as many as it thinks",
    help="How many themes the machine proposes in each language.",
)  # fmt: skip
@json_option
def command(home: Path, codebook: str, themes: int, as_json: bool) -> None:
    """Look across all stories: codes by place and prompt, words that stand out, themes, and who is missing.

    Every number counts voices and leads to seconds of sound; what fewer than five voices said is not broken down.
    Themes are people's sentences, with their counter-examples; what a machine proposes is named as such, and left out
    where the archive's settings say `ai = false`.

    \b
    Examples:
      hearth archive patterns --home ./my-archive
      hearth archive patterns --home ./my-archive --json
      hearth archive patterns --codebook "First reading" --themes 12 --json
    """
    from archive.patterns.codebook import BadCode, codebooks
    from archive.patterns.overview import overview
    from archive.server.place import open_archive

    with open_archive(home) as place:
        book = ""
        if codebook:
            with place.catalogue() as catalogue, catalogue.read() as tx:
                named = [one.id for one in codebooks(tx) if one.name.casefold() == codebook.casefold()]
            if not named:
                raise BadCode(f"There is no codebook called {codebook!r} here.", "See the codebooks on the desk.")
            book = named[0]
        found = overview(place, place.now(), looked_for=themes, codebook=book)
    emit(found, lambda: _told(found), as_json=as_json)


def _told(found: dict[str, Any]) -> str:
    from archive.portal.community.words import some

    lines = [f"{some(found['voices'], 'voice', 'voices')}, {some(found['snippets'], 'passage', 'passages')}."]
    lines += ["", "Themes"] + [f"  {_theme(one)}" for one in found["themes"]]
    lines += ["", "Codes (voices)"] + [f"  {one['name']}: {_count(one['voices'])}" for one in found["matrix"]]
    lines += ["", "Words that stand out"] + [
        f"  {one['group']} ({one['language']}): {', '.join(word['word'] for word in one['words'][:8])}"
        for by in found["distinctive"].values()
        for one in by
        if one["words"]
    ]
    lines += ["", "Proposed by a machine, for people to look at"] + [
        f"  {', '.join(one['words'][:6])} ({one['language']}): {_place(one['exemplars'])}" for one in found["proposed"]
    ]
    lines += ["", "Who is missing"] + [
        f"  {by}: {', '.join(one['name'] + ' ' + _count(one['voices']) for one in told if one['little'])}"
        for by, told in found["missing"].items()
        if any(one["little"] for one in told)
    ]
    return "\n".join(lines)


def _theme(one: dict[str, Any]) -> str:
    state = "stands" if one["stands"] else "does not stand"
    says = f" {' '.join(one['says'])}" if one["says"] else ""
    return f"{one['sentence']} ({state}: {one['voices']} for, {one['against']} against){says}"


def _count(voices: int | None) -> str:
    return "under five, or not given" if voices is None else "none" if voices == 0 else str(voices)


def _place(moments: list[dict[str, Any]]) -> str:
    return ", ".join(f"{one['story']} {int(one['start']) // 60}:{int(one['start']) % 60:02d}" for one in moments[:2])
