"""A disk that is wholly full takes a teller's no, an erasure and a keep all the same: the ballast is given up for them."""

from __future__ import annotations

import pytest
from faultkit.diskfull import MEGABYTES, full
from faultkit.disks import in_memory, may_mount
from faultkit.evening import clock_at, write_settings
from faultkit.rig import CHEAP, Rig

from archive import stewards
from archive.ballast import BALLAST_BYTES, make, missing
from archive.cutlater import finish_waiting_cuts
from archive.cutting import begin_cut, finish_cut, take_back_span
from archive.envelope import ask
from archive.errors import HomeTrouble
from archive.masters import open_master, waits_for_room
from archive.retention import run_retention
from archive.store import Store
from archive.transcription import TranscriberWorker
from archive.types import Reader, Use
from archive.verify import verify
from audio.transcribe import FixedTranscriber
from audio.types import Ms
from kiosk.health import box_findings
from kiosk.terms import wording
from kiosk.types import State


@pytest.fixture
def disk(tmp_path, monkeypatch):
    why = may_mount(tmp_path)
    if why:
        pytest.skip(why)
    monkeypatch.setenv("HEARTH_KEYS", str(tmp_path / "keys"))
    with in_memory(tmp_path / "disk", MEGABYTES) as mount:
        write_settings(mount / "home")
        yield mount


def told(box: Rig, *uses: str) -> str:
    box.tell(2.0)
    code = box.keep(*uses)
    box.press("done")
    box.until(lambda: box.state is State.ATTRACT)
    return code


def test_what_a_teller_says_gets_through_on_a_full_disk(disk):
    box = Rig(disk / "home", clock_at(0.0)).start()
    home = box.setting.home
    assert missing(home.path) == 0
    first, second = told(box, "play_here"), told(box, "play_here")
    _, held = (story.id for story in box.store.stories())
    box.tell(2.0)
    no = wording(box.setting.texts["en"], Use.PLAY_HERE)
    with full(disk, ballast=True):
        code = box.keep("play_here")
        with Store(home, box.clock, CHEAP) as beside:
            stewards.hold(beside, held)
            beside.decide(held, Use.PLAY_HERE, yes=False, wording=no, by="desk")
            gone = beside.withdraw(first, "desk")
            last = beside.enter_code(code).take
        assert Use.PLAY_HERE in box.store.standing(last).uses
        assert box.store.standing(held).held
        assert Use.PLAY_HERE not in box.store.standing(held).uses
        assert not home.story_folder(gone.take).exists()
        assert 0 < missing(home.path) < BALLAST_BYTES
        lines = {line.code: line for line in box_findings(box.setting.home, box.store, devices=False)}
        assert not lines["ballast"].ok
    assert make(home.path)
    assert missing(home.path) == 0
    box.close()

    # Nobody has the home open now: its log has to be made first.
    with full(disk), pytest.raises(HomeTrouble), Store(home, box.clock, CHEAP) as store:
        store.withdraw(second, "desk")
    assert make(home.path)
    with full(disk, ballast=True), Store(home, box.clock, CHEAP) as store:
        gone = store.withdraw(second, "desk")
        assert gone.take == held
        assert not home.story_folder(held).exists()


def test_a_part_that_goes_on_a_full_disk_is_heard_by_nobody_and_the_rest_is_back_with_the_room(disk):
    box = Rig(disk / "home", clock_at(0.0)).start()
    code = told(box, "play_here")
    box.close()
    worker = TranscriberWorker(box.setting.home, box.clock, lambda _: FixedTranscriber(["Under the linden tree."] * 9))
    while worker.run_once():
        pass
    worker.close()
    with Store(box.setting.home, box.clock, CHEAP) as store:
        visit = store.enter_code(code)
        with full(disk, ballast=True):
            assert take_back_span(store, visit, Ms(500), Ms(1000), "desk").end == 1000
            assert waits_for_room(store.db.conn, visit.take)
            assert not ask(store.db.conn, visit.take, Reader.PLAY, store.now()).allowed
            assert finish_waiting_cuts(store) == []
        assert run_retention(store).cut == [visit.take]
        assert open_master(store, visit.take, Reader.PLAY, store.now()).length == store.story(visit.take).length
        assert make(store.home.path)
        cut = begin_cut(store, visit, Ms(1200), Ms(1500))
        copied = cut.copy()
        with full(disk, ballast=True):
            assert finish_cut(store, cut, copied, "desk").end == 1500, "what was written is put in place"
        assert verify(store).sound
