"""What boxes may do at a real archive's server, what they may not, and what happens when it goes wrong half-way."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from tusclient.client import TusClient

from archive.bag import Bag
from archive.boxes import BadBoxName, BoxThere, NoSuchBox, add_box, box_with, boxes, content_free, revoke_box
from archive.errors import Refused, TransportTrouble
from archive.feed.hello import make_hello
from archive.home import open_home
from archive.ingest import no_progress
from archive.portal.community import boxdesk, deposit, turns
from archive.portal.community.turns import Turn
from archive.receipts import Receipt
from archive.sealedbag import seal_bag
from archive.server import uploads as uploads_module
from archive.server.place import ArchiveHome
from archive.server.uploads import Uploads
from archive.server.visits import visit_folder
from archive.tombstones import Tombstone, signed_part
from archive.transports.folder import FolderTransport
from archive.transports.https import HttpsTransport
from archive.transports.tus import upload
from archive.transports.way import Way
from archive.transports.wire import Wire
from archive.types import Use
from audio.clock import VirtualClock
from audio.types import TakeId

ID = "01JC8Q3Y5Z7R9T2V4W6X8Y0A1B"
OTHER = "01JC8Q3Y5Z7R9T2V4W6X8Y0A1C"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


def asking(served: Any, credential: str = "") -> httpx.Client:
    headers = {"Authorization": f"Bearer {credential}"} if credential else {}
    return httpx.Client(base_url=f"{served.url}/box", headers=headers, timeout=120)


def sealed(served: Any, bag: Bag, folder: Path) -> bytes:
    target = folder / f"{bag.id}.{bag.sha256[:8]}.sealed"
    seal_bag(bag, served.place.public_key, target)
    return target.read_bytes()


def begin(client: httpx.Client, data: bytes, story: str = ID, bag: str = "") -> httpx.Response:
    facts = {"story": story, "bag": bag, "content": hashlib.sha256(data).hexdigest()}
    told = ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in facts.items())
    return client.post("/uploads", headers={"Upload-Length": str(len(data)), "Upload-Metadata": told})


def piece(client: httpx.Client, where: str, data: bytes, at: int, **more: str) -> httpx.Response:
    headers = {"Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream", **more}
    return client.patch(where.removeprefix("/box"), content=data, headers=headers)


def bring(client: httpx.Client, data: bytes, story: str = ID) -> httpx.Response:
    where = begin(client, data, story).headers["location"]
    assert piece(client, where, data, 0).status_code == 204
    return client.post("/deposits", json={"upload": where.rpartition("/")[2]})


def state(served: Any) -> tuple[Any, ...]:
    """Everything an archive holds: files with their sums, and the rows that count."""
    files = {
        str(path.relative_to(served.place.path)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(served.place.path.rglob("*"))
        if path.is_file() and not path.name.startswith(("archive.db", "."))
    }
    with served.place.catalogue() as catalogue, catalogue.read() as tx:
        rows = [
            sorted(tuple(row) for row in tx.all(f"SELECT * FROM {table}"))
            for table in ("stories", "tombstones", "receipts", "aside", "boxes", "files")
        ]
    return files, rows


# --- who may do what


def test_without_a_good_credential_nothing_is_read_deleted_or_written(
    served: Any, bag_of: Callable[..., Bag], tmp_path: Path
) -> None:
    box = served.box("maple")
    with box.visit():
        box.send_bag(bag_of())
    stolen = served.credential("stolen")
    data = sealed(served, bag_of(), tmp_path)
    with asking(served, stolen) as client:
        where = begin(client, data).headers["location"]
        piece(client, where, data[:1000], 0)
    served.revoke("stolen")
    before = state(served)
    paths = [
        "/", "/pulse", "/tombstones", "/held", f"/receipts/{ID}", "/uploads", where.removeprefix("/box"), "/deposits",
        "/feed", f"/feed/blobs/{'0' * 64}", "/../archive.db", "/uploads/../../archive.db", f"/stories/{ID}", "/objects",
    ]  # fmt: skip
    answered = 0
    for token in ("x", "wrong", "hearth-wrong", stolen, f"{stolen}x", "hearth-" + "é" * 5):
        with httpx.Client(base_url=f"{served.url}/box", timeout=30) as client:
            for method in METHODS:
                for path in paths:
                    headers = {
                        "Authorization": f"Bearer {token}".encode(),
                        "Upload-Offset": "1000",
                        "Upload-Length": "5",
                    }
                    headers["Content-Type"] = "application/offset+octet-stream"
                    answer = client.request(method, path, headers=headers, content=b"x" * 5000)
                    # What httpx tidies away ends outside the door, where there is nothing.
                    assert answer.status_code == (404 if ".." in path else 401), (token, method, path)
                    assert ID not in answer.text
                    answered += 1
    assert answered == 6 * len(METHODS) * len(paths)
    assert state(served) == before


def test_a_good_credential_deletes_nothing_and_reads_nothing_of_others(
    served: Any, bag_of: Callable[..., Bag], tmp_path: Path
) -> None:
    mine, theirs = served.box("maple"), served.credential("oak")
    with mine.visit():
        mine.send_bag(bag_of())
    data = sealed(served, bag_of(), tmp_path)
    with asking(served, served.credential("elm")) as elm:
        where = begin(elm, data).headers["location"].removeprefix("/box")
        piece(elm, where, data[:1000], 0)
    before = state(served)
    with asking(served, theirs) as client:
        assert client.get("/held").json() == {"stories": []}
        assert client.get(f"/receipts/{ID}").status_code == 404
        assert client.head(where).status_code == 404
        assert piece(client, where, data[1000:], 1000).status_code == 404
        assert client.post("/deposits", json={"upload": where.rpartition("/")[2]}).status_code == 404
        for path in ("/held", f"/receipts/{ID}", where, f"/stories/{ID}", "/deposits", "/tombstones", "/uploads"):
            for method in ("DELETE", "PUT", "PROPFIND"):
                assert client.request(method, path).status_code == 404
        assert client.get(where).status_code == 404
        for strange in (b"", b"[]", b"{", b'{"upload": 5}', b'{"tombstone": {}}', b"[" * 9000, b"x" * 20_000):
            for path in ("/deposits", "/tombstones", "/pulse", "/feed"):
                assert 400 <= client.post(path, content=strange).status_code < 500
    assert state(served) == before


def test_a_credential_is_asked_before_a_body_is_received(served: Any) -> None:
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 20) as conn:
        head = "PATCH /box/uploads/x HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n"
        conn.sendall(f"{head}Authorization: Bearer hearth-wrong\r\n\r\n".encode())
        assert conn.recv(65_536).startswith(b"HTTP/1.1 401")


def test_only_the_box_a_story_came_from_takes_it_back(
    served: Any, bag_of: Callable[..., Bag], clock: VirtualClock
) -> None:
    mine, theirs = served.box("maple"), served.box("oak")
    stone = Tombstone(TakeId(ID), clock.wall())
    with mine.visit():
        mine.send_bag(bag_of())
    with theirs.visit(), pytest.raises(Refused, match="another box"):
        theirs.send_tombstone(stone)
    # A credential copied off a card has no key to sign with.
    keys = open_home(served.boxes / "thief").load_keys()
    forged = keys.signing.sign(signed_part(stone)).signature.hex()
    with asking(served, mine._way.credential) as thief:
        for signature in (forged, "", "zz"):
            said = thief.post("/tombstones", json={"tombstone": stone.to_json(), "signature": signature})
            assert said.status_code == 403
        hello = json.loads(make_hello(keys, "", 0).to_bytes())
        assert thief.post("/pulse", json={"hello": hello}).status_code == 403
    assert served.kept() == [ID]
    with mine.visit():
        mine.send_tombstone(stone)
        assert mine.lost(ID)
    assert served.kept() == []


def test_boxes_are_added_once_and_their_credentials_are_not_kept(served: Any, clock: VirtualClock) -> None:
    with served.place.catalogue() as catalogue:
        credential = add_box(catalogue, "maple", "ann", clock.wall())
        assert box_with(catalogue, credential).name == "maple"
        for same in ("maple", "Maple"):
            with pytest.raises(BoxThere, match="A box called maple"):
                add_box(catalogue, same, "ann", clock.wall())
        for odd in ("", " x", "a/b", "x" * 61, "ö"):
            with pytest.raises(BadBoxName):
                add_box(catalogue, odd, "ann", clock.wall())
        with pytest.raises(NoSuchBox):
            revoke_box(catalogue, "oak", "ann", clock.wall())
        for _ in range(2):
            revoke_box(catalogue, "maple", "ann", clock.wall())
        assert box_with(catalogue, credential) is None
        again = add_box(catalogue, "maple", "ann", clock.wall())
        assert again != credential
        assert [box.name for box in boxes(catalogue)] == ["maple"]
        with catalogue.read() as tx:
            lines = [row["what"] for row in tx.all("SELECT what FROM changes WHERE subject = 'maple' ORDER BY id")]
    assert lines == ["box-added", "box-revoked", "box-added"]
    stored = b"".join(path.read_bytes() for path in served.place.path.glob("archive.db*"))
    assert credential.encode() not in stored
    assert again.encode() not in stored


def test_a_pulse_holds_nothing_that_was_told() -> None:
    told = {"version": "1.2", "disk_days": 12, "mic_lufs": -23.4567, "clock_trusted": True, "waiting": float("nan")}
    kept = content_free({**told, "clock": "2026-01-01T10:00:00+01:00", "stories": ["x"], "disk_free_mb": "a story"})
    assert kept == {
        "version": "1.2", "disk_days": 12.0, "mic_lufs": -23.457, "clock_trusted": True,
        "clock": "2026-01-01T09:00:00.000+00:00",
    }  # fmt: skip
    assert content_free({"version": "she said that", "clock": "once", "clock_trusted": 1}) == {}


def test_of_a_check_up_codes_that_have_words_here_are_kept_and_nothing_else() -> None:
    found = ["model-es", "power", "a story about a river", 7, "model-jobs", "power", ["heat"], "model-fr"]
    assert content_free({"look": found}) == {"look": ["power", "model-jobs", "model"]}
    assert content_free({"look": "power"}) == content_free({"look": ["river"]}) == {}


def test_numbers_and_times_no_machine_has_are_left_out() -> None:
    odd = {"disk_free_mb": 10**400, "disk_days": float("inf"), "mic_lufs": True, "clock": "0001-01-01T00:00:00+23:59"}
    assert content_free({**odd, "mic_usual_lufs": -23}) == {"mic_usual_lufs": -23.0}


def test_a_box_that_was_seen_is_listed_with_its_pulse(served: Any) -> None:
    with served.box("maple", pulse={"version": "1", "disk_days": 40.0, "teller": "x"}).visit():
        pass
    with served.place.catalogue() as catalogue:
        (box,) = boxes(catalogue)
    assert box.seen_at is not None
    assert box.pulse["disk_days"] == 40.0
    assert "teller" not in box.pulse
    assert "x" not in json.dumps(box.to_json()["pulse"])


# --- uploads


def test_another_tus_client_can_bring_a_bag(served: Any, bag_of: Callable[..., Bag], tmp_path: Path) -> None:
    bag = bag_of()
    data = sealed(served, bag, tmp_path)
    (tmp_path / "plain").write_bytes(data)
    headers = {"Authorization": f"Bearer {served.credential('maple')}"}
    facts = {"story": bag.id, "content": hashlib.sha256(data).hexdigest()}
    client = TusClient(f"{served.url}/box/uploads", headers=headers)
    bringing = client.uploader(str(tmp_path / "plain"), chunk_size=3000, metadata=facts)
    bringing.upload_chunk()
    again = client.uploader(str(tmp_path / "plain"), chunk_size=4000, url=bringing.url)
    assert again.offset == 3000
    again.upload()
    with httpx.Client(headers=headers) as asked:
        said = asked.post(f"{served.url}/box/deposits", json={"upload": bringing.url.rpartition("/")[2]})
        able = asked.options(f"{served.url}/box/uploads")
    assert said.json()["receipt"]["sha256"] == bag.sha256
    assert able.headers["tus-version"] == "1.0.0"
    assert int(able.headers["tus-max-size"]) > 4 << 30


def test_what_arrived_before_a_break_stays(served: Any, bag_of: Callable[..., Bag], tmp_path: Path) -> None:
    data = sealed(served, bag_of(), tmp_path)
    credential = served.credential("maple")
    host, port = served.url.removeprefix("http://").split(":")
    with asking(served, credential) as client:
        where = begin(client, data).headers["location"]
        assert begin(client, data).headers["location"] == where
        with socket.create_connection((host, int(port)), 20) as conn:
            head = f"PATCH {where} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {credential}\r\nUpload-Offset: 0\r\n"
            head += f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(data)}\r\n\r\n"
            conn.sendall(head.encode() + data[:5000])
            path = served.place.uploads / f"{where.rpartition('/')[2]}.sealed"
            while path.stat().st_size < 5000:
                pass
        offset = int(client.head(where.removeprefix("/box")).headers["upload-offset"])
        assert offset == 5000
        assert client.post("/deposits", json={"upload": where.rpartition("/")[2]}).status_code == 423
        assert piece(client, where, data[5000:], 5000).status_code == 204
        assert client.post("/deposits", json={"upload": where.rpartition("/")[2]}).status_code == 200
    assert list(served.place.uploads.iterdir()) == []


def test_a_writer_whose_line_went_dead_yields(
    served: Any, bag_of: Callable[..., Bag], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = sealed(served, bag_of(), tmp_path)
    credential = served.credential("maple")
    host, port = served.url.removeprefix("http://").split(":")
    with asking(served, credential) as client, socket.create_connection((host, int(port)), 20) as dead:
        where = begin(client, data).headers["location"]
        path = served.place.uploads / f"{where.rpartition('/')[2]}.sealed"
        head = f"PATCH {where} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {credential}\r\nUpload-Offset: 0\r\n"
        head += f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(data)}\r\n\r\n"
        dead.sendall(head.encode() + data[:4000])
        while path.stat().st_size < 4000:
            pass
        assert piece(client, where, data[4000:], 4000).status_code == 423
        monkeypatch.setattr(turns, "STALLED_S", 0.0)
        assert piece(client, where, data[4000:], 4000).status_code == 204
        assert path.read_bytes() == data


def test_a_bag_is_looked_at_once_however_long_that_takes(
    served: Any, bag_of: Callable[..., Bag], ledger: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive reads a large story for minutes, others wait behind it, and its box comes again meanwhile."""
    looked, entered, let_go, waiting = [], threading.Semaphore(0), threading.Event(), threading.Semaphore(0)
    really, working = deposit.accept, Turn.working

    def slow(place: ArchiveHome, source: Path, box: str) -> Receipt:
        looked.append(source)
        entered.release()
        assert let_go.wait(60)
        return really(place, source, box)

    def noted(turn: Turn) -> None:
        working(turn)
        waiting.release()

    monkeypatch.setattr(deposit, "accept", slow)
    monkeypatch.setattr(Turn, "working", noted)
    names = [f"01JC8Q3Y5Z7R9T2V4W6X8Y0A{number:02}" for number in range(boxdesk.AT_ONCE + 1)]
    with asking(served, served.credential("maple")) as client, ThreadPoolExecutor() as pool:
        asks = []
        for name in names:
            data = sealed(served, bag_of(ledger(TakeId(name))), tmp_path)
            where = begin(client, data, name).headers["location"]
            assert piece(client, where, data, 0).status_code == 204
            asks.append({"upload": where.rpartition("/")[2]})
        # From here on every silence counts at once.
        monkeypatch.setattr(turns, "SILENT_S", 0.0)
        monkeypatch.setattr(turns, "STALLED_S", 0.0)
        said = [pool.submit(client.post, "/deposits", json=asked) for asked in asks]
        for _ in said[1:]:
            assert entered.acquire(timeout=20)
        for _ in said:
            assert waiting.acquire(timeout=20)
        assert {client.post("/deposits", json=asked).status_code for asked in asks} == {423}
        let_go.set()
        assert [one.result(60).status_code for one in said] == [200] * len(asks)
    assert sorted(served.kept()) == names
    assert len(looked) == len(names)


