"""``hearth archive release``: offer releases to boxes, ring by ring."""

from __future__ import annotations

from pathlib import Path

import click

from archive.fleet import Release, Ring, add_release, open_kept, put_in_ring, releases, rings, stop, widen
from archive.server.place import ArchiveHome, open_archive
from kiosk.appliance.bundle import Told, read_told, told
from kiosk.commands.archiving.common import archive_home_option, who
from kiosk.commands.common import emit, json_option, note


@click.command(name="release")
@click.argument("action", type=click.Choice(["list", "add", "widen", "stop", "pilot", "rest"]), default="list")
@click.argument("what", required=False)
@click.option("--anyway", is_flag=True, help="widen: also where the pilots have not shown yet that it goes well.")
@archive_home_option
@json_option
def command(action: str, what: str | None, anyway: bool, home: Path, as_json: bool) -> None:
    """Offer signed releases to the boxes: first to pilots, then to the rest.

    add keeps a bundle and offers it to the pilots; widen offers it to the rest; stop offers it to nobody. pilot and
    rest say which ring a box is in. A box takes what a key it knows has signed, and nothing else.

    \b
    Examples:
      hearth archive release pilot maple-street --home ./my-archive
      hearth archive release add digital-hearth-0.2.0.hearth --home ./my-archive
      hearth archive release widen 0.2.0 --home ./my-archive
      hearth archive release stop 0.2.0
      hearth archive release list --json
    """
    if action != "list" and what is None:
        kind = {"add": "FILE", "pilot": "BOX", "rest": "BOX"}.get(action, "VERSION")
        raise click.UsageError(f"Which one? hearth archive release {action} {kind}")
    with open_archive(home) as place:
        _do(place, action, what or "", anyway=anyway)
        with place.catalogue() as catalogue:
            known, of_box = releases(catalogue), rings(catalogue)
    payload = {
        "releases": [one.to_json() for one in known],
        "rings": {box: ring.value for box, ring in of_box.items()},
    }
    emit(payload, lambda: _table(known, of_box), as_json=as_json)


def _do(place: ArchiveHome, action: str, what: str, *, anyway: bool) -> None:
    if action == "add":
        parts = told(Path(what))
        add_release(place, Path(what), parts.version, who())
        _warn(place, parts)
        return
    with place.catalogue() as catalogue:
        if action == "widen":
            widen(catalogue, what, who(), place.now(), anyway=anyway)
        elif action == "stop":
            stop(catalogue, what, who(), place.now())
        elif action in {Ring.PILOT, Ring.REST}:
            put_in_ring(catalogue, what, Ring(action), who(), place.now())


def _warn(place: ArchiveHome, parts: Told) -> None:
    """Say which bundles no box can take by night, whose updater has no network: before somebody waits for them."""
    if parts.has_wheels:
        return
    with place.catalogue() as catalogue:
        before = next((one for one in releases(catalogue) if one.version != parts.version), None)
    if before is not None:
        with open_kept(place, before) as file:
            if read_told(file).lock == parts.lock:
                return
    than = f"others than version {before.version}, " if before else ""
    note(
        f"Version {parts.version} needs packages, {than}and has none in it: a box whose own are others cannot "
        "take it by night. Make it with hearth bundle --wheels."
    )


def _table(known: list[Release], of_box: dict[str, Ring]) -> str:
    lines = [f"{one.version:<12} offered to: {_offered(one.ring)}" for one in known] or ["No release is here yet."]
    pilots = [box for box, ring in of_box.items() if ring is Ring.PILOT]
    return "\n".join([*lines, f"Pilots: {', '.join(pilots) or 'none yet'}"])


def _offered(ring: Ring) -> str:
    return {Ring.NONE: "nobody", Ring.PILOT: "the pilots", Ring.REST: "every box"}[ring]
