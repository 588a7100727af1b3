"""Finding the moment in a story where words were said: newest recordings first, one result a story.

The database finds stories, the gate is asked about each, and the moment is looked up in the story's own words; so
both databases give the same answers. Stories are not ranked: nothing here knows what others looked for or heard.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from archive.catalogue.consents import asks
from archive.catalogue.index import Told, folded, number_at, words_of
from archive.catalogue.migration import Dialect
from archive.catalogue.port import Row, Tx, Value
from archive.catalogue.query import Near, Part, Query, read_query
from archive.types import Reader

CONTEXT: Final = 8
"""Words shown on each side of what was found."""
_CODED = (
    "stories.id IN (SELECT given.story FROM highlight_codes AS given JOIN highlights AS marked "
    "ON marked.id = given.highlight JOIN codes ON codes.id = given.code WHERE given.removed_at = '' "
    "AND marked.removed_at = '' AND ? IN (codes.id, codes.merged_into))"
)
_MOST_LOOKED_AT = 2000
"""Stories looked at for one answer: a question that fits too many by halves ends here instead of never."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Narrow a search; empty means all. ``since`` and ``until`` are days of recording, both included.

    ``code`` keeps to stories in which somebody gave that code, or one that was merged into it, to a span of words.
    """

    prompt: str = ""
    site: str = ""
    language: str = ""
    since: date | None = None
    until: date | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """The first moment of a story that fits: [start, end) in ms, and the words there with some on each side.

    ``before``, ``said`` and ``after`` are a line of a concordance; ``number`` goes to `search` for the next page.
    ``passage`` is the number of the passage where it begins; ``approximate`` says that its times were not measured.
    """

    story: str
    start: int
    end: int
    before: str
    said: str
    after: str
    passage: int
    approximate: bool
    number: int

    @property
    def text(self) -> str:
        """The line as one."""
        return " ".join(part for part in (self.before, self.said, self.after) if part)


def search(
    tx: Tx,
    text: str,
    reader: Reader,
    now: datetime | None,
    *,
    filters: Filters | None = None,
    limit: int = 20,
    before: int | None = None,
) -> list[Hit]:
    """Find what ``text`` asks for (see `archive.catalogue.query`) in the stories ``reader`` may use at ``now``.

    Where several single words are asked for and no story has them all, stories with any of them are found. ``before``
    is the number of the last hit of the page before.
    """
    query = read_query(text)
    found = _search(tx, query, reader, now, filters or Filters(), limit, before)
    if found or not query.plain:
        return found
    if before is not None and _search(tx, query, reader, now, filters or Filters(), 1, None):
        # Stories with all of them stood on the pages before this one.
        return found
    hits = {
        hit.story: hit
        for part in query.parts
        for hit in _search(tx, Query((part,)), reader, now, filters or Filters(), limit, before)
    }
    return sorted(hits.values(), key=lambda hit: -hit.number)[:limit]


def _search(
    tx: Tx, query: Query, reader: Reader, now: datetime | None, filters: Filters, limit: int, before: int | None
) -> list[Hit]:
    hits: list[Hit] = []
    looked = 0
    # Most of what the database finds fits: a few more than wanted are enough for one look.
    batch = limit + limit // 4 + 2
    while query.parts and len(hits) < limit and looked < _MOST_LOOKED_AT:
        rows = _candidates(tx, query, filters, before, batch)
        looked += len(rows)
        answers = asks(tx, [row["story"] for row in rows], reader, now)
        fitting = [row for row in rows if answers[row["story"]].allowed and query.find(row["text"].split()) is not None]
        hits += _hits(tx, query, fitting[: limit - len(hits)])
        if len(rows) < batch:
            break
        before = int(rows[-1]["number"])
    return hits


def _hits(tx: Tx, query: Query, rows: list[Row]) -> Iterator[Hit]:
    """Look the moment up in each story's own words, all of them read at once."""
    said: dict[str, list[Row]] = {row["story"]: [] for row in rows}
    if said:
        told = (
            "SELECT story, number, words, approximate FROM passages "  # noqa: S608 - marks alone
            f"WHERE story IN ({', '.join('?' * len(said))}) ORDER BY story, number"
        )
        for passage in tx.all(told, *said):
            said[passage["story"]].append(passage)
    for row in rows:
        hit = _hit(query, row, said[row["story"]])
        if hit is not None:
            yield hit


