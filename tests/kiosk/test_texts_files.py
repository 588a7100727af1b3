"""The words of the box: complete in every language, used, honest about what was agreed to."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import kiosk
from archive.types import ASKED_USES, Use
from audio.loopback import Heard
from hardware.keyboard import explain
from kiosk.errors import BadTexts
from kiosk.firstrun.looks import FACES
from kiosk.terms import wording
from kiosk.texts import Texts, load, shipped_languages
from kiosk.types import CUE_MEANINGS, Meaning, Notice, State

ROOT = Path(kiosk.__file__).parent
LITERAL = re.compile(r"[\"']([a-z_]+\.[a-z_]+)[\"']")
PARTS = {"keys", "sharing", "notice", "consent", "plain", "again", "trouble"}


def sections(language: str) -> dict[str, dict[str, str]]:
    tables = tomllib.loads((ROOT / "text" / f"{language}.toml").read_text(encoding="utf-8"))
    tables["language"].pop("draft", None)
    return tables


def written_keys() -> set[str]:
    """Every text key that stands as such in the program."""
    known = set(sections("en"))
    found = {key for path in ROOT.rglob("*.py") for key in LITERAL.findall(path.read_text(encoding="utf-8"))}
    return {key for key in found if key.split(".")[0] in known and not key.endswith((".toml", ".py", ".db"))}


def made_keys() -> set[str]:
    """Keys put together while the program runs: families over the program's own lists."""
    keys = {f"keys.{meaning.value}" for meaning in Meaning if meaning not in CUE_MEANINGS}
    situations = [state.value for state in State] + ["still_there"] + [meaning.value for meaning in Meaning]
    keys |= {f"keys.{meaning.value}_{where}" for meaning in Meaning for where in situations}
    keys |= {f"notice.{notice.value}" for notice in Notice}
    keys |= {f"consent.{use.value}" for use in (Use.RECORD, *ASKED_USES)}
    keys |= {f"group.{name}" for name in (*ASKED_USES, "age", "form")}
    keys |= {f"consent.{name}" for name in ("age", "form", "embargo")}
    keys |= {
        f"line.{name}"
        for name in ("talk", "next", "listen", "say_code", "hear", "stop", "uses", "receipts", "part", "withdraw")
    }
    keys |= {f"line.{name}" for name in ("tell_librarian", "same_question", "same_theme", "any_voice")}
    keys |= {f"keys.{name}_trim_end" for name in ("take", "move")} | {"keys.take_part_end"}
    keys |= {f"mine.{state}" for state in ("there", "leaving", "gone")}
    keys |= {f"plain.{state.value}" for state in State}
    keys |= {f"again.{meaning.value}{tail}" for meaning in Meaning for tail in ("", "_body")}
    keys |= {f"setup.sound_{heard}" for heard in Heard}
    keys |= {f"setup.key_{name}" for name, _ in FACES.values()} | {"setup.key_back"}
    keys |= {f"month.{month}" for month in range(1, 13)}
    keys |= {key for _, key in explain()} | {"again.other", "language.name"}
    return keys


def trouble_codes() -> set[str]:
    """Error codes of the whole program, as text keys."""
    code = re.compile(r"^    code = \"([a-z-]+)\"", re.MULTILINE)
    root = ROOT.parent
    files = [path for folder in ("audio", "archive", "hardware", "kiosk") for path in (root / folder).rglob("*.py")]
    return {found.replace("-", "_") for path in files for found in code.findall(path.read_text(encoding="utf-8"))}


def test_every_language_has_the_same_keys() -> None:
    english = {f"{name}.{key}" for name, table in sections("en").items() for key in table}
    for language in shipped_languages():
        theirs = {f"{name}.{key}" for name, table in sections(language).items() for key in table}
        assert theirs == english, language


def test_every_key_in_the_program_exists() -> None:
    words = load("en").words
    assert not {key for key in written_keys() if key not in words}
    required = {f"keys.{meaning.value}" for meaning in Meaning if meaning not in CUE_MEANINGS}
    required |= {f"notice.{notice.value}" for notice in Notice} | {f"consent.{use.value}" for use in ASKED_USES}
    assert not required - set(words)


def test_every_key_in_the_files_is_used() -> None:
    used = written_keys() | made_keys()
    used |= {f"trouble.{code}{tail}" for code in trouble_codes() for tail in ("", "_do")}
    assert not set(load("en").words) - used


