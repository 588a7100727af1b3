"""Prompts: the shipped sets, a library's own sets, and what is refused."""

from __future__ import annotations

from datetime import date

import pytest

from kiosk import prompts
from kiosk.errors import BadPrompts
from kiosk.texts import shipped_languages

GOOD = '[[prompt]]\nid = "one"\ntext = { en = "Tell me about a day.", es = "Cuéntame un día." }\n'


def test_the_shipped_sets_ask_enough_in_every_language_and_fit():
    every = prompts.load(None, shipped_languages())
    assert len(every) >= 24
    assert all(3 <= len(prompts.ours(name).prompts) <= 12 for name in prompts.SETS)
    for prompt in every:
        assert set(prompt.text) == set(shipped_languages())
        assert all(len(words) <= prompts.LONGEST for words in prompt.text.values())
        assert not prompt.text["en"].startswith(("Do ", "Did ", "Is ", "Are ", "Have ", "Should ", "Why ")), (
            "asks for an experience"
        )
        assert prompt.follow
        assert all(set(follow) == set(shipped_languages()) for follow in prompt.follow)
    assert len({prompt.text["en"] for prompt in every}) == len(every)


def test_a_library_s_own_sets_take_the_place_of_the_shipped(tmp_path):
    (tmp_path / "prompts").mkdir()
    assert len(prompts.load(tmp_path, ("en",))) >= 24
    assert next(prompt.id for prompt in prompts.load(tmp_path, ("en",), ("work",))) == "first-work"
    with pytest.raises(BadPrompts, match="no set of prompts called 'wrok'"):
        prompts.load(tmp_path, ("en",), ("wrok",))
    (tmp_path / "prompts" / "a.toml").write_text(GOOD)
    (tmp_path / "prompts" / "b.toml").write_text(GOOD.replace('"one"', '"two"'))
    own = prompts.load(tmp_path, ("en", "es"))
    assert [prompt.id for prompt in own] == ["one", "two"]
    (tmp_path / "prompts" / "b.toml").write_text(GOOD)
    with pytest.raises(BadPrompts, match="in two sets"):
        prompts.load(tmp_path, ("en",))
    (tmp_path / "prompts" / "b.toml").write_bytes(b"\xff\xff")
    with pytest.raises(BadPrompts, match="cannot be read"):
        prompts.load(tmp_path, ("en",))


def test_dates_and_boxes_choose_and_a_box_always_asks():
    text = GOOD + 'from = 2026-03-01\nuntil = 2026-03-31\nbox = "hall"\n[prompt.spoken]\nen = "one.wav"\n'
    one = prompts.parse(text, "set", ("en", "es")).prompts[0]
    assert one.spoken == {"en": "one.wav"}
    assert one.asked(date(2026, 3, 1), "hall")
    assert one.asked(date(2026, 3, 31), "hall")
    assert not one.asked(date(2026, 2, 28), "hall")
    assert not one.asked(date(2026, 4, 1), "hall")
    assert not one.asked(date(2026, 3, 2), "desk")
    two = prompts.Prompt("two", {"en": "Tell me."})
    assert prompts.playable((one, two), date(2026, 3, 2), "hall") == ("one", "two")
    assert prompts.playable((one, two), date(2027, 3, 2), "hall") == ("two",)
    assert prompts.playable((one,), date(2027, 3, 2), "hall") == ("one",)
    assert (one.say("es"), one.say("hi"), two.say("es")) == ("Cuéntame un día.", "Tell me about a day.", "Tell me.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[prompt\n", "not valid TOML"),
        ("name = 'x'\n", "holds no prompt"),
        ("colour = 1\n" + GOOD, "'colour', which nothing reads"),
        (GOOD + GOOD, "there twice"),
        (GOOD.replace('"one"', '"One!"'), "has the id 'One!'"),
        (GOOD + "colour = 1\n", "'colour', which nothing reads"),
        (GOOD.replace("a day", "a day " * 20), "characters long in 'en'"),
        (GOOD.replace(', es = "Cuéntame un día."', ""), "no words in: es"),
        (GOOD.replace('"Tell me about a day."', '" "'), "' ' for 'en'"),
        ('[[prompt]]\nid = "one"\n', "text is missing"),
        (GOOD + "follow = 3\n", "follow is not a list"),
        (GOOD + "follow = [3]\n", "follow is missing"),
        (GOOD + 'follow = [{ en = "And then?" }]\n', "follow has no words in: es"),
        (GOOD + f'follow = [{{ en = "{"And then? " * 20}", es = "¿Y luego?" }}]\n', "characters long in 'en'"),
        (GOOD + 'from = "soon"\n', "'soon', not a day"),
        (GOOD + "from = 2026-03-02\nuntil = 2026-03-01\n", "before it begins"),
        (GOOD + "box = 3\n", "box is 3"),
    ],
)
def test_what_is_wrong_is_refused_with_a_sentence(text, said):
    with pytest.raises(BadPrompts) as caught:
        prompts.parse(text, "my.toml", ("en", "es"))
    assert said in caught.value.say
    assert caught.value.say.startswith("my.toml")
    assert caught.value.do
