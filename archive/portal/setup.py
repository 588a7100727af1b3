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

from archive.errors import NoKey, Refused
from archive.feed.hello import fingerprint_of
from archive.phones import SAVED, SETTING_UP, may_set, read_face
from archive.portal import morning
from archive.portal.desk import Ask, Desk, get, go, post
from archive.portal.texts import LANGUAGES

_SIGN = "/remote/setup/sign/{language}"
_LINES = (
    "name", "steward", "contact", "opens", "closes", "quiet_begins", "quiet_ends", "hand_on", "archive",
    "wireless_name",
)  # fmt: skip
"""Fields of one line, by their name in the form."""


class SetUp(Protocol):
    """The box's settings, as far as a phone may fill them in."""

    def shown(self) -> Mapping[str, object]:
        """What the page begins with."""
        ...

    def save(self, given: Mapping[str, str]) -> tuple[str, ...]:
        """Write down what was filled in; return the drafts left out because nobody signed them. Raises `Refused`."""
        ...

    def wording(self, language: str) -> tuple[Mapping[str, str], Mapping[str, str], str]:
        """What visitors agree to in a draft, alone and in a group, and its hash. Raises `Refused`."""
        ...

    def sign(self, language: str, by: str, read: str, *, own: bool) -> None:
        """Write that ``by`` stands for the words of hash ``read``, and offer them. Raises `Refused`."""
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
        try:
            left = setup.save(ask.form)
        except Refused as error:
            return _page(ask, setup, error)
        _tell(ask)
        own = ask.form["language"] if ask.form.get("language") in left else ""
        return go(f"/remote/setup?saved&left={','.join(left)}&own={own}" if left else "/remote/setup?saved")

    def papers(ask: Ask) -> Response:
        """Which papers there are: a sign is lost, or its words have changed, long after the box went live."""
        if not morning.looks_after(ask):
            return go("/remote")
        told: dict[str, Any] = dict(setup.shown())
        # What nobody has signed for is asked of nobody, on paper neither.
        offered = [code for code in told["languages"] if code not in told["drafts"]]
        return ask.page("papers", languages_offered=offered, names=_names(ask))

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
        *_signing(desk, setup),
    ]


def _signing(desk: Desk, setup: SetUp) -> list[Route]:
    """Where a person of the library reads a draft and stands for it."""

    def read(ask: Ask) -> Response:
        """A draft's consent wording, whole."""
        if not _open(ask):
            return go("/remote")
        language = _language(ask)
        alone, group, read = setup.wording(language)
        return ask.page(
            "signing", draft=language, draft_name=_names(ask)[language], alone=alone, group=group, read=read,
            own="own" in ask.request.query_params,
        )  # fmt: skip

    def sign(ask: Ask) -> Response:
        """Write down who stands for it: from now on the box offers it."""
        if not _open(ask):
            return go("/remote")
        language, form = _language(ask), ask.form
        setup.sign(language, form.get("by", ""), form.get("read", ""), own=form.get("own") == "1")
        _tell(ask)
        return go(f"/remote/setup?signed={language}")

    return [
        get(desk, _SIGN, read),
        post(desk, _SIGN, sign, "/remote/setup"),
    ]


def _open(ask: Ask) -> bool:
    """Whether this phone may change settings now."""
    with ask.desk.store() as store:
        return may_set(store, ask.phone)


def _tell(ask: Ask) -> None:
    """Have the box look at what is new in its settings."""
    with ask.desk.store() as store:
        store.add_command(SAVED)


def _language(ask: Ask) -> str:
    language = str(ask.request.path_params["language"])
    if language not in LANGUAGES:
        raise Refused("The box has no words in that language.", "Choose another.")
    return language


def _page(ask: Ask, setup: SetUp, refused: Refused | None = None) -> Response:
    """The form. ``refused`` says what did not fit in what was sent: that stays filled in, but for what is secret."""
    told: dict[str, Any] = dict(setup.shown())
    if refused is not None:
        told |= _typed(ask.form, told)
    told["trouble"] = ask.texts.trouble(refused.code, refused.say, refused.do) if refused is not None else ()
    # The page itself has a language, and lists those it can be read in.
    told["own_language"], told["languages_offered"] = told.pop("language"), told.pop("languages")
    told["library"] = told.pop("name")
    told.setdefault("wireless_name", "")
    with ask.desk.store() as store:
        face = read_face(store)
        try:
            told["fingerprint"] = fingerprint_of(store.home.load_keys())
        except NoKey:  # a box without its keys hands nothing on
            told["fingerprint"] = ""
    asked, names = ask.request.query_params, _names(ask)
    told |= {"saved": "saved" in asked, "names": names}
    told["left"] = [code for code in asked.get("left", "").split(",") if code in told["drafts"]]
    told["wished"], told["signed"] = asked.get("own", ""), names.get(asked.get("signed", ""), "")
    told["first"] = face is not None and face.state == SETTING_UP
    if face is not None and told["first"] and not told["said"] and face.language in told["offered"]:
        # Whoever chose it on the box means it here, too.
        told["own_language"], told["languages_offered"] = face.language, [*told["languages_offered"], face.language]
    return ask.page("setup", 200 if refused is None else 422, **told)


def _typed(form: Mapping[str, str], told: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent, in the shape of what the page begins with."""
    lines = {name: form.get(name, "") for name in _LINES}
    return lines | {
        "language": form.get("language", ""),
        "languages": [code for code in told["offered"] if form.get(f"language_{code}")],
        "chosen": [name for name in told["sets"] if form.get(f"set_{name}")],
        "said": True,
    }


def _names(ask: Ask) -> dict[str, str]:
    """Every language by its own name."""
    return {code: ask.desk.texts[code].get("language.name") for code in LANGUAGES}
