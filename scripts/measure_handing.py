"""How long a run takes that has nothing to do, and how fast a story travels beside plain curl over the same door.

The stories of the first figure are made up and their sound is not there: a run with nothing to do opens none of it.
Everything else is real: the box's store, its sync, the archive's program on this machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
from faultkit.handing import Server, made_bag, new_credential, story_id

from archive.consent import events_of, record
from archive.consentrecord import revision_of
from archive.database import Moment, transaction
from archive.home import open_home
from archive.sealedbag import seal_bag
from archive.server.place import open_archive
from archive.store import Store
from archive.sync import sync
from archive.transports.tus import upload as bring
from archive.transports.way import Way
from archive.transports.wire import Wire
from archive.types import Act, ConsentEvent, Form, Use
from audio.clock import SystemClock

os.environ.pop("HEARTH_KEYS", None)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/measure-handing", description=__doc__)
    parser.add_argument("--stories", type=int, default=10_000, help="stories of the run with nothing to do")
    parser.add_argument("--megabytes", type=int, default=256, help="size of the story that travels")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hearth-measure-") as folder:
        server = Server(Path(folder) / "archive")
        server.start()
        try:
            figures = {
                **no_op(Path(folder), server, options.stories),
                **upload(Path(folder), server, options.megabytes),
            }
        finally:
            server.kill()
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


def no_op(folder: Path, server: Server, count: int) -> dict[str, object]:
    """Time runs of a box whose stories are all signed for: the first fetches the list of what is held, others do not."""
    credential = new_credential(server.home, "maple")
    with Store(open_home(folder / "box"), SystemClock()) as store:
        fill(store, server, count)
        seconds, worked = [], []
        for _ in range(4):
            began, work = time.perf_counter(), time.process_time()
            report = sync(store, server.url, way=Way(credential))
            seconds.append(round(time.perf_counter() - began, 3))
            worked.append(round(time.process_time() - work, 3))
            assert not report.bags
            assert not report.waiting
            assert not report.refused
    return {
        "no_op_stories": count,
        "no_op_first_s": seconds[0],
        "no_op_s": min(seconds[1:]),
        "no_op_cpu_s": min(worked[1:]),
    }


def fill(store: Store, server: Server, count: int) -> None:
    """Write stories that were told, kept and signed for into the box and its archive."""
    now, clock, moment = datetime.now(UTC), store.clock, Moment.now(store.clock)
    sums = {}
    with transaction(store.db.conn) as conn:
        for number in range(count):
            story = story_id(1_000_000 + number)
            conn.execute(
                "INSERT INTO takes (id, kind, prompt, language, site, boot_id, monotonic, wall, clock_trusted, rate, "
                "channels, width) VALUES (?, 'story', 'river', 'en', 'Maple', ?, ?, ?, 1, 16000, 1, 2)",
                (story, clock.boot_id, clock.monotonic(), now.isoformat()),
            )
            conn.execute("INSERT INTO closings VALUES (?, 60000, 50000, 0, 0, ?, 16000, 1, 2)", (story, "0" * 64))
            for use in (Use.RECORD, Use.KEEP, Use.ARCHIVE):
                told = ConsentEvent(story, Act.DECIDE, now, "left", use, True, Form.VOICE, None, "1", "ab" * 32, "en")
                record(conn, told, moment)
            sums[story] = hashlib.sha256(story.encode()).hexdigest()
            fact = {
                "revision": revision_of(events_of(conn, story)),
                "sha256": sums[story],
                "voice": True,
                "at": now.isoformat(),
            }
            conn.execute(
                "INSERT INTO receipts (subject, kind, place, body, at) VALUES (?, 'bag', ?, ?, ?)",
                (story, server.url, json.dumps(fact), now.isoformat()),
            )
    with open_archive(server.home) as place, place.catalogue() as catalogue, catalogue.write() as tx:
        for story, digest in sums.items():
            tx.run(
                "INSERT INTO stories (id, bag_sha256, kind, prompt, prompt_text, language, site, recorded_at, "
                "clock_trusted, length_ms, box, received_at, title, has_voice) "
                "VALUES (?, ?, 'story', 'river', '', 'en', 'Maple', ?, 1, 60000, 'maple', ?, '', 1)",
                story, digest, now.isoformat(), now.isoformat(),
            )  # fmt: skip


def upload(folder: Path, server: Server, megabytes: int) -> dict[str, object]:
    """Bring one large story, and as many sealed bytes with curl as one request to the same door."""
    credential = new_credential(server.home, "oak")
    bag = made_bag(1, megabytes * 1_000_000)
    with open_archive(server.home) as place:
        key = place.public_key
    ours, theirs = folder / "ours", folder / "theirs"
    seconds = {}
    with _timed(seconds, "seal_s"):
        seal_bag(bag, key, ours)
    seal_bag(bag, key, theirs)
    wire = Wire(server.url, SystemClock(), Way(credential))
    with _timed(seconds, "upload_s"):
        where = bring(wire, "/box/uploads", ours, {"story": bag.id, "content": _sum(ours)}, lambda *_: None)
    with _timed(seconds, "check_and_sign_s"):
        said = wire.ask("POST", "/box/deposits", plain={"upload": str(where).rpartition("/")[2]}, limit_s=900.0)
    wire.close()
    assert "receipt" in said.json(), said.told()
    size = ours.stat().st_size / 1e6
    return {
        "upload_mb": round(size, 1),
        "seal_s": seconds["seal_s"],
        "upload_mb_s": round(size / seconds["upload_s"], 1),
        "curl_mb_s": round(size / curl(server, credential, theirs, bag.id), 1),
        "check_and_sign_s": seconds["check_and_sign_s"],
    }


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[name] = round(time.perf_counter() - began, 3)


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def curl(server: Server, credential: str, source: Path, story: str) -> float:
    """Seconds curl takes for one request with the whole file."""
    told = {"story": story, "content": _sum(source)}
    meta = ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in told.items())
    headers = {"Authorization": f"Bearer {credential}"}
    size = str(source.stat().st_size)
    begun = httpx.post(f"{server.url}/box/uploads", headers={**headers, "Upload-Length": size, "Upload-Metadata": meta})
    line = ["curl", "-s", "-f", "-X", "PATCH", "-T", str(source), "-w", "%{time_total}", "-o", os.devnull]
    for name, value in {**headers, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}.items():
        line += ["-H", f"{name}: {value}"]
    done = subprocess.run(
        [*line, f"{server.url}{begun.headers['location']}"], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


if __name__ == "__main__":
    main()
