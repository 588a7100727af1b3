"""A box that came out of a backup asks its archive's server what was taken back, as the box the archive knows."""

from __future__ import annotations

import json

from archive.backup import back_up
from archive.restore import Answers, restore
from archive.sync import sync
from archive.transports.way import Way
from archive.types import Use
from kiosk.cli import run


def test_a_restore_shows_the_credential_and_says_why_there_was_no_answer(
    served, store, teller, work, clock, tmp_path, monkeypatch, capsys
) -> None:
    take, code = teller.story(Use.ARCHIVE)
    store.close_review(take, "talk")
    work()
    way = Way(served.credential("river"))
    store.home.credential.write_text(way.credential)
    store.home.config.write_text(f'[archive]\nsync_to = "{served.url}"\n')
    assert [bag.story for bag in sync(store, served.url, way=way).bags] == [take]
    made = back_up(store, tmp_path / "box.hearth")
    store.withdraw(str(code), "code")
    sync(store, served.url, way=way)

    monkeypatch.delenv("HEARTH_CREDENTIAL", raising=False)
    words = ["restore", str(made.path), "--home", str(tmp_path / "new"), "--json"]
    assert run(words) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["erased"], done["sources"], done["held"], done["silent"]) == ([take], ["the archive"], 0, "")

    unknown = restore(made.path, made.keys, tmp_path / "other", clock, Answers(place=served.url))
    assert unknown.held == 1
    assert "credential" in unknown.silent
