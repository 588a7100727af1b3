"""The page with which a box is lent and taken back: for who may see how the box is, with one button.

What lending does to settings the box knows (`Lending`); this package knows nothing of it.
"""

from __future__ import annotations

from typing import Any, Protocol

from starlette.responses import Response
from starlette.routing import Route

from archive.lending import NotReturned, Stage, lent
from archive.portal import morning
from archive.portal.desk import Ask, Desk, get, go, post
from archive.store import Store


class Lending(Protocol):
    """Lends this box. Each method raises `NotLent`, or says that the box is not for lending."""

    def offered(self) -> bool:
        """Whether this box is for lending at all."""
        ...

    def out(self, store: Store) -> Any:
        """Let the box go out."""
        ...

    def back(self, store: Store, *, anyway: bool = False) -> Any:
        """Take it back. Raises `NotReturned`."""
        ...


def routes(desk: Desk, lending: Lending) -> list[Route]:
    """The page and its one button."""

    def show(ask: Ask) -> Response:
        """Where the box is, and what can be done now."""
        return _page(ask) if _open(ask, lending) else go("/remote")

    def press(ask: Ask) -> Response:
        """Lend it, or take it back; what stands in the way is said on the page."""
        if not _open(ask, lending):
            return go("/remote")
        with ask.desk.store() as store:
            if lent(store).stage not in {Stage.OUT, Stage.RETURNING}:
                lending.out(store)
                return go("/remote/lending")
            try:
                lending.back(store, anyway=ask.form.get("anyway") == "1")
            except NotReturned as error:
                return _page(ask, error)
        # A phone that was paired is not any more: it is told on the page it gets now.
        return ask.page("lending", stage=Stage.READY.value, day="", trouble=None)

    return [get(desk, "/remote/lending", show), post(desk, "/remote/lending", press, "/remote/lending")]


def _open(ask: Ask, lending: Lending) -> bool:
    return morning.may_look(ask) and lending.offered()


def _page(ask: Ask, trouble: NotReturned | None = None) -> Response:
    with ask.desk.store() as store:
        now = lent(store)
    day = "" if now.since is None else now.since.date().isoformat()
    return ask.page("lending", 200 if trouble is None else 409, stage=now.stage.value, day=day, trouble=trouble)
