"""Words with their times travel inside captions: no player shows them, nobody's words can break them, an archive reads them."""

from __future__ import annotations

import pytest
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from archive.captions import captions, to_webvtt
from archive.vtt import read_vtt, read_words_json, spread, words_json
from audio.types import Ms, Word

NASTY = ["-->", "<b>", "&amp;", "WEBVTT", "NOTE", '"', "\\", "]]", "\u2028", "\x85", "00:00.000", "…", "河", "it fell"]


def spoken(texts: list[str]) -> list[Word]:
    return [Word(text, Ms(n * 400), Ms(n * 400 + 300), 0.5 + n % 5 / 10, n % 3 == 0) for n, text in enumerate(texts)]


@given(st.lists(st.one_of(st.sampled_from(NASTY), st.text(min_size=1, max_size=12)), max_size=40))
def test_every_word_comes_back_with_its_own_times(texts: list[str]) -> None:
    words = [word for word in spoken(texts) if word.text.split()]
    cues = captions(words)
    read = read_vtt(to_webvtt(cues, with_words=True))
    assert [cue.text for cue in read] == [cue.text for cue in cues]
    assert not any(cue.approximate for cue in read)
    came = [(word.start, word.end, word.unclear, " ".join(word.text.split())) for cue in read for word in cue.words]
    assert came == [(word.start, word.end, word.unclear, " ".join(word.text.split())) for word in words]


def test_a_player_reads_the_captions_and_not_the_words() -> None:
    cues = captions(spoken(["The", "river", "--> rose", "&", "<i>fell</i>."]))
    plain, full = to_webvtt(cues), to_webvtt(cues, with_words=True)
    assert [(c.start, c.end, c.text) for c in webvtt.from_string(full).captions] == [
        (c.start, c.end, c.text) for c in webvtt.from_string(plain).captions
    ]
    assert "NOTE words [[0,300,0.5,1," in full
    assert "NOTE" not in plain
    assert all(line.count("-->") == 0 or line[0].isdigit() for line in full.splitlines())


def test_captions_without_words_are_spread_and_said_to_be() -> None:
    (cue,) = read_vtt("\ufeffWEBVTT - a title\n\n1\n00:01.000 --> 00:03.000 align:start\n<v Ana>a lighthouse</v>\n")
    assert (cue.text, cue.approximate, cue.start, cue.end) == ("a lighthouse", True, 1000, 3000)
    assert cue.words == (
        Word("a", Ms(1000), Ms(1307), 1.0, unclear=False),
        Word("lighthouse", Ms(1307), Ms(3000), 1.0, unclear=False),
    )
    assert spread("", Ms(0), Ms(10)) == ()


@pytest.mark.parametrize(
    "note",
    [
        '[[0,300,0.9,0,"another"],[400,700,0.9,0,"thing"]]',
        '[[0,300,0.9,0,"a"],[400,700,9,0,"boat"]]',
        '[[-1,300,0.9,0,"a"],[400,700,0.9,0,"boat"]]',
        '[["0",300,0.9,0,"a"],[400,700,0.9,0,"boat"]]',
        '[[0,99999999999,0.9,0,"a"],[400,700,0.9,0,"boat"]]',
        '[[0,300,NaN,0,"a"],[400,700,0.9,0,"boat"]]',
        "[" * 2000,
        "{}",
        "",
        "null",
    ],
)
def test_words_that_do_not_fit_their_cue_are_not_believed(note: str) -> None:
    (cue,) = read_vtt(f"WEBVTT\n\nNOTE words {note}\n\n00:00.000 --> 00:01.000\na boat\n")
    assert (cue.text, cue.approximate) == ("a boat", True)


def test_what_is_no_cue_is_left_out() -> None:
    text = (
        "WEBVTT\n\nSTYLE\n::cue { color: red }\n\n00:02.000 --> 00:01.000\nbackwards\n\n99:00:00.000 --> 99:00:01.000\n"
        "behind a day\n\n00:00.000 --> 00:01.000\n\n\n00:03.000 --> 00:04.000\nlater\n\n00:01.000 --> 00:02.000\nfirst\n"
    )
    assert [cue.text for cue in read_vtt(text)] == ["first", "later"]
    for wrong in ("", "hello", "\n\nWEBVTT"):
        with pytest.raises(ValueError, match="captions"):
            read_vtt(wrong)


def test_words_as_json_come_back() -> None:
    words = tuple(spoken(["a", "b"]))
    assert read_words_json(words_json(words)) == words
