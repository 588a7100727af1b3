"""Takes pictures of the desk's pages as people see them who work at an archive: a made collection, real pages, Chromium.

usage: python scripts/pictures_desk.py [FOLDER [PAGE ...]]

Without arguments: the picture of README.md and docs/archive.md. With FOLDER: every page (or those named) at 1280x800
and as on a phone, to look at after a change. The stories are the made ones that measurements use too
(`archive/patterns/corpus.py`); nobody told them, and what sounds in them is a buzz.
"""

from __future__ import annotations

import io
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from pictures_web import _CHEAP, _PASSWORD, HOSTS, IMAGES, WithCookies, serving, take

from archive import curation
from archive.boxes import add_box
from archive.catalogue import Tx
from archive.catalogue.consents import ask
from archive.objects import bag_key
from archive.patterns import codebook, corpus, highlights, medleys, themes
from archive.patterns.briefings import make_briefing
from archive.patterns.snippets import Looked
from archive.people import accounts
from archive.people.roles import Role
from archive.people.sessions import Door
from archive.portal.community.app import make_community
from archive.reviewing.excerpts import SHORTEST_MS, cut, suggest
from archive.reviewing.words import passages_of
from archive.server.place import ArchiveHome, open_archive
from archive.types import Form, Kind, Reader
from audio.clock import SystemClock

DESK, PHONE = (1280, 800), (390, 844)
WHO, BAG, BOX = "ana", "0" * 64, "reading-room"
_SOUNDING = 8


def fill(place: ArchiveHome) -> dict[str, str]:
    """Make a collection somebody has worked with; return the path of every page by its name."""
    made, now = corpus.small(60, 4), place.now()
    with place.catalogue() as catalogue:
        with catalogue.write() as tx:
            corpus.put(tx, made)
            heard = [one for one in made if one.form is Form.VOICE and ask(tx, one.id, Reader.DESK, now).allowed]
            told = sorted((one for one in heard if one.kind is Kind.STORY), key=lambda one: -one.length)[:_SOUNDING]
            talk = next(one for one in heard if one.kind is Kind.CONVERSATION)
            for one in (*told, talk):
                _sound(place, tx, one)
        add_box(catalogue, BOX, WHO, now)
        with catalogue.write() as tx:
            curation.set_site(tx, BOX, told[0].site, WHO, now)
            cuts = _cuts(tx, told, now)
            medley = medleys.make_medley(
                tx, "Over the river", "en",
                [medleys.Item(medleys.Kind.WRITTEN, "Listen."),
                 *(medleys.Item(medleys.Kind.EXCERPT, excerpt=excerpt) for _, excerpt in cuts[:2])],
                WHO, now,
            )  # fmt: skip
            code, theme = _sense(tx, heard, now)
            briefing = make_briefing(tx, "What the river means to four streets", "the council", WHO, now)
    story, excerpt = cuts[0]
    return {
        "front": "/", "review": "/review", "story": f"/story/{told[0].id}", "cut": f"/story/{told[0].id}/cut",
        "place": f"/story/{story}/excerpt/{excerpt}/cue", "cues": f"/cues/{BOX}", "prompts": "/prompts",
        "search": "/search?q=river", "boxes": "/boxes", "policy": "/policy", "people": "/people",
        "back": f"/story/{told[0].id}/back", "timeline": f"/story/{talk.id}/timeline",
        "meaning": "/search/meaning?q=river", "codebook": "/patterns/codebook", "code": f"/patterns/codebook/{code}",
        "bench": f"/patterns/story/{told[0].id}", "themes": "/patterns/themes", "theme": f"/patterns/themes/{theme}",
        "across": "/patterns/across", "medleys": "/medleys", "medley": f"/medleys/{medley}",
        "briefings": "/briefings", "briefing": f"/briefings/{briefing}", "outcomes": "/outcomes",
        "partners": "/partners",
    }  # fmt: skip


def _sound(place: ArchiveHome, tx: Tx, one: corpus.Made) -> None:
    key, sound = bag_key(one.id, BAG, "data/story.flac"), corpus.sound_of(one)
    place.objects.put(key, io.BytesIO(sound))
    tx.run("INSERT INTO files VALUES (?, 'data/story.flac', ?, ?, ?)", one.id, key, len(sound), "c" * 64)


def _cuts(tx: Tx, told: list[corpus.Made], now: datetime) -> list[tuple[str, str]]:
    """An excerpt of each story that is long enough, on the box's buttons where it may sound."""
    found = []
    for one in told:
        words = [word for passage in passages_of(tx, one.id) for word in passage.words]
        start, end = suggest(words, one.length, 0)
        if end - start >= SHORTEST_MS:
            found.append((str(one.id), cut(tx, one.id, start, end, one.said[0].text[:60], "", WHO, now)))
            if ask(tx, one.id, curation.reader_for(tx, BOX, one.id), now).allowed:
                curation.put_cue(tx, BOX, len(found), one.id, found[-1][1], WHO, now)
    return found


def _sense(tx: Tx, heard: list[corpus.Made], now: datetime) -> tuple[str, str]:
    """Codes on the planted sentences, and a theme that stands on them."""
    book = codebook.make_codebook(tx, "River and mill", WHO, now)
    code = codebook.make_code(tx, book, "What the water took", codebook.Level.CONCRETE, "A loss is named.", WHO, now)
    theme = themes.make_theme(tx, "Whoever lived by the river learned to live with less.", WHO, now)
    for one in heard:
        for said in one.said:
            if said.side in {"for", "counter"}:
                marked = highlights.highlight(tx, one.id, said.start, said.end, [code], "", WHO, now)
                themes.put_voice(tx, theme, marked, themes.Side(said.side), WHO, now)
    themes.none_found(tx, theme, "we never missed it", Looked(), "", WHO, now)
    return code, theme


def main() -> int:
    """Take the pictures."""
    folder = Path(sys.argv[1]) if sys.argv[1:] else None
    with tempfile.TemporaryDirectory() as room, open_archive(Path(room) / "archive", SystemClock()) as place:
        with place.catalogue() as catalogue:
            with catalogue.write() as tx:
                _, code = accounts.add_person(tx, "Ana", tuple(Role), "pictures", place.now())
            token = Door(catalogue, place.clock, _CHEAP).enter_with_code(code, "", _PASSWORD, "127.0.0.1", "pictures")
        paths = fill(place)
        if folder is None:
            pages = {"desk": (paths["story"], DESK)}
        else:
            wanted = sys.argv[2:] or list(paths)
            sizes = {"": DESK, "-phone": PHONE}
            pages = {f"{name}{more}": (paths[name], size) for name in wanted for more, size in sizes.items()}
        app = WithCookies(make_community(place, HOSTS, _CHEAP), f"hearth={token}")
        serving(app, place, lambda address: take(address, pages, Path(room), folder or IMAGES))
    return 0


if __name__ == "__main__":
    sys.exit(main())
