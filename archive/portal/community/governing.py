"""The moderation policy for everybody who works here, and the log of who did what, to read and to take away."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.responses import Response, StreamingResponse

from archive.catalogue import Row
from archive.export.cells import csv_text
from archive.people.roles import Permission
from archive.portal.community.desk import Ask, Desk, Link, Page, get, go, post
from archive.reviewing.waiting import held, how_many_wait
from archive.server.policy import LONGEST, read_policy, write_policy

LINKS = (Link("/policy", "Policy", Permission.OWN), Link("/log", "Log", Permission.POLICY))
_SHOWN = 100
_AT_ONCE = 2000
_HEAD = ("at", "who", "what", "subject", "detail")
_NEWEST = "SELECT id, at, who, what, subject, detail FROM changes ORDER BY id DESC LIMIT ?"
_NEXT = "SELECT id, at, who, what, subject, detail FROM changes WHERE id > ? ORDER BY id LIMIT ?"


def routes(desk: Desk) -> list[Page]:
    """The pages of this module."""
    return [
        get(desk, "/policy", Permission.OWN, _policy),
        get(desk, "/policy/change", Permission.POLICY, _change),
        post(desk, "/policy/change", Permission.POLICY, _save, "/policy/change"),
        get(desk, "/log", Permission.POLICY, _log),
        get(desk, "/log.csv", Permission.POLICY, _table),
    ]


def _policy(ask: Ask) -> Response:
    policy = read_policy(ask.desk.place)
    with ask.reading() as tx:
        waiting = how_many_wait(tx)
        kept_back = held(tx, ask.now) if ask.may(Permission.STORIES) else []
    return ask.page("policy", policy=policy, waiting=waiting, held=kept_back)


def _change(ask: Ask) -> Response:
    return ask.page("policy_change", policy=read_policy(ask.desk.place), longest=LONGEST)


def _save(ask: Ask) -> Response:
    write_policy(ask.desk.place, ask.form.get("text", ""), ask.form.get("seen", ""), ask.who)
    return go("/policy")


def _log(ask: Ask) -> Response:
    with ask.reading() as tx:
        rows = tx.all(_NEWEST, _SHOWN)
    return ask.page("log", rows=[dict(zip(_HEAD, list(row)[1:], strict=True)) for row in rows])


def _table(ask: Ask) -> Response:
    headers = {"Content-Disposition": 'attachment; filename="log.csv"'}
    return StreamingResponse(_lines(ask.desk), media_type="text/csv; charset=utf-8", headers=headers)


def _lines(desk: Desk) -> Iterator[str]:
    """The whole log, a piece at a time: each piece borrows the catalogue for itself, in whatever thread asks for it."""
    yield csv_text([_HEAD])
    after = ""
    while rows := _piece(desk, after):
        yield csv_text(tuple(str(value) for value in list(row)[1:]) for row in rows)
        after = str(rows[-1]["id"])


def _piece(desk: Desk, after: str) -> list[Row]:
    with desk.catalogue() as catalogue, catalogue.read() as tx:
        return tx.all(_NEXT, after, _AT_ONCE)
