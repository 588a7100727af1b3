"""Words find the moment they were said, the same on both databases, and nothing a teller does not allow."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from archive.catalogue import Catalogue, Tx
from archive.catalogue.consents import HOLD, put_record
from archive.catalogue.index import fold, reindex
from archive.catalogue.query import Near, Run, read_query
from archive.catalogue.search import Filters, Hit, search
from archive.consentrecord import ConsentRecord, links
from archive.types import Act, ConsentEvent, Form, Reader, Use
from archive.vtt import spread, words_json
from audio.types import Ms, TakeId

NOW = datetime(2026, 6, 1, tzinfo=UTC)
Tell = Callable[..., str]


def consent(tx: Tx, story: str, *uses: Use, embargo: date | None = None, acts: tuple[Act, ...] = ()) -> None:
    said = [ConsentEvent(TakeId(story), Act.DECIDE, NOW, "key", use, True, Form.VOICE, embargo) for use in uses]
    said += [ConsentEvent(TakeId(story), act, NOW, "key") for act in acts]
    put_record(tx, story, ConsentRecord(TakeId(story), tuple(said), links(said)))


@pytest.fixture
def tell(catalogue: Catalogue) -> Tell:
    """Put a story in: passages of four seconds each, allowed to the archive unless said otherwise."""
    count = iter(range(1, 1000))

    def put(*passages: str, uses: tuple[Use, ...] = (Use.KEEP, Use.ARCHIVE), **given: str) -> str:
        number = next(count)
        story = f"01JD{number:022}"
        facts = {
            "id": story, "bag_sha256": "ab" * 32, "kind": "story", "prompt": "river", "prompt_text": "",
            "language": "en", "site": "Riverside", "recorded_at": f"2026-01-{number:02}T10:00:00.000+00:00",
            "box": "front", "received_at": "2026-02-01", "title": "A story", **given,
        }  # fmt: skip
        with catalogue.write() as tx:
            tx.run(
                f"INSERT INTO stories ({', '.join(facts)}, clock_trusted, length_ms, has_voice) "
                f"VALUES ({', '.join('?' * len(facts))}, 1, 60000, 1)",
                *facts.values(),
            )
            for place, text in enumerate(passages):
                span = (Ms(place * 4000), Ms(place * 4000 + 4000))
                tx.run(
                    "INSERT INTO passages VALUES (?, ?, 1, ?, ?, ?, ?, 0, 'machine 1', '2026-02-01', NULL, NULL)",
                    story, place, *span, text, words_json(spread(text, *span)),
                )  # fmt: skip
            consent(tx, story, *uses)
            reindex(tx, story)
        return story

    return put


@pytest.fixture
def find(catalogue: Catalogue) -> Callable[..., list[Hit]]:
    def ask(text: str, reader: Reader = Reader.DESK, now: datetime = NOW, **narrow: object) -> list[Hit]:
        with catalogue.read() as tx:
            return search(tx, text, reader, now, **narrow)  # type: ignore[arg-type]

    return ask


Find = Callable[..., list[Hit]]


def stories(hits: list[Hit]) -> list[str]:
    return [hit.story for hit in hits]


def test_words_lead_to_the_moment_and_one_result_a_story(tell: Tell, find: Find) -> None:
    story = tell("We had a boat then.", "The river rose, and the river took it.")
    (hit,) = find("river")
    assert hit.story == story
    assert 4000 <= hit.start < 5500
    assert hit.start < hit.end
    assert (hit.said, hit.passage, hit.approximate) == ("river", 1, False)
    assert hit.before == "We had a boat then. The"
    assert hit.after == "rose, and the river took it."
    assert hit.text == "We had a boat then. The river rose, and the river took it."


def test_newest_recordings_come_first_and_pages_follow_each_other(tell: Tell, find: Find) -> None:
    told = [tell(f"The mill number {n}.") for n in range(7)]
    pages: list[str] = []
    before = None
    while hits := find("mill", limit=3, before=before):
        pages += stories(hits)
        before = hits[-1].number
    assert pages == told[::-1]


def test_any_of_the_words_has_a_second_page_too(tell: Tell, find: Find) -> None:
    told = [tell("The mill." if number % 2 else "The river.") for number in range(5)]
    pages, before = [], None
    while hits := find("mill river", limit=2, before=before):
        pages += stories(hits)
        before = hits[-1].number
    assert pages == told[::-1]
    tell("The mill by the river.")
    (whole,) = find("mill river", limit=2)
    assert find("mill river", limit=2, before=whole.number) == [], "some have all of them: nothing less follows"


def test_two_stories_of_the_same_moment_are_both_found(tell: Tell, find: Find) -> None:
    told = {tell("A bell.", recorded_at="2026-01-01T10:00:00.000+00:00") for _ in range(3)}
    assert set(stories(find("bell"))) == told


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("mill river", {0, 1, 2}),
        ('"mill by the river"', {0}),
        ("„mill by the river“", {0}),
        ('"by the river we"', {0}),  # over the end of a passage
        ("NEAR(mill river, 2)", {0}),
        ("NEAR(river mill, 2)", {0}),
        ("NEAR(river mill, 1)", set()),
        ("NEAR(mill river, 4)", {0}),
        ("NEAR(mill river, 5)", {0, 1}),
        ("NEAR(mill river)", {0, 1}),
        ('NEAR("the mill" river, 3)', {0}),
        ("mil*", {0, 1, 2}),
        ("MÍLL", {0, 1, 2}),
        ("mill nothing", {0, 1, 2}),  # any of them is better than nothing
        ('"mill nothing"', set()),
        ("", set()),
        ("? ! --", set()),
        ("river's", set()),
        ('"', set()),
        ("' OR 1=1 --", set()),
        ("NEAR(", set()),
    ],
)
def test_what_is_asked_is_what_is_found(tell: Tell, find: Find, query: str, fits: set[int]) -> None:
    told = [
        tell("The mill by the river.", "We lived there."),
        tell("A mill, and then a long street river."),
        tell("River first. " + "Then many other words came in between, every one of them short. " * 2 + "Mill."),
    ]
    assert {told.index(story) for story in stories(find(query))} == fits


def test_a_word_said_very_often_is_found_where_the_phrase_is(tell: Tell, find: Find) -> None:
    # PostgreSQL knows no more than 255 places of one word, and no place behind the 16,383rd.
    story = tell("so " * 20_000 + "so it ended.")
    assert stories(find('"so it ended"')) == [story]


def test_filters_narrow_by_prompt_place_language_and_day(tell: Tell, find: Find) -> None:
    first = tell("A bell.", prompt="work")
    second = tell("A bell.", site="Hilltop")
    third = tell("A bell.", language="es")
    assert stories(find("bell", filters=Filters(prompt="work"))) == [first]
    assert stories(find("bell", filters=Filters(site="Hilltop"))) == [second]
    assert stories(find("bell", filters=Filters(language="es"))) == [third]
    assert stories(find("bell", filters=Filters(since=date(2026, 1, 2)))) == [third, second]
    assert stories(find("bell", filters=Filters(until=date(2026, 1, 2)))) == [second, first]
    assert find("bell", filters=Filters(prompt="work", language="es")) == []


def test_the_gate_is_asked_about_every_hit(tell: Tell, find: Find, catalogue: Catalogue) -> None:
    allowed = tell("A bell.")
    tell("A bell.", uses=(Use.KEEP, Use.PLAY_HERE))
    embargoed = tell("A bell.")
    held = tell("A bell.")
    public = tell("A bell.", uses=(Use.KEEP, Use.PUBLIC))
    with catalogue.write() as tx:
        consent(tx, embargoed, Use.KEEP, Use.ARCHIVE, embargo=date(2027, 1, 1))
        consent(tx, held, Use.KEEP, Use.ARCHIVE, acts=(Act.HOLD,))
    assert stories(find("bell")) == [public, allowed]
    assert stories(find("bell", now=datetime(2027, 1, 1, tzinfo=UTC))) == [public, embargoed, allowed]
    assert stories(find("bell", Reader.PUBLISH)) == [public]


def test_what_a_curator_holds_back_is_found_at_the_desk_alone(tell: Tell, find: Find, catalogue: Catalogue) -> None:
    story = tell("A bell.", uses=(Use.KEEP, Use.PUBLIC))
    with catalogue.write() as tx:
        tx.run("INSERT INTO reviews VALUES ('1', ?, '2026-03-01', 'a curator', ?, 'a name')", story, HOLD)
    assert stories(find("bell")) == [story]
    assert find("bell", Reader.PUBLISH) == []
    with catalogue.write() as tx:
        tx.run("INSERT INTO reviews VALUES ('0', ?, '2026-03-02', 'a curator', 'keep', '')", story)
    assert stories(find("bell", Reader.PUBLISH)) == [story]


def test_corrected_words_are_found_and_the_old_ones_are_not(tell: Tell, find: Find, catalogue: Catalogue) -> None:
    story = tell("A bell.")
    with catalogue.write() as tx:
        words = words_json(spread("A belt.", Ms(0), Ms(4000)))
        tx.run("UPDATE passages SET text = 'A belt.', words = ? WHERE story = ?", words, story)
        reindex(tx, story)
    assert find("bell") == []
    assert stories(find("belt")) == [story]


def test_a_story_that_goes_is_not_found(tell: Tell, find: Find, catalogue: Catalogue) -> None:
    story, other = tell("A bell."), tell("A bell.")
    with catalogue.write() as tx:
        tx.run("DELETE FROM stories WHERE id = ?", story)
        assert tx.all("SELECT number FROM said WHERE story = ?", story) == []
    assert stories(find("bell")) == [other]


def test_other_scripts_are_found(tell: Tell, find: Find) -> None:
    greek, chinese, accents = tell("Ο ποταμός ήταν μακριά."), tell("我们住在河边。"), tell("El niño se cayó.")
    assert stories(find("ποταμοσ")) == [greek]
    assert stories(find("河边")) == [chinese]
    assert stories(find("nino cayo")) == [accents]


def test_folding() -> None:
    assert fold("Straße, l'été!") == ("strasse", "l", "ete")
    assert fold("…") == ()
    assert len(fold("x" * 500)[0]) == 100


def test_queries_are_read() -> None:
    assert read_query('a "b c" NEAR(d "e f", 3) g*').parts == (
        Run(("a",)), Run(("b", "c")), Near((Run(("d",)), Run(("e", "f"))), 3), Run(("g",), begins=True),
    )  # fmt: skip
    assert read_query("NEAR(alone, 3)").parts == (Run(("alone",)),)
    assert json.dumps(read_query("x " * 500).parts and len(read_query("x " * 500).parts)) == "1"
    assert len(read_query(" ".join(f"w{n}" for n in range(500))).parts) == 32
