"""Every reader against every state, judged by rules written down a second time, from the promises and not the code."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime

import pytest

from archive.consent import may, standing
from archive.types import ASKED_USES, Act, ConsentEvent, Form, Reader, Use
from audio.types import TakeId

TAKE = TakeId("01J0000000000000000000000A")
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
AGES = ((), (Act.MINOR,), (Act.MINOR, Act.GUARDIAN))
EMBARGOES = (None, date(2026, 6, 1), date(2026, 6, 2))


def said(act: Act, use: Use | None = None, *, yes: bool = True, form: Form = Form.VOICE, embargo: date | None = None):
    return ConsentEvent(TAKE, act, NOW, "key", use, yes, form, embargo)


def promised(
    reader: Reader, agreed: set[Use], *, form: Form, waits: bool, closed: bool, held: bool, sealed: bool, ended: bool,
    young: bool = False,
) -> bool:  # fmt: skip
    """What people were told, sentence by sentence."""
    if ended:
        return False  # "taken back means gone for everybody"
    if reader is Reader.TELLER:
        return Use.KEEP in agreed  # "with your code you can always come back to what you kept"
    if held or sealed:
        return False  # "out of every use" and "only your code opens it"
    if reader is Reader.REVIEW:
        return Use.RECORD in agreed and Use.KEEP not in agreed and not closed
    if reader is Reader.TRANSCRIBE:
        return Use.KEEP in agreed or (Use.RECORD in agreed and not closed)
    if Use.KEEP not in agreed or waits or young:
        return False  # "nothing above sealed until a guardian has agreed"
    here, outside = Use.PLAY_HERE in agreed, bool(agreed & {Use.ARCHIVE, Use.PARTNERS, Use.PUBLIC})
    promise = {
        Reader.PLAY: here and form is Form.VOICE,
        Reader.CUE: here and form is Form.VOICE,
        Reader.CAPTION: here,
        Reader.INDEX: here,
        Reader.SEARCH: here,
        Reader.BAG: outside,
        Reader.SYNC: outside,
        Reader.EXPORT: outside,
        Reader.PUBLISH: Use.PUBLIC in agreed,
        Reader.QUOTE: Use.QUOTE in agreed,
        Reader.DESK: outside,  # "the people of the archive work with it"
        Reader.LEND: bool(agreed & {Use.PARTNERS, Use.PUBLIC}) and form is Form.VOICE,  # "other libraries may play it"
    }
    return promise[reader]


def states():
    subsets = [set(some) for n in range(6) for some in itertools.combinations(ASKED_USES, n)]
    flags = (False, True)
    yield from itertools.product(
        flags, flags, subsets, Form, EMBARGOES, flags, flags, flags, (None, Act.WITHDRAW), (NOW, None), AGES
    )


def test_every_reader_in_every_state_gets_what_was_promised() -> None:
    asked = 0
    for record, keep, asked_uses, form, embargo, closed, held, sealed, ended, now, age in states():
        if age and not keep:
            continue  # the age is asked of those who keep
        agreed = asked_uses | ({Use.RECORD} if record else set()) | ({Use.KEEP} if keep else set())
        events = [said(Act.DECIDE, use) for use in (Use.RECORD, Use.KEEP) if use in agreed]
        events += [said(act) for act in age]
        events += [said(Act.DECIDE, use, form=form, embargo=embargo) for use in asked_uses]
        events += [said(act) for act, on in ((Act.CLOSE_REVIEW, closed), (Act.HOLD, held), (Act.SEAL, sealed)) if on]
        events += [said(ended)] if ended else []
        where = standing(events)
        waits = embargo is not None and (now is None or embargo > NOW.date())
        for reader in Reader:
            answer = may(where, reader, now)
            told = promised(
                reader, agreed, form=form, waits=waits, closed=closed, held=held, sealed=sealed, ended=bool(ended),
                young=age == (Act.MINOR,),
            )  # fmt: skip
            assert answer.allowed == told, (reader, events, now, answer.why)
            assert answer.why
            if answer.allowed and reader in {Reader.BAG, Reader.PUBLISH, Reader.CAPTION, Reader.DESK}:
                assert answer.voice == (form is Form.VOICE)
            asked += 1
    assert asked > 600_000


def test_who_said_of_age_in_the_visit_stands_as_one_who_was_not_asked() -> None:
    before, after = [said(Act.DECIDE, use) for use in (Use.RECORD, Use.KEEP)], [said(Act.DECIDE, Use.PLAY_HERE)]
    asked = [*before, said(Act.MINOR), said(Act.OF_AGE), *after]
    assert standing(asked) == standing([*before, *after])
    assert standing([*before, said(Act.MINOR), said(Act.CLOSE_REVIEW), said(Act.OF_AGE)]).waits_for_guardian


@pytest.mark.parametrize("final", [Act.WITHDRAW, Act.DISCARD, Act.EXPIRE])
def test_nothing_undoes_a_final_act(final: Act) -> None:
    events = [said(Act.DECIDE, use) for use in Use]
    after = [said(Act.RELEASE), *(said(Act.DECIDE, use) for use in Use)]
    assert not any(may(standing([*events, said(final), *after]), reader, NOW).allowed for reader in Reader)


def test_nothing_is_agreed_by_default_and_an_unknown_reader_is_denied() -> None:
    assert not any(may(standing([]), reader, NOW).allowed for reader in Reader)
    everything = standing([said(Act.DECIDE, use) for use in Use])
    assert not may(everything, "training", NOW).allowed  # type: ignore[arg-type]


def test_a_no_takes_a_yes_back_and_release_ends_a_hold() -> None:
    events = [said(Act.DECIDE, use) for use in Use]
    assert not may(standing([*events, said(Act.DECIDE, Use.PLAY_HERE, yes=False)]), Reader.PLAY, NOW).allowed
    assert may(standing([*events, said(Act.HOLD), said(Act.RELEASE)]), Reader.PLAY, NOW).allowed


def test_what_its_teller_allows_after_sealing_opens_it_again_and_nothing_else_does() -> None:
    sealed = [*(said(Act.DECIDE, use) for use in (Use.RECORD, Use.KEEP)), said(Act.CLOSE_REVIEW), said(Act.SEAL)]
    assert may(standing([*sealed, said(Act.DECIDE, Use.PLAY_HERE)]), Reader.PLAY, NOW).allowed
    assert not may(standing([*sealed, said(Act.DECIDE, Use.KEEP)]), Reader.TRANSCRIBE, NOW).allowed
    assert not may(standing([*sealed, said(Act.DECIDE, Use.PLAY_HERE, yes=False)]), Reader.PLAY, NOW).allowed


def test_one_voice_yes_among_transcript_ones_lets_the_voice_travel() -> None:
    events = [
        said(Act.DECIDE, Use.KEEP),
        said(Act.DECIDE, Use.ARCHIVE),
        said(Act.DECIDE, Use.PUBLIC, form=Form.TRANSCRIPT),
    ]
    assert may(standing(events), Reader.BAG, NOW).voice
    assert not may(standing(events), Reader.PUBLISH, NOW).voice


def test_a_young_teller_who_widens_a_sealed_story_opens_nothing() -> None:
    sealed = [*(said(Act.DECIDE, use) for use in Use), said(Act.MINOR), said(Act.CLOSE_REVIEW), said(Act.SEAL)]
    widened = [*sealed, said(Act.DECIDE, Use.PUBLIC)]
    assert standing(widened).sealed
    assert not any(may(standing(widened), reader, NOW).allowed for reader in Reader if reader is not Reader.TELLER)
    assert may(standing([*widened, said(Act.GUARDIAN), said(Act.DECIDE, Use.PUBLIC)]), Reader.PUBLISH, NOW).allowed
