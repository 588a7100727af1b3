"""``hearth archive box``: let a box hand on to this archive, or no longer."""

from __future__ import annotations

from pathlib import Path

import click

from archive.boxes import Box, NoSuchBox, add_box, box_named, boxes, revoke_box
from archive.server.place import open_archive
from archive.server.stickfeeds import meet
from kiosk.commands.archiving.common import archive_home_option, who
from kiosk.commands.common import emit, json_option


@click.command(name="box")
@click.argument("action", type=click.Choice(["list", "add", "meet", "revoke"]), default="list")
@click.argument("name", required=False)
@click.argument("hello", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@archive_home_option
@json_option
def command(action: str, name: str | None, hello: Path | None, home: Path, as_json: bool) -> None:
    """Make a box known and show its credential, once; list the boxes; or let a credential count no more, at once.

    \b
    Examples:
      hearth archive box add maple-street --home ./my-archive
      hearth archive box list --json
      hearth archive box meet maple-street /media/usb/stick/boxes/0a1b2c3d.json
      hearth archive box revoke maple-street

    meet makes a box that comes by stick known by the file it left there, and adds it: compare the fingerprint before,
    which the box's doctor and the page of settings on its phone show.
    """
    if action != "list" and name is None:
        raise click.UsageError(f"Which box? hearth archive box {action} NAME")
    with open_archive(home) as place, place.catalogue() as catalogue:
        if action == "add":
            assert name is not None
            credential = add_box(catalogue, name, who(), place.now())
            told = f"{credential}\nThis is shown once. On the box: hearth sync --to ADDRESS --credential {credential}"
            emit({"box": name, "credential": credential}, lambda: told, as_json=as_json)
        elif action == "meet":
            assert name is not None
            if hello is None:
                raise click.UsageError(
                    "Which file did the box leave? hearth archive box meet NAME STICK/boxes/FILE.json"
                )
            data = hello.read_bytes()
            try:
                met = meet(catalogue, name, data, place.now())
            except NoSuchBox:
                # It needs no credential: whoever wants it to come over a network revokes it and adds it again.
                add_box(catalogue, name, who(), place.now())
                met = meet(catalogue, name, data, place.now())
            plain = {"box": name, "site": met.site, "fingerprint": met.fingerprint}
            emit(plain, lambda: f"{name} is known by {met.fingerprint}.", as_json=as_json)
        elif action == "revoke":
            assert name is not None
            revoke_box(catalogue, name, who(), place.now())
            box = box_named(catalogue, name)
            emit(box.to_json(), lambda: f"The credential of {name} counts no more.", as_json=as_json)
        else:
            known = boxes(catalogue)
            emit({"boxes": [box.to_json() for box in known]}, lambda: _table(known), as_json=as_json)


def _table(known: list[Box]) -> str:
    if not known:
        return "No box is known here yet. Add one: hearth archive box add NAME"
    rows = []
    for box in known:
        state = f"revoked {box.revoked_at[:10]}" if box.revoked_at else f"last seen {(box.seen_at or 'never')[:16]}"
        rows.append(f"{box.name:<24} {state}")
    return "\n".join(rows)
