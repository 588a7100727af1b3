"""The archive's side of a feed: what each box is sent, made anew when it asks and something has changed.

The gate is asked for every story at that moment, once as the reader the box is; what it refuses is not in the feed,
and what was lent of it before is gone from the objects. A loan that has not changed keeps its blobs, so that a box
fetches it once. A feed that says nothing new is made again after a day: its date is what keeps loans alive.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from archive.askedback import claims_for, note_carried
from archive.catalogue import Catalogue, Row, Tx
from archive.catalogue.changes import stamp
from archive.catalogue.consents import ask, read_stored
from archive.curation import prompt_sets, reader_for, settings_of
from archive.errors import NoSuchObject, NoSuchStory, Refused
from archive.feed.erased import applied_feed, note_ended, receipts_for
from archive.feed.hello import Hello
from archive.feed.lending import Made, make_loan, words_of
from archive.feed.manifest import (
    LARGEST_CARD,
    LARGEST_SOUND,
    MOST_BYTES,
    MOST_EXCERPTS,
    MOST_LINES,
    MOST_LOANS,
    Blob,
    LentExcerpt,
    Loan,
    Manifest,
    Outcome,
    SentSet,
    Sheet,
    erased_json,
    loan_json,
    outcome_json,
    prompts_json,
    seal_feed,
)
from archive.feed.room import Room, bytes_of
from archive.objects import blob_key
from archive.partners.onward import loans_onward, named_onward
from archive.patterns.outcomes import lines_for_boxes, texts_for_tellers
from archive.reviewing.excerpts import Cut, excerpts_of, touched_by_redaction
from archive.reviewing.rendition import master_key
from archive.server.place import ArchiveHome
from archive.tombstones import Reach, Tombstone
from audio.errors import AudioError
from audio.types import Ms, TakeId, Word

RENEW = timedelta(days=1)
"""A feed that says nothing new is signed again after this."""
ROOM_FOR_LOANS = 9 * MOST_BYTES // 16
"""Bytes of a feed that loans may take; the rest is for prompts, what was taken back, receipts and outcomes."""
ROOM_FOR_PROMPTS = MOST_BYTES // 8
ROOM_FOR_RECEIPTS = MOST_BYTES // 16
"""What none of these take is for outcomes: `MOST_STONES` tombstones leave them some thousand words at the least."""
MOST_STONES = 2000
MOST_OUTCOMES = 1000
_Sheets = dict[str, dict[int, str]]


def feed_for(place: ArchiveHome, box: str, hello: Hello) -> bytes:
    """Return the feed of the box called ``box``, whose keys ``hello`` shows; the caller knows that they are its own.

    Raises `BadFeed` where more is prepared than a box takes, `CatalogueTrouble`, `StoreTrouble`, `NoKey`.
    """
    now = place.now()
    with place.catalogue() as catalogue:
        with catalogue.write() as tx:
            applied_feed(tx, box, hello.applied, now)
        with catalogue.read() as tx:
            sheets, wanted = _prepared(tx, box, now)
    return feed_of(place, box, hello.seal, sheets, wanted)


def feed_of(
    place: ArchiveHome,
    box: str,
    seal: bytes,
    sheets: Mapping[str, dict[int, str]],
    wanted: Mapping[str, list[Cut]],
    left_out: list[str] | None = None,
) -> bytes:
    """Lend ``wanted`` (cuts by story) to whoever holds the private half of ``seal``, and sign a feed that says so.

    The gate is asked for each story with the write lock held; ``box`` names who it is for, and which reader that is.
    What is larger than whoever reads the feed takes is not in it: one story must not keep all the others, and what was
    taken back, from arriving. Its name is added to ``left_out``.
    """
    large = [] if left_out is None else left_out
    loans = [loan for story, cuts in wanted.items() if (loan := _loan(place, box, seal, story, cuts, large))]
    with place.catalogue() as catalogue, catalogue.write() as tx:
        return _write(place, tx, box, seal, dict(sheets), loans, large)


def _fitting(loans: list[Loan], room: Room, large: list[str]) -> list[Loan]:
    """Leave out the loans that say most until the others have room."""
    smallest_first = sorted(loans, key=lambda loan: (bytes_of(loan_json(loan)), loan.story))
    kept = {loan.story for loan in room.take(smallest_first, loan_json, ROOM_FOR_LOANS)}
    large += [str(loan.story) for loan in loans if loan.story not in kept]
    return [loan for loan in loans if loan.story in kept]


def open_blob(place: ArchiveHome, box: str, sha256: str) -> BinaryIO:
    """Open a blob of this box's loans. Raises as `blob_named`."""
    return place.objects.open(blob_named(place, box, sha256))


