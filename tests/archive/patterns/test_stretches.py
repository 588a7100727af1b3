"""What is read for its meaning: captions joined to sentences, and never over what divides them."""

from __future__ import annotations

import pytest

from archive.catalogue.index import Told
from archive.patterns import corpus, stretches, turns, vectors
from archive.patterns.meaning import FixedMeaning
from archive.reviewing.words import BLANK, blank_words, correct_word, passages_of

SENTENCE = (
    "On the morning after the flood we walked along the whole of the river road and found the boats of all our "
    "neighbours lying in the orchard behind the school."
)


def run(text, gap=50, start=1000):
    """Words one after the other, 350 ms each."""
    step = 350 + gap
    return [Told(word, start + at * step, start + at * step + 350, at) for at, word in enumerate(text.split())]


def said(stretch):
    return " ".join(word.text for word in stretch)


def read(place, story):
    with place.catalogue() as catalogue, catalogue.read() as tx:
        return stretches.stretches(tx, [story])


@pytest.fixture
def captioned(place, made):
    """Put a story into the archive, cut as a box cuts it."""

    def put(*sentences):
        with place.catalogue() as catalogue, catalogue.write() as tx:
            return corpus.put(tx, [made(*sentences)], cut=corpus.captioned)[0]

    return put


def test_the_captions_of_a_sentence_are_read_as_one_from_its_first_word(place, captioned):
    story = captioned(SENTENCE, SENTENCE)
    with place.catalogue() as catalogue, catalogue.read() as tx:
        passages = passages_of(tx, story)
    assert len(passages) > 4, "a box cuts it in pieces"
    found = read(place, story)
    assert [one.text for one in found] == [SENTENCE, SENTENCE]
    second = next(one.start for one in passages[1:] if one.words[0].text == "On")
    assert [one.start for one in found] == [1000, second]


def test_a_short_sentence_goes_with_the_next_and_the_last_with_the_one_before():
    long = "He carried the bread home. " + " ".join(["and"] * 19) + " so."
    assert [said(one) for one in stretches.joined(run(f"Yes. {long} So it was."))] == [
        "Yes. He carried the bread home.", " ".join(["and"] * 19) + " so. So it was.",
    ]  # fmt: skip


def test_talk_without_an_end_is_cut_in_even_parts_and_leaves_no_tail():
    for length in (41, 81, 119, 120, 121):
        found = stretches.joined(run("on " * length))
        sizes = [len(one) for one in found]
        assert sum(sizes) == length
        assert max(sizes) <= stretches.MOST_WORDS
        assert min(sizes) > stretches.MOST_WORDS / 3


def test_talk_without_an_end_is_cut_where_its_speaker_paused():
    before, after = run("on " * 23), run("and " * 27, start=1000 + 23 * 400 + 300)
    assert [len(one) for one in stretches.joined(before + after)] == [23, 27]


def test_a_pause_ends_a_sentence_where_a_machine_writes_no_points():
    before, after = run("on " * 10), run("and " * 10, start=1000 + 10 * 400 + stretches.PAUSE_MS)
    assert [len(one) for one in stretches.joined(before + after)] == [10, 10]


@pytest.mark.parametrize("kind", ["pause", "excerpt", "question", "gap"])
def test_nothing_is_joined_over_what_the_box_did_between(place, captioned, change, kind):
    story = captioned(SENTENCE)
    middle = read(place, story)[0].start + 400 * 10
    mark = "INSERT INTO spans (story, number, kind, start_ms, end_ms, label) VALUES (?, 0, ?, ?, ?, '')"
    change(lambda tx: tx.run(mark, story, kind, middle, middle))
    assert [len(one.text.split()) for one in read(place, story)] == [10, len(SENTENCE.split()) - 10]
    change(lambda tx: tx.run("UPDATE spans SET kind = 'flag' WHERE story = ?", story))
    assert len(read(place, story)) == 1, "a flag divides nothing"


def test_nothing_is_joined_over_a_blanked_word_and_none_of_it_is_read(place, captioned, change):
    story = captioned(SENTENCE)
    start = read(place, story)[0].start + 400 * 10
    change(blank_words, story, [(start, start + 300)], place.now())
    found = read(place, story)
    assert [one.text for one in found] == [
        " ".join(SENTENCE.split()[:10]), " ".join(SENTENCE.split()[11:]),
    ]  # fmt: skip
    assert BLANK not in "".join(one.text for one in found)


def test_a_turn_divides_and_a_corrected_one_is_read_again(place, captioned, change):
    story = captioned(SENTENCE)
    vectors.build(place, FixedMeaning())
    middle = read(place, story)[0].start + 400 * 10
    told = [(story, 0, 1000, middle - 50, "voice 1"), (story, 1, middle, middle + 9000, "voice 1")]
    put = "INSERT INTO turns (story, number, start_ms, end_ms, speaker, by, at) VALUES (?, ?, ?, ?, ?, 'x', 'x')"
    change(lambda tx: tx.many(put, told))
    assert len(read(place, story)) == 1, "one voice goes on"
    change(turns.correct, story, 1, "voice 2", "ana", place.now())
    assert [len(one.text.split()) for one in read(place, story)] == [10, len(SENTENCE.split()) - 10]
    with place.catalogue() as catalogue, catalogue.read() as tx:
        assert vectors.is_behind(tx, place, FixedMeaning.name)
    built = vectors.build(place, FixedMeaning())
    assert (built.made, built.gone, built.there) == (2, 1, 2)


def test_only_what_was_changed_is_read_again_and_another_way_of_cutting_reads_all(
    place, captioned, change, monkeypatch
):
    story = captioned(SENTENCE, SENTENCE.replace("flood", "fire"))
    vectors.build(place, FixedMeaning())
    with place.catalogue() as catalogue, catalogue.read() as tx:
        first = passages_of(tx, story)[0]
    change(correct_word, story, first.number, 0, "In", "ana", first.version, place.now())
    built = vectors.build(place, FixedMeaning())
    assert (built.made, built.gone, built.there) == (1, 1, 2)
    monkeypatch.setattr(vectors, "VERSION", "0")
    with place.catalogue() as catalogue, catalogue.read() as tx:
        assert vectors.is_behind(tx, place, FixedMeaning.name)
    vectors.build(place, FixedMeaning())
    with place.catalogue() as catalogue, catalogue.read() as tx:
        assert not vectors.is_behind(tx, place, FixedMeaning.name)
