"""The made corpus: the same every time, with what was planted where it says, as rows and as bags."""

from __future__ import annotations

from pathlib import Path

from archive.bag import plan
from archive.catalogue.search import search
from archive.patterns import corpus
from archive.sealedbag import seal_bag
from archive.server.deposits import accept
from archive.server.place import ArchiveHome
from archive.types import Kind, Reader


def test_the_corpus_is_the_same_every_time_and_holds_what_it_promises():
    made = corpus.small()
    assert made == corpus.small() != corpus.small(seed=2)
    assert len({one.id for one in made}) == 430
    assert sum(one.kind is Kind.CONVERSATION for one in made) == 30
    assert sum(one.goes for one in made) > 10
    for theme in corpus.themes():
        stories = [one for one in made if one.kind is Kind.STORY]
        assert sum(bool(one.planted(theme.name)) for one in stories) == 14
        assert sum(bool(one.planted(theme.name, "counter")) for one in stories) == 4
        assert sum(bool(one.planted(theme.name, "decoy")) for one in stories) == 6
        assert {one.language for one in made if one.planted(theme.name)} == {"en", "es"}


def test_many_has_as_many_snippets_as_asked_for():
    made = list(corpus.many(1000))
    assert len({one.id for one in made}) == len(made) == 100
    assert sum(len(one.said) for one in made) == 1000


def test_what_was_planted_is_found_at_its_second(place: ArchiveHome):
    made = corpus.small(stories=60, conversations=2)
    with place.catalogue() as catalogue, catalogue.write() as tx:
        corpus.put(tx, made)
        told = next(one for one in made if one.planted("last-bus") and one.language == "en" and not one.held)
        snippet = told.planted("last-bus")[0]
        hits = search(tx, f'"{snippet.text}"', Reader.DESK, place.now())
        assert (told.id, snippet.start) in {(hit.story, hit.start) for hit in hits}


def test_a_made_conversation_comes_in_as_a_bag_with_its_sound(place: ArchiveHome, tmp_path: Path):
    talk = corpus.small(stories=0, conversations=1)[0]
    seal_bag(plan(corpus.bag_of(talk)), place.public_key, tmp_path / "bag")
    accept(place, tmp_path / "bag", "front-desk")
    with place.catalogue() as catalogue, catalogue.read() as tx:
        row = tx.one("SELECT kind, length_ms, has_voice FROM stories WHERE id = ?", talk.id)
        assert row == ("conversation", talk.length, 1)