def test_pieces_that_do_not_fit_are_refused(served: Any, bag_of: Callable[..., Bag], tmp_path: Path) -> None:
    data = sealed(served, bag_of(), tmp_path)
    with asking(served, served.credential("maple")) as client:
        where = begin(client, data).headers["location"]
        assert piece(client, where, data, 7).status_code == 409
        assert piece(client, where, data + b"x", 0).status_code == 413
        assert piece(client, where, data, 0, **{"Content-Type": "text/plain"}).status_code == 415
        assert piece(client, where, data, 0, **{"Upload-Offset": "-1"}).status_code == 415
        assert client.head(where.removeprefix("/box")).headers["upload-offset"] == "0"

        def endless() -> Any:
            for _ in range(40):
                yield data

        # Without a length: only what was announced is ever kept.
        assert piece(client, where, endless(), 0).status_code == 413  # type: ignore[arg-type]
        assert int(client.head(where.removeprefix("/box")).headers["upload-offset"]) <= len(data)
        for length, story in (("0", ID), ("-5", ID), ("9" * 14, ID), ("x", ID), ("10", "../../etc"), ("10", "")):
            told = f"story {b64encode(story.encode()).decode()},content {b64encode(b'0' * 64).decode()}"
            said = client.post("/uploads", headers={"Upload-Length": length, "Upload-Metadata": told})
            assert said.status_code in {413, 422}


