"""What became of words: from an organizer's sentence to the box's screens and the page a keep-code opens."""

from __future__ import annotations

import json

import pytest

from archive.errors import BadFeed
from archive.feed.erased import GONE
from archive.feed.manifest import Manifest, open_feed, read_manifest
from archive.patterns.highlights import remove
from archive.patterns.outcomes import BadOutcome, end, lines_for_boxes, outcomes, tell, texts_for_tellers
from archive.types import Use

LINES = {"en": "The bench by the river is back.", "es": "El banco junto al río ha vuelto."}


def say(archive, **more):
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        told = {"lines": LINES, "text": "The council read your stories and put the bench back."} | more
        return tell(
            tx, told.pop("lines"), told.pop("text"), "organizer", archive.place.now(), **({"prompt": "river"} | told)
        )


def test_a_line_reaches_every_visitor(archive, box, line):
    archive.lend()
    ident = say(archive)
    line.night()
    assert json.loads((box.home.feed / "outcomes.json").read_bytes()) == [LINES]
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        end(tx, ident, "organizer", archive.place.now())
        with pytest.raises(BadOutcome):
            end(tx, ident, "organizer", archive.place.now())
        assert outcomes(tx) == []
    line.night()
    assert json.loads((box.home.feed / "outcomes.json").read_bytes()) == []


def test_a_text_reaches_those_whose_words_it_was(archive):
    mine = archive.story(Use.RECORD, Use.KEEP, Use.ARCHIVE, box="near")
    archive.story(Use.RECORD, Use.KEEP, Use.ARCHIVE, box="far")
    say(archive)
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        assert [story for story, _, _ in texts_for_tellers(tx, "near")] == [mine]
        now = archive.place.now().isoformat()
        tx.run("INSERT INTO themes VALUES ('T1', 'ana', ?)", now)
        tx.run("INSERT INTO highlights VALUES ('H1', ?, 0, 900, 'ana', ?, '')", mine, now)
        tx.run("INSERT INTO theme_voices VALUES ('T1', 'H1', ?, 'counter', 'ana', ?)", mine, now)
        tell(tx, {}, "You said no, and it was heard.", "organizer", archive.place.now(), theme="T1")
        assert sorted(text for _, _, text in texts_for_tellers(tx, "near")) == [
            "The council read your stories and put the bench back.", "You said no, and it was heard.",
        ]  # fmt: skip
        assert texts_for_tellers(tx, "elsewhere") == []
        assert lines_for_boxes(tx, 20) == (LINES,)
        remove(tx, "H1", "ana", archive.place.now())
        assert [text for _, _, text in texts_for_tellers(tx, "near")] == [
            "The council read your stories and put the bench back."
        ]


def test_a_long_text_for_many_tellers_leaves_the_feed_its_size(archive, box, line):
    archive.lend()
    at = archive.place.now().isoformat()
    names = [f"01JE{number:022}" for number in range(2000)]
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        tx.many(
            "INSERT INTO stories (id, bag_sha256, kind, prompt, prompt_text, language, site, recorded_at, clock_trusted, "
            "length_ms, box, received_at, title, has_voice) VALUES (?, '', 'story', 'river', '', 'en', '', ?, 1, 1, "
            "'near', ?, '', 0)",
            [(name, at, at) for name in names[:1000]],
        )
        gone = [(name.replace("JE", "JF"), at) for name in names]
        tx.many("INSERT INTO tombstones VALUES (?, ?, 'withdrawal', 0, '', ?, 'far')", [(*one, at) for one in gone])
        tx.many("INSERT INTO erasures VALUES (?, 'near', ?, ?)", [(*one, json.dumps(GONE)) for one in gone])
        tx.run("INSERT INTO outcomes VALUES ('O1', ?, '2999-01-01T00:00:00+00:00', 'ana', 'The newest.')", names[0])
    say(archive, text="長" * 4000)
    manifest = open_feed(line.offer(), archive.place.keys.sign.verify_key.encode(), box.keys.box)
    assert len(manifest.tombstones) == 2000
    assert len(manifest.loans) == 1
    assert len(manifest.erased) > 200
    assert manifest.outcomes[0].text == "The newest."
    assert len(manifest.outcomes) > 20


def test_what_cannot_be_told_says_why(archive):
    archive.story()
    for wrong in ({"prompt": ""}, {"theme": "T1"}, {"prompt": "", "theme": "T1"}, {"prompt": "unasked"},
                  {"lines": {}, "text": " "}, {"lines": {"en": "x" * 47}}, {"lines": {"zh": "长" * 24}},
                  {"lines": {"english": "Hello."}}, {"text": "x" * 5000}):  # fmt: skip
        with pytest.raises(BadOutcome):
            say(archive, **wrong)


def test_a_box_refuses_lines_no_screen_could_show(clock):
    good = Manifest(bytes(32), 1, clock.wall(), lines=(LINES,)).to_json()
    assert read_manifest(good).lines == (LINES,)
    assert "lines" not in Manifest(bytes(32), 1, clock.wall()).to_json()
    for lines in (
        [{}],
        [{"en": ""}],
        [{"en": "x" * 47}],
        [{"en": "a\nb"}],
        [{"EN": "x"}],
        [{"en": 1}],
        ["x"],
        "x",
        [LINES] * 21,
    ):
        with pytest.raises(BadFeed):
            read_manifest(good | {"lines": lines})
    with pytest.raises(BadFeed):
        read_manifest(good | {"strange": []})
