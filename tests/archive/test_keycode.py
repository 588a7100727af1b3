from __future__ import annotations

import pytest

from archive.database import Moment
from archive.errors import TooManyTries, WrongCode
from archive.keycode import Cost, KeepCode, derive, new_code, parse, wordlist
from archive.throttle import BOX, BOX_FORGETS_S, BOX_LONGEST_S, LONGEST_S, begin_try, wait_after
from audio.clock import VirtualClock


@pytest.mark.parametrize("language", ["en", "es"])
def test_words_are_many_short_distinct_and_typed_on_any_keyboard(language: str) -> None:
    words = wordlist(language)
    assert len(words) >= 1024
    assert len(set(words)) == len(words)
    assert len({word[:4] for word in words}) == len(words)
    assert all(word.isascii() and word.isalpha() and word.islower() and 3 <= len(word) <= 8 for word in words)
    assert 1_000_000 / len(words) ** 4 < 1e-7


def test_a_language_without_a_list_gets_english_words() -> None:
    assert wordlist("xx") == wordlist("en")
    assert wordlist("es-MX") == wordlist("es")


@pytest.mark.parametrize(
    "typed",
    [
        "417-maple-river-candle-north",
        "417 Maple River CANDLE north",
        "  417 -maple,river\tcandle–north. ",
        "417 máple rivér candle north",
        "\u0664\u0661\u0667 maple river candle north",
        "\u096a\u0967\u096d-maple-river-candle-north",
        "\uff14\uff11\uff17 maple river candle north",
    ],
)
def test_a_code_is_read_however_it_is_typed(typed: str) -> None:
    assert parse(typed) == KeepCode(417, ("maple", "river", "candle", "north"))


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "417",
        "maple river candle north",
        "417-a-b-c",
        "417-a-b-c-d-e",
        "4x-a-b-c-d",
        "9999999999-a-b-c-d",
        "417-a-b-c-4",
    ],
)
def test_what_cannot_be_a_code_is_refused(typed: str) -> None:
    with pytest.raises(WrongCode):
        parse(typed)


def test_codes_differ_grow_past_999_and_do_not_show_their_words_in_a_log() -> None:
    codes = {new_code(1000, "en") for _ in range(50)}
    assert len(codes) == 50
    code = codes.pop()
    assert parse(str(code)) == code
    assert not any(word in repr(code) for word in code.words)


def test_the_halves_of_a_hash_depend_on_words_and_salt() -> None:
    cost = Cost(8, 1, 1)
    code, other = KeepCode(1, ("a", "b", "c", "d")), KeepCode(1, ("a", "b", "c", "e"))
    one = derive(code, b"s" * 16, cost)
    assert one == derive(code, b"s" * 16, cost)
    assert one.proof != one.key
    assert {one.proof, derive(other, b"s" * 16, cost).proof, derive(code, b"t" * 16, cost).proof}.__len__() == 3
    assert Cost.parse(cost.text()) == cost


def test_the_default_cost_is_the_promised_one() -> None:
    assert (Cost().memory, Cost().passes, Cost().lanes) == (64 * 1024, 3, 1)


def test_a_right_code_opens_and_a_wrong_one_tells_nothing(store, teller) -> None:
    take, code = teller.story()
    assert code.number == 101
    assert store.enter_code(str(code).upper().replace("-", " ")).take == take
    sentences = set()
    for text in (f"{code.number}-one-two-three-four", "9999-one-two-three-four"):
        with pytest.raises(WrongCode) as caught:
            store.enter_code(text)
        sentences.add(caught.value.say)
    assert len(sentences) == 1
    assert code.words[0] not in repr(store.enter_code(str(code)))


def test_the_number_of_an_erased_story_is_never_given_again(store, teller) -> None:
    _, code = teller.story()
    store.withdraw(str(code), "code")
    assert teller.story()[1].number == code.number + 1
    with pytest.raises(WrongCode):
        store.enter_code(str(code))


def test_waits_double_up_to_a_ceiling() -> None:
    assert [wait_after(n) for n in range(6)] == [0, 0, 0, 5, 10, 20]
    assert wait_after(1000) == LONGEST_S
    assert wait_after(9, box=True) == 0
    assert wait_after(1000, box=True) == BOX_LONGEST_S


def test_wrong_tries_slow_one_number_down_over_restarts_and_clock_jumps(store, teller, clock, another_store) -> None:
    take, code = teller.story()
    for _ in range(3):
        with pytest.raises(WrongCode):
            store.enter_code(f"{code.number}-a-b-c-d")
    with pytest.raises(TooManyTries, match="wait"):
        store.enter_code(str(code))
    clock.set_wall(clock.wall().replace(year=2040))
    with pytest.raises(TooManyTries):
        store.enter_code(str(code))
    after_restart = VirtualClock()
    with another_store() as later:
        later.clock = after_restart
        with pytest.raises(TooManyTries):
            later.enter_code(str(code))
        after_restart.advance(4)
        with pytest.raises(TooManyTries):
            later.enter_code(str(code))
        after_restart.advance(2)
        assert later.enter_code(str(code)).take == take
        assert later.enter_code(str(code)).take == take


def test_the_box_slows_down_too_but_never_long_and_it_forgets(store, teller, clock) -> None:
    take, code = teller.story()
    for number in range(500, 510):
        with pytest.raises(WrongCode):
            store.enter_code(f"{number}-a-b-c-d")
    with pytest.raises(TooManyTries):
        store.enter_code(str(code))
    clock.advance(BOX_LONGEST_S)
    assert store.enter_code(str(code)).take == take
    clock.advance(BOX_FORGETS_S + 1)
    begin_try(store.db.conn, 7, Moment.now(clock))
    assert store.db.conn.execute("SELECT wrong FROM tries WHERE number = ?", (BOX,)).fetchone()[0] == 1


def test_a_million_guesses_in_a_day_are_not_possible(store, clock) -> None:
    """Try as fast as the throttle allows for a simulated day, at one number."""
    tried = 0
    end = clock.monotonic() + 86_400
    while clock.monotonic() < end:
        try:
            begin_try(store.db.conn, 101, store.moment())
            tried += 1
        except TooManyTries:
            clock.advance(60)
    assert tried < 60


def test_a_try_counts_even_if_the_plug_is_pulled_before_the_answer(store, teller, monkeypatch) -> None:
    _, code = teller.story()

    def plug(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("archive.stories.derive", plug)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            store.enter_code(f"{code.number}-a-b-c-d")
    with pytest.raises(TooManyTries):
        store.enter_code(str(code))