def test_flips_and_truncation_are_never_signed_for(served: Any, bag_of: Callable[..., Bag], tmp_path: Path) -> None:
    good = sealed(served, bag_of(), tmp_path)
    with asking(served, served.credential("maple")) as client:
        for at in (0, 5, 40, 300, len(good) // 2, len(good) - 1):
            flipped = bytearray(good)
            flipped[at] ^= 0x40
            # On the way: the sum announced is that of what was sent.
            where = begin(client, good).headers["location"]
            assert piece(client, where, bytes(flipped), 0).status_code == 204
            assert client.post("/deposits", json={"upload": where.rpartition("/")[2]}).status_code == 460
            # At rest on the box, before the sum was taken.
            assert bring(client, bytes(flipped)).status_code == 422
        for size in (1, 20, len(good) // 3, len(good) - 1):
            assert bring(client, good[:size]).status_code == 422
        # At rest at the archive.
        where = begin(client, good).headers["location"]
        piece(client, where, good, 0)
        path = served.place.uploads / f"{where.rpartition('/')[2]}.sealed"
        path.write_bytes(b"x" + good[1:])
        assert client.post("/deposits", json={"upload": path.stem}).status_code == 460
        assert served.kept() == []
        assert client.get(f"/receipts/{ID}").status_code == 404
        assert bring(client, good).status_code == 200
    assert served.kept() == [ID]


def test_the_same_bag_ten_times_and_from_fifty_at_once_is_one_story(
    served: Any, bag_of: Callable[..., Bag], tmp_path: Path
) -> None:
    data = sealed(served, bag_of(), tmp_path)
    credential = served.credential("maple")

    def once(number: int) -> Any:
        with asking(served, credential) as client:
            # Sealed again each time, as another box out of the same backup would.
            (tmp_path / str(number)).mkdir()
            return bring(client, sealed(served, bag_of(), tmp_path / str(number))).json()

    with ThreadPoolExecutor(50) as many:
        said = list(many.map(once, range(50)))
    with asking(served, credential) as client:
        said += [bring(client, data).json() for _ in range(10)]
    assert {json.dumps(one, sort_keys=True) for one in said} == {json.dumps(said[0], sort_keys=True)}
    assert said[0]["receipt"]["bag"] == ID
    assert served.kept() == [ID]
    assert list(served.place.uploads.iterdir()) == []
    assert list(served.place.work.glob("[0-9a-f]*")) == []


def test_other_content_is_put_aside_once_and_then_refused_before_it_travels(
    served: Any, bag_of: Callable[..., Bag], tmp_path: Path
) -> None:
    box = served.box("maple")
    with box.visit():
        box.send_bag(bag_of())
        for _ in range(2):
            box.send_bag(bag_of(sound=b"fLaCforged"))
        first, second = box.settle(no_progress)
    assert first == second
    assert "put aside" in first.why
    assert len(list(served.place.aside.iterdir())) == 1
    forged = bag_of(sound=b"fLaCforged")
    with asking(served, box._way.credential) as client:
        assert begin(client, sealed(served, forged, tmp_path), bag=forged.sha256).status_code == 409


def test_a_full_archive_leaves_the_queue_as_it_was(
    served: Any, bag_of: Callable[..., Bag], monkeypatch: pytest.MonkeyPatch
) -> None:
    box = served.box("maple")
    full = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=1000))
    with monkeypatch.context() as patch:
        patch.setattr(uploads_module, "shutil", full)
        with box.visit(), pytest.raises(TransportTrouble, match="full"):
            box.send_bag(bag_of())
    waiting = list((served.boxes / "maple" / "outbox").glob("*.sealed"))
    assert len(waiting) == 1
    with box.visit():
        box.send_bag(bag_of())
        assert box.receipt(ID) is not None
    assert list((served.boxes / "maple" / "outbox").glob("*.sealed")) == []


