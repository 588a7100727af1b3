"""The page of settings on the phone of whoever sets the box up, or of a facilitator who changes them years later. It is
there for the paired phone alone, while somebody is at the box: at any other time no web page changes a setting. The
papers to hang up can be printed at any time.

What the settings are and where they are written the box knows (`SetUp`); this package knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from starlette.responses import Response
from starlette.routing import Route

from archive.errors import Refused
from archive.phones import SAVED, SETTING_UP, may_set, read_face
from archive.portal import morning
from archive.portal.desk import Ask, Desk, get, go, post
from archive.portal.texts import LANGUAGES


class SetUp(Protocol):
    """The box's settings, as far as a phone may fill them in."""

    def shown(self) -> Mapping[str, object]:
        """What the page begins with."""
        ...

    def save(self, given: Mapping[str, str]) -> None:
        """Check and write down what was filled in. Raises `Refused`."""
        ...

    def poster(self, language: str) -> bytes:
        """The poster and the signs in that language, as a PDF. Raises `Refused`."""
        ...


def routes(desk: Desk, setup: SetUp) -> list[Route]:
    """Every address of the page."""

    def show(ask: Ask) -> Response:
        """The form, and what to do next."""
        return _page(ask, setup) if _open(ask) else go("/remote")

    def save(ask: Ask) -> Response:
        """Write it down and tell the box."""
        if not _open(ask):
            return go("/remote")
        setup.save(ask.form)
        with ask.desk.store() as store:
            store.add_command(SAVED)
        return go("/remote/setup?saved")

    def papers(ask: Ask) -> Response:
        """Which papers there are: a sign is lost, or its words have changed, long after the box went live."""
        if not morning.looks_after(ask):
            return go("/remote")
        return ask.page("papers", languages_offered=setup.shown()["languages"], names=_names(ask))

    def poster(ask: Ask) -> Response:
        """The papers to print."""
        if not morning.looks_after(ask):
            return go("/remote")
        language = str(ask.request.path_params["language"])
        if language not in LANGUAGES:
            raise Refused("There are no papers in that language.", "Choose another.")
        return Response(
            setup.poster(language), media_type="application/pdf",
            headers={"content-disposition": f'inline; filename="hearth-{language}.pdf"'},
        )  # fmt: skip

    return [
        get(desk, "/remote/setup", show),
        get(desk, "/remote/papers", papers),
        get(desk, "/remote/papers/{language}", poster),
        post(desk, "/remote/setup", save, "/remote/setup"),
    ]


def _open(ask: Ask) -> bool:
    """Whether this phone may change settings now."""
    with ask.desk.store() as store:
        return may_set(store, ask.phone)


def _page(ask: Ask, setup: SetUp) -> Response:
    told: dict[str, Any] = dict(setup.shown())
    # The page itself has a language, and lists those it can be read in.
    told["own_language"], told["languages_offered"] = told.pop("language"), told.pop("languages")
    told["library"] = told.pop("name")
    with ask.desk.store() as store:
        face = read_face(store)
    told |= {"saved": "saved" in ask.request.query_params, "names": _names(ask)}
    told["first"] = face is not None and face.state == SETTING_UP
    return ask.page("setup", 200, **told)


def _names(ask: Ask) -> dict[str, str]:
    """Every language by its own name."""
    return {code: ask.desk.texts[code].get("language.name") for code in LANGUAGES}
