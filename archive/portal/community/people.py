"""Who works here: add somebody, say what they may do, give a new code, end an account or a session."""

from __future__ import annotations

from starlette.responses import Response

from archive.people import accounts
from archive.people.passwords import CODE_DAYS
from archive.people.roles import Permission, Role, roles_for
from archive.people.sessions import end_session, sessions_of
from archive.portal.community.desk import Ask, Desk, Link, Page, get, go, need_tick, post

LINKS = (Link("/people", "People", Permission.PEOPLE),)
_TELLS = {
    Role.ORGANIZER: "lets people in, sees how the boxes are, answers for the archive",
    Role.FACILITATOR: "listens, cuts excerpts and puts them on a box's keys for a group",
    Role.CURATOR: "decides about stories: keep, hold, blank out, note; corrects words",
    Role.PROMPT_DESIGNER: "writes the questions the boxes ask",
    Role.ANALYST: "searches, listens, codes what was told",
    Role.ARCHIVIST: "takes stories back for tellers, erases; opens the public door to medleys",
    Role.SYSADMIN: "keeps boxes and machines; hears and reads no story",
}


def routes(desk: Desk) -> list[Page]:
    """The pages of this module."""
    permission = Permission.PEOPLE
    return [
        get(desk, "/people", permission, _people),
        post(desk, "/people/add", permission, _add, "/people"),
        get(desk, "/people/{name}", permission, _person),
        post(desk, "/people/{name}/roles", permission, _roles, "/people/{name}"),
        post(desk, "/people/{name}/code", permission, _code, "/people/{name}"),
        post(desk, "/people/{name}/end", permission, _end, "/people/{name}"),
        post(desk, "/people/{name}/session", permission, _end_session, "/people/{name}"),
    ]


def _people(ask: Ask) -> Response:
    with ask.reading() as tx:
        everybody = accounts.people(tx)
    here = [one for one in everybody if one.ended_at is None]
    gone = [one for one in everybody if one.ended_at is not None]
    return ask.page("people", here_now=here, gone=gone, roles=list(Role), tells=_TELLS)


def _add(ask: Ask) -> Response:
    with ask.writing() as tx:
        person, code = accounts.add_person(tx, ask.form.get("name", ""), _chosen(ask), ask.who, ask.now)
    return ask.page("person_code", person=person, code=code, days=CODE_DAYS)


def _person(ask: Ask) -> Response:
    with ask.reading() as tx:
        person = accounts.person_named(tx, ask.part("name"))
        sessions = sessions_of(tx, person, ask.now)
    rights = [
        permission.value
        for permission in Permission
        if permission is not Permission.OWN and not set(roles_for(permission)).isdisjoint(person.roles)
    ]
    return ask.page("person", person=person, sessions=sessions, roles=list(Role), tells=_TELLS, rights=rights)


def _roles(ask: Ask) -> Response:
    with ask.writing() as tx:
        person = accounts.set_roles(tx, ask.part("name"), _chosen(ask), ask.who, ask.now)
    return go(f"/people/{person.name}")


def _code(ask: Ask) -> Response:
    with ask.writing() as tx:
        code = accounts.give_code(tx, ask.part("name"), ask.who, ask.now)
        person = accounts.person_named(tx, ask.part("name"))
    return ask.page("person_code", person=person, code=code, days=CODE_DAYS)


def _end(ask: Ask) -> Response:
    need_tick(ask, "sure", "No account was ended.")
    with ask.writing() as tx:
        accounts.end_person(tx, ask.part("name"), ask.who, ask.now)
    return go("/people")


def _end_session(ask: Ask) -> Response:
    with ask.writing() as tx:
        person = accounts.person_named(tx, ask.part("name"))
        end_session(tx, ask.form.get("session", ""), person, ask.who, ask.now)
    return go(f"/people/{person.name}")


def _chosen(ask: Ask) -> list[Role]:
    named = ask.form.get("role[]", "").split("\n")
    return [role for role in Role if role.value in named]