def _hit(query: Query, row: Row, passages: list[Row]) -> Hit | None:
    words = words_of(passages)
    tokens, places = folded(words)
    found = query.find(tokens)
    if not found:
        return None
    first, last = places[found[0][0]], places[found[0][1]]
    rough = {passage["number"] for passage in passages if passage["approximate"]}
    return Hit(
        row["story"], words[first].start, max(words[first].end, words[last].end),
        _line(words[max(0, first - CONTEXT) : first]), _line(words[first : last + 1]),
        _line(words[last + 1 : last + 1 + CONTEXT]), words[first].passage, words[first].passage in rough,
        int(row["number"]),
    )  # fmt: skip


def _line(words: list[Told]) -> str:
    return " ".join(word.text for word in words)


def _candidates(tx: Tx, query: Query, filters: Filters, before: int | None, most: int) -> list[Row]:
    """Return stories whose words fit as far as the database can tell, newest first."""
    wheres: list[str] = []
    params: list[Value] = []
    if tx.dialect is Dialect.SQLITE:
        source = "said_index JOIN said ON said.number = said_index.rowid"
        number = "said_index.rowid"
        wheres.append("said_index MATCH ?")
        params.append(" AND ".join(_fts(part) for part in query.parts))
    else:
        source, number = "said", "said.number"
        for part in query.parts:
            wheres.append("(vector @@ CAST(? AS TSQUERY) OR (whole = 0 AND vector @@ CAST(? AS TSQUERY)))")
            params += [_tsquery(part, phrases=True), _tsquery(part, phrases=False)]
    bounds: list[tuple[str, Value]] = [(f"{number} < ?", before), *_bounds(number, filters)]
    bounds += [(f"stories.{name} = ?", getattr(filters, name) or None) for name in ("prompt", "site", "language")]
    if filters.code:
        bounds += [(_CODED, filters.code)]
    wheres += [where for where, value in bounds if value is not None]
    params += [value for _, value in bounds if value is not None]
    return tx.all(
        f"SELECT {number} AS number, said.story AS story, said.text AS text FROM {source} "  # noqa: S608 - our own names
        f"JOIN stories ON stories.id = said.story WHERE {' AND '.join(wheres)} ORDER BY {number} DESC LIMIT ?",
        *params, most,
    )  # fmt: skip


def stories_within(tx: Tx, filters: Filters) -> frozenset[str]:
    """The identifiers of the stories ``filters`` let through, whether or not anybody may read them."""
    bounds: list[tuple[str, Value]] = [
        (f"stories.{name} = ?", getattr(filters, name) or None) for name in ("prompt", "site", "language")
    ]
    bounds += [("stories.recorded_at >= ?", filters.since.isoformat() if filters.since else None)]
    # The last moment of the day, whatever follows the seconds.
    bounds += [("stories.recorded_at < ?", f"{filters.until.isoformat()}U" if filters.until else None)]
    bounds += [(_CODED, filters.code or None)]
    asked = [(where, value) for where, value in bounds if value is not None]
    wheres = " AND ".join(where for where, _ in asked) or "1 = 1"
    rows = tx.all(f"SELECT id FROM stories WHERE {wheres}", *(value for _, value in asked))  # noqa: S608 - our names
    return frozenset(str(row["id"]) for row in rows)


def _bounds(number: str, filters: Filters) -> list[tuple[str, int | None]]:
    since = None if filters.since is None else number_at(f"{filters.since.isoformat()}T00:00:00+00:00")
    until = None if filters.until is None else number_at(f"{filters.until.isoformat()}T23:59:59.999+00:00")
    return [(f"{number} >= ?", since), (f"{number} <= ?", None if until is None else until + 0xFFFF)]


def _fts(part: Part) -> str:
    """Write one part as FTS5 reads it; words are letters and digits, so nothing needs quoting inside."""
    if isinstance(part, Near):
        return f"NEAR({' '.join(_fts(run) for run in part.runs)}, {part.apart})"
    return f'"{" ".join(part.words)}"{"*" if part.begins else ""}'


def _tsquery(part: Part, *, phrases: bool) -> str:
    if isinstance(part, Near):
        return " & ".join(f"({_tsquery(run, phrases=phrases)})" for run in part.runs)
    words = [f"'{word}'" for word in part.words]
    if part.begins:
        words[-1] += ":*"
    return (" <-> " if phrases else " & ").join(words)
