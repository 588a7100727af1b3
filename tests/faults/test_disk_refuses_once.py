"""A disk that refuses one write of the database while somebody tells: the sound goes on, and the words come all the same."""

from __future__ import annotations

import itertools

from faultkit.evening import clock_at
from faultkit.rig import Rig

from archive.errors import HomeTrouble
from kiosk.types import State


def test_a_segment_the_disk_did_not_take_is_written_later(tmp_path, monkeypatch):
    with Rig(tmp_path / "box", clock_at(0.0)) as box:
        box.to_recording()
        add, refused = box.store.add_segment, []

        def refuse_once(segment):
            if not refused:
                refused.append(segment)
                raise HomeTrouble("The database did not take this.", "Check the disk.")
            add(segment)

        monkeypatch.setattr(box.store, "add_segment", refuse_once)
        box.run(30.0)
        assert box.state is State.RECORDING
        take = box.session.take
        box.press("talk")
        box.until(lambda: box.state is State.REVIEW)
        rows = box.store.db.conn.execute(
            'SELECT start, "end" FROM segments WHERE take = ? ORDER BY number', (take,)
        ).fetchall()
        assert refused
        assert rows[0][0] == 0
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(rows))
        length = box.store.story_facts(take).length
        assert length - rows[-1][1] < 1000
