"""A teller takes the story back: before, during and after it travels, and while a box that plays it is out of reach.

Two boxes, an archive and one stick between them, all real. The first box tells, hands on and is lent to the second,
where it lies on a cue button. The withdrawal comes at one of the steps of a sync, or afterwards; then everybody meets
once. From then on nobody plays it, and no byte of its words, its title or its sound is left with anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from archive import curation
from archive.boxes import add_box
from archive.feed.hello import read_hello
from archive.home import open_home
from archive.keycode import Cost
from archive.reviewing.excerpts import cut
from archive.server.place import ArchiveHome, open_archive
from archive.server.stickfeeds import meet
from archive.server.visits import visit_folder
from archive.shelf import Wording
from archive.store import Store
from archive.sync import sync
from archive.tellers import receipt
from archive.tombstones import Tombstone
from archive.transcription import TranscriberWorker
from archive.transports.folder import BOXES, FolderTransport
from archive.types import Use
from audio.clock import VirtualClock
from audio.takewriter import TakeWriter
from audio.transcribe import FixedTranscriber
from audio.types import AudioFormat, CutReason, Ms, Segment, TakeId
from faultkit import Fault, Outcome

WORDING = Wording("1", "ab" * 32, "en")
SHAPE = AudioFormat(8_000)
SECONDS = 22
DAY = 86_400.0
NOBODY = TakeId("")
SAID, TITLE = "Zanzibarine", "Quartettoscope"
BEFORE, LENT, OFFLINE, AT_THE_DESK = "before it travels", "after it was lent", "a month out of reach", "at the archive"
STEPS = ("visit", "withdrawals", "bag", "send", "settle", "receipt", "feed")
WHEN: tuple[str, ...] = (BEFORE, *(f"during {step}" for step in STEPS), LENT, OFFLINE, AT_THE_DESK)


@dataclass
class World:
    """Two boxes, an archive, a stick."""

    folder: Path
    clock: VirtualClock
    far: Store
    near: Store
    place: ArchiveHome
    take: TakeId
    code: str = ""
    sound: bytes = b""

    @property
    def stick(self) -> Path:
        return self.folder / "stick"

    def meet(self, store: Store, step: Callable[[str], None] = lambda _: None) -> None:
        """One box and the stick."""
        self.clock.advance(60)
        place = FolderTransport(self.stick, store.home.path, store.home.keys, self.clock)
        sync(store, place, progress=lambda name, _: step(name), site=store.home.path.name)

    def visit(self) -> None:
        """The archive and the stick."""
        self.clock.advance(60)
        visit_folder(self.place, self.stick)

    def withdraw(self) -> None:
        """The teller's code at the first box, by another program than the one that hands on."""
        with Store(self.far.home, self.clock, Cost(8, 1, 1)) as desk:
            if desk.standing(self.take).ended is None:
                desk.withdraw(self.code, "code")


def run(count: int, folder: Path) -> Outcome:
    outcome = Outcome()
    met: dict[str, int] = {}
    for seed in range(count):
        when = WHEN[seed % len(WHEN)]
        clock = VirtualClock(datetime(2026, 3, 1, 9, tzinfo=UTC))
        root = folder / str(seed)
        (root / "stick").mkdir(parents=True)
        with (
            Store(open_home(root / "far"), clock, Cost(8, 1, 1)) as far,
            Store(open_home(root / "near"), clock, Cost(8, 1, 1)) as near,
            open_archive(root / "archive", clock) as place,
        ):
            _one(World(root, clock, far, near, place, NOBODY), seed, when, outcome)
        outcome.runs += 1
        met[when] = met.get(when, 0) + 1
    outcome.notes["withdrawn"] = met
    return outcome


def _one(world: World, seed: int, when: str, outcome: Outcome) -> None:
    world.visit()
    # Both boxes leave their hello; a person makes them known.
    world.meet(world.far)
    world.meet(world.near)
    _know(world)
    _tell(world, seed)
    _hand_on(world, when)
    lent = when in {LENT, OFFLINE, AT_THE_DESK}
    if lent:
        world.visit()
        _lend(world)
        world.visit()
        world.meet(world.near)
        outcome.check(1 in world.near.cue_sheet("main").cues, f"{seed} {when}: it never was on the button")
    _take_back(world, when)
    if when == OFFLINE:
        world.clock.advance(30 * DAY)
        outcome.check(1 in world.near.cue_sheet("main").cues, f"{seed}: the loan ended without a word")
    # Everybody meets: the box and the stick, the archive, and the other box for the first time since.
    if when == AT_THE_DESK:
        world.visit()
    world.meet(world.far)
    world.visit()
    world.meet(world.near)
    _look(world, f"{seed} {when}", outcome)
    if lent:
        # The other box says at its next visit that its copy is gone, and the first one's teller reads that.
        world.meet(world.near)
        world.visit()
        world.meet(world.far)
        _look(world, f"{seed} {when}, later", outcome)
        (told,) = receipt(world.far, world.take).told
        outcome.check({"bag", "box near"} <= set(told.gone), f"{seed} {when}: the receipt says {told.gone}")


