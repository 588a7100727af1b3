"""The pages say what is so: links lead somewhere, commands exist, what is generated is fresh, what is there is told."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import re
import shlex
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from kiosk import config
from kiosk.cli import VERBS, hearth

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [*DOCS, *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
FOLDERS = ("audio/", "hardware/", "archive/", "kiosk/", "tests/", "docs/", "scripts/", "systemd/", "locks/")
WORTH_SAYING = {"run", "demo", "simulate", "withdraw", "sync", "doctor", "models"}


def page_maker():
    spec = importlib.util.spec_from_file_location("hearth_pages", ROOT / "scripts" / "pages.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


MAKER = page_maker()
names = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def text_of(page):
    return page.read_text(encoding="utf-8")


def anchors(page):
    """What headings of a page can be linked to, as the usual renderers make it."""
    prose = FENCE.sub("", text_of(page))
    found = set()
    for line in prose.splitlines():
        if line.startswith("#"):
            words = re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower())
            found.add(words.replace(" ", "-"))
    return found


def dead_links(page):
    dead = []
    for target in LINK.findall(FENCE.sub("", text_of(page))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            dead.append(target)
    return dead


@names
def test_every_link_leads_somewhere(page):
    assert dead_links(page) == []


def test_a_dead_link_would_be_seen(tmp_path):
    (tmp_path / "b.md").write_text("# One two\n", encoding="utf-8")
    page = tmp_path / "a.md"
    page.write_text("[x](b.md) [y](b.md#one-two) [z](c.md) [w](b.md#three) [u](https://example.org)", encoding="utf-8")
    assert dead_links(page) == ["c.md", "b.md#three"]


def test_every_page_is_linked_from_the_readme_or_the_architecture():
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in (ROOT / "README.md", ROOT / "docs" / "architecture.md")
        for target in LINK.findall(text_of(page))
    }
    assert [page.name for page in DOCS if page not in linked and page.name != "architecture.md"] == []


@names
def test_files_that_are_named_exist(page):
    missing = [
        word
        for word in CODE.findall(FENCE.sub("", text_of(page)))
        if word.startswith(FOLDERS) and not re.search(r"[<>*{ ]", word) and not (ROOT / word).exists()
    ]
    assert missing == []


def commands_in(text):
    """Every ``hearth VERB ...`` and ``scripts/NAME ...`` that a page or a help text shows."""
    shown = [line for block in FENCE.findall(text) for line in block.splitlines()] + CODE.findall(text)
    for line in shown:
        found = re.match(r"\s*(?:sudo )?(?:\.venv/bin/)?((?:hearth|scripts/\w+)(?: .*)?)$", line)
        # A bare upper-case word after hearth is a placeholder or the usage line, not something to type.
        if found and "[OPTIONS]" not in line and not re.match(r"hearth [A-Z]", found[1]):
            yield found[1]


def parts_of(verb):
    """A verb, or the commands below it where it has any."""
    command = MAKER.command_of(verb)
    return list(command.commands.values()) if isinstance(command, click.Group) else [command]


def wrong_with(command):
    """Say what is wrong with a command that a page shows; empty when it could be typed."""
    words = shlex.split(command.split("  ")[0])
    if words[0] != "hearth":
        return "" if (ROOT / words[0]).exists() else "no such script"
    if len(words) == 1 or words[1].startswith("-"):
        return ""
    if words[1] not in VERBS:
        return "no such verb"
    known = {name for part in parts_of(words[1]) for param in part.params for name in param.opts} | {"--help", "-h"}
    unknown = [word for word in words[2:] if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in known]
    return f"no option {unknown[0]}" if unknown else ""


@names
def test_every_command_on_a_page_can_be_typed(page):
    assert {command: wrong for command in commands_in(text_of(page)) if (wrong := wrong_with(command))} == {}


def test_a_wrong_command_would_be_seen():
    assert wrong_with("hearth lsit --json") == "no such verb"
    assert wrong_with("hearth list --jsn") == "no option --jsn"
    assert wrong_with("scripts/dmeo") == "no such script"
    assert wrong_with("hearth withdraw 417-maple-river-candle-north --json") == ""
    assert list(commands_in("`hearth list`\n```\n.venv/bin/hearth demo --headless\n```\n")) == [
        "hearth demo --headless",
        "hearth list",
    ]


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_explains_itself_with_examples_that_can_be_typed(verb):
    told = CliRunner().invoke(hearth, [verb, "--help"])
    assert told.exit_code == 0
    assert "Examples:" in told.output
    about, examples = MAKER.help_of(MAKER.command_of(verb))
    assert len(about) > 30
    lines = examples.splitlines()
    assert lines
    assert all(line.startswith(f"hearth {verb}") for line in lines)
    assert [wrong_with(line) for line in lines] == [""] * len(lines)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_option_has_a_help_line(verb):
    options = [param for part in parts_of(verb) for param in part.params if isinstance(param, click.Option)]
    assert [param.name for param in options if not param.help] == []


def test_every_verb_has_its_file_and_every_file_its_verb():
    files = {
        path.stem.removesuffix("_") for path in (ROOT / "kiosk" / "commands").glob("*_.py") if path.stem != "__init__"
    }
    assert files == set(VERBS)


def test_every_answer_for_programs_is_described():
    verbs = {verb for verb in VERBS if any("--json" in param.opts for part in parts_of(verb) for param in part.params)}
    assert verbs - set(MAKER.ANSWERS) == set(), "describe it in ANSWERS of scripts/pages.py, then run scripts/pages"


QUICK = {
    "config": [],
    "cue": [],
    "devices": [],
    "doctor": [],
    "list": [],
    "models": ["list"],
    "retention": [],
    "hold": [],
    "search": ["river"],
    "sync": ["--to", "archive"],
    "verify": [],
}
"""Verbs that answer at once on an empty home, and what they are given."""


@pytest.mark.parametrize("verb", sorted(QUICK))
def test_the_page_names_what_a_verb_really_answers(verb, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEARTH_HOME", str(tmp_path / "box"))
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    CliRunner().invoke(hearth, ["list"], catch_exceptions=False)  # makes the home; not every verb does
    answer = json.loads(CliRunner().invoke(hearth, [verb, *QUICK[verb], "--json"], catch_exceptions=False).stdout)
    told = MAKER.ANSWERS[verb]
    # What failed stands under `error` in every answer; the page says so once, for all.
    assert {key for key in answer if f"`{key}`" not in told} <= {"error"}


@pytest.mark.parametrize("name", sorted(MAKER.PAGES))
def test_pages_made_from_the_program_are_fresh(name):
    assert text_of(ROOT / "docs" / name) == MAKER.PAGES[name](), "run scripts/pages"


def test_every_setting_is_on_the_page():
    page = text_of(ROOT / "docs" / "settings.md")
    for section, kind in config.SECTIONS.items():
        part = page.partition(f"## [{section}]\n")[2].partition("\n## ")[0]
        told = {line.split("`")[1] for line in part.splitlines() if line.startswith("| `")}
        assert told == {item.name for item in dataclasses.fields(kind)}
    for pin in config.PIN_NAMES:
        assert f"`{pin}`" in page


def test_every_variable_the_program_reads_is_on_the_page():
    read = set()
    for folder in ("audio", "hardware", "archive", "kiosk", "scripts", "tests"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in {".py", ".sh", ""}:
                read |= set(re.findall(r"\bHEARTH_[A-Z_]+\b", path.read_text(encoding="utf-8")))
    told = set(re.findall(r"`(HEARTH_[A-Z_]+)`", text_of(ROOT / "docs" / "settings.md")))
    assert read == told


def test_the_readme_begins_with_what_a_stranger_needs():
    readme = text_of(ROOT / "README.md")
    order = [
        readme.index(part)
        for part in ("docs/images/screens.jpg", "scripts/demo", "scripts/test", "## What to read next")
    ]
    assert order == sorted(order)
    picture = ROOT / "docs" / "images" / "screens.jpg"
    assert picture.read_bytes().startswith(b"\xff\xd8\xff")
    assert picture.stat().st_size < 500_000
    assert {verb for verb in WORTH_SAYING if not any(f"hearth {verb}" in text_of(page) for page in PAGES)} == set()


NOT_YET = {
    "CODE_ENTRY": "entering a keep-code at the box",
    "CONVERSATION": "a group's agreement and conversation",
}
"""States that may be without a screen, and the sentence of the README that says so."""


def test_the_readme_says_what_is_not_there_yet_and_only_that():
    from kiosk.table import SCREENS_LATER

    readme = text_of(ROOT / "README.md")
    later = {state.name for state in SCREENS_LATER}
    said = {name for name, sentence in NOT_YET.items() if sentence in readme}
    assert said == later & set(NOT_YET), "correct the table 'not yet' of README.md, and docs/privacy.md with it"


def test_every_folder_of_tests_is_on_the_page():
    page = text_of(ROOT / "docs" / "testing.md")
    folders = {path.parent.relative_to(ROOT).parts[1] for path in (ROOT / "tests").rglob("test_*.py")}
    assert {folder for folder in folders if f"`tests/{folder}`" not in page} == set()


def test_the_changes_end_with_the_version_of_the_program():
    from importlib import metadata

    changes = text_of(ROOT / "CHANGELOG.md")
    version = metadata.version("digital-hearth")
    heads = re.findall(r"^## (.+)$", changes, re.MULTILINE)
    assert heads
    assert heads[0] == "Unreleased" or heads[0].startswith(version)
