"""A group's keep-codes, one person after the other, and the words it is asked in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from archive.types import ASKED_USES, Kind
from hardware.types import Control
from kiosk import types as t
from kiosk.keys import counts, keys, legal
from kiosk.session import step
from kiosk.signing import consent_hash
from kiosk.texts import load
from kiosk.types import Meaning, Session, State
from kiosk.view import Extras, view

CODES = ("417-a-b-c-d", "418-e-f-g-h", "419-i-j-k-l")
TAKE = t.TakeId("T")


def at_thanks() -> Session:
    review = Session(state=State.REVIEW, kind=Kind.CONVERSATION, take=TAKE, saving=True, people=3)
    asked, _ = step(review, t.Kept(TAKE, CODES[0], 1.0, CODES))
    after, _ = step(asked, t.Press(Meaning.DONE, 3.0, TAKE))
    assert after.state is State.THANKS
    return after


def press(session: Session, meaning: Meaning, at: float) -> Session:
    return step(session, t.Press(meaning, at, TAKE))[0]


def test_every_person_sees_their_words_and_the_last_leads_out():
    session, seen = at_thanks(), []
    for number in range(3):
        seen.append(session.keep_code)
        assert (Meaning.BACK in legal(session)) is (number == 2)
        assert (Meaning.DONE in legal(session)) is (number == 2)
        if number < 2:
            session = press(session, Meaning.NEXT, 5.0 + number)
    assert tuple(seen) == CODES
    again = press(session, keys(session)[Control.LEFT], 9.0)
    assert again.keep_code == CODES[0]
    gone = press(session, Meaning.BACK, 9.0)
    assert gone.state is State.ATTRACT
    assert (gone.keep_code, gone.keep_codes, gone.person) == ("", (), 0)


def test_mashing_passes_nobodys_words_over():
    session = at_thanks()
    at = session.shown_at
    for _ in range(40):
        at += 0.1
        session = press(session, Meaning.NEXT, at)
    assert session.keep_code == CODES[0]
    assert not counts(session, Meaning.NEXT, at + 0.1)


def test_a_single_teller_has_one_page():
    session = replace(at_thanks(), keep_codes=CODES[:1])
    assert set(keys(session).values()) >= {Meaning.BACK, Meaning.SAY_CODE}
    assert Meaning.NEXT not in keys(session).values()


@pytest.mark.parametrize("language", ["en", "es", "ar", "hi", "zh"])
def test_a_group_is_asked_in_words_that_say_so(language):
    texts = load(language)
    session = replace(at_thanks(), state=State.SHARING, question=0, language=language)
    group = view(session, Extras(), texts, keys(session))
    alone = view(replace(session, kind=Kind.STORY), Extras(), texts, keys(session))
    assert group.body == texts.wording(ASKED_USES[0], group=True).text != alone.body
    assert texts.get("group.all") in group.notes


def test_who_signs_a_language_signs_what_groups_agree_to():
    texts = load("hi")
    changed = replace(texts, words={**texts.words, "group.public": "?"})
    assert consent_hash(changed) != consent_hash(texts)


def test_withdrawing_for_everybody_is_said_before():
    texts = load("en")
    mine = Session(state=State.MY_STORY, story=TAKE, asked=Meaning.WITHDRAW, mine=t.Mine(people=3))
    assert view(mine, Extras(), texts, keys(mine)).body == texts.get("group.withdraw_body")
