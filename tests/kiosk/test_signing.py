"""A draft language is offered only when a person of the library stands for its very words."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kiosk import signing
from kiosk.cli import run
from kiosk.config import Config
from kiosk.errors import BadTexts
from kiosk.setting import read_home
from kiosk.texts import is_draft, load, shipped_languages

DAY = date(2026, 3, 1)


def test_only_english_is_live_from_the_start(tmp_path: Path) -> None:
    assert {language for language in shipped_languages() if is_draft(language)} == {"es", "ar", "hi", "zh"}
    assert Config().site.languages == ("en",), "a box starts with the settings it comes with"
    signing.check_live(tmp_path, load("en"))
    with pytest.raises(BadTexts, match="'ar' is a draft"):
        signing.check_live(tmp_path, load("ar"))


def test_a_signature_lasts_as_long_as_the_words(tmp_path: Path) -> None:
    signing.sign(tmp_path, load("ar"), "  Reader  of Arabic ", DAY)
    signing.sign(tmp_path, load("zh"), 'A "quoted" name', DAY)
    signing.check_live(tmp_path, load("ar"))
    assert signing.signatures(tmp_path)["ar"].by == "Reader of Arabic"
    assert signing.signatures(tmp_path)["zh"] == signing.Signature(
        'A "quoted" name', DAY, signing.consent_hash(load("zh"))
    )
    (tmp_path / "ar.toml").write_text('[consent]\nquote = "هل؟"\n', encoding="utf-8")
    with pytest.raises(BadTexts, match="changed since Reader of Arabic"):
        signing.check_live(tmp_path, load("ar", tmp_path))
    with pytest.raises(BadTexts, match="nobody has signed"):
        signing.check_live(tmp_path, load("hi"))


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\x07b"])
def test_nobody_is_not_a_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadTexts, match="not a name"):
        signing.sign(tmp_path, load("ar"), name, DAY)
    assert not (tmp_path / signing.FILE).exists()


@pytest.mark.parametrize("content", ["[ar]\nby = 'x'\n", "[ar\n", "ar = 3\n"])
def test_a_broken_file_is_no_signature(tmp_path: Path, content: str) -> None:
    (tmp_path / signing.FILE).write_text(content, encoding="utf-8")
    with pytest.raises(BadTexts):
        signing.check_live(tmp_path, load("ar"))


def test_an_unsigned_draft_is_not_offered_and_the_box_goes_on_without_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "box"
    read_home(home)
    (home / "config.toml").write_text('[site]\nlanguage = "ar"\nlanguages = ["ar"]\n', encoding="utf-8")
    with pytest.raises(BadTexts, match="nobody has signed"):
        read_home(home)
    (home / "config.toml").write_text('[site]\nlanguage = "ar"\nlanguages = ["en", "ar"]\n', encoding="utf-8")
    site = read_home(home).config.site
    assert (site.language, site.languages) == ("en", ("en",))
    where = ["--home", str(home)]
    assert run(["config", *where]) == 0
    told = capsys.readouterr()
    assert "site.languages = ('en',)" in told.out
    assert "nobody has signed" in told.err
    assert "not offered" in told.err
    assert run(["texts", "show", "ar", *where]) == 0
    assert load("ar").get("consent.record") in capsys.readouterr().out
    assert run(["texts", "sign", "ar", "--by", "Reader", *where]) == 0
    assert run(["texts", "sign", "en", "--by", "Reader", *where]) != 0
    assert run(["config", *where]) == 0
    assert run(["texts", "list", "--json", *where]) == 0
    assert '"signed_by": "Reader"' in capsys.readouterr().out
    assert read_home(home).config.site.language == "ar"
    assert not read_home(home).not_offered
