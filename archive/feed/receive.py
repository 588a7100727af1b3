"""The box's side of a feed: fetched, verified, staged, and then one transaction. The last good one stays until then.

Whatever is refused is refused with a sentence, and changes nothing: a feed nobody signed, one signed by another, an
older one than that in use, one sealed to another box, one that is too large or names something no box knows. What was
taken back counts first: tombstones of a good feed are carried out before any of its blobs is fetched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nacl.public import SealedBox

from archive.consent import events_of, standing
from archive.cues import put_excerpt
from archive.database import checkpoint, transaction
from archive.envelope import BOX, ContentKey, add_wrap, open_content
from archive.errors import BadFeed, NoKey, NoSuchStory, Refused
from archive.feed.claimed import take_back_claimed, told_applied
from archive.feed.hello import make_hello
from archive.feed.manifest import LentExcerpt, Manifest, Outcome, open_feed
from archive.feed.sent import write_sent
from archive.feed.staging import NotLent, Progress, Staged, is_own, stage
from archive.guests import BY, cue_reader, end_loan, guests, is_lent, note_consent, sweep_loans
from archive.store import Store
from archive.tombstones import Reach
from archive.transcripts import put_words
from archive.transports import Transport
from archive.types import Excerpt
from audio.types import Ms, TakeId

ERASED = "erased"
"""Kind of a receipt that tells what an archive has erased, and which copies are still on their way out."""


@dataclass(slots=True)
class FeedReport:
    """What came back in this run. ``sequence`` is 0 where there is no feed, ``fresh`` whether it was a new one."""

    sequence: int = 0
    fresh: bool = False
    lent: list[TakeId] = field(default_factory=list)
    given_back: list[TakeId] = field(default_factory=list)
    not_lent: list[NotLent] = field(default_factory=list)
    sheets: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    taken_back: list[TakeId] = field(default_factory=list)
    refused: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain data for `json`."""
        return {
            "sequence": self.sequence,
            "new": self.fresh,
            "lent": list(self.lent),
            "given_back": list(self.given_back),
            "not_lent": [{"story": one.loan.story, "why": one.why} for one in self.not_lent],
            "cue_sheets": list(self.sheets),
            "prompt_sets": list(self.prompts),
            "taken_back": list(self.taken_back),
            "refused": self.refused,
        }


def last_feed(store: Store, signer: bytes) -> tuple[int, str]:
    """Return number and SHA-256 of the last good feed of the archive that signs with ``signer``; 0 before the first."""
    row = store.db.conn.execute("SELECT sequence, sha256 FROM feeds WHERE archive = ?", (signer.hex(),)).fetchone()
    return (0, "") if row is None else (int(row[0]), str(row[1]))


def receive(store: Store, transport: Transport, site: str, progress: Progress) -> FeedReport:
    """Fetch the feed of this box and apply it, if it is a new one. ``site`` is this library's name.

    Inside `Transport.visit`, by the one sync that runs. Safe to repeat; a run killed anywhere is finished or undone by
    the next. Raises `BadFeed` (the last good feed stays), `TransportTrouble`, `NoKey`, `OSError`.
    """
    sweep_loans(store)
    write_sent(store)
    sequence, sha256 = last_feed(store, transport.signer)
    progress("feed", "")
    data = transport.feed(make_hello(store.keys, site, told_applied(store, transport.signer, sequence)))
    if data is None:
        return FeedReport()
    manifest = open_feed(data, transport.signer, store.keys.box)
    digest = hashlib.sha256(data).hexdigest()
    if (manifest.sequence, digest) == (sequence, sha256):
        again = take_back_claimed(store, transport.signer, manifest.claims, sequence, again=True)
        return FeedReport(sequence, taken_back=again)
    if manifest.sequence <= sequence:
        say = f"This feed (number {manifest.sequence}) is older than the one in use ({sequence})."
        raise BadFeed(say, "Somebody shows an old feed again, or the archive came out of a backup. Ask its people.")
    _bury(store, manifest)
    taken_back = take_back_claimed(store, transport.signer, manifest.claims, sequence)
    staged, not_lent = stage(store, transport, manifest, site=site, progress=progress)
    report = FeedReport(manifest.sequence, fresh=True, not_lent=not_lent, taken_back=taken_back)
    progress("apply", "")
    _apply(store, transport, manifest, staged, digest, report)
    sweep_loans(store)
    write_sent(store)
    checkpoint(store.db.conn)
    return report


