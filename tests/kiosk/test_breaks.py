"""Where lines break: as few as can be, by what is said, and no word alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.breaks import best, joined, needed
from kiosk.runs import pieces


def broken(text: str, width: int) -> list[str]:
    """``text`` in a face whose signs are all one wide."""
    return best(pieces(text), len, width)


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        (
            "Press a key and we go on. What you told is safe.",
            28,
            ["Press a key and we go on.", "What you told is safe."],
        ),
        ("1 min 49 s stay. The rest is erased for good.", 30, ["1 min 49 s stay.", "The rest is erased for good."]),
        ("417 maple river candle north", 16, ["417 maple river", "candle north"]),
        ("May we keep the words of it?", 20, ["May we keep", "the words of it?"]),
        ("ستزول قصتكم. لا أحد يستطيع إعادتها.", 28, ["ستزول قصتكم.", "لا أحد يستطيع إعادتها."]),
        ("यह मिट जाएगा। बाक़ी हमेशा रहेगा।", 20, ["यह मिट जाएगा।", "बाक़ी हमेशा रहेगा।"]),
        ("与我们合作的其他图书馆可以使用它吗？", 10, ["与我们合作的其他", "图书馆可以使用它吗？"]),
        ("在您决定之前，一切都留在这里。", 12, ["在您决定之前，", "一切都留在这里。"]),
        ("Unbreakable", 4, ["Unbreakable"]),
        ("", 4, []),
    ],
)
def test_lines_end_where_it_reads_best(text: str, width: int, lines: list[str]) -> None:
    assert broken(text, width) == lines


@given(st.lists(st.text("abc.,", min_size=1, max_size=9), min_size=1, max_size=40), st.integers(9, 30))
def test_no_word_is_lost_no_line_is_too_long_and_none_is_one_too_many(words: list[str], width: int) -> None:
    parts = pieces(" ".join(words))
    lines = best(parts, len, width)
    assert " ".join(lines) == " ".join(words)
    assert all(len(line) <= width for line in lines)
    assert len(lines) == needed([(len(glue), len(piece)) for glue, piece in parts], width)


def test_pieces_are_joined_with_what_stood_between_them() -> None:
    assert joined(pieces("请讲 here。")) == "请讲 here。"
