"""What people made of stories travels whole: codes, themes, medleys, briefings, outcomes, under the same identifiers."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from archive.export.moving import move_archive
from archive.export.plain import INDEX, export
from archive.export.reading import read_back
from archive.export.tables import digest_of, tables_of
from archive.patterns import briefings, codebook, highlights, medleys, outcomes, suggesting, themes, turnjobs
from archive.patterns.codebook import Level
from archive.patterns.meaning import FixedMeaning
from archive.patterns.rendering import keep_bridge
from archive.patterns.snippets import Looked
from archive.patterns.vectors import build
from archive.reviewing.excerpts import cut
from archive.server.place import ArchiveHome, open_archive
from archive.types import Use

EVERY = (Use.RECORD, Use.KEEP, Use.ARCHIVE, Use.PARTNERS, Use.PUBLIC, Use.QUOTE)
MADE = {
    "codebooks", "codes", "code_changes", "highlights", "highlight_codes", "memos", "codings", "suggestions",
    "suggestion_decisions", "themes", "theme_sentences", "theme_voices", "theme_looks", "theme_counts", "medleys",
    "medley_items", "medley_doors", "briefings", "briefing_points", "briefing_quotes", "briefing_checks",
    "briefing_issues", "briefing_sent", "told_outcomes", "turns",
}  # fmt: skip


@pytest.fixture
def worked(shelf: Any) -> ArchiveHome:
    """An archive in which analysts have been at work: a row at least in every table of theirs."""
    place: ArchiveHome = shelf.place
    stories = [shelf.put(number, EVERY, seconds=24.0) for number in range(5)]
    build(place, FixedMeaning())
    now = place.now()
    with place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run(
            "INSERT INTO people (id, name, roles, added_at, added_by, password) VALUES ('p', 'ana', '[]', 'x', 'x', '')"
        )
        book = codebook.first_codebook(tx, "ana", now)
        mill = codebook.make_code(tx, book, "the mill", Level.CONCRETE, "Where people worked.", "ana", now)
        loss = codebook.make_code(tx, book, "loss", Level.CONCEPTUAL, "", "ana", now)
        codebook.merge(tx, codebook.make_code(tx, book, "losing", Level.MIDDLE, "", "ana", now), loss, "ana", now)
        marked = [highlights.highlight(tx, one, 500, 4_500, [mill], "a memo", "ana", now) for one in stories[:4]]
        highlights.be_through(tx, stories[0], "ana", now)
        assert suggesting.suggest(tx, place.settings, stories[4], now)
        (proposal,) = suggesting.suggestions_of(tx, place.settings, stories[4], "ben", now)
        suggesting.decide(tx, place.settings, proposal.id, True, "ben", now)
        theme = themes.make_theme(tx, "The mill was the middle of the town.", "ana", now)
        for one in marked[:3]:
            themes.put_voice(tx, theme, one, themes.Side.FOR, "ana", now)
        themes.put_voice(tx, theme, marked[3], themes.Side.COUNTER, "ana", now)
        themes.none_found(tx, theme, "nobody", Looked(), "Read all of them.", "ana", now)
        excerpt = cut(tx, stories[0], 0, 21_000, "The mill", "", "ana", now)
        said = io.BytesIO()
        soundfile.write(said, np.full(8_000, 0.1), 8_000, format="FLAC")
        spoken = medleys.Item(medleys.Kind.RECORDED, "Listen.", sound=keep_bridge(place.objects, said.getvalue()))
        voice = medleys.Item(medleys.Kind.EXCERPT, excerpt=excerpt, story=stories[0])
        medley = medleys.make_medley(tx, "The mill", "en", [spoken, voice], "ana", now)
        medleys.set_door(tx, medley, public=True, who="ana", now=now)
        briefing = briefings.make_briefing(tx, "The mill", "the council", "ana", now)
        point = briefings.add_point(tx, briefing, "The mill was the middle.", "ana", now, theme=theme)
        quote = briefings.add_quote(tx, point, stories[0], 500, 4_500, "ana", now)
        briefings.check_quote(tx, quote, briefings.quote_of(tx, quote).text, "ana", now)
        whole = briefings.briefing_of(tx, briefing)
        briefings.note_issue(tx, whole, briefings.ready(tx, whole, now), "ana", now)
        outcomes.tell(tx, {"en": "The mill is a museum now."}, "It opens in May.", "olu", now, theme=theme)
        turnjobs.ask_for(tx, place.settings, stories[0], "ana", now)
    turnjobs.work(place, threading.Event(), _OneVoice())
    return place


class _OneVoice:
    name = "one 1"

    def prints(self, windows: Any) -> Any:
        return np.ones((len(windows), 2), np.float32)


def told(place: ArchiveHome) -> dict[str, tuple[int, str]]:
    with place.catalogue() as catalogue, catalogue.read() as tx:
        return {table.name: digest_of(tx, table) for table in tables_of(tx) if table.name in MADE}


def test_it_goes_out_as_plain_files_and_comes_back(worked: ArchiveHome, tmp_path: Path, clock: Any) -> None:
    before = told(worked)
    assert {name for name, (rows, _) in before.items() if rows} == MADE
    export(worked, tmp_path / "out")
    # What an earlier version wrote of vectors, in columns nobody has any more, is no reason to read nothing.
    index = json.loads((tmp_path / "out" / INDEX).read_bytes())
    assert not {"vectors", "read_stories"} & set(index["tables"])
    index["tables"]["vectors"] = {"columns": ["number", "version"], "rows": 1, "sha256": "of then"}
    (tmp_path / "out" / INDEX).write_text(json.dumps(index))
    with open_archive(tmp_path / "other", clock) as other:
        read_back(other, tmp_path / "out", "cleo")
        assert told(other) == before
        (bridge,) = worked.objects.keys("bridges/")
        assert list(other.objects.keys("bridges/")) == [bridge]
        with other.catalogue() as catalogue, catalogue.read() as tx:
            (theme,) = themes.themes(tx, other.now())
            assert (theme.stands, theme.now.voices, theme.now.against) == (True, 3, 1)


def test_it_moves_to_postgresql_and_goes_on_there(worked: ArchiveHome, postgres: Callable[[], str], clock: Any) -> None:
    before = told(worked)
    move_archive(worked, (postgres(),))
    with open_archive(worked.path, clock) as far:
        assert far.settings.catalogue.startswith("postgresql://")
        assert told(far) == before
        with far.catalogue() as catalogue, catalogue.write() as tx:
            (book,) = codebook.codebooks(tx)
            assert codebook.make_code(tx, book.id, "the river", Level.CONCRETE, "", "ana", far.now())
            (theme,) = themes.themes(tx, far.now())
            assert theme.stands
            story = theme.voices[0].story
            tx.run("DELETE FROM suggestion_decisions")
            tx.run("DELETE FROM suggestions")
            tx.run("DELETE FROM highlight_codes WHERE story = ?", story)
            assert suggesting.suggest(tx, far.settings, story, far.now())
            assert turnjobs.sessions(tx, far.now()) == []
        assert build(far, FixedMeaning()).made == 0
