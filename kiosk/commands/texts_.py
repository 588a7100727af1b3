"""``hearth texts``: what the box says in each language, and who stands for it."""

from __future__ import annotations

from pathlib import Path

import click

from archive.home import open_home
from kiosk import signing
from kiosk.box import make_voice
from kiosk.commands.common import emit, home_option, json_option
from kiosk.errors import BadTexts
from kiosk.screens.samples import sample_views
from kiosk.setting import read_home
from kiosk.speech import finished, speech_cache
from kiosk.texts import load, own_name, shipped_languages
from kiosk.view import spoken


@click.group(name="texts")
def command() -> None:
    """Look at the languages of the box, and sign a draft so that it may be offered.

    \b
    Examples:
      hearth texts list
      hearth texts show ar
      hearth texts sign ar --by "the librarian's name"
      hearth texts speak
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
    alone, group = signing.alone_and_group(texts)
    wording = {**alone, **{f"group_{use}": text for use, text in group.items()}}
    answer = {"language": language, "version": texts.get("consent.version"), "wording": wording}
    emit(answer, lambda: "\n".join(f"{use}: {text}" for use, text in wording.items()), as_json=as_json)


@command.command()
@click.argument("language")
@click.option("--by", required=True, help="The person who read the consent wording and stands for it.")
@home_option
@json_option
def sign(language: str, by: str, home: Path, as_json: bool) -> None:
    """Write that a person who speaks the language has read its consent wording and stands for it."""
    signature = signing.sign_draft(open_home(home).texts, language, by)
    answer = {"language": language, "by": signature.by, "on": signature.on.isoformat(), "hash": signature.hash}
    emit(answer, lambda: f"{signature.by} stands for the consent wording in {own_name(language)}.", as_json=as_json)


@command.command()
@home_option
@json_option
def speak(home: Path, as_json: bool) -> None:
    """Make the machine's reading of every screen and prompt beforehand, so that none is made while somebody waits."""
    setting = read_home(home)
    voice = make_voice(setting)
    made: dict[str, int] = {}
    for language, texts in setting.texts.items():
        known = {line for of, line in voice.lines if of == language}
        screens = {line for shown in sample_views(texts).values() for line in spoken(shown, texts).split("\n")}
        asked = {finished(prompt.text[language]) for prompt in setting.prompts if language in prompt.text}
        made[language] = sum(voice.line(line, language) is not None for line in sorted((screens & known) | asked))
    answer = {"lines": made, "folder": str(speech_cache())}
    emit(answer, lambda: "\n".join(f"{language}: {count} lines" for language, count in made.items()), as_json=as_json)
