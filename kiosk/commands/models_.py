"""``hearth models``: find, verify and fetch speech models."""

from __future__ import annotations

import click

from audio.models import BUNDLES, cache, fetch, installed, known, verify
from kiosk.commands.common import emit, json_option, note


@click.command(name="models")
@click.argument("action", type=click.Choice(["list", "verify", "fetch"]), default="list")
@click.argument("name", required=False)
@json_option
def command(action: str, name: str | None, as_json: bool) -> None:
    """List speech models, check one byte by byte, or fetch one. Nothing unverified is ever used.

    \b
    Examples:
      hearth models
      hearth models verify tiny.en
      hearth models fetch base
    """
    if action == "list":
        here = installed()
        payload = {"cache": str(cache()), "models": [_row(one, here) for one in sorted(BUNDLES)]}
        lines = [f"{one}  {'here, verified' if one in here else 'not here'}" for one in sorted(BUNDLES)]
        emit(payload, lambda: "\n".join([*lines, f"in {cache()}"]), as_json=as_json)
        return
    if name is None:
        raise click.UsageError(f"Say which model: hearth models {action} tiny.en.")
    folder = verify(name) if action == "verify" else fetch(name, note)
    emit({"model": name, "folder": str(folder)}, lambda: f"{name} is verified, in {folder}.", as_json=as_json)


def _row(name: str, here: list[str]) -> dict[str, object]:
    languages = known(name).languages
    return {"model": name, "here": name in here, "languages": sorted(languages) if languages else None}
