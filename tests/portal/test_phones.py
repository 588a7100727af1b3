"""Pairing a phone: digits, tokens, idle minutes, and what is told of the box."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from archive.errors import Refused, TooManyTries, WrongCode
from archive.phones import (
    CODE_S,
    IDLE_S,
    PRESSES,
    Face,
    digits_open,
    end_phones,
    is_phone,
    pair,
    phone_paired,
    press,
    put_face,
    read_face,
    show_digits,
    unpair,
)
from archive.types import Kind
from kiosk.facing import Facing, face_of
from kiosk.looks import NUDGE_S, Looks
from kiosk.prompts import ours
from kiosk.session import step
from kiosk.texts import load
from kiosk.types import Heard, Meaning, Mic, Playing, Press, Session, State, TakeId


def wrong(digits):
    return f"{(int(digits) + 1) % 1_000_000:06}"


def test_the_right_digits_pair_once(store):
    digits = show_digits(store)
    assert len(digits) == 6
    token = pair(store, f" {digits[:3]} {digits[3:]} ")
    assert is_phone(store, token)
    assert not is_phone(store, token + "x")
    assert not digits_open(store)
    with pytest.raises(WrongCode):
        pair(store, digits)


@pytest.mark.parametrize("zero", [0x660, 0x966, 0xFF10])
def test_the_digits_of_any_keyboard_pair(store, zero):
    digits = show_digits(store)
    assert is_phone(store, pair(store, "".join(chr(zero + int(one)) for one in digits)))


def test_neither_digits_nor_token_are_stored(store):
    digits = show_digits(store)
    assert digits not in "\n".join(store.db.conn.iterdump())
    token = pair(store, digits)
    assert token not in "\n".join(store.db.conn.iterdump())


def test_digits_end_after_two_minutes(store, clock):
    digits = show_digits(store)
    clock.sleep(CODE_S + 1)
    assert not digits_open(store)
    with pytest.raises(WrongCode):
        pair(store, digits)


def test_guessing_ends_the_digits_and_slows_down(store):
    digits = show_digits(store)
    for _ in range(3):
        with pytest.raises(WrongCode):
            pair(store, wrong(digits))
    with pytest.raises(TooManyTries):
        pair(store, wrong(digits))
    store.db.conn.execute("DELETE FROM tries")
    for _ in range(2):
        with pytest.raises(WrongCode):
            pair(store, wrong(digits))
    store.db.conn.execute("DELETE FROM tries")
    with pytest.raises(WrongCode):
        pair(store, digits)


def test_a_new_phone_ends_the_one_before(store):
    first = pair(store, show_digits(store))
    second = pair(store, show_digits(store))
    assert not is_phone(store, first)
    assert is_phone(store, second)
    unpair(store, first)
    assert is_phone(store, second)
    unpair(store, second)
    assert not phone_paired(store)


def test_a_phone_not_seen_for_fifteen_minutes_is_void_for_good(store, clock):
    token = pair(store, show_digits(store))
    for _ in range(10):
        clock.sleep(IDLE_S - 1)
        assert is_phone(store, token)
    clock.sleep(IDLE_S + 1)
    assert not phone_paired(store)
    assert not is_phone(store, token)
    assert store.db.conn.execute("SELECT COUNT(*) FROM phone").fetchone() == (0,)


def test_a_phone_may_press_only_what_a_remote_has(store):
    assert {Meaning(one) for one in PRESSES} >= {
        Meaning.CUE1,
        Meaning.PAUSE,
        Meaning.RESUME,
        Meaning.FLAG,
        Meaning.STOP,
    }
    forbidden = {
        Meaning.AGREE, Meaning.YES, Meaning.KEEP, Meaning.DISCARD, Meaning.CONFIRM, Meaning.NEXT_PERSON, Meaning.WITHDRAW,
        Meaning.NARROW, Meaning.TALK,
    }  # fmt: skip
    assert not forbidden & {Meaning(one) for one in PRESSES}
    number = press(store, "cue3")
    assert [(one.name, one.argument) for one in store.commands_after(number - 1)] == [("press", "cue3")]
    with pytest.raises(Refused):
        press(store, "agree")


def test_the_face_comes_back_as_it_was_told(store, clock):
    face = Face("conversation", ("pause", "stop"), (1, 4), 4, True, 100.0, None, 3, 2, False, 17)
    put_face(store, face)
    assert read_face(store) == face
    assert face.left(40.0) == 60.0
    end_phones(store)
    assert read_face(store) is None


def test_a_face_of_another_boot_is_nobodys(store, clock):
    put_face(store, Face("facilitator"))
    clock.boot_id = "another"
    assert read_face(store) is None


def test_while_paused_the_time_left_stands_still():
    assert Face("conversation", limit_at=100.0, paused_at=70.0).left(95.0) == 30.0
    assert Face("facilitator").left(1.0) is None


def test_nothing_is_told_unless_a_facilitator_is_there():
    assert face_of(Session(state=State.RECORDING, started=1.0, mic=Mic.OPEN), 0) is None


def test_what_is_told_is_what_the_screen_shows():
    session = Session(
        state=State.CONVERSATION, home=State.FACILITATOR, kind=Kind.CONVERSATION, started=5.0, limit_at=7205.0,
        mic=Mic.OPEN, people=3, cues=(2, 5), playing=Playing(Heard.CUE, 6.0, cue=5),
    )  # fmt: skip
    face = face_of(session, 9)
    assert face is not None
    assert (face.state, face.live, face.playing, face.people, face.seen) == ("conversation", True, 5, 3, 9)
    assert {"cue2", "cue5", "pause", "flag", "stop", "question"} <= set(face.offers)
    assert not {"cue1", "resume", "discard", "louder"} & set(face.offers)


def test_a_disk_that_refuses_does_not_stop_the_box(store, caplog):
    facing = Facing(store)
    store.db.conn.execute("DROP TABLE face")
    facing.tell(Session(home=State.FACILITATOR), 1)
    assert "a phone was not told" in caplog.text


def test_what_to_ask_next_leaves_the_tellers_screen_and_never_stands_there_while_a_phone_has_it(store, clock):
    facing, prompts = Facing(store), {prompt.id: prompt for prompt in ours("work").prompts}
    still = SimpleNamespace(level=0.0, bars=(), position=lambda: None, words=tuple, loudest=False)
    looks = Looks(store, SimpleNamespace(level=0.0, review=still), still, facing, {"en": load("en")}, prompts)
    now = clock.monotonic()
    told = Session(state=State.RECORDING, home=State.FACILITATOR, prompt=next(iter(prompts)), started=now, mic=Mic.OPEN)
    asked, _ = step(told, Press(Meaning.QUESTION, now, TakeId("T")))
    follow_up = prompts[told.prompt].questions("en")[1]
    assert looks.view(asked, now + 1).notes == (follow_up,)
    assert looks.view(asked, now + NUDGE_S).notes == (), "a teller does not go on under a question"
    pair(store, show_digits(store))
    facing.look()
    assert looks.view(asked, now + 1).notes == ()
    assert looks.asks(asked) == follow_up, "the phone has it for as long as it is on"


def test_the_key_that_shows_digits_puts_them_away_again(store, clock):
    facing = Facing(store)
    chair = Session(state=State.FACILITATOR, home=State.FACILITATOR)
    facing.turn(chair)
    digits = facing.digits(clock.monotonic()).replace("\u00a0", "")
    assert digits_open(store)
    facing.turn(chair)
    assert (facing.digits(clock.monotonic()), digits_open(store)) == ("", False)
    with pytest.raises(WrongCode):
        pair(store, digits)
    facing.turn(chair)
    facing.offer(chair)
    assert facing.digits(clock.monotonic()), "a phone that asks for digits hides none"


def test_digits_leave_the_screen_when_used_up_or_old(store, clock):
    facing = Facing(store)
    chair = Session(state=State.FACILITATOR, home=State.FACILITATOR)
    facing.offer(Session(state=State.RECORDING, home=State.FACILITATOR))
    assert facing.digits(clock.monotonic()) == ""
    facing.offer(chair)
    shown = facing.digits(clock.monotonic())
    assert facing.digits(clock.monotonic() + CODE_S + 1) == ""
    facing.offer(chair)
    shown = facing.digits(clock.monotonic())
    pair(store, shown.replace("\u00a0", ""))
    facing.look()
    assert facing.digits(clock.monotonic()) == ""