def blob_named(place: ArchiveHome, box: str, sha256: str) -> str:
    """Name the object that is a blob of this box's loans, the gate asked once more.

    Raises `Refused`, `NoSuchObject`, `StoreTrouble`.
    """
    with place.catalogue() as catalogue, catalogue.read() as tx:
        row = tx.one("SELECT story FROM loans WHERE box = ? AND (sound = ? OR card = ?)", box, sha256, sha256)
        if row is None:
            return named_onward(place, tx, box, sha256)
        answer = ask(tx, row["story"], reader_for(tx, box, row["story"]), place.now())
        if not answer.allowed:
            raise Refused(answer.why)
    return blob_key(sha256)


def _prepared(tx: Tx, box: str, now: datetime) -> tuple[_Sheets, dict[str, list[Cut]]]:
    """The sheets of a box and the cuts they need, as far as the gate and the curators allow now."""
    sheets: _Sheets = {}
    wanted: dict[str, list[Cut]] = {}
    for row in tx.all("SELECT sheet, button, excerpt, story FROM sheet_cues WHERE box = ? ORDER BY sheet, button", box):
        story = str(row["story"])
        cut = next((one for one in excerpts_of(tx, story) if one.id == row["excerpt"]), None)
        if cut is None or touched_by_redaction(tx, cut):
            continue
        if not ask(tx, story, reader_for(tx, box, story), now).allowed:
            continue
        sheets.setdefault(str(row["sheet"]), {})[int(row["button"])] = cut.id
        if cut.id not in {one.id for one in wanted.setdefault(story, [])}:
            wanted[story].append(cut)
    for cuts in wanted.values():
        cuts.sort(key=lambda one: (one.start, one.end, one.id))
        del cuts[MOST_EXCERPTS:]
    return sheets, dict(list(wanted.items())[:MOST_LOANS])


def _loan(place: ArchiveHome, box: str, seal: bytes, story: str, cuts: list[Cut], large: list[str]) -> Loan | None:
    """Return the loan of one story, made before or now.

    None where it is gone by now, its sound cannot be read, or it is too large (then it is named in ``large``).
    """
    with place.catalogue() as catalogue:
        with catalogue.read() as tx:
            facts = tx.one("SELECT * FROM stories WHERE id = ?", story)
            consent = read_stored(tx, story)
            if facts is None or consent is None:
                return None
            words, by = words_of(tx, story)
            recipe = _recipe(facts, cuts, words, seal)
            row = tx.one("SELECT * FROM loans WHERE box = ? AND story = ?", box, story)
            sound = None
            with contextlib.suppress(NoSuchStory):
                sound = master_key(tx, story)
        made: Made | None = None
        if row is not None and row["recipe"] == recipe and _whole(place, row):
            made = _stored(row)
        elif sound is not None:
            made = _make_anew(place, catalogue, box, facts, cuts, (words, by), sound, seal, recipe, large)
    if made is None:
        return None
    excerpts = tuple(
        LentExcerpt(cut.id, Ms(cut.start), Ms(cut.end), at, cut.title, cut.note)
        for cut, at in zip(cuts, made.places, strict=True)
    )
    return Loan(TakeId(story), str(facts["site"]), made.key, consent, made.sound, made.card, excerpts)


def _make_anew(
    place: ArchiveHome,
    catalogue: Catalogue,
    box: str,
    facts: Row,
    cuts: list[Cut],
    words: tuple[list[Word], str],
    sound: str,
    seal: bytes,
    recipe: str,
    large: list[str],
) -> Made | None:
    """Cut, seal, keep and write down a loan; None as `_loan` says."""
    story = str(facts["id"])
    try:
        with place.working() as folder, place.objects.open(sound) as master:
            made, path, card = make_loan(facts, cuts, *words, master, seal, folder)
            if made.sound.size > LARGEST_SOUND or made.card.size > LARGEST_CARD:
                large.append(story)
                return None
            with catalogue.write() as tx:
                # Written down before they are stored: whatever happens, they go with their story.
                if not _note_blobs(tx, story, made):
                    return None
            _keep_blobs(place, path, card)
    except (NoSuchObject, AudioError):
        return None
    with catalogue.write() as tx:
        return made if _note_loan(place, tx, box, story, recipe, made) else None


