"""The front page: what needs attention, for whoever asks. Sentences with a way on; no numbers about people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from archive.catalogue import Tx
from archive.errors import NoKey
from archive.people.accounts import people
from archive.people.roles import Permission
from archive.portal.community.boxing import SILENT
from archive.portal.community.desk import Ask, Desk, Link, Page, get
from archive.portal.community.words import day, some
from archive.reviewing.excerpts import broken_excerpts
from archive.reviewing.waiting import held, how_many_wait, queue
from archive.server.asides import undecided
from archive.server.lastbackup import last_backup

LINKS: tuple[Link, ...] = (Link("/", "Today", Permission.OWN),)


@dataclass(frozen=True, slots=True)
class Matter:
    """One thing to look at: what it is, why it matters, where it leads. ``kind`` is a word for its icon.

    One that cannot be mended at the desk leads nowhere: its ``path`` is empty.
    """

    kind: str
    say: str
    more: str
    path: str
    go: str


def routes(desk: Desk) -> list[Page]:
    """The pages of this module."""
    return [get(desk, "/", Permission.OWN, _front)]


def _front(ask: Ask) -> Response:
    with ask.reading() as tx:
        found = matters(ask, tx)
    erased = ask.request.query_params.get("erased") == "yes"
    return ask.page("front", matters=found, quiet=_quiet(ask), erased=erased)


def matters(ask: Ask, tx: Tx) -> list[Matter]:
    """Everything somebody with these roles should know now, the most pressing first."""
    found: list[Matter] = []
    if ask.may(Permission.REVIEW):
        found += _to_review(tx, ask.now)
    if ask.may(Permission.ERASE) or ask.may(Permission.REVIEW):
        found += _aside(ask, tx)
    if ask.may(Permission.BOXES):
        found += _keys(ask)
        found += _backups(ask)
        found += _silent_boxes(tx, ask.now)
    found += _beginning(ask, tx)
    return found


def _quiet(ask: Ask) -> str:
    """What is true where nothing waits for these roles: only who reviews is told that everything was heard."""
    said = []
    if ask.may(Permission.REVIEW):
        said.append("Everything that came was heard, nothing is held back.")
    elif ask.may(Permission.STORIES):
        said.append("What came and is not heard yet waits with the curators.")
    if ask.may(Permission.BOXES):
        said.append("No box has gone quiet.")
    if ask.may(Permission.STORIES):
        said.append("A good moment to listen for its own sake.")
    return " ".join(said)


def _to_review(tx: Tx, now: datetime) -> list[Matter]:
    found = []
    number, waiting = how_many_wait(tx), queue(tx, now)
    if waiting:
        say = f"{some(number, 'story waits', 'stories wait')} to be heard."
        more = f"The oldest came on {day(waiting[0].received_at)}: “{waiting[0].headline}”"
        found.append(Matter("story", say, more, f"/story/{waiting[0].id}", "Listen to the oldest"))
    kept_back = held(tx, now)
    if kept_back:
        say = f"{some(len(kept_back), 'story is', 'stories are')} held back."
        more = f"The longest by {kept_back[0].who}: {kept_back[0].note}"
        found.append(Matter("hold", say, more, "/review#held", "See why"))
    broken = broken_excerpts(tx)
    if broken:
        say = f"{some(len(broken), 'excerpt holds', 'excerpts hold')} a span that was blanked out."
        more = "It is not played. Cut it anew, or take it out of use."
        found.append(Matter("cut", say, more, f"/story/{broken[0].story}#excerpts", "Look at the first"))
    return found


def _aside(ask: Ask, tx: Tx) -> list[Matter]:
    found = []
    for row in undecided(tx):
        whose = f"from {row['box']}" if row["box"] else "from a stick"
        path, go_on = f"/aside/{row['id']}", "Look at both"
        if not ask.may(Permission.ERASE):
            path, go_on = f"/story/{row['story']}", "Open the story that is kept"
        found.append(Matter("aside", f"A bag {whose} was put aside.", str(row["why"]), path, go_on))
    return found


def _keys(ask: Ask) -> list[Matter]:
    try:
        ask.desk.place.keys  # noqa: B018 - whether they can be read
    except NoKey as error:
        more = f"No story comes in, and no box is sent anything. {error.do} Whoever looks after the machine does that."
        return [Matter("backup", error.say, more, "", "")]
    return []


def _backups(ask: Ask) -> list[Matter]:
    last = last_backup(ask.desk.place)
    if last is None or not (last.why or last.overdue(ask.now)):
        return []
    say = f"The last backup was made on {day(last.made.isoformat())}." if last.made else "No backup was made yet."
    tried = f"Tried on {day(last.tried.isoformat())}: {last.why}"
    more = f"{tried if last.why else 'None was tried since, or none ended.'} Whoever looks after the machine mends it."
    return [Matter("backup", say, more, "", "")]


def _beginning(ask: Ask, tx: Tx) -> list[Matter]:
    """What a new archive needs before anything can come, or be decided about."""
    found = []
    if ask.may(Permission.BOXES) and tx.one("SELECT 1 FROM boxes LIMIT 1") is None:
        more = "Each gets a credential of its own, to be written into the settings of that box."
        found.append(Matter("box", "No box may hand on to this archive yet.", more, "/boxes", "Let a box in"))
    if ask.may(Permission.PEOPLE) and not any(one.may(Permission.REVIEW) for one in people(tx)):
        more = "What comes waits until a curator has listened to it."
        found.append(Matter("story", "Nobody here is a curator yet.", more, "/people", "Add somebody"))
    return found


def _silent_boxes(tx: Tx, now: datetime) -> list[Matter]:
    rows = tx.all("SELECT name, seen_at, added_at FROM boxes WHERE credential IS NOT NULL ORDER BY name")
    found = []
    for row in rows:
        seen, last = row["seen_at"], str(row["seen_at"] or row["added_at"])
        if now - datetime.fromisoformat(last) > SILENT:
            say = f"The box {row['name']} has {f'not called since {day(last)}' if seen else 'never called'}."
            more = "Is it switched on, and does its network reach this archive?"
            found.append(Matter("box", say, more, "/boxes", "See the boxes"))
    return found
