"""Measures an archive with many made stories: how fast bags come in, and what search, withdrawal and a start cost.

The stories are made: words drawn as people use them (few very often, most hardly ever), six seconds to a caption. They
are put in as the rows a bag becomes; bags themselves, with sound, are measured apart.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from itertools import accumulate
from pathlib import Path

from archive.bag import BagContent, plan
from archive.captions import captions, to_webvtt
from archive.catalogue.index import fold, put_tokens
from archive.catalogue.port import Tx
from archive.catalogue.search import Filters, search
from archive.consentrecord import record
from archive.sealedbag import seal_bag
from archive.server.deposits import accept
from archive.server.erase import withdraw
from archive.server.place import ArchiveHome, open_archive
from archive.takes import fresh_take
from archive.tombstones import Tombstone
from archive.types import Act, ConsentEvent, Reader, Use
from archive.vtt import SpokenCue
from audio.types import Ms, TakeId, Word

COMMON = """
the and I a to of in it was that we my you he is for on they had but with so at she his her then there when were have
me be all this not from as out up one would what about them who just said no like if or could because do got their did
an him know back by are go our came been very well went how little down over where after old time house
"""
PER_TX = 500
CAPTION = 16
BEGUN = datetime(2016, 1, 1, tzinfo=UTC)
STARTING = """
import json, resource, sys, time
began = time.perf_counter()
from archive.catalogue.search import search
from archive.server.place import open_archive
from archive.types import Reader
with open_archive(sys.argv[1]) as place, place.catalogue() as catalogue, catalogue.read() as tx:
    opened = time.perf_counter() - began
    search(tx, sys.argv[2], Reader.DESK, place.now())