def test_uploads_nobody_goes_on_with_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Uploads(tmp_path / "uploads")
    upload_ = here.create("maple", 100, "a" * 64, ID)
    assert here.find("oak", upload_.name) is None
    assert here.find("maple", "../" + upload_.name) is None
    here.sweep()
    assert here.find("maple", upload_.name) == upload_
    here.remove_story(OTHER)
    assert here.find("maple", upload_.name) == upload_
    here.remove_story(ID)
    assert here.find("maple", upload_.name) is None
    here.create("maple", 100, "b" * 64, ID)
    monkeypatch.setattr(uploads_module, "IDLE_S", -1.0)
    here.sweep()
    assert list((tmp_path / "uploads").iterdir()) == []
    monkeypatch.setattr(uploads_module, "_MOST_A_BOX", 1)
    monkeypatch.setattr(uploads_module, "IDLE_S", 1e6)
    here.create("maple", 100, "b" * 64, ID)
    with pytest.raises(uploads_module.TooMany):
        here.create("maple", 100, "c" * 64, ID)


def test_what_another_request_removes_meanwhile_troubles_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Uploads(tmp_path / "uploads")
    first = here.create("maple", 100, "a" * 64, ID)
    listed = here._facts()

    def removed_after_the_look() -> list[Path]:
        here.remove(first)
        return listed

    monkeypatch.setattr(here, "_facts", removed_after_the_look)
    monkeypatch.setattr(Path, "is_file", lambda _: True)
    here.sweep()
    assert not here.whole(first)


