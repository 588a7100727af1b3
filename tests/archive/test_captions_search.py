from __future__ import annotations

import io
from itertools import pairwise

import pytest
import webvtt

from archive.captions import LINE, LINES, captions, captions_of, to_webvtt
from archive.envelope import open_content
from archive.errors import Refused
from archive.search import SearchIndex
from archive.transcripts import put_words
from archive.types import Reader, Use
from audio.types import Ms, Word


def spoken(text: str, *, start: int = 0, each: int = 300, gap: int = 0) -> list[Word]:
    return [
        Word(w, Ms(start + n * (each + gap)), Ms(start + n * (each + gap) + each), 0.9)
        for n, w in enumerate(text.split())
    ]


def test_captions_are_short_in_order_and_lose_no_word() -> None:
    words = spoken(
        "when the river came up to the third step my mother carried the clock upstairs and we ate there " * 5
    )
    cues = captions(words)
    assert " ".join(cue.text for cue in cues).split() == [word.text for word in words]
    for cue, after in pairwise(cues):
        assert len(cue.lines) <= LINES
        assert all(len(line) <= LINE for line in cue.lines)
        assert cue.start < cue.end <= after.start


def test_a_pause_and_the_end_of_a_sentence_end_a_caption() -> None:
    words = [*spoken("We sang. Then we"), *spoken("danced", start=9000)]
    assert [cue.text for cue in captions(words)] == ["We sang.", "Then we", "danced"]


def test_doubt_shows_empty_words_do_not_and_a_huge_word_stands_alone() -> None:
    words = [
        Word("x" * 60, Ms(0), Ms(100), 0.2, unclear=True),
        Word(" \n", Ms(100), Ms(200), 0.9),
        Word("ok", Ms(200), Ms(300), 0.9),
    ]
    cues = captions(words)
    assert cues[0].unclear
    assert "".join(cue.text for cue in cues).replace(" ", "") == "x" * 60 + "ok"
    assert captions([]) == []


def test_webvtt_is_read_back_by_others_and_speech_is_no_markup() -> None:
    text = to_webvtt(captions([*spoken("<b>bold</b> & --> done"), *spoken("later", start=3_725_000)]))
    assert "<b>" not in text
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; --&gt; done" in text.replace("\n", " ")
    read = webvtt.from_buffer(io.StringIO(text))
    assert read[-1].start == "01:02:05.000"
    assert len(read) == 2
    assert to_webvtt([]).startswith("WEBVTT")


def test_search_finds_what_may_be_searched_and_nothing_else(store, teller, work, wording) -> None:
    take, code = teller.story(Use.PLAY_HERE)
    sealed, _ = teller.story(Use.ARCHIVE)
    index = SearchIndex(store)
    assert index.search("linden") == []
    work()
    assert captions_of(store, take, store.now())
    found = index.search("LINDÉN tree")
    assert {hit.story for hit in found} <= {take}
    hits = index.search("linden") + index.search("rosamunde")
    assert {hit.story for hit in hits} == {take}
    assert all(0 <= hit.start < 2000 for hit in hits)
    assert index.search("danced nonsense") or index.search("sang nonsense")
    assert index.search('") OR *') == []
    assert len(index.search("the we rosamunde ferdinand", limit=1)) == 1
    store.hold(take, "desk")
    assert index.search("linden") + index.search("rosamunde") == []
    store.release(take, "desk")
    assert index.search("linden") + index.search("rosamunde")
    store.withdraw(str(code), "code")
    assert index.search("linden") + index.search("rosamunde") == []
    assert index._index.execute("SELECT COUNT(*) FROM said").fetchone()[0] == 0
    with pytest.raises(Refused):
        captions_of(store, sealed, store.now())


def test_search_sees_what_another_process_took_back_and_grows_with_new_words(
    store, another_store, teller, work
) -> None:
    take, code = teller.story(Use.PLAY_HERE)
    work()
    index = SearchIndex(store)
    index.refresh()
    index.refresh()
    with another_store() as other:
        other.withdraw(str(code), "code")
    index._seen = (store.version(), store.db.conn.total_changes, store.now().date())
    assert index.search("linden rosamunde") == []
    assert take not in {hit.story for hit in index.search("linden")}


def test_other_words_in_as_many_segments_replace_those_before(store, teller, work) -> None:
    take, _ = teller.story(Use.PLAY_HERE)
    work()
    index = SearchIndex(store)
    assert index.search("linden")
    key = open_content(store, take, Reader.INDEX, store.now())
    for (segment,) in store.db.conn.execute("SELECT segment FROM words WHERE take = ?", (take,)).fetchall():
        put_words(store.db.conn, take, segment, "tiny", spoken("marzipan"), key=key)
    assert [hit.story for hit in index.search("marzipan")] == [take]
    assert index.search("linden") == []


def test_without_a_key_a_story_is_not_indexed(store, teller, work) -> None:
    teller.story(Use.PLAY_HERE)
    work()
    store.db.conn.execute("DELETE FROM wraps WHERE recipient = 'box'")
    assert SearchIndex(store).search("linden rosamunde") == []
