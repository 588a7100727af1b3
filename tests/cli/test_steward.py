"""The steward's key at the desk: made once, and it opens what its teller was told it opens."""

from __future__ import annotations

from archive.home import open_home
from archive.keycode import Cost
from archive.shelf import Wording
from archive.store import Store
from archive.transcripts import put_words
from audio.clock import SystemClock
from audio.takewriter import TakeWriter
from audio.types import AudioFormat, Ms, Word


def test_it_opens_what_was_kept_under_words_that_said_so_and_nothing_else(verb, tmp_path) -> None:
    home, file = tmp_path / "box", tmp_path / "steward.key"
    open_home(home)
    made = verb("steward", "--key", file, "--home", home)
    assert (made.code, file.exists()) == (0, True)
    assert verb("steward", "--key", tmp_path / "second.key", "--home", home).code == 1
    kept = {}
    with Store(open_home(home), SystemClock(), Cost(8, 1, 1)) as store:
        for says_so in (True, False):
            words = Wording("1", "ab" * 32, "en", steward=says_so)
            opened = store.open_take(prompt="p", language="en", wording=words, by="key", sound=AudioFormat(16_000))
            writer = TakeWriter(opened.path, opened.id, AudioFormat(16_000), opened.key)
            writer.write(bytes(32_000))
            store.close_take(writer.close())
            put_words(store.db.conn, opened.id, 0, "m", [Word("harbour", Ms(0), Ms(400), 0.9, False)], key=opened.key)
            store.keep(opened.id, wording=words, by="key")
            kept[says_so] = opened.id
    told = verb("steward", kept[True], "--key", file, "--home", home, "--json")
    assert told.json["steward"] == {"story": kept[True], "words": "harbour"}
    refused = verb("steward", kept[False], "--key", file, "--home", home, "--json")
    assert (refused.code, refused.json["error"]["code"]) == (1, "no-key")