@pytest.mark.parametrize("language", shipped_languages())
def test_words_are_short_and_warm(language: str) -> None:
    texts = load(language)
    for meaning in Meaning:
        if label := texts.find(f"keys.{meaning.value}"):
            assert len(label) <= 12, label
            assert len(label.split()) <= 3, label
    record = texts.get("consent.record")
    assert len(re.findall(r"[.!?؟।](?: |$)|[。！？]", record)) == 3, "consent is three sentences"
    for use in ASKED_USES:
        question = texts.get(f"consent.{use.value}")
        assert question[-1] in "?؟？"
        assert len(re.findall("[?؟？]", question)) == 1
        assert len(question) <= 70


def test_a_missing_key_is_a_sentence() -> None:
    with pytest.raises(BadTexts) as caught:
        load("en").get("recording.hedline")
    assert "recording.hedline" in caught.value.say
    assert "recording.headline" in caught.value.do
    with pytest.raises(BadTexts, match="count"):
        load("en").get("time.minutes")
    with pytest.raises(BadTexts, match="no texts"):
        load("xx")


def test_a_library_changes_single_lines(tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_text('[attract]\n[ready]\nheadline = "Good day"\n', encoding="utf-8")
    texts = load("en", tmp_path)
    assert texts.get("ready.headline") == "Good day"
    assert texts.get("recording.paused") == "Paused"
    assert load("es", tmp_path).get("ready.headline") == "Diga hola"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('[ready]\nhedline = "x"\n', "Nobody uses the text 'ready.hedline'"),
        ("[ready]\nheadline = 4\n", "is not a text"),
        ('[ready]\nheadline = " "\n', "is not a text"),
        ('headline = "x"\n', "outside a section"),
        ('[ready]\nheadline = "{name}"\n', "asks for 'name'"),
        ('[ready]\nheadline = "{"\n', "open bracket"),
        ("[ready\n", "not TOML"),
    ],
)
def test_a_wrong_change_is_refused_by_name(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "en.toml").write_text(content, encoding="utf-8")
    with pytest.raises(BadTexts, match=re.escape(told)):
        load("en", tmp_path)


def test_texts_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "en.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadTexts, match="cannot be read"):
        load("en", tmp_path)


@pytest.mark.parametrize("name", ["en.toml", "outcomes.toml"])
def test_a_folder_where_words_should_be_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(BadTexts, match="no file"):
        load("en", tmp_path)


def test_the_wording_names_the_very_words(tmp_path: Path) -> None:
    shipped = load("en").wording(Use.RECORD)
    assert shipped.text == load("en").get("consent.record")
    assert re.fullmatch("[0-9a-f]{64}", shipped.hash)
    (tmp_path / "en.toml").write_text('[consent]\nrecord = "We record. We write. You decide."\n', encoding="utf-8")
    changed = load("en", tmp_path).wording(Use.RECORD)
    assert changed.version == shipped.version
    assert changed.hash != shipped.hash
    hashes = {
        load(language).wording(use).hash for language in ("en", "es") for use in (Use.RECORD, Use.KEEP, *ASKED_USES)
    }
    assert len(hashes) == 14


def test_troubles_are_told_in_the_language() -> None:
    spanish: Texts = load("es")
    assert spanish.trouble("no-microphone", "x")[0] == "El micrófono no está conectado."
    assert spanish.trouble("never-heard-of", "It broke.", "Wait.") == ("It broke.", "Wait.")


def test_only_a_librarys_own_wording_can_say_that_the_steward_has_a_key(tmp_path: Path) -> None:
    sentence = "The librarian has a key to it, too."
    for language in shipped_languages():
        plain = load(language)
        assert not plain.steward
        assert not wording(plain, Use.KEEP).steward
    (tmp_path / "en.toml").write_text(f'[consent]\nversion = "en-ours-2"\nsteward = "{sentence}"\n')
    ours = load("en", tmp_path)
    assert ours.get("review.headline") == f"{load('en').get('review.headline')} {sentence}", (
        "it is said where it is asked"
    )
    said = wording(ours, Use.KEEP)
    assert (said.steward, said.version) == (True, "en-ours-2")
    assert said.hash == ours.wording(Use.KEEP).hash
    assert sentence in ours.wording(Use.KEEP).text
    assert wording(ours, Use.KEEP, group=True).steward
    assert not any(wording(ours, use).steward for use in (Use.RECORD, *ASKED_USES))
    assert not load("es", tmp_path).steward, "each language speaks for itself"
    (tmp_path / "en.toml").write_text('[consent]\nsteward = ""\n')
    with pytest.raises(BadTexts):
        load("en", tmp_path)
