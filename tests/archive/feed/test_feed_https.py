"""Over https a box fetches its own feed and nothing else, from a real server."""

from __future__ import annotations

import httpx
import pytest

from archive.boxes import revoke_box
from archive.errors import TransportTrouble
from archive.feed.hello import make_hello
from archive.home import open_home
from archive.keycode import Cost
from archive.store import Store
from archive.sync import sync
from archive.transports.https import HttpsTransport
from archive.transports.way import Way
from archive.transports.wire import Wire, _begin


def reach(store: Store, url: str, credential: str) -> HttpsTransport:
    return HttpsTransport(url, store.home.path, store.home.keys, store.clock, Way(credential))


def test_a_sync_brings_the_feed_and_the_next_one_has_nothing_new(archive, box, url, credential) -> None:
    shown = credential("near")
    assert not sync(box, reach(box, url, shown), site="Riverside").feed.lent
    story = archive.lend("near", 3)
    report = sync(box, reach(box, url, shown), site="Riverside").feed
    assert (report.fresh, report.lent, report.refused) == (True, [story], "")
    assert box.cue_sheet("main").cues[3].story == story
    again = sync(box, reach(box, url, shown), site="Riverside").feed
    assert (again.fresh, again.sequence) == (False, report.sequence)


def test_another_box_reads_neither_feed_nor_blobs(archive, box, url, credential, clock, tmp_path) -> None:
    shown, other = credential("near"), credential("other")
    archive.lend("near", 1)
    sync(box, reach(box, url, shown), site="Riverside")
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        row = tx.one("SELECT sound, card FROM loans WHERE box = 'near'")
    assert row is not None
    with Store(open_home(tmp_path / "other"), clock, Cost(8, 1, 1)) as thief:
        sync(thief, reach(thief, url, other), site="Riverside")
        assert thief.cue_sheet("main").cues == {}
        stolen = make_hello(thief.keys, "Riverside", 0).to_bytes()
    asks = [("GET", f"/box/feed/blobs/{name}", None) for name in row]
    asks += [("POST", "/box/feed", make_hello(box.keys, "Riverside", 0).to_bytes())]
    for method, path, body in asks:
        told = httpx.request(method, url + path, content=body, headers={"Authorization": f"Bearer {other}"})
        assert told.status_code in {403, 404}, path
        assert "error" in told.json()
    for authorization in ("", "Bearer hearth-wrong", shown):
        told = httpx.post(f"{url}/box/feed", content=stolen, headers={"Authorization": authorization})
        assert told.status_code == 401
    # Whoever copied a credential has other keys, and gets nothing that these could open.
    told = httpx.post(f"{url}/box/feed", content=stolen, headers={"Authorization": f"Bearer {shown}"})
    assert told.status_code == 403
    with archive.place.catalogue() as catalogue:
        revoke_box(catalogue, "near", "sysadmin", clock.wall())
    with pytest.raises(TransportTrouble):
        sync(box, reach(box, url, shown), site="Riverside")


def test_a_blob_is_not_given_out_after_a_no(archive, box, url, credential) -> None:
    shown = credential("near")
    sync(box, reach(box, url, shown), site="Riverside")
    story = archive.lend("near", 1)
    sync(box, reach(box, url, shown), site="Riverside")
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        row = tx.one("SELECT sound FROM loans WHERE story = ?", story)
    assert row is not None
    headers = {"Authorization": f"Bearer {shown}"}
    assert httpx.get(f"{url}/box/feed/blobs/{row[0]}", headers=headers).status_code == 200
    archive.say(story, archive.said[story][:2])
    told = httpx.get(f"{url}/box/feed/blobs/{row[0]}", headers=headers)
    assert told.status_code == 403
    assert "Not agreed" in told.json()["error"]["say"]


def test_a_blob_whose_line_breaks_is_gone_on_with(archive, box, url, credential, monkeypatch) -> None:
    shown = credential("near")
    sync(box, reach(box, url, shown), site="Riverside")
    story = archive.lend("near", 1)
    whole, asked = Wire._answer, []

    def broken(self, client, request, into, moved):
        if "/box/feed/blobs/" not in request.url.path:
            return whole(self, client, request, into, moved)
        asked.append((request.url.path, request.headers.get("range", "")))
        if len(asked) > 3:
            return whole(self, client, request, into, moved)
        said = client.send(request)
        _begin(into, said)
        # The third time all of it arrives, and the line breaks all the same.
        into.write(said.content[:1000] if len(asked) < 3 else said.content)
        raise httpx.ReadError("the line is gone", request=request)

    monkeypatch.setattr(Wire, "_answer", broken)
    assert sync(box, reach(box, url, shown), site="Riverside").feed.lent == [story]
    (first, size) = asked[0][0], int(asked[3][1].removeprefix("bytes=").removesuffix("-"))
    assert asked[:4] == [(first, ""), (first, "bytes=1000-"), (first, "bytes=2000-"), (first, f"bytes={size}-")]
    assert size > 2000
    assert box.cue_sheet("main").cues[1].story == story
