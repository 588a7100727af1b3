"""The settings a phone fills in while the box is set up or later, and the mark that a box is live.

What is saved goes into ``config.toml`` line by line (`kiosk.settingsfile`); no update and no later start resets it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from archive.credential import checked_credential, keep_credential
from archive.durable import remove, write_file
from archive.errors import NotFilledIn, Refused
from archive.home import Home
from archive.phones import SAVED, SETTING_UP
from archive.store import Store
from audio.clock import Clock
from kiosk.config import Config, Plain, load
from kiosk.contact import whom_to_call
from kiosk.errors import BadConfig, BadTexts, KioskError
from kiosk.poster import make_poster
from kiosk.prompts import SETS
from kiosk.prompts import load as load_prompts
from kiosk.settingsfile import put_settings
from kiosk.signing import alone_and_group, check_live, consent_hash, sign_draft, unsigned
from kiosk.texts import load as load_texts
from kiosk.texts import shipped_languages
from kiosk.wireless import Asking

BEGUN, LIVE = "being-set-up.json", "live.json"
_TEXTS = {
    "name": "site.name", "steward": "site.steward", "contact": "site.contact",
    "opens": "hours.opens", "closes": "hours.closes",
    "quiet_begins": "hours.quiet_begins", "quiet_ends": "hours.quiet_ends",
}  # fmt: skip
ASKED = frozenset({*_TEXTS.values(), "site.language", "site.languages", "site.prompts", "archive.sync_to"})
"""Every setting the phone's page asks for: one of them in the file, and the box was set up by hand."""
STICK = "/media/usb"
"""Where a stick is found: docs/handing-on.md."""
_ARCHIVE = "https://"
OTHER = "other"
"""In a form: a place that somebody wrote into the file, which the page does not ask for. It stays."""


def unfinished(home: Home, store: Store) -> bool:
    """Whether this box still has to be set up: begun and not live, or without a story and all that is asked here.

    Which screen and keys it has, a build says before it is first switched on, and that answers none of the questions. A
    box that somebody set up by hand, or before there was a mark, is live: no update sends it back here.
    """
    if (home.path / LIVE).exists():
        return False
    if (home.path / BEGUN).exists():
        return True
    if _by_hand(home.config) & ASKED or store.stories():
        return False
    # Settings come while it is set up; if the power goes then, it goes on being set up.
    write_file(home.path / BEGUN, b"{}")
    return True


def _by_hand(config: Path) -> set[str]:
    """The settings that stand in the file, by section and name."""
    said = tomllib.loads(config.read_text(encoding="utf-8")) if config.exists() else {}
    return {f"{section}.{name}" for section, values in said.items() if isinstance(values, dict) for name in values}


def go_live(home: Home, clock: Clock) -> None:
    """Write down that the box is live."""
    write_file(home.path / LIVE, json.dumps({"at": clock.wall().isoformat()}).encode())
    remove(home.path / BEGUN)


def begin_again(home: Home) -> None:
    """Let the box be set up anew at its next start."""
    write_file(home.path / BEGUN, b"{}")
    remove(home.path / LIVE)


def may_offer(texts: Path, language: str) -> bool:
    """Whether a box would offer ``language``: it is no draft, or one that somebody stands for."""
    try:
        check_live(texts, load_texts(language, texts))
    except KioskError:
        return False
    return True


def put_language(home: Home, language: str) -> None:
    """Make ``language`` the library's own, beside those offered so far: for a box set up without a phone.

    A draft nobody has signed yet is left out, and the box's screen has said so.
    """
    if may_offer(home.texts, language):
        _offer(home.config, language, own=True)


def _offer(config: Path, language: str, *, own: bool) -> None:
    """Offer ``language`` beside the others, or as the library's own before them."""
    site = load(config).site
    others = tuple(code for code in site.languages if code != language)
    languages = (language, *others) if own else (*others, language)
    put_settings(config, {"site.language": language if own else site.language, "site.languages": languages})


