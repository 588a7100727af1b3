"""SIGKILL at a random instant of bringing stories to an archive: the box's run, or the archive's server."""

from __future__ import annotations

import os
import random
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from archive.errors import TransportTrouble
from archive.transports import tus
from archive.transports.wire import Wire
from faultkit import Fault, Outcome
from faultkit.evening import forked, lines_of
from faultkit.handing import Server, kept, made_bag, make_box, new_credential, receipts

SIZE = 6 << 20
"""So large that a kill lands in the middle: several pieces, and a while of checking."""
MOST_RUNS = 40
_KBIT_S = 80_000
"""Ten megabytes a second: an upload takes its time also on this machine itself."""


def run(count: int, folder: Path) -> Outcome:
    outcome = Outcome()
    server = Server(folder / "archive")
    server.start()
    try:
        credential = new_credential(folder / "archive", "maple")
        expected: dict[str, str] = {}
        for number in range(count):
            bag = made_bag(number, SIZE)
            expected[bag.id] = bag.sha256
            _one(number, folder, server, credential, outcome)
        held = kept(folder / "archive")
        outcome.check(held == expected, f"{len(held)} stories with the right sums of {len(expected)}")
        outcome.check(receipts(folder / "archive") == expected, "the receipts sign for other bags than those kept")
        left = list((folder / "archive" / "uploads").iterdir())
        outcome.check(not left, f"{len(left)} files of uploads were left over")
        waiting = list((folder / "box" / "outbox").glob("*.sealed"))
        outcome.check(not waiting, f"{len(waiting)} sealed bags were left in the outbox")
    finally:
        server.kill()
    return outcome


def _one(number: int, folder: Path, server: Server, credential: str, outcome: Outcome) -> None:
    """Bring one story, and kill somebody on the way; then let the next runs finish it."""
    chance = random.Random(number)
    child, reading = forked(lambda pipe: _bring(folder, server.url, credential, number, pipe))
    select.select([reading], [], [], 60.0)
    time.sleep(chance.uniform(0.0, 1.2))
    victim = "server" if number % 2 else "box"
    if victim == "server":
        server.kill()
    else:
        os.kill(child, signal.SIGKILL)
    if victim == "server":
        server.start()
    os.waitpid(child, 0)
    said = lines_of(reading)
    outcome.runs += 1
    outcome.notes[f"killed: {victim}"] = int(outcome.notes.get(f"killed: {victim}", 0)) + 1
    for _ in range(MOST_RUNS):
        if ["receipt"] in said:
            break
        child, reading = forked(lambda pipe: _bring(folder, server.url, credential, number, pipe))
        os.waitpid(child, 0)
        said += lines_of(reading)
    else:
        outcome.check(False, f"story {number} never arrived")
        return
    sealed = max((int(line[1]) for line in said if line[0] == "size"), default=0)
    pieces = [int(line[1]) for line in said if line[0] == "piece"]
    again = sum(int(line[1]) for line in said if line[0] == "sent") - sealed
    outcome.note_most("most sent again, bytes", again)
    outcome.note_most("largest piece, bytes", max(pieces, default=0))
    outcome.check(again <= max(pieces, default=0), f"story {number}: {again} bytes were sent again")


def _bring(folder: Path, url: str, credential: str, number: int, pipe: int) -> None:
    """One run of the box, in a process of its own."""
    box = make_box(folder / "box", url, credential, kbit_s=_KBIT_S, window_s=120.0)
    bag = made_bag(number, SIZE)
    read = tus._read

    def counted(wire: Wire, file: BinaryIO, offset: int, count: int) -> Iterator[bytes]:
        os.write(pipe, f"size {os.fstat(file.fileno()).st_size}\npiece {count}\n".encode())
        for block in read(wire, file, offset, count):
            os.write(pipe, f"sent {len(block)}\n".encode())
            yield block

    tus._read = counted
    try:
        with box.visit():
            os.write(pipe, b"begun\n")
            box.send_bag(bag)
            receipt = box.receipt(bag.id)
            if receipt is not None and receipt.verified(box.signer) and receipt.sha256 == bag.sha256:
                os.write(pipe, b"receipt\n")
    except TransportTrouble as trouble:
        os.write(pipe, f"trouble {trouble.code}\n".encode())


FAULT = Fault(
    "deposits",
    sample=6,
    full=1000,
    run=run,
    promise="every bag exactly once, its sums right, at most one piece sent again for each cut",
)
