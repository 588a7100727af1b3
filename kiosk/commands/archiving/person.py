"""``hearth archive person``: who works at the archive, from the machine it runs on. Also the way back in."""

from __future__ import annotations

from pathlib import Path

import click

from archive.people import accounts
from archive.people.roles import Role
from archive.server.place import open_archive
from kiosk.commands.archiving.common import archive_home_option, who
from kiosk.commands.common import emit, json_option


@click.command(name="person")
@click.argument("action", type=click.Choice(["list", "add", "code", "roles", "end"]), default="list")
@click.argument("name", required=False)
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice([role.value for role in Role]),
    help="What the person does here; may be given several times.",
)
@archive_home_option
@json_option
def command(action: str, name: str | None, roles: tuple[str, ...], home: Path, as_json: bool) -> None:
    """Add somebody, give a new one-time code, say what they may do, end an account; or list everybody.

    A code is shown once, works once and for a week. Ending an account ends every session of it at once.

    \b
    Examples:
      hearth archive person
      hearth archive person add ana --role curator --role archivist
      hearth archive person code ana
      hearth archive person roles ana --role curator
      hearth archive person end ana --json
    """
    if action != "list" and name is None:
        raise click.UsageError(f"Who? hearth archive person {action} NAME")
    given = [Role(role) for role in roles]
    with open_archive(home) as place, place.catalogue() as catalogue, catalogue.write() as tx:
        now, code = place.now(), ""
        if action == "list" or name is None:
            known = accounts.people(tx)
            emit({"people": [one.to_json() for one in known]}, lambda: _table(known), as_json=as_json)
            return
        if action == "add":
            person, code = accounts.add_person(tx, name, given, who(), now)
        elif action == "code":
            code = accounts.give_code(tx, name, who(), now)
            person = accounts.person_named(tx, name)
        elif action == "roles":
            person = accounts.set_roles(tx, name, given, who(), now)
        else:
            person = accounts.end_person(tx, name, who(), now)
    # Only after the change is written for good: a code that was shown has to work.
    emit(person.to_json() | ({"code": code} if code else {}), lambda: _told(person, code), as_json=as_json)


def _told(person: accounts.Person, code: str) -> str:
    if code:
        return f"{code}\nThis is shown once. {person.name} sets a password with it, on the page /code of the archive."
    if person.ended_at is not None:
        return f"The account of {person.name} has ended."
    return f"{person.name}: {', '.join(role.words for role in person.roles)}"


def _table(known: list[accounts.Person]) -> str:
    if not known:
        return "Nobody works here yet. hearth archive serve prints the code for the first person."
    rows = []
    for one in known:
        state = f"left {one.ended_at[:10]}" if one.ended_at else "" if one.ready else "has not come in yet"
        rows.append(f"{one.name:<24} {', '.join(role.words for role in one.roles)}  {state}".rstrip())
    return "\n".join(rows)
