"""`hearth archive patterns`: one object with everything across, and sentences for people; with machines off too."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from archive.patterns import codebook, corpus, highlights, themes
from archive.patterns.codebook import Level
from archive.patterns.themes import Side
from kiosk.cli import hearth


@pytest.fixture
def home(place, change, telling):
    """Sixty stories and five conversations, with one theme written from what was planted."""
    made = corpus.small(60, 5)
    change(corpus.put, made)
    code = change(
        codebook.make_code,
        change(codebook.first_codebook, "ana", telling.now),
        "the bus",
        Level.CONCRETE,
        "",
        "ana",
        telling.now,
    )
    theme = change(themes.make_theme, "Without a car you are stuck.", "ana", telling.now)
    for one in made:
        for side, stand in (("for", Side.FOR), ("counter", Side.COUNTER)):
            for said in one.planted("last-bus", side)[:1]:
                marked = change(highlights.highlight, one.id, said.start, said.end, [code], "", "ana", telling.now)
                change(themes.put_voice, theme, marked, stand, "ana", telling.now)
    return place


def run(*arguments):
    done = CliRunner().invoke(hearth, ["archive", "patterns", *arguments])
    return done, done.output


def test_everything_across_leads_to_a_story_and_a_second(home):
    done, text = run("--home", str(home.path), "--json", "--themes", "6")
    assert done.exit_code == 0, text
    found = json.loads(text)
    assert set(found) == {
        "machines",
        "voices",
        "snippets",
        "matrix",
        "together",
        "distinctive",
        "proposed",
        "themes",
        "missing",
    }
    (theme,) = found["themes"]
    assert theme["stands"]
    assert theme["voices"] >= 3
    assert theme["against"] >= 1
    assert all(one["words"] and one["end"] > one["start"] > 0 for one in theme["for"] + theme["counter"])
    assert found["proposed"]
    for one in found["proposed"]:
        assert {"model", "version", "why"} <= set(one)
        assert one["voices"] >= 5
        assert one["exemplars"][0]["story"]
    (code,) = found["matrix"]
    counts = [
        code["voices"],
        *code["places"].values(),
        *code["prompts"].values(),
        *(one["voices"] for one in code["cells"]),
    ]
    assert all(count is None or count == 0 or count >= 5 for count in counts)
    assert {one["name"] for one in found["missing"]["language"]} == {"en", "es"}


def test_it_is_told_in_sentences_and_with_machines_off_proposes_nothing(home):
    _, text = run("--home", str(home.path))
    for line in ("Themes", "stands", "Proposed by a machine", "Who is missing"):
        assert line in text
    config = home.path / "config.toml"
    config.write_text(config.read_text().replace("ai = true", "ai = false"))
    found = json.loads(run("--home", str(home.path), "--json")[1])
    assert found["machines"] is False
    assert found["proposed"] == []
    assert found["themes"][0]["stands"]


def test_an_unknown_codebook_is_said(home):
    done, _ = run("--home", str(home.path), "--codebook", "nothing like it")
    assert done.exit_code != 0
