"""``hearth archive partner``: exchange with another archive what tellers allow to partners."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kiosk.commands.archiving.common import archive_home_option, who
from kiosk.commands.common import emit, json_option

if TYPE_CHECKING:
    from archive.server.place import ArchiveHome


_WHICH = "Its people find archive-key.json in the home of their archive."


@click.command(name="partner")
@click.argument("action", type=click.Choice(["list", "add", "exchange", "stories", "remove"]), default="list")
@click.argument("name", required=False)
@click.argument("target", required=False, type=click.Path(path_type=Path))
@click.option("--url", default="", help="Where the partner's archive is reached, https://...")
@click.option("--credential", default="", help="What opens the partner's door for us; its people gave it.")
@archive_home_option
@json_option
def command(
    action: str, name: str | None, target: Path | None, url: str, credential: str, home: Path, as_json: bool
) -> None:
    """Make another archive a partner, exchange with it through a folder or over https, list what it lends.

    \b
    Examples:
      hearth archive partner add upper-valley ./upper-valley-key.json --home ./my-archive
      hearth archive partner add upper-valley ./key.json --url https://upper.example.org --credential hearth-partner-...
      hearth archive partner exchange upper-valley /media/usb/stick
      hearth archive partner exchange upper-valley --json
      hearth archive partner stories

    KEY is the partner's archive-key.json; compare its fingerprint by voice before. add shows, once, what lets the
    partner in at our own door. With a folder ours is left there for them and theirs is taken; without one theirs is
    fetched. Stories a partner lends are played and nothing else; what its tellers take back is gone with the next
    exchange.
    """
    from archive.server.place import open_archive

    if action not in {"list", "stories"} and name is None:
        raise click.UsageError(f"Which? hearth archive partner {action} NAME")
    with open_archive(home) as place:
        if action == "add" and name is not None:
            _add(place, name, target, url, credential, as_json=as_json)
        elif action == "exchange" and name is not None:
            _exchange(place, name, target, as_json=as_json)
        elif action == "remove" and name is not None:
            _remove(place, name, as_json=as_json)
        elif action == "stories":
            _stories(place, as_json=as_json)
        else:
            _list(place, as_json=as_json)


def _add(place: ArchiveHome, name: str, target: Path | None, url: str, secret: str, *, as_json: bool) -> None:
    from archive.partners import known
    from archive.sealedbag import read_archive_key

    if target is None:
        raise click.UsageError("Which archive? hearth archive partner add NAME archive-key.json")
    if not target.is_file():
        raise known.BadPartner(f"There is no file {target}.", _WHICH)
    key = read_archive_key(target.read_bytes())
    if key is None:
        raise known.BadPartner(f"{target} is not an archive's key.", _WHICH)
    with place.catalogue() as catalogue, catalogue.write() as tx:
        shown = known.add_partner(tx, name, key, who(), place.now(), url=url, secret=secret)
    told = f"{name} is known by {key.fingerprint}.\nFor its people, shown once: {shown}"
    emit({"partner": name, "fingerprint": key.fingerprint, "credential": shown}, lambda: told, as_json=as_json)


def _exchange(place: ArchiveHome, name: str, target: Path | None, *, as_json: bool) -> None:
    from archive.partners import known
    from archive.partners.exchange import exchange_folder, exchange_https

    with place.catalogue() as catalogue, catalogue.read() as tx:
        partner = known.partner_named(tx, name)
    done = exchange_https(place, partner, who()) if target is None else exchange_folder(place, partner, target, who())
    ours = "" if target is None else f"Ours lie there for {name}: {done.gave} stories. "
    took = f"{ours}{name} had left nothing there yet."
    if done.took is not None:
        took = f"{ours}Theirs may be heard here: {len(done.took.lent)} stories; {len(done.took.ended)} ended."
        if done.took.refused:
            took += f" {len(done.took.refused)} came whose tellers' records do not allow it; they are not kept."
    if done.in_part:
        took += f" Lent from the beginning alone, because they are too long: {', '.join(done.in_part)}."
    if done.left_out:
        took += f" Not lent, because they are too large: {', '.join(done.left_out)}."
    emit({"partner": name, **done.to_json()}, lambda: took, as_json=as_json)


def _remove(place: ArchiveHome, name: str, *, as_json: bool) -> None:
    from archive.partners import known
    from archive.partners.fetched import sweep_fetched

    with place.catalogue() as catalogue:
        with catalogue.write() as tx:
            known.remove_partner(tx, name, who(), place.now())
        sweep_fetched(place, catalogue)
    emit({"partner": name, "removed": True}, lambda: f"{name} is no partner any more.", as_json=as_json)


def _stories(place: ArchiveHome, *, as_json: bool) -> None:
    from archive.partners.lent import guests

    with place.catalogue() as catalogue, catalogue.read() as tx:
        lent = guests(tx, place)
    rows = [{"partner": one.partner, "story": one.story, "site": one.site, "title": one.title} for one in lent]
    text = "\n".join(f"{one.partner}  {one.story}  {one.title}" for one in lent) or "No partner lends a story here."
    emit({"stories": rows}, lambda: text, as_json=as_json)


def _heard(at: str) -> str:
    return f"last exchanged {at[:10]}" if at else "nothing came yet"


def _list(place: ArchiveHome, *, as_json: bool) -> None:
    from archive.partners import known

    with place.catalogue() as catalogue, catalogue.read() as tx:
        every, mine = known.partners(tx), known.own_key(tx)
    text = f"This archive is known by {mine.fingerprint}.\n" if mine is not None else ""
    text += (
        "\n".join(f"{one.name:<24} {one.key.fingerprint}  {_heard(one.heard_at)}" for one in every)
        or "There is no partner yet."
    )
    plain = {"fingerprint": mine and mine.fingerprint, "partners": [one.to_json() for one in every]}
    emit(plain, lambda: text, as_json=as_json)
