"""The nightly hand-on: withdrawals both ways, then bags and receipts, then the feed. Every step can be repeated.

What was done is remembered as facts (`sent`, `bag`, `recall` among the store's receipts); what is due follows from
them and from the gate, asked at the moment of use. A run killed anywhere is finished by the next.

When a teller narrows what an archive may do, the next bag carries the longer consent record and replaces the old one;
without the voice, where only the words are allowed now. When nothing may leave the box any more, or the story is
sealed so that no new bag can be made, the archive's copy is *recalled*: it goes, and the box's own stays.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from archive.bag import Bag, BagContent, plan
from archive.claims import SYNCING, claim
from archive.consent import Answer, all_events, events_of, may, standing
from archive.consentrecord import TELLING, links, revision_of
from archive.envelope import BOX, recipients
from archive.errors import ArchiveError, BadFeed, NoKey, Refused, TransportTrouble
from archive.feed.receive import FeedReport, receive
from archive.handing import story_content, sweep_scratch, words_complete, words_revision
from archive.home import Home
from archive.ingest import Progress, Refusal, no_progress
from archive.receipts import BAG, RECALL, SENT, TELL, TOMBSTONE, Receipt
from archive.restorehold import NEWER, release_restored, unheard
from archive.returned import newer_there, shows_itself, tells_more
from archive.store import Store
from archive.tombstones import Reach, Tombstone
from archive.transports import Transport, make_transport
from archive.transports.way import Way
from archive.types import Act, ConsentEvent, Form, Reader, Use
from audio.clock import Clock
from audio.errors import AudioError
from audio.types import TakeId

OUTSIDE = frozenset({Use.ARCHIVE, Use.PARTNERS, Use.PUBLIC})
NOT_AGAIN = "Its teller took it back from there after the backup this box came from; it is not handed on again."

Content = Callable[[Store, TakeId], BagContent]


@dataclass(frozen=True, slots=True)
class Handed:
    """One bag of this run. ``receipt`` is None while the archive has not signed yet."""

    story: TakeId
    bag: str
    sha256: str
    receipt: Receipt | None

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`."""
        receipt = None if self.receipt is None else self.receipt.to_json()
        return {"story": self.story, "bag": self.bag, "sha256": self.sha256, "receipt": receipt}