def test_a_withdrawal_at_the_archive_reaches_what_is_on_its_way(
    served: Any, bag_of: Callable[..., Bag], tmp_path: Path, clock: VirtualClock
) -> None:
    box = served.box("maple")
    data = sealed(served, bag_of(), tmp_path)
    with box.visit(), asking(served, box._way.credential) as client:
        where = begin(client, data).headers["location"]
        piece(client, where, data[:5000], 0)
        box.send_tombstone(Tombstone(TakeId(ID), clock.wall()))
        assert list(served.place.uploads.iterdir()) == []
        assert begin(client, data).status_code == 410
        assert bring_again(client, data) == 410
        assert [stone.story for stone in box.tombstones()] == [ID]


def bring_again(client: httpx.Client, data: bytes) -> int:
    """Under another name for the upload, so that only the bag itself says which story it is."""
    said = begin(client, data, OTHER)
    piece(client, said.headers["location"], data, 0)
    return client.post("/deposits", json={"upload": said.headers["location"].rpartition("/")[2]}).status_code


# --- the box's own side


def test_another_archive_at_the_same_address_is_refused(
    served: Any, bag_of: Callable[..., Bag], clock: VirtualClock
) -> None:
    box = served.box("maple")
    with box.visit():
        pass
    known = served.boxes / "maple-keys" / "known-archives.json"
    listed = json.loads(known.read_bytes())
    listed[served.url]["seal"] = "11" * 32
    known.write_text(json.dumps(listed))
    with pytest.raises(TransportTrouble, match="not the one"), box.visit():
        pass