print(json.dumps([opened, time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


class Speech:
    """Draws words as they are used: the n-th most common one about 1/n times as often as the first."""

    def __init__(self, seed: int, names: int = 40_000) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - the same stories every time
        shipped = resources.files("archive").joinpath("words", "en.txt").read_text(encoding="utf-8").split()
        ends = ("ton", "ley", "ford", "ham", "field", "son", "wick", "by", "worth", "mere")
        made = [f"{self.chance.choice(shipped)}{self.chance.choice(ends)}" for _ in range(names)]
        self.words = [*COMMON.split(), *self.chance.sample(shipped, len(shipped)), *dict.fromkeys(made)]
        self._odds = list(accumulate(1 / (n + 2.7) for n in range(len(self.words))))

    def say(self, count: int) -> list[str]:
        """Return ``count`` words."""
        return self.chance.choices(self.words, cum_weights=self._odds, k=count)


def agreed(story: TakeId, at: datetime) -> tuple[ConsentEvent, ...]:
    """What most tellers say: keep it, and the archive may have it."""
    uses = (Use.RECORD, Use.KEEP, Use.PLAY_HERE, Use.ARCHIVE)
    return tuple(
        ConsentEvent(story, Act.DECIDE, at, "left", use, yes=True, wording_version="1", language="en", seq=seq)
        for seq, use in enumerate(uses, start=1)
    )


def spoken(words: list[str]) -> Iterator[SpokenCue]:
    """Put words into captions of sixteen, at 150 words a minute."""
    for first in range(0, len(words), CAPTION):
        some = [
            Word(text, Ms((first + n) * 400), Ms((first + n) * 400 + 350), 0.93, unclear=False)
            for n, text in enumerate(words[first : first + CAPTION])
        ]
        yield SpokenCue(some[0].start, some[-1].end, " ".join(word.text for word in some), tuple(some))


def put_made(tx: Tx, speech: Speech, numbers: range) -> list[str]:
    """Put made stories into the catalogue: the rows that taking a bag in makes, many at a time."""
    stories, consents, passages, tokens = [], [], [], []
    for number in numbers:
        at = BEGUN + timedelta(minutes=50 * number)
        when, story = at.isoformat(timespec="milliseconds"), fresh_take(at)
        words = speech.say(speech.chance.randrange(60, 260))
        language, site = ("en", "en", "en", "es")[number % 4], f"Library {number % 25}"
        stories.append(
            (story, f"{number:064x}", "story", f"prompt-{number % 41}", "", language, site, when, 1, len(words) * 400,
             f"box-{number % 60}", when, f"A story, {when[:10]}", 1)
        )  # fmt: skip
        consents += [
            (story, seq, seq, "decide", when, "left", use, 1, "voice", None, "1", "", "en", None, None, f"{seq:064}")
            for seq, use in enumerate(("record", "keep", "play_here", "archive"))
        ]
        for first in range(0, len(words), CAPTION):
            some = words[first : first + CAPTION]
            plain = [f'[{(first + n) * 400},{(first + n) * 400 + 350},0.93,0,"{word}"]' for n, word in enumerate(some)]
            passages.append(
                (story, first // CAPTION, 1, first * 400, (first + len(some)) * 400, " ".join(some),
                 f"[{','.join(plain)}]", 0, "made-up 1", when, None, None)
            )  # fmt: skip
        tokens.append((story, [token for word in words for token in fold(word)]))
    for table, rows in (("stories", stories), ("consents", consents), ("passages", passages)):
        tx.many(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)  # noqa: S608 - our own names
    for story, folded in tokens:
        put_tokens(tx, story, folded)
    return [str(row[0]) for row in stories]


def fill(place: ArchiveHome, count: int, tell: Callable[[str], None]) -> tuple[float, list[str]]:
    """Put ``count`` made stories in; stories a second, and a few of their identifiers."""
    speech, began, some = Speech(1), time.perf_counter(), []
    with place.catalogue() as catalogue:
        for first in range(0, count, PER_TX):
            with catalogue.write() as tx:
                some.append(put_made(tx, speech, range(first, min(count, first + PER_TX)))[0])
            if first % 10_000 == 0:
                tell(f"{first} stories after {time.perf_counter() - began:.0f} s")
    return count / (time.perf_counter() - began), some


def questions(speech: Speech, count: int) -> dict[str, list[tuple[str, Filters]]]:
    """What people at a desk ask, by kind."""
    words, chance = speech.words, speech.chance

    def some(low: int, high: int, each: int = 1) -> list[str]:
        return [" ".join(chance.sample(words[low:high], each)) for _ in range(count)]

    place = Filters(site="Library 7", since=(BEGUN + timedelta(days=900)).date())
    return {
        "a very common word": [(one, Filters()) for one in some(0, 60)],
        "a common word": [(one, Filters()) for one in some(60, 1000)],
        "a rare word": [(one, Filters()) for one in some(4000, 30_000)],
        "two words": [(one, Filters()) for one in some(60, 1500, 2)],
        "a phrase": [(f'"{one}"', Filters()) for one in some(0, 200, 2)],
        "NEAR": [(f"NEAR({one}, 5)", Filters()) for one in some(60, 1000, 2)],
        "a beginning": [(f"{one[:4]}*", Filters()) for one in some(100, 1900)],
        "a word, filtered": [(one, place) for one in some(60, 1000)],
        "words nobody said": [(f"qq{one} zz{one}", Filters()) for one in some(60, 1000)],
    }


def ask_all(place: ArchiveHome, count: int) -> dict[str, dict[str, float]]:
    """Ask every kind of question ``count`` times; milliseconds."""
    figures = {}
    everything: list[float] = []
    for kind, asked in questions(Speech(1), count).items():
        taken = []
        for text, filters in asked:
            began = time.perf_counter()
            with place.catalogue() as catalogue, catalogue.read() as tx:
                search(tx, text, Reader.DESK, place.now(), filters=filters)
            taken.append((time.perf_counter() - began) * 1000)
        figures[kind] = percentiles(taken)
        everything += taken
    figures["all"] = percentiles(everything)
    return figures


def percentiles(taken: list[float]) -> dict[str, float]:
    """The median and the 95th of a hundred, in milliseconds."""
    ranked = sorted(taken)
    return {"p50_ms": round(statistics.median(ranked), 1), "p95_ms": round(ranked[int(len(ranked) * 0.95)], 1)}


def take_in(place: ArchiveHome, folder: Path, count: int) -> dict[str, float]:
    """Let ``count`` sealed bags of a two-minute story come in, one after the other."""
    speech = Speech(2)
    sound = random.Random(3).randbytes(5 << 20)  # noqa: S311 - sound that cannot be made smaller
    sources = []
    for _ in range(count):
        at = place.now()
        story = fresh_take(at)
        words = [word for cue in spoken(speech.say(300)) for word in cue.words]
        content = BagContent(
            story, "Library 1", at.date(), to_webvtt(captions(words), with_words=True), {"dcterms:language": "en"},
            record(story, agreed(story, at)), ({"event": "closed", "length_ms": 120_000},), lambda: io.BytesIO(sound),
        )  # fmt: skip
        sources.append(folder / f"{story}.sealed")
        seal_bag(plan(content), place.public_key, sources[-1])
    began = time.perf_counter()
    for source in sources:
        accept(place, source, "box-1")
    each = (time.perf_counter() - began) / max(1, count)
    return {"bags": count, "megabytes_each": 5.0, "a_second": round(1 / each, 2), "each_ms": round(each * 1000)}


def measure(
    place: ArchiveHome, folder: Path, given: argparse.Namespace, tell: Callable[[str], None]
) -> dict[str, object]:
    """Measure everything, in an order in which nothing is warmer than it would be."""
    figures: dict[str, object] = {"ingest_empty": take_in(place, folder, given.bags)}
    rate, some = fill(place, given.stories, tell)
    figures |= {"stories": given.stories, "filled_a_second": round(rate, 1)}
    word = Speech(1).words[500]
    done = subprocess.run(
        [sys.executable, "-c", STARTING, place.path, word], check=True, capture_output=True, text=True
    )
    opened, answered, memory = json.loads(done.stdout)
    figures["start"] = {"open_s": round(opened, 2), "first_answer_s": round(answered, 2), "memory_mb": round(memory)}
    figures["search"] = ask_all(place, given.questions)
    figures["ingest_full"] = take_in(place, folder, given.bags)
    taken = []
    for story in some[:3]:
        began = time.perf_counter()
        withdraw(place, Tombstone(TakeId(story), place.now()), "measure")
        taken.append(time.perf_counter() - began)
    figures["withdrawal_s"] = round(max(taken), 2)
    files = [path.stat().st_size for path in place.path.glob("archive.db*")]
    figures["database_mb"] = round(sum(files) / 1e6)
    return figures


def main() -> int:
    """Measure in a folder of its own and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stories", type=int, default=100_000)
    parser.add_argument("--bags", type=int, default=30)
    parser.add_argument("--questions", type=int, default=100, help="of each kind")
    parser.add_argument("--catalogue", default="", help="postgresql://... of an empty database; default: SQLite")
    parser.add_argument("--objects", default="", help="s3://... of an empty place; default: a folder")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hearth-measure-") as name:
        home = Path(name) / "archive"
        home.mkdir()
        places = {"catalogue": given.catalogue, "objects": given.objects}
        if any(places.values()):
            lines = "".join(f'{name} = "{url}"\n' for name, url in places.items() if url)
            (home / "config.toml").write_text(f"[archive]\n{lines}", encoding="utf-8")
        with open_archive(home) as place:
            figures = measure(place, Path(name), given, lambda line: print(line, file=sys.stderr))
    print(json.dumps(figures, indent=None if given.json else 1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