def _recipe(facts: Row, cuts: list[Cut], words: list[Any], seal: bytes) -> str:
    made_of = [
        facts["bag_sha256"], seal.hex(), [(cut.start, cut.end) for cut in cuts],
        [(one.text, one.start, one.end, one.unclear) for one in words],
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(made_of, ensure_ascii=False).encode()).hexdigest()


def _note_blobs(tx: Tx, story: str, made: Made) -> bool:
    if tx.one("SELECT 1 FROM stories WHERE id = ?", story) is None:
        return False
    for blob in (made.sound, made.card):
        key = blob_key(blob.sha256)
        tx.run("INSERT INTO derived (story, key) VALUES (?, ?) ON CONFLICT (story, key) DO NOTHING", story, key)
    return True


def _drop_blobs(place: ArchiveHome, tx: Tx, story: str, names: list[str]) -> None:
    for sha256 in names:
        place.objects.delete(blob_key(sha256))
        tx.run("DELETE FROM derived WHERE story = ? AND key = ?", story, blob_key(sha256))


def _keep_blobs(place: ArchiveHome, sound: Path, card: bytes) -> None:
    with sound.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        place.objects.put(blob_key(digest), file)
    place.objects.put(blob_key(hashlib.sha256(card).hexdigest()), io.BytesIO(card))


def _note_loan(place: ArchiveHome, tx: Tx, box: str, story: str, recipe: str, made: Made) -> bool:
    """Write the loan down; False (and no blob) where the story was taken back while its cuts were made."""
    before = tx.one("SELECT sound, card FROM loans WHERE box = ? AND story = ?", box, story)
    there = tx.one("SELECT 1 FROM stories WHERE id = ?", story) is not None
    stale = [before["sound"], before["card"]] if before is not None else []
    if there:
        tx.run("DELETE FROM loans WHERE box = ? AND story = ?", box, story)
        tx.run(
            "INSERT INTO loans (box, story, recipe, key, sound, sound_size, card, card_size, places) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            box, story, recipe, made.key, made.sound.sha256, made.sound.size, made.card.sha256, made.card.size,
            json.dumps(made.places),
        )  # fmt: skip
    else:
        stale += [made.sound.sha256, made.card.sha256]
    _drop_blobs(place, tx, story, [str(sha256) for sha256 in stale])
    return there


def _whole(place: ArchiveHome, row: Row) -> bool:
    """Tell whether both blobs of a loan are there: one who was killed between objects and catalogue leaves less."""
    return all(place.objects.exists(blob_key(str(row[name]))) for name in ("sound", "card"))


def _stored(row: Row) -> Made:
    sound, card = Blob(row["sound"], int(row["sound_size"])), Blob(row["card"], int(row["card_size"]))
    return Made(bytes(row["key"]), sound, card, tuple(Ms(at) for at in json.loads(row["places"])))


def _write(
    place: ArchiveHome, tx: Tx, box: str, seal: bytes, sheets: _Sheets, loans: list[Loan], large: list[str]
) -> bytes:
    """Sign what is to be said, unless the feed before says the same and is not old."""
    now = place.now()
    # Asked again with the write lock held: a story taken back while its sound was cut is in no feed.
    loans = [loan for loan in loans if ask(tx, loan.story, reader_for(tx, box, loan.story), now).allowed]
    sheets, loans = _with_partners(place, tx, box, seal, sheets, loans)
    row = tx.one("SELECT sequence, made_at, content, body FROM box_feeds WHERE box = ?", box)
    last = 0 if row is None else int(row["sequence"])
    # By the clock, so that an archive that came out of a backup does not begin with numbers boxes have seen.
    sequence = max(last + 1, int(now.timestamp()))
    manifest = _said(tx, box, Manifest(seal, sequence, now), sheets, loans, large)
    loans = list(manifest.loans)
    content = _content(manifest)
    if row is not None and row["content"] == content and datetime.fromisoformat(row["made_at"]) + RENEW > now:
        return bytes(row["body"])
    _end_unlent(place, tx, box, {str(loan.story) for loan in loans}, manifest.sequence)
    note_carried(tx, box, manifest.claims, manifest.sequence)
    body = seal_feed(manifest, place.keys.sign)
    tx.run(
        "INSERT INTO box_feeds (box, sequence, made_at, content, body, applied) VALUES (?, ?, ?, ?, ?, 0) "
        "ON CONFLICT (box) DO UPDATE SET sequence = excluded.sequence, made_at = excluded.made_at, "
        "content = excluded.content, body = excluded.body",
        box, manifest.sequence, stamp(now), content, body,
    )  # fmt: skip
    for loan in loans:
        tx.run(
            "INSERT INTO lent (box, story, since, ended, gone_at) VALUES (?, ?, ?, 0, NULL) "
            "ON CONFLICT (box, story) DO UPDATE SET ended = 0, gone_at = NULL",
            box, loan.story, stamp(now),
        )  # fmt: skip
    return body