def test_without_a_credential_nothing_is_asked(served: Any, clock: VirtualClock) -> None:
    home = open_home(served.boxes / "maple")
    box = HttpsTransport(served.url, home.path, home.keys, clock, Way())
    with pytest.raises(TransportTrouble, match="no credential"), box.visit():
        pass


def test_the_list_of_what_is_held_travels_once(served: Any, bag_of: Callable[..., Bag]) -> None:
    box = served.box("maple")
    with box.visit():
        box.send_bag(bag_of())
    for _ in range(2):
        with box.visit():
            assert not box.lost(ID)
            assert box.lost(OTHER)
    (kept,) = (served.boxes / "maple" / "outbox").glob(".held-*")
    kept.write_text("{")
    with box.visit():
        assert not box.lost(ID)


def test_progress_is_told_in_tenths(served: Any, bag_of: Callable[..., Bag]) -> None:
    told: list[tuple[str, str]] = []
    box = served.box("maple", told=lambda step, story: told.append((step, story)))
    with box.visit():
        box.send_bag(bag_of(sound=b"fLaC" + bytes(3 << 20)))
    assert told[0] == ("sent 0 % of", ID)
    assert told[-1] == ("sent 100 % of", ID)
    assert 3 <= len(told) <= 11


def test_an_upload_swept_half_way_begins_anew(served: Any, tmp_path: Path, clock: VirtualClock) -> None:
    source = tmp_path / "big"
    source.write_bytes(bytes(2 << 20))
    wire = Wire(served.url, clock, Way(served.credential("maple")))
    facts = {"story": ID, "content": hashlib.sha256(source.read_bytes()).hexdigest()}
    removed = threading.Event()

    def sent(offset: int, _size: int) -> None:
        if offset and not removed.is_set():
            removed.set()
            for path in served.place.uploads.iterdir():
                path.unlink()

    where = upload(wire, "/box/uploads", source, facts, sent)
    wire.close()
    assert isinstance(where, str)
    assert removed.is_set()
    (left,) = served.place.uploads.glob("*.sealed")
    assert left.read_bytes() == source.read_bytes()


