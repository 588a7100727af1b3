"""``hearth prompts``: look at sets of prompts before people meet them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from archive.home import open_home
from archive.promptsigns import Fault, Finding
from kiosk import config, prompts
from kiosk.commands.common import answer, home_option, json_option
from kiosk.errors import BadPrompts
from kiosk.gallery import save_prompts
from kiosk.promptcheck import check


@click.group(name="prompts")
def command() -> None:
    """Check a set of prompts before people meet it.

    \b
    Examples:
      hearth prompts check
      hearth prompts check my-set.toml --shots ./pictures
      hearth prompts check my-set.toml --lang en --lang ar --json
    """


@command.command(name="check")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--lang",
    "languages",
    multiple=True,
    help="A language it must have, repeatable or with commas; the home's unless given.",
)
@click.option("--shots", type=click.Path(path_type=Path, file_okay=False), help="Save each prompt as it will look.")
@click.option("--size", default="800x480", show_default=True, help="Pixels of the pictures, as in 1280x720.")
@home_option
@json_option
def check_(
    file: Path | None, languages: tuple[str, ...], shots: Path | None, size: str, home: Path, as_json: bool
) -> int:
    """Look for yes/no, leading, double and opinion questions, and for what is too long or missing.

    Without FILE it looks at what the home asks: its own sets, or else the shipped ones. Advice exits with 0; what the
    box would refuse exits with 1, and a file that cannot be read as a set with 2.
    """
    opened = open_home(home)
    site = config.load(opened.config).site
    wanted = tuple(code.strip() for given in languages for code in given.split(",")) or site.languages
    width, _, height = size.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise click.UsageError(f"'{size}' is not a size. Write it as in 800x480.")
    answers: list[dict[str, object]] = []
    findings: list[Finding] = []
    for name, one, folder in _sets(file, opened.path / "prompts", site.prompts):
        found = check(one, wanted, folder)
        findings += found
        answers.append({"set": name, "prompts": [_row(prompt, found) for prompt in one.prompts]})
        if shots is not None:
            save_prompts(shots, one, (int(width), int(height)))
    refused = sum(finding.refused for finding in findings)
    counts = {fault.value: sum(one.fault is fault for one in findings) for fault in Fault}
    told = {"languages": list(wanted), "refused": refused, "counts": counts, "sets": answers}
    say = f"The box would refuse {refused} of these."
    failed = (BadPrompts.code, say, "Each says what to change.") if refused else None
    return answer(told, lambda: _lines(findings), failed, as_json=as_json)


def _sets(file: Path | None, folder: Path, shipped: Sequence[str]) -> list[tuple[str, prompts.PromptSet, Path | None]]:
    files = [file] if file is not None else sorted(folder.glob("*.toml"))
    if not files:
        return [(name, prompts.ours(name, ()), None) for name in shipped]
    found: list[tuple[str, prompts.PromptSet, Path | None]] = []
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            message = f"The prompts in {path} cannot be read: {error}."
            raise BadPrompts(message, "Check that the file is text and may be read.") from error
        found.append((str(path), prompts.parse(text, str(path), (), longest=10_000), path.parent))
    return found


def _row(prompt: prompts.Prompt, found: Sequence[Finding]) -> dict[str, object]:
    mine = [finding for finding in found if finding.prompt.partition("/")[0] == prompt.id]
    told = [
        {
            "prompt": one.prompt,
            "language": one.language,
            "fault": one.fault.value,
            "refused": one.refused,
            "say": one.say,
            "do": one.do,
        }
        for one in mine
    ]
    follow = [dict(text) for text in prompt.follow]
    return {"id": prompt.id, "text": dict(prompt.text), "follow": follow, "findings": told}


def _lines(findings: Sequence[Finding]) -> str:
    spoken = [one for one in findings if one.fault is not Fault.NO_RECORDING]
    lines = [f"{one.prompt} ({one.language}): {one.say} {one.do}" for one in spoken]
    silent = len(findings) - len(spoken)
    if silent:
        lines.append(f"{silent} prompts, counted in each language, have no recording: the machine's voice reads them.")
    if not spoken:
        lines.insert(0, "Every prompt is open, asks one thing, and fits.")
    return "\n".join(lines)
