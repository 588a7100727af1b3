"""``hearth texts``: what the box says in each language, and who stands for it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from archive.home import open_home
from kiosk import signing
from kiosk.commands.common import emit, home_option, json_option
from kiosk.errors import BadTexts
from kiosk.texts import is_draft, load, shipped_languages


@click.group(name="texts")
def command() -> None:
    """Look at the languages of the box, and sign a draft so that it may be offered.

    \b
    Examples:
      hearth texts list
      hearth texts show ar
      hearth texts sign ar --by "the librarian's name"
    """


@command.command(name="list")
@home_option
@json_option
def list_(home: Path, as_json: bool) -> None:
    """List the languages, each in its own script, and whether it may be offered."""
    folder = open_home(home).texts
    signed = signing.signatures(folder)
    rows = []
    for language in shipped_languages():
        texts = load(language, folder)
        try:
            signing.check_live(folder, texts)
            why = ""
        except BadTexts as trouble:
            why = trouble.say
        by = signed[language].by if language in signed else None
        rows.append(
            {
                "language": language,
                "name": texts.name,
                "draft": texts.draft,
                "live": not why,
                "signed_by": by,
                "why": why,
            }
        )

    def lines() -> str:
        return "\n".join(
            f"{row['language']}  {row['name']}  {'may be offered' if row['live'] else row['why']}"
            + (f" (signed by {row['signed_by']})" if row["signed_by"] else "")
            for row in rows
        )

    emit({"languages": rows}, lines, as_json=as_json)


@command.command()
@click.argument("language")
@home_option
@json_option
def show(language: str, home: Path, as_json: bool) -> None:
    """Print everything a visitor agrees to in a language, word for word."""
    texts = load(language, open_home(home).texts)
    wording = {use.value: texts.wording(use).text for use in signing.SIGNED_USES}
    wording |= {f"group_{use.value}": texts.wording(use, group=True).text for use in signing.GROUP_USES}
    answer = {"language": language, "version": texts.get("consent.version"), "wording": wording}
    emit(answer, lambda: "\n".join(f"{use}: {text}" for use, text in wording.items()), as_json=as_json)


@command.command()
@click.argument("language")
@click.option("--by", required=True, help="The person who read the consent wording and stands for it.")
@home_option
@json_option
def sign(language: str, by: str, home: Path, as_json: bool) -> None:
    """Write that a person who speaks the language has read its consent wording and stands for it."""
    folder = open_home(home).texts
    texts = load(language, folder)
    if not is_draft(language):
        raise BadTexts(f"The language '{language}' is not a draft.", "It needs no signature.")
    signature = signing.sign(folder, texts, by, datetime.now(UTC).astimezone().date())
    answer = {"language": language, "by": signature.by, "on": signature.on.isoformat(), "hash": signature.hash}
    emit(answer, lambda: f"{signature.by} stands for the consent wording in {texts.name}.", as_json=as_json)