def _bury(store: Store, manifest: Manifest) -> None:
    gone = {one.take for one in store.tombstones()}
    for stone in manifest.tombstones:
        if stone.reach is Reach.WITHDRAWAL and stone.story not in gone:
            store.add_tombstone(stone.story)


def _apply(
    store: Store, transport: Transport, manifest: Manifest, staged: list[Staged], digest: str, report: FeedReport
) -> None:
    archive = transport.signer.hex()
    own = list(_own_cuts(store, manifest))
    outcomes = [(one, SealedBox(store.keys.box.public_key).encrypt(one.text.encode())) for one in manifest.outcomes]
    with transaction(store.db.conn) as conn:
        if last_feed(store, transport.signer)[0] >= manifest.sequence:
            raise BadFeed("A newer feed was applied meanwhile.", "Nothing needs to be done.")
        conn.execute("DELETE FROM cues WHERE origin = ?", (archive,))
        conn.execute("DELETE FROM excerpts WHERE origin = ?", (archive,))
        _end_others(store, archive, {one.loan.story for one in staged}, report)
        for one in staged:
            if standing(events_of(conn, one.loan.story)).ended is None:
                _lend(store, archive, one, report)
        for story, cut, key in own:
            if conn.execute("SELECT 1 FROM takes WHERE id = ?", (story,)).fetchone() is not None:
                put_excerpt(conn, _excerpt(story, cut, cut.start), key, archive)
        _put_sheets(store, archive, manifest, report)
        _put_prompts_and_settings(store, archive, manifest, report)
        _put_outcomes(store, archive, outcomes)
        _put_receipts(store, transport.place, manifest)
        now = store.moment()
        row = (archive, manifest.sequence, digest, manifest.made_at.isoformat())
        conn.execute(
            "INSERT OR REPLACE INTO feeds VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, now.boot_id, now.at, now.wall.isoformat(), int(now.trusted)),
        )


def _own_cuts(store: Store, manifest: Manifest) -> Iterator[tuple[TakeId, LentExcerpt, ContentKey]]:
    """Cuts of stories told at this box: their own sound is played, as far as their own ledger allows."""
    for loan in manifest.loans:
        if not is_own(store, loan):
            continue
        try:
            length = store.story(loan.story).length
            reader = cue_reader(store.db.conn, loan.story)
            key = open_content(store, loan.story, reader, store.now())
        except (NoKey, Refused, NoSuchStory):
            # Sealed, held, narrowed or no longer here: what its teller said at this box counts.
            continue
        yield from ((loan.story, cut, key) for cut in loan.excerpts if cut.end <= length)


def _end_others(store: Store, archive: str, kept: set[TakeId], report: FeedReport) -> None:
    for take, guest in guests(store.db.conn).items():
        if guest.archive == archive and take not in kept:
            end_loan(store, take)
            report.given_back.append(take)


def _lend(store: Store, archive: str, one: Staged, report: FeedReport) -> None:
    """Let a guest in, or leave it as it stands; its excerpts are put anew either way."""
    conn, loan = store.db.conn, one.loan
    guest = guests(conn).get(loan.story)
    if guest is None and conn.execute("SELECT 1 FROM takes WHERE id = ?", (loan.story,)).fetchone() is not None:
        return  # it was told here meanwhile; its own ledger decides
    said = sum(event.by.startswith(BY) for event in events_of(conn, loan.story))
    if one.card is not None:
        if guest is not None:
            end_loan(store, loan.story)
        _admit(store, one)
    note_consent(store, loan.story, loan.consent.events, min(said, len(loan.consent.events)))
    conn.execute(
        "INSERT OR REPLACE INTO guests VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            loan.story, archive, str(one.reader), loan.sound.sha256, loan.card.sha256, len(loan.consent.events),
            loan.consent.head,
        ),
    )  # fmt: skip
    for cut in loan.excerpts:
        put_excerpt(conn, _excerpt(loan.story, cut, cut.at), one.key, archive)
    report.lent.append(loan.story)