def _said(tx: Tx, box: str, bare: Manifest, sheets: _Sheets, loans: list[Loan], large: list[str]) -> Manifest:
    """Fill a feed: what was taken back first, all of it; of receipts and outcomes the newest that have room."""
    manifest = replace(
        bare,
        sheets=tuple(Sheet(name, buttons) for name, buttons in sorted(sheets.items())),
        tombstones=_stones(tx),
        settings=settings_of(tx, box),
        lines=lines_for_boxes(tx, MOST_LINES),
        claims=claims_for(tx, box),
    )
    room = Room(manifest)
    sets = (SentSet(one.name, one.to_toml()) for one in prompt_sets(tx, box))
    prompts = room.take(sets, prompts_json, ROOM_FOR_PROMPTS)
    loans = _fitting(loans, room, large)
    cuts = {cut.id for loan in loans for cut in loan.excerpts}
    return replace(
        manifest,
        loans=tuple(loans),
        sheets=tuple(
            Sheet(one.name, {button: cut for button, cut in one.buttons.items() if cut in cuts})
            for one in manifest.sheets
        ),
        prompts=prompts,
        erased=room.take(receipts_for(tx, box, manifest.made_at), erased_json, ROOM_FOR_RECEIPTS),
        outcomes=room.take(_outcomes(tx, box), outcome_json),
    )


def _with_partners(
    place: ArchiveHome, tx: Tx, box: str, seal: bytes, sheets: _Sheets, loans: list[Loan]
) -> tuple[_Sheets, list[Loan]]:
    """Add what partners lend and a person here put on this box's buttons; an own story comes before a lent one."""
    lent, more = loans_onward(place, tx, box, seal, frozenset(str(loan.story) for loan in loans))
    names = {*sheets, *lent}
    both = {name: {**sheets.get(name, {}), **lent.get(name, {})} for name in names}
    return both, [*loans, *more][:MOST_LOANS]


def _end_unlent(place: ArchiveHome, tx: Tx, box: str, lent: set[str], sequence: int) -> None:
    """Forget what this box is lent no longer: its rows, and its blobs among the objects."""
    for row in tx.all("SELECT story, sound, card FROM loans WHERE box = ?", box):
        if row["story"] not in lent:
            _drop_blobs(place, tx, str(row["story"]), [str(row["sound"]), str(row["card"])])
            tx.run("DELETE FROM loans WHERE box = ? AND story = ?", box, row["story"])
    note_ended(tx, box, lent, sequence)


def _stones(tx: Tx) -> tuple[Tombstone, ...]:
    rows = tx.all(
        "SELECT id, at FROM tombstones WHERE reach = ? ORDER BY received_at DESC LIMIT ?", "withdrawal", MOST_STONES
    )
    return tuple(Tombstone(TakeId(str(row["id"])), datetime.fromisoformat(row["at"]), Reach.WITHDRAWAL) for row in rows)


def _outcomes(tx: Tx, box: str) -> tuple[Outcome, ...]:
    """What became of the words of this box's tellers, the newest first."""
    rows = tx.all(
        "SELECT o.story, o.at, o.text FROM outcomes o JOIN stories s ON s.id = o.story WHERE s.box = ? "
        "ORDER BY o.id DESC LIMIT ?",
        box, MOST_OUTCOMES,
    )  # fmt: skip
    told = [*((str(row[0]), str(row[1]), str(row[2])) for row in rows), *reversed(texts_for_tellers(tx, box))]
    found = [Outcome(TakeId(story), datetime.fromisoformat(at), text) for story, at, text in told]
    return tuple(sorted(found, key=lambda one: one.at, reverse=True)[:MOST_OUTCOMES])


def _content(manifest: Manifest) -> str:
    """Name what a feed says, without its number and time."""
    plain: Mapping[str, Any] = replace(manifest, sequence=0, made_at=datetime.fromtimestamp(0).astimezone()).to_json()
    plain = {name: value for name, value in plain.items() if name != "made_at"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
