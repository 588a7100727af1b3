"""A line of 256 kbit/s that is cut every ten seconds, between two network namespaces of this machine.

Every cut ends the connection where it stands (a relay in the middle drops it without a word), as a router does that
forgets what it carried. What passed the wire is counted by the interface itself, with every header and repetition.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faultkit import Fault, Outcome
from faultkit.handing import Server, kept, made_bag, new_credential

KBIT_S = 256
CUT_EVERY_S = 10.0
MOST_OVERHEAD = 0.10
_BYTES_A_RUN = 640_000
"""Twenty seconds of this line for each run that is asked for."""
_BOX, _ARCHIVE = f"hearth-box-{os.getpid()}", f"hearth-archive-{os.getpid()}"
"""The namespaces' names: another run on this machine has its own."""
_HERE, _THERE = "192.0.2.1", "192.0.2.2"

_RELAY = """
import select, socket, sys, threading, time
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
there, every = (sys.argv[2], int(sys.argv[3])), float(sys.argv[4])
open_now = []
def cut():
    while True:
        time.sleep(every)
        for one in open_now[:]:
            try:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\\1\\0\\0\\0\\0\\0\\0\\0")
                one.close()
            except OSError:
                pass
        open_now.clear()
        print("cut", flush=True)
def carry(here):
    try:
        out = socket.socket()
        out.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        out.connect(there)
        open_now.extend((here, out))
        while True:
            ready, _, _ = select.select([here, out], [], [], 60)
            for one in ready:
                data = one.recv(4096)
                if not data:
                    return
                (out if one is here else here).sendall(data)
    except (OSError, ValueError):
        return
    finally:
        here.close()
        out.close()
threading.Thread(target=cut, daemon=True).start()
while True:
    conn, _ = listening.accept()
    threading.Thread(target=carry, args=(conn,), daemon=True).start()
"""

_RUN = """
import sys
from pathlib import Path
from faultkit.handing import made_bag, make_box
folder, url, credential, size = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
bag = made_bag(1, size)
box = make_box(folder, url, credential)
with box.visit():
    box.send_bag(bag)
    receipt = box.receipt(bag.id)
    assert receipt is not None and receipt.verified(box.signer) and receipt.sha256 == bag.sha256
"""


def run(count: int, folder: Path) -> Outcome:
    if os.geteuid() or shutil.which("tc") is None or shutil.which("ip") is None:
        return Outcome(skipped="network namespaces and a slow line need root, ip and tc (package iproute2)")
    outcome = Outcome()
    size = _BYTES_A_RUN * count
    try:
        with _line():
            _bring(size, folder, outcome)
    except subprocess.CalledProcessError as error:
        return Outcome(skipped=f"this machine makes no slow line: {error.stderr.decode().strip()[:200]}")
    outcome.runs = count
    return outcome


def _bring(size: int, folder: Path, outcome: Outcome) -> None:
    kit = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONUNBUFFERED": "1"}
    server = Server(folder / "archive", ("ip", "netns", "exec", _ARCHIVE))
    server.start()
    port = server.url.rpartition(":")[2]
    relays = []
    try:
        # The server listens on its machine alone; a proxy beside it is what the line ends at.
        far = [
            sys.executable,
            "-c",
            _RELAY.replace('"127.0.0.1"', "sys.argv[5]"),
            "8800",
            "127.0.0.1",
            port,
            "1e9",
            _THERE,
        ]
        near = [sys.executable, "-c", _RELAY, "8801", _THERE, "8800", str(CUT_EVERY_S)]
        relays.append(subprocess.Popen(["ip", "netns", "exec", _ARCHIVE, *far], stdout=subprocess.DEVNULL))
        relays.append(subprocess.Popen(["ip", "netns", "exec", _BOX, *near], stdout=subprocess.PIPE))
        credential = new_credential(folder / "archive", "maple")
        line = [sys.executable, "-c", _RUN, str(folder / "box"), "http://127.0.0.1:8801", credential, str(size)]
        before, began = _passed(), time.monotonic()
        done = subprocess.run(
            ["ip", "netns", "exec", _BOX, *line], env=kit, capture_output=True, check=False, timeout=60 + size / 8000
        )
        seconds = time.monotonic() - began
        outcome.check(done.returncode == 0, f"it did not arrive: {done.stderr.decode()[-300:]}")
    finally:
        for relay in relays:
            relay.kill()
            relay.wait()
        server.kill()
    assert relays[1].stdout is not None
    cuts = relays[1].stdout.read().count(b"cut")
    bag = made_bag(1, size)
    overhead = (_passed() - before) / bag.size - 1
    outcome.notes |= {"bytes": bag.size, "cuts": cuts, "seconds": round(seconds, 1), "overhead": round(overhead, 3)}
    outcome.check(cuts >= 1, "the line was never cut")
    outcome.check(overhead <= MOST_OVERHEAD, f"{overhead:.1%} more than the story went over the line")
    outcome.check(kept(folder / "archive") == {bag.id: bag.sha256}, "what is kept is not what was sent")


def _passed() -> int:
    """Bytes the box's end of the line has sent, frames and all."""
    words = ["ip", "netns", "exec", _BOX, "cat", "/sys/class/net/hearth0/statistics/tx_bytes"]
    return int(subprocess.run(words, check=True, capture_output=True).stdout)


@contextmanager
def _line() -> Iterator[None]:
    """Two namespaces and the slow line between them."""
    shaped = ["tbf", "rate", f"{KBIT_S}kbit", "burst", "4kb", "latency", "300ms"]
    steps = [
        ["ip", "netns", "add", _BOX],
        ["ip", "netns", "add", _ARCHIVE],
        ["ip", "link", "add", "hearth0", "netns", _BOX, "type", "veth", "peer", "name", "hearth1", "netns", _ARCHIVE],
        ["ip", "-n", _BOX, "addr", "add", f"{_HERE}/24", "dev", "hearth0"],
        ["ip", "-n", _ARCHIVE, "addr", "add", f"{_THERE}/24", "dev", "hearth1"],
        *(["ip", "-n", space, "link", "set", device, "up"] for space, device in (
            (_BOX, "lo"), (_ARCHIVE, "lo"), (_BOX, "hearth0"), (_ARCHIVE, "hearth1"))),
        ["ip", "netns", "exec", _BOX, "tc", "qdisc", "add", "dev", "hearth0", "root", *shaped],
        ["ip", "netns", "exec", _ARCHIVE, "tc", "qdisc", "add", "dev", "hearth1", "root", *shaped],
    ]  # fmt: skip
    try:
        for step in steps:
            subprocess.run(step, check=True, capture_output=True)
        yield
    finally:
        for space in (_BOX, _ARCHIVE):
            with contextlib.suppress(OSError):
                subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)


FAULT = Fault(
    "badline",
    sample=1,
    full=40,
    run=run,
    promise="a story arrives over 256 kbit/s cut every 10 s, with at most a tenth more than itself on the wire",
)
