"""Who has read the consent wording of a draft language and stands for it, in ``HOME/texts/signed.toml``.

A language that no native speaker has checked may be tried at a desk, but visitors agree to its very words: before it
is offered, a person of the library who speaks it reads them and signs. The signature names the words by their hash, so
that it ends when one of them changes.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from archive.durable import write_file
from archive.types import ASKED_USES, Use
from kiosk.errors import BadTexts
from kiosk.texts import Texts, load

FILE = "signed.toml"
GROUP_USES: tuple[Use, ...] = (Use.RECORD, *ASKED_USES)
"""What a group agrees to in words of its own."""
SIGNED_USES: tuple[Use, ...] = (Use.RECORD, Use.KEEP, *ASKED_USES)
_NAME_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Signature:
    """One person's word for one language's consent wording."""

    by: str
    on: date
    hash: str


def alone_and_group(texts: Texts) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Everything a visitor agrees to in this language, by use: who tells alone, and a group."""
    alone = {use.value: texts.wording(use).text for use in SIGNED_USES}
    return alone, {use.value: texts.wording(use, group=True).text for use in GROUP_USES}


def consent_hash(texts: Texts) -> str:
    """SHA-256 over everything a visitor agrees to in this language."""
    alone = [texts.wording(use).hash for use in SIGNED_USES]
    group = [texts.wording(use, group=True).hash for use in GROUP_USES]
    return hashlib.sha256("\n".join((*alone, *group)).encode()).hexdigest()


def signatures(folder: Path) -> Mapping[str, Signature]:
    """Every signature in ``folder`` by language; none where there is no file. Raises `BadTexts`."""
    path = folder / FILE
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadTexts(
            f"The signatures in {path} cannot be read: {error}.", "Sign again: hearth texts sign."
        ) from error
    found = {}
    for language, entry in data.items():
        match entry:
            case {"by": str(by), "on": date() as on, "hash": str(known)}:
                found[language] = Signature(by, on, known)
            case _:
                raise BadTexts(f"The signature for '{language}' in {path} is not whole.", "Sign again.")
    return found


def sign(folder: Path, texts: Texts, by: str, on: date) -> Signature:
    """Write that ``by`` stands for the consent wording of ``texts``; durable when it returns. Raises `BadTexts`."""
    name = " ".join(by.split())
    if not name or len(name) > _NAME_LENGTH or not name.isprintable():
        raise BadTexts(
            f"'{by}' is not a name.", f"Write the name of the person who read it, up to {_NAME_LENGTH} letters."
        )
    kept = dict(signatures(folder)) | {texts.language: Signature(name, on, consent_hash(texts))}
    lines = ["# Who has read the consent wording of a language and stands for it. Written by: hearth texts sign"]
    for language, one in sorted(kept.items()):
        by_toml = json.dumps(one.by, ensure_ascii=False)
        lines += ["", f"[{language}]", f"by = {by_toml}", f"on = {one.on.isoformat()}", f'hash = "{one.hash}"']
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / FILE, ("\n".join(lines) + "\n").encode())
    return kept[texts.language]


def sign_draft(folder: Path, language: str, by: str, read: str = "") -> Signature:
    """Sign the words of ``language`` as they are today, at a terminal or on a page; durable when it returns.

    ``read`` is the hash of the words that ``by`` was shown, where that is known: others are not signed with it. Raises
    `BadTexts`, also for a language that is no draft.
    """
    texts = load(language, folder)
    if not texts.draft:
        raise BadTexts(f"The language '{language}' is not a draft.", "It needs no signature.")
    if read and read != consent_hash(texts):
        raise BadTexts(f"The consent wording in '{language}' has just changed.", "Read it again, and sign then.")
    return sign(folder, texts, by, datetime.now(UTC).astimezone().date())


def unsigned(folder: Path, texts: Texts) -> bool:
    """Whether this is a draft that nobody stands for as it is now. Raises `BadTexts` for an unreadable file."""
    signature = signatures(folder).get(texts.language) if texts.draft else None
    return texts.draft and (signature is None or signature.hash != consent_hash(texts))


def check_live(folder: Path, texts: Texts) -> None:
    """Refuse a draft language that nobody has signed, or whose wording has changed since. Raises `BadTexts`."""
    if (why := why_not_live(folder, texts)) is not None:
        raise why


def why_not_live(folder: Path, texts: Texts) -> BadTexts | None:
    """Say why visitors may not be asked in this language and what to do; None where they may be.

    Raises `BadTexts` for signatures that cannot be read.
    """
    if not unsigned(folder, texts):
        return None
    language = texts.language
    do = (
        "It is offered once a person who speaks it has read and signed it, on the phone's page of settings or here: "
        f"hearth texts show {language}, then: hearth texts sign {language} --by NAME"
    )
    signature = signatures(folder).get(language)
    if signature is None:
        return BadTexts(f"The language '{language}' is a draft and nobody has signed its consent wording.", do)
    return BadTexts(f"The consent wording in '{language}' has changed since {signature.by} signed it.", do)