@dataclass(slots=True)
class SyncReport:
    """What one run did: bags handed on, tombstones left or found, what was refused, how many stories still wait."""

    to: str
    bags: list[Handed] = field(default_factory=list)
    tombstones: list[Tombstone] = field(default_factory=list)
    found: list[Tombstone] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    waiting: int = 0
    feed: FeedReport = field(default_factory=FeedReport)

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`; every tombstone says which side it came from."""
        left = [{"story": stone.story, **stone.to_json(), "from": "box"} for stone in self.tombstones]
        came = [{"story": stone.story, **stone.to_json(), "from": "archive"} for stone in self.found]
        return {
            "to": self.to,
            "bags": [handed.to_json() for handed in self.bags],
            "tombstones": left + came,
            "waiting": self.waiting,
            "refused": [{"story": refusal.bag, "why": refusal.why} for refusal in self.refused],
            "feed": self.feed.to_json(),
        }


class SyncBroken(TransportTrouble):
    """The run broke off at the place it hands on to. ``report`` says what was done before; the rest waits."""

    def __init__(self, trouble: TransportTrouble, report: SyncReport) -> None:
        """Keep the transport's own sentence and what was done."""
        super().__init__(trouble.say, trouble.do)
        self.code = trouble.code
        self.report = report


def sync(
    store: Store,
    target: str | Transport,
    clock: Clock | None = None,
    progress: Progress = no_progress,
    content: Content = story_content,
    way: Way | None = None,
    site: str = "",
) -> SyncReport:
    """Hand on everything that is due to ``target`` (as `make_transport` takes it, or a transport made before), and
    take in what comes back. ``site`` is this library's name; a feed that cannot be believed is in the report
    (``feed.refused``), and the last good one stays.

    ``progress`` is called before each step with its name and the story concerned, and told how far a long transfer
    is; ``way`` is how a network is used. Raises `SyncBroken` (a
    `TransportTrouble`) when the place cannot be used to the end: nothing is lost, the next run goes on; `NoKey`
    when the box's keys are not here. One story that cannot be bagged does not stop the others: it is in ``refused``.
    """
    if isinstance(target, str):
        way = replace(way or Way(), told=progress)
        home = store.home
        target = make_transport(target, home=home.path, keys=home.keys, clock=clock or store.clock, way=way)
    with _alone(store.home):
        sweep_scratch(store)
        return _Run(store, target, progress, content, site).whole()


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Let one sync of this box run at a time."""
    claimed = claim(home.path / SYNCING)
    if claimed is None:
        raise TransportTrouble("Another sync of this box is running already.", "Wait until it has ended.")
    with claimed:
        yield


class _Run:
    """One run; all it knows of earlier ones are the store's receipts."""

    def __init__(
        self, store: Store, transport: Transport, progress: Progress, content: Content, site: str = ""
    ) -> None:
        self._store = store
        self._site = site
        self._transport = transport
        self._progress = progress
        self._content = content
        self._facts: dict[str, list[dict[str, Any]]] = {}
        self._tell: set[str] = set()
        self._handed: dict[str, Handed] = {}
        self._asked = False
        self._kept_back: set[str] = set()
        self._report = SyncReport(transport.place.removeprefix("folder:"))

    def whole(self) -> SyncReport:
        self._read_facts()
        try:
            self._progress("visit", "")
            with self._transport.visit():
                self._withdrawals()
                self._recalls()
                # What an earlier run left is taken in first: however often runs are killed, each one gets further.
                # And a stick comes back with receipts: what they sign for is not left there a second time.
                if any(facts[-1]["kind"] == SENT for facts in self._facts.values()):
                    self._settle()
                self._receipts()
                trouble = self._bags()
                # A story taken back while its bag was on its way must not stay there until the next night.
                self._withdrawals()
                self._settle()
                self._receipts()
                if trouble is not None:
                    raise trouble
                self._feed()
                if self._report.feed.taken_back:
                    # Asked for at the archive: it hears in the same night that the code was right.
                    self._withdrawals()
        except TransportTrouble as error:
            self._count_waiting()
            raise SyncBroken(error, self._report) from error
        self._count_waiting()
        return self._report

    def _feed(self) -> None:
        """Take in what comes back; what cannot be believed changes nothing and is said."""
        try:
            self._report.feed = receive(self._store, self._transport, self._site, self._progress)
        except (BadFeed, OSError) as error:
            say = getattr(error, "say", "") or "This box's disk did not take what came back."
            self._report.feed = FeedReport(refused=say)

    def _read_facts(self) -> None:
        self._facts, self._tell = {}, set()
        for row in self._store.receipts():
            if row.kind == TELL:
                self._tell.add(row.subject)
            if row.place == self._transport.place and row.kind in {SENT, BAG, RECALL}:
                self._facts.setdefault(row.subject, []).append({"kind": row.kind, **json.loads(row.body)})

    def _note(self, kind: str, story: TakeId, body: dict[str, Any]) -> None:
        body = {**body, "at": self._store.clock.wall().isoformat()}
        self._store.add_receipt(story, kind, self._transport.place, json.dumps(body, sort_keys=True))
        self._facts.setdefault(story, []).append({"kind": kind, **body})

    def _withdrawals(self) -> None:
        """Carry withdrawals both ways: what is taken back there is gone here, and the other way round."""
        self._progress("withdrawals", "")
        self._store.finish_erasures()
        stones = self._transport.tombstones()
        there = {stone.story: stone for stone in stones}
        # Asked before anything is noted here or left there: what this run brings proves nothing.
        answers = not self._asked and unheard(self._store) and shows_itself(self._store, self._transport, stones)
        newer = newer_there(self._store, self._transport, stones) if answers else set()
        gone = {one.take: one.at for one in self._store.tombstones()}
        final = {story: stone for story, stone in there.items() if stone.reach is Reach.WITHDRAWAL}
        for stone in final.values():
            if stone.story not in gone:
                self._progress("erase", stone.story)
                self._store.add_tombstone(stone.story)
                self._report.found.append(stone)
        if answers:
            # A box that came out of a backup held everything until this moment, or till somebody spoke for the archive.
            release_restored(self._store, "the archive", newer)
            self._report.refused += [Refusal(story, NEWER) for story in sorted(newer - set(final))]
        self._asked = True
        self._keep_back(stones)
        for story, at in gone.items():
            if story in final:
                self._store.add_receipt(story, TOMBSTONE, self._transport.place, "{}")
            elif self._withdrawn(story):
                try:
                    self._send_stone(Tombstone(story, _aware(at)))
                except Refused as error:
                    # Another box's story, known here out of a backup: nothing else waits because of it.
                    said = Refusal(story, error.say)
                    self._report.refused += [] if said in self._report.refused else [said]

    def _keep_back(self, stones: list[Tombstone]) -> None:
        """Hand nothing on that its teller took back from there after the backup this box came from."""
        for stone in stones:
            story = stone.story
            if stone.reach is not Reach.RECALL or not tells_more(self._store, stone) or story in self._kept_back:
                continue
            self._kept_back.add(story)
            if (self._facts.get(story) or [{"kind": RECALL}])[-1]["kind"] != RECALL:
                self._note(RECALL, story, {"events": stone.events})
            if not self._store.standing(story).held:
                self._report.refused.append(Refusal(story, NOT_AGAIN))

    def _withdrawn(self, story: TakeId) -> bool:
        """Tell a teller's withdrawal from a story this box let go of because its time was over."""
        if story in self._tell:
            return True
        return any(event.act is Act.WITHDRAW for event in events_of(self._store.db.conn, story))

    def _send_stone(self, stone: Tombstone) -> None:
        self._progress("tombstone", stone.story)
        self._transport.send_tombstone(stone)
        self._report.tombstones.append(stone)
        if stone.reach is Reach.WITHDRAWAL:
            self._store.add_receipt(stone.story, TOMBSTONE, self._transport.place, "{}")

    def _recalls(self) -> None:
        """Take back from the archive what it may keep no longer although its teller did not withdraw."""
        for story in list(self._facts):
            last = self._facts[story][-1]
            events = events_of(self._store.db.conn, TakeId(story))
            if last["kind"] == RECALL or not events or not _recall(events, last, self._store.now()):
                continue
            stone = Tombstone(TakeId(story), self._store.clock.wall(), Reach.RECALL, len(events), links(events)[-1])
            self._send_stone(stone)
            self._note(RECALL, TakeId(story), {"events": len(events)})

    def _bags(self) -> TransportTrouble | None:
        """Hand over every bag that is due; what the transport says when it cannot go on, else None."""
        for story, answer, revision in self._due():
            self._progress("bag", story)
            try:
                # Before the words are read: what is written down meanwhile goes with the next bag.
                words = words_revision(self._store, story)
                bag = plan(self._content(self._store, story))
                body = {"revision": revision, "words": words, "sha256": bag.sha256, "voice": answer.voice}
                self._note(SENT, story, body)
                self._send(bag)
            except TransportTrouble as trouble:
                return trouble
            except (NoKey, Refused):
                # Sealed, or taken back this very moment: not ours to hand on any more.
                continue
            except (ArchiveError, AudioError, OSError) as error:
                say = getattr(error, "say", "") or "Something this story needs could not be read."
                self._report.refused.append(Refusal(story, say))
        return None

    def _send(self, bag: Bag) -> None:
        answer = may(standing(events_of(self._store.db.conn, bag.story)), Reader.SYNC, self._store.now())
        if not answer.allowed:
            raise Refused(answer.why)
        self._progress("send", bag.story)
        self._transport.send_bag(bag)

    def _settle(self) -> None:
        self._progress("settle", "")
        said = {refusal.bag for refusal in self._report.refused}
        refused = [one for one in self._transport.settle(self._progress) if one.bag not in said]
        # On a stick that several boxes share lies what became of the others' bags too.
        ours = {str(story.id) for story in self._store.stories()} if refused else set()
        self._report.refused += [one for one in refused if one.bag in ours]

    def _receipts(self) -> None:
        """Fetch, verify and keep the receipt of everything that was sent and not yet signed for."""
        unsigned = {story for story, facts in self._facts.items() if facts[-1]["kind"] == SENT}
        # Most nights there is none, and the ledger of years need not be read for it.
        here = {str(story.id) for story in self._store.stories()} if unsigned else set()
        for story in sorted(here & unsigned):
            last = self._facts[story][-1]
            self._progress("receipt", story)
            receipt = self._transport.receipt(story)
            good = receipt is not None and receipt.verified(self._transport.signer) and receipt.sha256 == last["sha256"]
            if receipt is not None and good:
                kept = {name: last.get(name) for name in ("revision", "words", "sha256", "voice")}
                self._note(BAG, TakeId(story), {**kept, "receipt": receipt.to_json()})
            self._handed[story] = Handed(TakeId(story), story, last["sha256"], receipt if good else None)
        self._report.bags = [self._handed[story] for story in sorted(self._handed)]

    def _due(self) -> list[tuple[TakeId, Answer, str]]:
        """List the stories to hand on now: allowed, their words complete, not signed for in their present state."""
        due = []
        for story, answer, revision in self._allowed():
            if self._done_with(story, revision):
                continue
            if words_complete(self._store, story):
                due.append((story, answer, revision))
        return due

    def _allowed(self) -> Iterable[tuple[TakeId, Answer, str]]:
        ledger = all_events(self._store.db.conn)
        now = self._store.now()
        for story in self._store.stories():
            if story.id in self._kept_back:
                continue
            answer = may(standing(ledger[story.id]), Reader.SYNC, now)
            if answer.allowed:
                yield story.id, answer, revision_of(ledger[story.id])

    def _signed(self, story: TakeId, revision: str) -> bool:
        return self._last_is(BAG, story, revision)

    def _last_is(self, kind: str, story: TakeId, revision: str) -> bool:
        """Tell whether what was last done with a story is ``kind``, in the state it is in now: answers and words."""
        last = (self._facts.get(story) or [{"kind": ""}])[-1]
        if last["kind"] != kind or last["revision"] != revision:
            return False
        # Of a sealed story no other bag can be made; an earlier version did not note the words.
        known = last.get("words")
        sealed = BOX not in recipients(self._store.db.conn, story)
        return known is None or sealed or known == words_revision(self._store, story)

    def _done_with(self, story: TakeId, revision: str) -> bool:
        """Tell whether there is nothing to send: signed for and still there, or lying there for the archive's visit."""
        if self._signed(story, revision):
            return not self._transport.lost(story)
        if not self._last_is(SENT, story, revision):
            return False
        return self._transport.waits(story, self._facts[story][-1]["sha256"])

    def _count_waiting(self) -> None:
        self._report.waiting = sum(not self._signed(story, revision) for story, _, revision in self._allowed())


def _recall(events: list[ConsentEvent], last: dict[str, Any], now: datetime | None) -> bool:
    """Tell whether the archive's copy has to go: nothing may leave any more, or less may and no new bag can say so.

    ``now`` is None while the clock is not confirmed. A wait that was over when the archive got its copy is no reason
    to take that back then; one that was named since is.
    """
    where = standing(events)
    if where.ended is not None:
        return False
    # Sealing and holding are about this box; they do not take back what was given to the archive.
    given = replace(where, sealed=False, held=False)
    bag = may(given, Reader.SYNC, now)
    if now is None:
        timeless = {use: replace(yes, embargo=None) for use, yes in given.uses.items()}
        given = replace(given, uses=timeless)
    if not may(given, Reader.SYNC, now).allowed:
        return True
    if bag.allowed and not where.sealed and not where.held:
        return False  # what is narrower goes with the next bag
    chain = [event for event in events if event.act in TELLING]
    known = links(chain)
    since = chain[known.index(last["revision"]) + 1 :] if last["revision"] in known else chain
    return any(_narrows(event) for event in since)


def _narrows(event: ConsentEvent) -> bool:
    if event.act is Act.CUT:
        return True
    outside = event.use in OUTSIDE
    return outside and (not event.yes or event.form is Form.TRANSCRIPT or event.embargo is not None)


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.astimezone()
