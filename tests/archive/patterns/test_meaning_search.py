"""Search by meaning: what is found, what never is, how the index follows the tables, and that it can be switched off."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from archive.catalogue import open_catalogue
from archive.catalogue.changes import stamp
from archive.catalogue.consents import asks
from archive.catalogue.search import Filters, stories_within
from archive.errors import HomeTrouble, NoSuchStory, Refused
from archive.patterns import corpus, meaning
from archive.patterns.finding import Finder
from archive.patterns.machines import MachinesOff
from archive.patterns.meaning import FixedMeaning, model_chosen, open_meaning
from archive.patterns.vectors import Space, build, forget
from archive.reviewing.words import correct_word, passages_of
from archive.server.erase import withdraw
from archive.server.place import open_archive
from archive.tombstones import Tombstone
from archive.types import Reader
from audio.errors import NoModel


@pytest.fixture
def told(place):
    """An archive with a small corpus, indexed by the fake."""
    made = corpus.small(stories=150, conversations=3)
    with place.catalogue() as catalogue, catalogue.write() as tx:
        corpus.put(tx, made)
    build(place, FixedMeaning())
    return made


@pytest.fixture
def finder(place):
    return Finder(place, FixedMeaning)


def planted(told, **wanted):
    return next(
        (one, said) for one in told for said in one.planted("last-bus")
        if not one.held and all(getattr(one, name) == value for name, value in wanted.items())
    )  # fmt: skip


def test_the_moment_that_says_it_comes_first(place, told, finder):
    _, said = planted(told, language="en")
    with place.catalogue() as catalogue, catalogue.read() as tx:
        found = finder.find(tx, said.text, place.now())
    first = found[0]
    assert first.text == said.text
    assert first.closeness == pytest.approx(1, abs=0.01)
    assert len({one.story for one in found}) == len(found) == 20
    assert [one.closeness for one in found] == sorted((one.closeness for one in found), reverse=True)


def test_more_like_this_leads_to_other_voices(place, told, finder):
    story, said = planted(told, language="en")
    with place.catalogue() as catalogue, catalogue.read() as tx:
        found = finder.like(tx, story.id, said.start + 100, place.now(), limit=5)
        assert story.id not in {one.story for one in found}
        with pytest.raises(NoSuchStory):
            finder.like(tx, story.id, 0, place.now())
        closed = next(one for one in told if one.held or one.embargo)
        with pytest.raises(Refused):
            finder.like(tx, closed.id, 2000, place.now())


@pytest.mark.parametrize(
    "narrowed",
    [
        Filters(site="River Library"), Filters(language="es"), Filters(prompt="water"),
        Filters(since=date(2025, 2, 1), until=date(2025, 2, 28)),
    ],
)  # fmt: skip
def test_a_filter_narrows_to_what_it_names(place, told, finder, narrowed):
    with place.catalogue() as catalogue, catalogue.read() as tx:
        within = stories_within(tx, narrowed)
        found = finder.find(tx, "the river", place.now(), narrowed, limit=200)
        assert found
        assert {one.story for one in found} <= within
        by_hand = {
            one.id for one in told
            if narrowed.site in {"", one.site} and narrowed.language in {"", one.language}
            and narrowed.prompt in {"", one.prompt}
            and (narrowed.since is None or narrowed.since <= one.at.date() <= narrowed.until)
        }  # fmt: skip
        assert within == by_hand


def test_no_vector_outlives_its_story(place, told, finder):
    gone, said = planted(told, goes=True)
    with place.catalogue() as catalogue, catalogue.read() as tx:
        finder.find(tx, said.text, place.now())
        assert tx.one("SELECT COUNT(*) FROM vectors WHERE story = ?", gone.id)[0] == len(gone.said)
    withdraw(place, Tombstone(gone.id, place.now()), "a test")
    with place.catalogue() as catalogue, catalogue.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM vectors WHERE story = ?", gone.id)[0] == 0
        found = finder.find(tx, said.text, place.now(), limit=200)
        assert gone.id not in {one.story for one in found}
        assert len(finder._space) == tx.one("SELECT COUNT(*) FROM vectors")[0]


def test_a_corrected_passage_is_not_found_by_what_it_said_before(place, told, finder):
    story, said = planted(told, language="en")
    model = FixedMeaning()
    with place.catalogue() as catalogue:
        with catalogue.write() as tx:
            passage = next(one for one in passages_of(tx, story.id) if one.start == said.start)
            correct_word(tx, story.id, passage.number, 0, "Nobody", "Test", passage.version, place.now())
        with catalogue.read() as tx:
            before = finder.find(tx, said.text, place.now(), limit=200)
            assert (story.id, passage.start) not in {(one.story, one.start) for one in before}
        built = build(place, model)
        assert (built.made, built.gone) == (1, 1)
        with catalogue.read() as tx:
            after = finder.find(tx, "Nobody " + said.text, place.now())
    assert (after[0].story, after[0].text.split()[0]) == (story.id, "Nobody")


def test_a_build_cut_short_is_finished_by_the_next(place):
    with place.catalogue() as catalogue, catalogue.write() as tx:
        corpus.put(tx, corpus.small(stories=100, conversations=0))

    class Dies(FixedMeaning):
        def vectors(self, texts, *, asked=False):
            if self.batches:
                raise MemoryError
            self.batches += 1
            return super().vectors(texts, asked=asked)

        batches = 0

    with pytest.raises(MemoryError):
        build(place, Dies())
    with place.catalogue() as catalogue, catalogue.read() as tx:
        half = tx.one("SELECT COUNT(*) FROM vectors")[0]
    done = build(place, FixedMeaning())
    assert 0 < half == done.there - done.made
    assert build(place, FixedMeaning()) == type(done)(0, 0, done.there)


def test_nothing_closed_is_ever_indexed_or_found(place, told, finder):
    """Every story of the corpus, by the gate itself: held, embargoed, words alone; before and after the gate closes."""
    with place.catalogue() as catalogue:
        with catalogue.read() as tx:
            answers = asks(tx, [one.id for one in told], Reader.DESK, place.now())
            indexed = {row[0] for row in tx.all("SELECT DISTINCT story FROM vectors")}
            assert indexed == {one.id for one in told if answers[one.id].allowed}
            assert len(indexed) < len(told)
            for reader in Reader:
                near = finder.find(tx, "the river", place.now(), limit=200, reader=reader)
                open_to = asks(tx, [one.story for one in near], reader, place.now())
                assert all(answer.allowed for answer in open_to.values())
        shut = next(one for one in told if answers[one.id].allowed)
        with catalogue.write() as tx:
            tx.run("INSERT INTO consents (story, number, seq, act, at, by, yes, form, wording_version, wording_hash, "
                   "language, link) VALUES (?, 99, 99, 'hold', ?, 'x', 0, 'voice', '1', '', 'en', 'x')",
                   shut.id, stamp(place.now()))  # fmt: skip
        with catalogue.read() as tx:
            near = finder.find(tx, shut.said[0].text, place.now(), limit=200)
        assert shut.id not in {one.story for one in near}
        assert build(place, FixedMeaning()).gone == len(shut.said)


def test_another_models_vectors_are_never_compared_with_these(place, told, finder):
    class Other(FixedMeaning):
        name = "fixed 2"

    with place.catalogue() as catalogue, catalogue.read() as tx:
        assert Finder(place, Other).find(tx, "the river", place.now()) == []
    built = build(place, Other())
    assert built.gone == built.made == built.there > 0
    assert forget(place) == built.there


def test_with_machines_off_no_model_is_loaded(place, monkeypatch):
    (place.path / "config.toml").write_text("[archive]\nai = false\n", encoding="utf-8")
    monkeypatch.setattr(meaning, "find", lambda name: pytest.fail(f"{name} was looked for"))
    with open_archive(place.path) as off:
        with pytest.raises(MachinesOff):
            open_meaning(off.settings)
        with off.catalogue() as catalogue, catalogue.read() as tx, pytest.raises(MachinesOff):
            Finder(off).find(tx, "the river", off.now())


def test_an_unknown_model_is_refused_by_name(place):
    (place.path / "config.toml").write_text('[patterns]\nmeaning = "oracle"\n', encoding="utf-8")
    with open_archive(place.path) as other, pytest.raises(HomeTrouble, match="patterns"):
        model_chosen(other.settings)


def test_a_space_follows_the_table_on_both_databases(postgres, tmp_path):
    for url in (f"sqlite:{tmp_path / 'one.db'}", str(postgres())):
        with open_catalogue(url) as catalogue:
            made = corpus.small(stories=3, conversations=0)
            with catalogue.write() as tx:
                corpus.put(tx, made)
                for number, one in enumerate(made):
                    tx.run("INSERT INTO vectors (story, start_ms, end_ms, made_of, model, vector) "
                           "VALUES (?, 0, 1, 'x', 'm', ?)", one.id, np.eye(3)[number].astype("<f2").tobytes())  # fmt: skip
            space = Space("m")
            with catalogue.read() as tx:
                space.follow(tx)
            assert [one[0] for one in space.nearest(np.array([0, 1, 0.5], np.float32))] == [
                made[1].id, made[2].id, made[0].id,
            ]  # fmt: skip
            with catalogue.write() as tx:
                tx.run("DELETE FROM stories WHERE id = ?", made[2].id)
            with catalogue.read() as tx:
                space.follow(tx)
            assert len(space) == 2


@pytest.fixture(scope="module")
def minilm():
    try:
        return meaning.MODELS["minilm"]()
    except NoModel as error:
        pytest.skip(f"{error.say} {error.do}")


def test_the_real_model_knows_what_other_words_mean(minilm):
    rows = minilm.vectors(["A man is eating food.", "Somebody has a meal.", "The monkey plays drums."])
    alike = rows @ rows.T
    assert rows.dtype == np.float32
    assert np.allclose(np.diag(alike), 1, atol=1e-5)
    assert alike[0, 1] > 2 * alike[0, 2]
    # The same text, alone and in the company of longer ones.
    again = minilm.vectors(["A man is eating food.", "long " * 300])
    assert float(again[0] @ rows[0]) > 0.99


def test_the_real_model_finds_planted_themes_in_english(place, minilm):
    made = [one for one in corpus.small(stories=160, conversations=0) if one.language == "en"]
    with place.catalogue() as catalogue:
        with catalogue.write() as tx:
            corpus.put(tx, made)
        build(place, minilm)
        finder, fitting = Finder(place, lambda: minilm), []
        where = {(one.id, said.start): said for one in made for said in one.said}
        with catalogue.read() as tx:
            for theme in corpus.themes():
                for question in theme.ask["en"]:
                    near = finder.find(tx, question, place.now(), limit=3)
                    fitting += [where[one.story, one.start].theme == theme.name for one in near]
    assert np.mean(fitting) > 0.75
