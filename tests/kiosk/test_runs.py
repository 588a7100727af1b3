"""Lines of several scripts: what stands where, and where a line may break."""

from __future__ import annotations

import pytest

from kiosk.runs import Script, pieces, runs, script_of

A, L, D, H = Script.ARABIC, Script.LATIN, Script.DEVANAGARI, Script.HAN


@pytest.mark.parametrize(
    ("text", "home", "expected"),
    [
        ("Tell us.", L, [("Tell us.", L)]),
        ("", L, []),
        ("السؤال 1 من 5", A, [("5", L), (" من ", A), ("1", L), ("السؤال ", A)]),
        ("كلماتكم: 417 maple river", A, [("417 maple river", L), ("كلماتكم: ", A)]),
        ("1  ·  41 ث", A, [(" ث", A), ("41", L), ("  ", A), ("·", L), ("  ", A), ("1", L)]),
        ("للهاتف: 482\u00a0913", A, [("482\u00a0913", L), ("للهاتف: ", A)]),
        ("12.5 نعم", A, [(" نعم", A), ("12.5", L)]),
        ("English · हिन्दी", L, [("English · ", L), ("हिन्दी", D)]),
        ("आप?", D, [("आप", D), ("?", L)]),
        ("共2分14秒", H, [("共2分14秒", H)]),
        ("A ب ج B", L, [("A ", L), ("ب ج", A), (" B", L)]),
    ],
)
def test_runs_stand_as_they_are_read(text: str, home: Script, expected: list[tuple[str, Script]]) -> None:
    assert [(run.text, run.script) for run in runs(text, home)] == expected


def test_letters_know_their_script() -> None:
    assert [script_of(letter) for letter in "aش अ国1 ."] == [L, A, None, D, H, L, None, None]


def test_chinese_breaks_between_signs_but_not_before_a_comma() -> None:
    assert [piece for _, piece in pieces("请讲，“好”的 place here。")] == [
        "请",
        "讲，",
        "“好”",
        "的",
        "place",
        "here。",
    ]
    assert pieces("Tell us") == [(" ", "Tell"), (" ", "us")]
