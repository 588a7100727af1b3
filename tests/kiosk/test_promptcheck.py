"""The prompt designer's check: what a good interviewer would say about a question."""

from __future__ import annotations

import json
from pathlib import Path

import pygame
import pytest

from archive.promptsigns import Fault, signs_of
from kiosk import prompts
from kiosk.cli import run
from kiosk.promptcheck import check
from kiosk.texts import shipped_languages


@pytest.mark.parametrize(
    ("language", "text", "fault"),
    [
        ("en", "Did you like your school?", Fault.YES_NO),
        ("en", "Would you tell us about your school?", Fault.YES_NO),
        ("en", "What was it like, and isn't it sad that it closed?", Fault.LEADING),
        ("en", "How wonderful was your wedding day?", Fault.LEADING),
        ("en", "Where did you live and who lived with you?", Fault.DOUBLE),
        ("en", "Where was it? Who came?", Fault.DOUBLE),
        ("en", "What do you think of the new library?", Fault.OPINION),
        ("en", "What should the town do?", Fault.OPINION),
        ("en", "Wasn’t the flood terrible for you?", Fault.YES_NO),
        ("en", "Wasn’t the flood terrible for you?", Fault.LEADING),
        ("en", "Think of your school. Did you like it?", Fault.YES_NO),
        ("en", "Tell us whether you liked your school.", Fault.YES_NO),
        ("en", "It was better before, right?", Fault.LEADING),
        ("en", "Where did you live and was it far?", Fault.DOUBLE),
        ("en", "What are your thoughts on the new road?", Fault.OPINION),
        ("es", "¿Le gustaba su escuela?", Fault.YES_NO),
        ("es", "Piense en su escuela. ¿Le gustaba?", Fault.YES_NO),
        ("es", "¿No era todo mejor antes?", Fault.LEADING),
        ("es", "¿No cree que era mejor antes?", Fault.LEADING),
        ("es", "¿Dónde vivía y quién vivía con usted?", Fault.DOUBLE),
        ("es", "¿Qué opina del barrio?", Fault.OPINION),
        ("ar", "هل أحببتم مدرستكم؟", Fault.YES_NO),
        ("ar", "ما رأيكم في المكتبة؟", Fault.OPINION),
        ("ar", "أين سكنتم؟ من كان معكم؟", Fault.DOUBLE),
        ("ar", "كان أجمل بالتأكيد، فكيف كان؟", Fault.LEADING),
        ("ar", "ألم يكن كل شيء أجمل؟", Fault.LEADING),
        ("ar", "حين وصلتم، هل ساعدكم أحد؟", Fault.YES_NO),
        ("hi", "क्या आपको स्कूल पसंद था?", Fault.YES_NO),
        ("hi", "स्कूल अच्छा था, है ना?", Fault.LEADING),
        ("hi", "आप कहाँ रहते थे और कौन साथ था?", Fault.DOUBLE),
        ("hi", "आप पुस्तकालय के बारे में क्या सोचते हैं?", Fault.OPINION),
        ("hi", "जब आप आए, क्या आपको डर लगा?", Fault.YES_NO),
        ("zh", "您喜欢您的学校吗？", Fault.YES_NO),
        ("zh", "您喜欢不喜欢学校？", Fault.YES_NO),
        ("zh", "您那时住在哪里，和谁一起？", Fault.DOUBLE),
        ("zh", "以前难道不是更好？", Fault.LEADING),
        ("zh", "您住在哪里？谁和您一起？", Fault.DOUBLE),
        ("zh", "您觉得图书馆怎么样？", Fault.OPINION),
        ("es", "Cuéntenos si le gustaba la escuela.", Fault.YES_NO),
        ("ar", "ألا تظنون أن المدينة كانت أجمل من قبل؟", Fault.LEADING),
        ("hi", "आप कहाँ पले-बढ़े और वहाँ क्या करते थे?", Fault.DOUBLE),
        ("hi", "महापौर के बारे में आपकी क्या राय है?", Fault.OPINION),
        ("zh", "请说说您是否喜欢学校。", Fault.YES_NO),
    ],
)
def test_a_weak_question_is_noticed(language: str, text: str, fault: Fault) -> None:
    assert fault in signs_of(text, language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Tell us about the day you and your sister arrived."),
        ("es", "¿A quién encontraba en el camino?"),
        ("es", "¿De qué se reían en su casa?"),
        ("en", "What did you carry when you could not carry everything?"),
        ("en", "Who was there, and waited for you?"),
        ("es", "¿Y qué pasó después?"),
        ("hi", "जब आप आए तब क्या हो रहा था?"),
        ("hi", "क्या हुआ जब आप पहली बार यहाँ आए?"),
        ("zh", "您刚来的时候，谁帮助了您？"),
        ("fr", "Avez-vous aimé votre école ?"),
    ],
)
def test_a_good_question_is_left_alone(language: str, text: str) -> None:
    assert not signs_of(text, language)


def test_the_shipped_sets_are_good(tmp_path: Path) -> None:
    for name in prompts.SETS:
        found = check(prompts.ours(name, ()), shipped_languages())
        assert {one.fault for one in found} == {Fault.NO_RECORDING}


def test_the_verb_tells_everything_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(
        '[[prompt]]\nid = "one"\ntext = { en = "Did you like it?" }\nspoken = { en = "one.wav" }\n'
        f'[[prompt]]\nid = "two"\ntext = {{ en = "{"Tell us more. " * 8}", es = "Cuéntenos un día." }}\n'
        'follow = [{ en = "Did you like that?" }]\n',
        encoding="utf-8",
    )
    where = ["--home", str(tmp_path / "box")]
    assert run(["prompts", "check", str(own), "--lang", "en,es", "--json", *where]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["refused"] == 3
    one, two = answer["sets"][0]["prompts"]
    told = [(finding["language"], finding["fault"]) for finding in one["findings"]]
    assert told == [("es", "no-language"), ("en", "yes-no"), ("en", "no-recording")]
    assert ("en", "too-long") in [(finding["language"], finding["fault"]) for finding in two["findings"]]
    assert two["follow"] == [{"en": "Did you like that?"}]
    later = [(one["language"], one["fault"]) for one in two["findings"] if one["prompt"] == "two/follow-1"]
    assert later == [("es", "no-language"), ("en", "yes-no")]
    (tmp_path / "one.wav").touch()
    assert run(["prompts", "check", str(own), "--lang", "en", *where]) == 1
    assert "yes or no" in capsys.readouterr().out
    assert run(["prompts", "check", str(tmp_path / "none.toml"), *where]) == 2
    assert run(["prompts", "check", "--size", "big", *where]) == 2


def test_each_prompt_is_shown_as_it_will_look(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "mine.toml"
    own.write_text('[[prompt]]\nid = "one"\ntext = { en = "Tell us.", ar = "احكوا لنا." }\n', encoding="utf-8")
    shots = tmp_path / "shots"
    verb = ["prompts", "check", str(own), "--lang", "en", "--shots", str(shots), "--home", str(tmp_path / "box")]
    assert run(verb) == 0
    assert "open, asks one thing" in capsys.readouterr().out
    assert sorted(path.name for path in shots.iterdir()) == ["one-ar.png", "one-en.png"]
    assert pygame.image.load(shots / "one-ar.png").get_size() == (800, 480)
    assert run(["prompts", "check", "--home", str(tmp_path / "box")]) == 0