def _tell(world: World, seed: int) -> None:
    store = world.far
    opened = store.open_take(prompt="river", language="en", wording=WORDING, by="talk", site="far", sound=SHAPE)
    writer = TakeWriter(opened.path, opened.id, SHAPE, opened.key)
    pcm = np.random.default_rng(seed).integers(-9000, 9000, SECONDS * SHAPE.rate, dtype=np.int16).tobytes()
    writer.write(pcm)
    writer.flush()
    store.add_segment(Segment(opened.id, 0, Ms(0), Ms(SECONDS * 1000), Ms(500), CutReason.PAUSE))
    store.close_take(writer.close(speech=Ms(500)))
    world.code = str(store.keep(opened.id, wording=WORDING, by="keep").code)
    for use in (Use.PLAY_HERE, Use.ARCHIVE, Use.PARTNERS):
        store.decide(opened.id, use, yes=True, wording=WORDING, by="left")
    store.close_review(opened.id, "left")
    worker = TranscriberWorker(store.home, world.clock, lambda _: FixedTranscriber([f"{SAID} we sang."]))
    try:
        while worker.run_once():
            pass
    finally:
        worker.close()
    world.take = opened.id


def _know(world: World) -> None:
    with world.place.catalogue() as catalogue:
        for hello in sorted((world.stick / BOXES).glob("*.json")):
            told = read_hello(hello.read_bytes())
            assert told is not None
            add_box(catalogue, told.site, "sysadmin", world.clock.wall())
            meet(catalogue, told.site, hello.read_bytes(), world.clock.wall())


def _hand_on(world: World, when: str) -> None:
    if when == BEFORE:
        world.withdraw()
    wanted = when.removeprefix("during ")

    def step(name: str) -> None:
        if name == wanted:
            world.withdraw()

    world.meet(world.far, step)


def _lend(world: World) -> None:
    with world.place.catalogue() as catalogue, catalogue.write() as tx:
        files = tx.all("SELECT key FROM files WHERE story = ? AND path LIKE '%.flac'", world.take)
        excerpt = cut(tx, world.take, 0, 21_000, TITLE, "", "curator", world.clock.wall())
        curation.put_cue(tx, "near", 1, world.take, excerpt, "curator", world.clock.wall())
    with world.place.objects.open(str(files[0]["key"])) as source:
        # Sound as it lies there: a stretch of the file no other file has.
        world.sound = source.read()[20_000:20_048]


def _take_back(world: World, when: str) -> None:
    if when == AT_THE_DESK:
        from archive.server.erase import withdraw

        withdraw(world.place, Tombstone(world.take, world.clock.wall()), "archivist")
    else:
        world.withdraw()


def _look(world: World, where: str, outcome: Outcome) -> None:
    """Nobody plays it, nobody finds it, and no byte of it is left."""
    for store in (world.far, world.near):
        outcome.check(store.cue_sheet("main").cues == {}, f"{where}: it is on a button")
        outcome.check(store.excerpts() == [], f"{where}: an excerpt is left")
        gone = store.db.conn.execute("SELECT COUNT(*) FROM takes WHERE id = ?", (world.take,)).fetchone()[0]
        outcome.check(gone == 0, f"{where}: {store.home.path.name} still has it")
    with world.place.catalogue() as catalogue, catalogue.read() as tx:
        for table, column in (("stories", "id"), ("passages", "story"), ("excerpts", "story"), ("loans", "story")):
            row = tx.one(f"SELECT 1 FROM {table} WHERE {column} = ?", world.take)
            outcome.check(row is None, f"{where}: the archive still has it in {table}")
    marks = [mark.encode() for mark in (SAID, TITLE, SAID.lower(), TITLE.lower())]
    marks += [world.sound] if world.sound else []
    for path in sorted(world.folder.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        data = path.read_bytes()
        name = path.relative_to(world.folder).as_posix()
        outcome.check(not any(mark in data for mark in marks), f"{where}: a trace in {name}")
        # Its identifier may stand in the ledger, in tombstones and in receipts; a file of its name may not.
        outcome.check(world.take not in name or "tombstones" in name, f"{where}: a file of it is left: {name}")


FAULT = Fault(
    "withdrawn",
    sample=len(WHEN),
    full=330,
    run=run,
    promise="a story taken back at any moment is never playable after first contact, and nothing of it is left",
)