# --- sticks


def test_a_stick_goes_to_the_archive_and_back(
    served: Any, bag_of: Callable[..., Bag], ledger: Callable[..., Any], tmp_path: Path, clock: VirtualClock
) -> None:
    stick = tmp_path / "stick"
    with pytest.raises(TransportTrouble, match="no folder"):
        visit_folder(served.place, stick)
    stick.mkdir()
    visit_folder(served.place, stick)
    home = open_home(served.boxes / "maple")
    box = FolderTransport(stick, home.path, home.keys, clock)
    with box.visit():
        box.send_bag(bag_of())
    report = visit_folder(served.place, stick)
    assert [receipt.bag for receipt in report.kept] == [ID]
    assert list((stick / "sealed").iterdir()) == []
    with box.visit():
        receipt = box.receipt(ID)
        assert receipt is not None
        assert receipt.verified(box.signer)
        box.send_bag(bag_of(ledger(uses=(Use.RECORD, Use.KEEP))))
    report = visit_folder(served.place, stick)
    assert [refusal.bag for refusal in report.refused] == [ID]
    assert (stick / "refused" / f"{ID}.txt").read_text()
    with box.visit():
        box.send_tombstone(Tombstone(TakeId(ID), clock.wall()))
    assert visit_folder(served.place, stick).withdrawn == [ID]
    assert served.kept() == []
    assert not (stick / "receipts" / f"{ID}.json").exists()
    assert visit_folder(served.place, stick).to_json()["withdrawn"] == []
    (stick / "archive-key.json").write_text("{}")
    with pytest.raises(TransportTrouble, match="another archive"):
        visit_folder(served.place, stick)


def test_an_address_with_too_much_behind_it_is_said(served: Any) -> None:
    home = open_home(served.boxes / "maple")
    box = HttpsTransport(f"{served.url}/box", home.path, home.keys, served.clock, Way(served.credential("maple")))
    with pytest.raises(TransportTrouble, match="does not take stories at"), box.visit():
        pass
