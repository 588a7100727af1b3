"""SIGKILL at a random instant of bringing stories to an archive: the box's run, or the archive's server."""

from __future__ import annotations

import os
import random
import select
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from archive.errors import TransportTrouble
from archive.transports import tus
from archive.transports.wire import Wire
from faultkit import Fault, Outcome
from faultkit.evening import forked, lines_of
from faultkit.handing import Server, kept, made_bag, make_box, new_credential, receipts

SIZE = 1 << 20
"""So large that a kill lands in the middle of several pieces."""
MOST_RUNS = 40
_KBIT_S = 8_000
"""A megabyte a second: an upload takes its time also on this machine itself."""
_BOXES = 10
"""Boxes that bring a story each at the same time. One kill of the server cuts them all, each somewhere else."""


@dataclass
class _Cut:
    """One story on its way: who brings it, and what the runs said so far."""

    number: int
    child: int
    reading: int
    killed: float | None
    said: list[list[str]] = field(default_factory=list)


def run(count: int, folder: Path) -> Outcome:
    outcome = Outcome()
    server = Server(folder / "archive")
    server.start()
    try:
        # At least two kills, one of each kind.
        boxes = min(_BOXES, max(1, (count + 1) // 2))
        shown = [new_credential(folder / "archive", f"maple-{box}") for box in range(boxes)]
        expected: dict[str, str] = {}
        for first in range(0, count, boxes):
            numbers = range(first, min(count, first + boxes))
            expected |= {bag.id: bag.sha256 for bag in (made_bag(number, SIZE) for number in numbers)}
            _together(numbers, folder, server, shown, outcome)
        held = kept(folder / "archive")
        outcome.check(held == expected, f"{len(held)} stories with the right sums of {len(expected)}")
        outcome.check(receipts(folder / "archive") == expected, "the receipts sign for other bags than those kept")
        left = list((folder / "archive" / "uploads").iterdir())
        outcome.check(not left, f"{len(left)} files of uploads were left over")
        waiting = list(folder.glob("box-*/outbox/*.sealed"))
        outcome.check(not waiting, f"{len(waiting)} sealed bags were left in the outboxes")
    finally:
        server.kill()
    return outcome


def _together(numbers: range, folder: Path, server: Server, shown: list[str], outcome: Outcome) -> None:
    """Bring a story a box, and kill the server once or each box; then let the next runs finish them."""
    chance = random.Random(numbers[0])
    victim = "server" if numbers[0] // len(shown) % 2 else "box"
    cuts = []
    for number in numbers:
        child, reading = _forked(folder, server, shown, number)
        cuts.append(_Cut(number, child, reading, chance.uniform(0.0, 1.5) if victim == "box" else None))
    for cut in cuts:
        select.select([cut.reading], [], [], 120.0)
    began = time.monotonic()
    if victim == "server":
        time.sleep(chance.uniform(0.0, 1.5))
        server.kill()
        server.start()
    for cut in sorted(cuts, key=lambda one: one.killed or 0.0):
        if cut.killed is not None:
            time.sleep(max(0.0, began + cut.killed - time.monotonic()))
            os.kill(cut.child, signal.SIGKILL)
    for cut in cuts:
        os.waitpid(cut.child, 0)
        cut.said += lines_of(cut.reading)
        outcome.runs += 1
        outcome.notes[f"killed: {victim}"] = int(outcome.notes.get(f"killed: {victim}", 0)) + 1
    for cut in cuts:
        _finish(cut, folder, server, shown, outcome)


def _finish(cut: _Cut, folder: Path, server: Server, shown: list[str], outcome: Outcome) -> None:
    for _ in range(MOST_RUNS):
        if ["receipt"] in cut.said:
            break
        child, reading = _forked(folder, server, shown, cut.number)
        os.waitpid(child, 0)
        cut.said += lines_of(reading)
    else:
        outcome.check(False, f"story {cut.number} never arrived")
        return
    sealed = max((int(line[1]) for line in cut.said if line[0] == "size"), default=0)
    pieces = [int(line[1]) for line in cut.said if line[0] == "piece"]
    again = sum(int(line[1]) for line in cut.said if line[0] == "sent") - sealed
    outcome.notes["cut in the middle"] = int(outcome.notes.get("cut in the middle", 0)) + (again > 0)
    outcome.note_most("most sent again, bytes", again)
    outcome.note_most("largest piece, bytes", max(pieces, default=0))
    outcome.check(again <= max(pieces, default=0), f"story {cut.number}: {again} bytes were sent again")


def _forked(folder: Path, server: Server, shown: list[str], number: int) -> tuple[int, int]:
    box = number % len(shown)
    return forked(lambda pipe: _bring(folder / f"box-{box}", server.url, shown[box], number, pipe))


def _bring(folder: Path, url: str, credential: str, number: int, pipe: int) -> None:
    """One run of the box, in a process of its own."""
    box = make_box(folder, url, credential, kbit_s=_KBIT_S, window_s=120.0)
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
