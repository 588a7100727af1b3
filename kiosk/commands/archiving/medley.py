"""``hearth archive medley``: voices in an order, with bridges, as one sound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kiosk.commands.archiving.common import archive_home_option, who
from kiosk.commands.common import emit, json_option

if TYPE_CHECKING:
    from archive.patterns.medleys import Item, Medley, Purpose
    from archive.patterns.rendering import Rendition
    from archive.server.place import ArchiveHome

_ACTIONS = ("list", "make", "render", "cue", "public", "private", "end")
_FOR = ("desk", "lend", "public", "press")


@click.command(name="medley")
@click.argument("action", type=click.Choice(_ACTIONS), default="list")
@click.argument("subject", required=False)
@click.argument("parts", nargs=-1)
@click.option("--language", default="en", help="The language of the bridges.")
@click.option("--for", "purpose", type=click.Choice(_FOR), default="desk", help="Who is to hear it.")
@click.option("--out", type=click.Path(path_type=Path), help="Write FILE.flac, and captions and credits beside it.")
@click.option("--box", help="The box on whose cue buttons a medley goes.")
@click.option("--button", type=click.IntRange(1, 8), default=1, help="The first button; it takes free ones from there.")
@archive_home_option
@json_option
def command(
    action: str, subject: str | None, parts: tuple[str, ...], language: str, purpose: str, out: Path | None,
    box: str | None, button: int, home: Path, as_json: bool,
) -> None:  # fmt: skip
    """Put excerpts together, render them at one level with captions, send them to a box, or open them to everybody.

    \b
    Examples:
      hearth archive medley make "Crossing the river" 01JX... "say:Others walked." 01JY... "show:Then the bridge came."
      hearth archive medley render 01JZ... --for press --out river.flac
      hearth archive medley cue 01JZ... --box maple-street --button 3
      hearth archive medley public 01JZ... --home ./my-archive --json

    PARTS are identifiers of excerpts; say:WORDS is read by a machine's voice, show:WORDS is shown over silence, and
    play:FILE=WORDS is a recording of a person who says these words. Every voice is asked for at making, at rendering
    and at playing; press wants a yes to the public and to being quoted. The captions beside FILE hold of the voices
    only words a person checked, whose tellers allow being quoted in writing.
    """
    from archive.patterns import medleys
    from archive.server.place import open_archive

    if action != "list" and subject is None:
        raise click.UsageError(f"Which? hearth archive medley {action} " + ("TITLE" if action == "make" else "MEDLEY"))
    with open_archive(home) as place:
        if action == "list" or subject is None:
            _list(place, as_json=as_json)
        elif action == "make":
            _make(place, subject, language, parts, as_json=as_json)
        elif action == "render":
            _render(place, subject, medleys.Purpose(purpose), out, as_json=as_json)
        elif action == "cue":
            if box is None:
                raise click.UsageError("Which box? --box NAME")
            _cue(place, subject, box, button, as_json=as_json)
        else:
            _turn(place, subject, action, as_json=as_json)


def _list(place: ArchiveHome, *, as_json: bool) -> None:
    from archive.patterns import medleys

    with place.catalogue() as catalogue, catalogue.read() as tx:
        known = medleys.medleys(tx)
    emit({"medleys": [_plain(one) for one in known]}, lambda: _table(known), as_json=as_json)


def _make(place: ArchiveHome, title: str, language: str, parts: tuple[str, ...], *, as_json: bool) -> None:
    from archive.errors import ArchiveError
    from archive.patterns import medleys
    from archive.patterns.dropping import drop_bridges
    from archive.patterns.rendering import keep_bridge

    # All of it is read before any of it is stored: a name that is wrong leaves nothing behind.
    told = [_item(part) for part in parts]
    items: list[Item] = []
    with place.catalogue() as catalogue:
        try:
            with catalogue.write() as tx:
                for item, sound in told:
                    items.append(replace(item, sound=keep_bridge(place.objects, sound)) if sound else item)
                ident = medleys.make_medley(tx, title, language, items, who(), place.now())
        except ArchiveError:
            with catalogue.write() as tx:  # recordings that were stored for nothing
                drop_bridges(tx, [item.sound for item in items], place.now())
            raise
    emit({"medley": ident}, lambda: f"{ident}  {title}", as_json=as_json)


def _render(place: ArchiveHome, medley: str, purpose: Purpose, out: Path | None, *, as_json: bool) -> None:
    from archive.patterns.pressing import take_out
    from archive.patterns.rendering import rendition_of

    files: list[str] = []
    if out is None:
        made = rendition_of(place, medley, purpose)
    else:
        made, files = take_out(place, medley, purpose, out, who())
    emit(_rendered(made, files), lambda: _told(made, files), as_json=as_json)


def _cue(place: ArchiveHome, medley: str, box: str, button: int, *, as_json: bool) -> None:
    from archive.boxes import box_in_use
    from archive.patterns import medleys

    with place.catalogue() as catalogue:
        name = box_in_use(catalogue, box).name
        with catalogue.write() as tx:
            placed = medleys.put_on_box(tx, medley, name, button, who(), place.now())
    plain = {"medley": medley, "box": name, "sheet": "main", "buttons": {str(n): one for n, one in placed.items()}}
    told = f"{name} gets it with its next feed, on the buttons {', '.join(str(n) for n in placed)}."
    emit(plain, lambda: told, as_json=as_json)


def _turn(place: ArchiveHome, medley: str, action: str, *, as_json: bool) -> None:
    """Open it to everybody, close it, or end it."""
    from archive.patterns import medleys
    from archive.server.erase import settle

    with place.catalogue() as catalogue:
        with catalogue.write() as tx:
            if action == "end":
                medleys.end_medley(tx, medley, who(), place.now())
            else:
                medleys.set_door(tx, medley, action == "public", who(), place.now())
        settle(place, catalogue)
    emit({"medley": medley, "now": action}, lambda: f"{medley}: {action}.", as_json=as_json)


def _item(part: str) -> tuple[Item, bytes]:
    """Read a part as it was typed, with the bytes of a recording; nothing is stored yet."""
    from archive.patterns.medleys import Item, Kind
    from archive.patterns.rendering import must_be_bridge

    word, _, rest = part.partition(":")
    if word == "say" and rest:
        return Item(Kind.SPOKEN, rest), b""
    if word == "show" and rest:
        return Item(Kind.WRITTEN, rest), b""
    if word == "play" and rest:
        file, _, words = rest.rpartition("=")
        path = Path(file)
        if not path.is_file():
            raise click.UsageError(f"There is no recording {file!r}: write play:FILE=WORDS")
        sound = path.read_bytes()
        must_be_bridge(sound)
        return Item(Kind.RECORDED, words), sound
    return Item(Kind.EXCERPT, excerpt=part), b""


def _plain(one: Medley) -> dict[str, Any]:
    items = [{"kind": item.kind.value, "text": item.text, "excerpt": item.excerpt} for item in one.items]
    return {"medley": one.id, "title": one.title, "at": one.at, "who": one.who, "public": one.public, "items": items}


def _rendered(made: Rendition, files: list[str]) -> dict[str, Any]:
    return {
        "medley": made.medley, "for": made.purpose.value, "recipe": made.recipe, "fresh": made.fresh,
        "length_ms": made.length, "spread_lu": round(made.spread, 2), "files": files,
        "voices": [
            {"story": one.story, "excerpt": one.excerpt, "start_ms": one.start, "end_ms": one.end}
            for one in made.voices
        ],
        "left_out": [{"title": one.title, "why": one.why} for one in made.left_out], "credits": list(made.credits),
    }  # fmt: skip


def _told(made: Rendition, files: list[str]) -> str:
    from archive.portal.community.words import some

    lines = [f"{made.title}: {made.length / 1000:.0f} s, {some(len(made.voices), 'voice', 'voices')}"]
    if len(made.voices) > 1:
        lines[0] += f", within {made.spread:.1f} LU"
    lines[0] += "."
    lines += [f"Left out: {one.title or 'a voice'}. {one.why}" for one in made.left_out]
    return "\n".join([*lines, *files])


def _table(known: list[Medley]) -> str:
    if not known:
        return "There is no medley yet. hearth archive medley make TITLE EXCERPT..."
    return "\n".join(f"{one.id}  {one.title}{'  (public)' if one.public else ''}" for one in known)