@dataclass(frozen=True, slots=True)
class Sheet:
    """The phone's page of settings for one home."""

    home: Home
    wireless: Asking = field(default_factory=Asking)
    """Whom to ask for a wireless network."""

    @property
    def path(self) -> Path:
        """The library's settings."""
        return self.home.config

    @property
    def texts(self) -> Path:
        """The library's own wording."""
        return self.home.texts

    def _config(self) -> Config:
        """The settings as they stand. Raises `Refused` with what is wrong in the file, which no page can put right."""
        try:
            return load(self.path)
        except BadConfig as error:
            raise Refused(error.say, error.do) from error

    def poster(self, language: str) -> bytes:
        """The papers in that language, from the words of the box. Raises `Refused` where they cannot be made."""
        config = self._config()
        try:
            return make_poster(load_texts(language, self.texts), config.site.name, whom_to_call(config.site))
        except BadTexts as error:
            raise Refused(error.say, error.do) from error

    def shown(self) -> Mapping[str, object]:
        """What the page begins with: the settings in force, every language and every set of questions."""
        config = self._config()
        return _answers(config) | {
            "drafts": self._drafts(),
            "said": "site.language" in _by_hand(self.path),
            "wireless": self.wireless.shown(),
            "credential_here": self.home.credential.is_file(),
            "offered": list(shipped_languages()),
            "sets": list(SETS),
        }

    def wording(self, language: str) -> tuple[Mapping[str, str], Mapping[str, str], str]:
        """What whoever signs a draft has to read, alone and in a group, and its hash. Raises `Refused`."""
        try:
            texts = load_texts(language, self.texts)
            return *alone_and_group(texts), consent_hash(texts)
        except BadTexts as error:
            raise Refused(error.say, error.do) from error

    def sign(self, language: str, by: str, read: str, *, own: bool) -> None:
        """Write that ``by`` stands for the draft's words, and offer it; as the library's own if that was wanted.

        Raises `Refused`, also where the library's own questions lack the language: signed it is then all the same.
        """
        try:
            sign_draft(self.texts, language, by, read)
            site = self._config().site
            load_prompts(self.path.parent, (*site.languages, language), site.prompts)
            _offer(self.path, language, own=own)
        except KioskError as error:
            raise Refused(error.say, error.do) from error

    def _drafts(self) -> list[str]:
        """Languages that have to be signed before they are offered."""
        try:
            return [code for code in shipped_languages() if unsigned(self.texts, load_texts(code, self.texts))]
        except BadTexts as error:
            raise Refused(error.say, error.do) from error

    def save(self, given: Mapping[str, str]) -> tuple[str, ...]:
        """Check and write down what was filled in; return the languages left out because nobody has signed them.

        Raises `Refused` with the sentence about what does not fit.
        """
        asked = tuple(code for code in shipped_languages() if given.get(f"language_{code}"))
        sets = tuple(name for name in SETS if given.get(f"set_{name}"))
        own = given.get("language", "")
        if own not in asked:
            say = "The library's own language is not among those offered."
            raise NotFilledIn("own-language", say, "Tick it too.")
        if not sets:
            raise NotFilledIn("no-questions", "No questions are chosen.", "Tick at least one set.")
        drafts = self._drafts()
        left = tuple(code for code in asked if code in drafts)
        kept = self._config().site.language
        languages = tuple(code for code in asked if code not in left) or (kept,)
        if own in left:
            own = kept if kept in languages else languages[0]
        try:
            for code in languages:
                check_live(self.texts, load_texts(code, self.texts))
            # A library's own questions may not be there in a language that is new: the box would not start with it.
            load_prompts(self.path.parent, languages, sets)
        except KioskError as error:
            raise Refused(error.say, error.do) from error
        wanted: dict[str, Plain] = {setting: given.get(name, "").strip() for name, setting in _TEXTS.items()}
        wanted |= {"site.language": own, "site.languages": languages, "site.prompts": sets}
        place, credential = self._place(given), checked_credential(given.get("credential", ""))
        try:
            put_settings(self.path, wanted)
            if place is not None:
                self._hand_on(place, credential)
        except BadConfig as error:
            raise Refused(error.say, error.do) from error
        self._network(given)
        return left

    def _place(self, given: Mapping[str, str]) -> str | None:
        """Where stories shall go; None where what somebody wrote into the file stays. Raises `NotFilledIn`."""
        chosen, address = given.get("hand_on", ""), given.get("archive", "").strip()
        if chosen == "archive":
            if not address.startswith(_ARCHIVE):
                say = "The address of the archive does not begin with https://."
                raise NotFilledIn("archive-address", say, "Copy it whole.")
            return address
        if given.get("credential", "").strip() or address not in {"", self._config().archive.sync_to}:
            say = "An archive is filled in, and stories are to go elsewhere."
            raise NotFilledIn("archive-not-chosen", say, "Choose the archive too, or leave its lines empty.")
        return {"stick": STICK, OTHER: None}.get(chosen, "")

    def _hand_on(self, place: str, credential: str) -> None:
        """Set where stories go. What one archive gave this box is shown to no other, also if the power goes here."""
        if place != self._config().archive.sync_to:
            remove(self.home.credential)
        put_settings(self.path, {"archive.sync_to": place})
        if credential and place.startswith(_ARCHIVE):
            keep_credential(self.home, credential)

    def _network(self, given: Mapping[str, str]) -> None:
        """Have the machine join or forget a wireless network; without a name it stays as it is."""
        name = given.get("wireless_name", "").strip()
        if name:
            self.wireless.join(name, given.get("wireless_password", ""))
        elif given.get("wireless_forget"):
            self.wireless.leave()


def _answers(config: Config) -> dict[str, object]:
    place = config.archive.sync_to
    hand_on = "" if not place else "archive" if place.startswith(_ARCHIVE) else "stick" if place == STICK else OTHER
    told: dict[str, object] = {}
    for name, setting in _TEXTS.items():
        section, _, key = setting.partition(".")
        told[name] = getattr(getattr(config, section), key)
    return told | {
        "language": config.site.language, "languages": list(config.site.languages),
        "chosen": list(config.site.prompts), "hand_on": hand_on, "place": place,
        "archive": place if hand_on == "archive" else "",
    }  # fmt: skip


__all__ = ["ASKED", "LIVE", "SAVED", "SETTING_UP", "STICK", "Sheet", "begin_again", "go_live", "unfinished"]
