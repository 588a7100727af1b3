"""What every action of the store shares: the home, the clock, one connection, the keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Self

from archive.consent import Standing, events_of, record, standing
from archive.database import Moment, connect, connect_to_read, data_version
from archive.errors import NoSuchStory
from archive.home import Home, Keys
from archive.keycode import Cost
from archive.standings import Standings
from archive.types import Act, ConsentEvent, Form, Kind, Use
from audio.clock import Clock
from audio.types import Ms, TakeId


@dataclass(frozen=True, slots=True)
class Wording:
    """The very words that were shown: their version, the SHA-256 of their text, and the language they were in.

    ``steward``: they said that whoever looks after the box has a key to what is kept, too.
    """

    version: str
    hash: str
    language: str
    steward: bool = False


class Shelf:
    """One process's (and one thread's) hold on a home. Close it after use, or use it as a context."""

    def __init__(self, home: Home, clock: Clock, cost: Cost | None = None, *, to_read: bool = False) -> None:
        """Open the database of ``home``. ``cost`` is what one keep-code guess costs (tests use a small one).

        ``to_read`` is for a home that may not be written: every action that writes raises `HomeTrouble`. Raises
        `HomeTrouble` or `DamagedStore`.
        """
        self.home = home
        self.clock = clock
        self.cost = cost or Cost()
        self.db = connect_to_read(home) if to_read else connect(home)

    @cached_property
    def standings(self) -> Standings:
        """Where every take stands; what is read of it once is read no more."""
        return Standings(self.db.conn)

    @cached_property
    def keys(self) -> Keys:
        """The keys of this box. Raises `NoKey` when they are not here."""
        return self.home.load_keys()

    def close(self) -> None:
        """Let go of the database."""
        self.db.conn.close()

    def __enter__(self) -> Self:
        """Be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def moment(self) -> Moment:
        """Read every clock once."""
        return Moment.now(self.clock)

    def now(self) -> datetime | None:
        """The wall clock (UTC) for `may`, or None while nothing has confirmed it."""
        return self.clock.wall() if self.clock.trusted() else None

    def version(self) -> int:
        """A number that changes when another process or thread has written; cheap enough for every frame."""
        return data_version(self.db.conn)

    def standing(self, take: TakeId) -> Standing:
        """Where a take stands by its ledger. Raises `NoSuchStory` where there is no word of it."""
        events = events_of(self.db.conn, take)
        if not events:
            raise NoSuchStory("There is no story with this identifier here.")
        return standing(events)

    def language_of(self, take: TakeId) -> str:
        """The language a take is told in. Raises `NoSuchStory`."""
        row = self.db.conn.execute("SELECT language FROM takes WHERE id = ?", (take,)).fetchone()
        if row is None:
            raise NoSuchStory("There is no story with this identifier here.")
        return str(row[0])

    def kind_of(self, take: TakeId) -> Kind:
        """Whether a take is a story or a conversation. Raises `NoSuchStory`."""
        row = self.db.conn.execute("SELECT kind FROM takes WHERE id = ?", (take,)).fetchone()
        if row is None:
            raise NoSuchStory("There is no story with this identifier here.")
        return Kind(row[0])

    def loudness_of(self, take: TakeId) -> float | None:
        """Integrated loudness of a take in LUFS, once it was measured."""
        row = self.db.conn.execute("SELECT lufs FROM loudness WHERE take = ?", (take,)).fetchone()
        return None if row is None else float(row[0])

    def note(
        self,
        take: TakeId,
        act: Act,
        by: str,
        *,
        use: Use | None = None,
        yes: bool = False,
        form: Form = Form.VOICE,
        embargo: date | None = None,
        wording: Wording | None = None,
        span: tuple[Ms, Ms] | None = None,
    ) -> None:
        """Append one event to the ledger, inside the transaction the caller holds."""
        moment = self.moment()
        event = ConsentEvent(
            subject=take,
            act=act,
            at=moment.wall,
            by=by,
            use=use,
            yes=yes,
            form=form,
            embargo=embargo,
            wording_version="" if wording is None else wording.version,
            wording_hash="" if wording is None else wording.hash,
            language="" if wording is None else wording.language,
            start=None if span is None else span[0],
            end=None if span is None else span[1],
        )
        record(self.db.conn, event, moment)
