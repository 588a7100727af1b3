"""What the C library is asked for."""

from __future__ import annotations

import ctypes

from kiosk.thrift import spare_memory


def test_the_c_library_is_asked_for_three_things(monkeypatch):
    asked = []

    class Library:
        @staticmethod
        def mallopt(what, value):
            asked.append((what, value))
            return 1

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Library)
    assert spare_memory()
    assert len(asked) == 3


def test_a_library_without_that_is_no_trouble(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert not spare_memory()