def _admit(store: Store, one: Staged) -> None:
    card, loan, now = one.card, one.loan, store.moment()
    assert card is not None
    conn, shape = store.db.conn, card.format
    conn.execute(
        "INSERT INTO takes (id, kind, prompt, language, site, boot_id, monotonic, wall, clock_trusted, rate, channels, "
        "width) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            loan.story, str(card.kind), card.prompt, card.language, loan.site, now.boot_id, now.at,
            card.recorded_at.isoformat(), int(card.clock_trusted), shape.rate, shape.channels, shape.width,
        ),
    )  # fmt: skip
    conn.execute(
        "INSERT INTO closings (take, length, speech, overflows, clipped, sha256, rate, channels, width) "
        "VALUES (?, ?, 0, 0, 0, ?, ?, ?, ?)",
        (loan.story, card.length, card.sha256, shape.rate, shape.channels, shape.width),
    )
    add_wrap(conn, loan.story, BOX, loan.key)
    conn.execute("INSERT INTO loudness VALUES (?, ?)", (loan.story, card.lufs))
    put_words(conn, loan.story, 0, card.by, card.words, key=one.key)


def _excerpt(story: TakeId, cut: LentExcerpt, start: Ms) -> Excerpt:
    return Excerpt(cut.id, story, start, Ms(start + cut.end - cut.start), cut.title, cut.note)


def _put_sheets(store: Store, archive: str, manifest: Manifest, report: FeedReport) -> None:
    """Fill the buttons nobody here has filled or cleared."""
    for sheet in manifest.sheets:
        for button, cut in sheet.buttons.items():
            store.db.conn.execute(
                "INSERT INTO cues (sheet, button, excerpt, origin) SELECT ?, ?, id, ? FROM excerpts WHERE id = ? "
                "AND NOT EXISTS (SELECT 1 FROM cues_off WHERE sheet = ? AND button = ? AND excerpt = ?) "
                "ON CONFLICT (sheet, button) DO NOTHING",
                (sheet.name, button, archive, cut, sheet.name, button, cut),
            )
        report.sheets.append(sheet.name)
    # What is not on any sheet now was cleared for good.
    store.db.conn.execute("DELETE FROM cues_off WHERE excerpt NOT IN (SELECT id FROM excerpts)")


def _put_prompts_and_settings(store: Store, archive: str, manifest: Manifest, report: FeedReport) -> None:
    conn = store.db.conn
    conn.execute("DELETE FROM sent_prompts WHERE archive = ?", (archive,))
    for one in manifest.prompts:
        conn.execute("INSERT INTO sent_prompts VALUES (?, ?, ?)", (archive, one.name, one.toml))
        report.prompts.append(one.name)
    conn.execute("DELETE FROM sent_lines WHERE archive = ?", (archive,))
    for number, lines in enumerate(manifest.lines):
        told = json.dumps(dict(lines), ensure_ascii=False, sort_keys=True)
        conn.execute("INSERT INTO sent_lines VALUES (?, ?, ?)", (archive, number, told))
    conn.execute("DELETE FROM sent_settings WHERE archive = ?", (archive,))
    for name, value in (manifest.settings or {}).items():
        conn.execute("INSERT OR REPLACE INTO sent_settings VALUES (?, ?, ?)", (name, json.dumps(value), archive))


def _put_outcomes(store: Store, archive: str, outcomes: list[tuple[Outcome, bytes]]) -> None:
    conn = store.db.conn
    conn.execute("DELETE FROM outcomes WHERE archive = ?", (archive,))
    for number, (one, blob) in enumerate(outcomes):
        conn.execute(
            "INSERT INTO outcomes SELECT id, ?, ?, ?, ? FROM takes WHERE id = ?",
            (number, one.at.isoformat(), archive, blob, one.story),
        )


def _put_receipts(store: Store, place: str, manifest: Manifest) -> None:
    """Keep what the archive says of its erasures; the newest word on a story is the one that counts."""
    conn = store.db.conn
    for one in manifest.erased:
        told_here = events_of(conn, one.story)
        if not told_here or is_lent(told_here):
            continue  # another box's teller
        said = {"at": one.at.isoformat(), "gone": list(one.gone), "remaining": list(one.remaining)}
        body = json.dumps(said, sort_keys=True, ensure_ascii=False)
        conn.execute(
            "DELETE FROM receipts WHERE subject = ? AND kind = ? AND place = ? AND body <> ?",
            (one.story, ERASED, place, body),
        )
        conn.execute(
            "INSERT INTO receipts (subject, kind, place, body, at) SELECT ?, ?, ?, ?, ? WHERE NOT EXISTS "
            "(SELECT 1 FROM receipts WHERE subject = ? AND kind = ? AND place = ?)",
            (one.story, ERASED, place, body, store.clock.wall().isoformat(), one.story, ERASED, place),
        )
