"""Excerpts, cue sheets and the order of a round. Titles and notes are encrypted under their story's content key."""

from __future__ import annotations

import json
import math
import secrets
import sqlite3

from archive.database import transaction
from archive.envelope import ContentKey, ask, open_content
from archive.errors import NoKey, NoSuchStory, Refused
from archive.guests import cue_reader, on_loan
from archive.howloud import loudness_in
from archive.masters import open_master
from archive.recovery import Recovery
from archive.types import CueSheet, Excerpt, Reader
from audio.sealedfile import seal, unseal
from audio.types import Ms, TakeId

BUTTONS = range(1, 9)


class Cues(Recovery):
    """Cut excerpts and put them on buttons. Every reading asks the gate."""

    def add_excerpt(self, story: TakeId, start: Ms, end: Ms, title: str, note: str = "") -> Excerpt:
        """Cut an excerpt, [start, end) within the story, and measure how loud it is.

        Raises `Refused`, `NoKey`, `NoSuchStory`, `DamagedTake`, `BadSound`.
        """
        key = open_content(self, story, Reader.CUE, self.now())
        if not 0 <= start < end <= self.story(story).length:
            raise Refused("An excerpt starts before it ends, inside its story.")
        with open_master(self, story, Reader.CUE, self.now()) as sound:
            lufs = loudness_in(sound, start, end)
        measured = lufs if math.isfinite(lufs) else None
        excerpt = Excerpt(secrets.token_hex(8), story, start, end, title, note, measured)
        with transaction(self.db.conn) as conn:
            put_excerpt(conn, excerpt, key)
        return excerpt

    def remove_excerpt(self, excerpt: str) -> None:
        """Remove an excerpt and take it off every button. No error if there is none."""
        with transaction(self.db.conn) as conn:
            conn.execute("DELETE FROM excerpts WHERE id = ?", (excerpt,))

    def excerpts(self, story: TakeId | None = None) -> list[Excerpt]:
        """List the excerpts the gate allows now, of one story or of all, in order of story and start."""
        rows = self.db.conn.execute('SELECT id, take, start, "end", blob FROM excerpts ORDER BY take, start').fetchall()
        found = (self._excerpt(row) for row in rows if story in (None, row[1]))
        return [excerpt for excerpt in found if excerpt is not None]

    def set_cue(self, sheet: str, button: int, excerpt: str | None) -> None:
        """Put an excerpt on a button (1 to 8) of a sheet, or with None take it off. Raises `NoSuchStory`, `Refused`."""
        if button not in BUTTONS:
            raise Refused("Cue buttons are numbered 1 to 8.")
        with transaction(self.db.conn) as conn:
            if excerpt is None:
                # What an archive put there stays off, also when its next feed names it again.
                conn.execute(
                    "INSERT OR IGNORE INTO cues_off SELECT sheet, button, excerpt FROM cues "
                    "WHERE sheet = ? AND button = ? AND origin <> ''",
                    (sheet, button),
                )
            conn.execute("DELETE FROM cues WHERE sheet = ? AND button = ?", (sheet, button))
            if excerpt is None:
                return
            if conn.execute("SELECT 1 FROM excerpts WHERE id = ?", (excerpt,)).fetchone() is None:
                raise NoSuchStory("There is no such excerpt here.")
            conn.execute("INSERT INTO cues (sheet, button, excerpt) VALUES (?, ?, ?)", (sheet, button, excerpt))

    def cue_sheet(self, sheet: str) -> CueSheet:
        """Read a sheet: only what the gate allows at this moment is on it."""
        allowed = {excerpt.id: excerpt for excerpt in self.excerpts()}
        placed = self.placed(sheet)
        return CueSheet(sheet, {button: allowed[excerpt] for button, excerpt in placed.items() if excerpt in allowed})

    def cue(self, sheet: str, button: int) -> Excerpt | None:
        """Read what lies on one button, if the gate allows it at this moment; no other story is looked at."""
        query = 'SELECT id, take, start, "end", blob FROM excerpts WHERE id = ?'
        placed = self.placed(sheet).get(button)
        row = None if placed is None else self.db.conn.execute(query, (placed,)).fetchone()
        return None if row is None else self._excerpt(row)

    def placed(self, sheet: str) -> dict[int, str]:
        """Name the excerpt that lies on each button, without a word about whether it may be heard."""
        rows = self.db.conn.execute("SELECT button, excerpt FROM cues WHERE sheet = ? ORDER BY button", (sheet,))
        return {int(button): str(excerpt) for button, excerpt in rows}

    def cue_refused(self, sheet: str, button: int) -> bool:
        """Tell whether something lies on this button that the gate does not allow at this moment."""
        return button in self.placed(sheet) and self.cue(sheet, button) is None

    def cue_reader(self, story: TakeId) -> Reader:
        """Name the reader to ask the gate as, when a cue button plays this story."""
        return cue_reader(self.db.conn, story)

    def cue_sheets(self) -> list[str]:
        """Name the sheets that hold something."""
        return [row[0] for row in self.db.conn.execute("SELECT DISTINCT sheet FROM cues ORDER BY sheet")]

    def rotation(self) -> list[TakeId]:
        """Read what is left of the present round, in order. Holds no history and no counts."""
        return [TakeId(row[0]) for row in self.db.conn.execute("SELECT take FROM rotation ORDER BY place")]

    def set_rotation(self, order: list[TakeId]) -> None:
        """Replace what is left of the round; stories that are gone by now are left out."""
        with transaction(self.db.conn) as conn:
            conn.execute("DELETE FROM rotation")
            conn.executemany(
                "INSERT INTO rotation (take) SELECT id FROM takes WHERE id = ?", [(take,) for take in order]
            )

    def _excerpt(self, row: tuple[str, str, int, int, bytes]) -> Excerpt | None:
        excerpt, story, start, end, blob = row
        now, reader = self.now(), self.cue_reader(TakeId(story))
        if not ask(self.db.conn, TakeId(story), reader, now).allowed or not on_loan(self, TakeId(story)):
            return None
        try:
            key = open_content(self, TakeId(story), reader, now)
        except (NoKey, Refused):
            return None
        # One that was cut before its loudness was measured, or came from an archive, says nothing of it.
        title, note, *measured = json.loads(unseal(key, blob, _label(excerpt)))
        return Excerpt(excerpt, TakeId(story), Ms(start), Ms(end), title, note, measured[0] if measured else None)


def put_excerpt(conn: sqlite3.Connection, excerpt: Excerpt, key: ContentKey, origin: str = "") -> None:
    """Store an excerpt, its title, note and loudness under its story's key; ``origin`` is the archive it came from."""
    blob = seal(key, json.dumps([excerpt.title, excerpt.note, excerpt.lufs]).encode(), _label(excerpt.id))
    row = (excerpt.id, excerpt.story, excerpt.start, excerpt.end, blob, origin)
    conn.execute('INSERT INTO excerpts (id, take, start, "end", blob, origin) VALUES (?, ?, ?, ?, ?, ?)', row)


def _label(excerpt: str) -> bytes:
    return b"hearth/excerpt/" + excerpt.encode("ascii")
