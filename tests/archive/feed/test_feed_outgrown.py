"""An archive past one machine prepares the same: its feed on PostgreSQL and S3 against that on SQLite and a folder."""

from __future__ import annotations

import json

import pytest

from archive import curation
from archive.feed.manifest import open_feed
from archive.home import open_home
from archive.keycode import Cost
from archive.masters import open_master
from archive.server.place import open_archive
from archive.store import Store
from archive.transports.memory import MemoryTransport
from archive.types import Use


@pytest.fixture
def settings(request):
    """What stands in the archive's settings, by kind."""
    return {
        "one machine": "",
        "many": '[archive]\ncatalogue = "{}"\nobjects = "{}"\n'.format(
            request.getfixturevalue("postgres")(), request.getfixturevalue("s3_url")
        ),
    }  # fmt: skip


def said(line, data):
    """What a feed says, but for what is random in every feed: keys, and the sums of what is sealed under them."""
    plain = open_feed(data, line.archive.place.keys.sign.verify_key.encode(), line.store.keys.box).to_json()
    for name in ("box", "sequence", "made_at"):
        del plain[name]
    for loan in plain["loans"]:
        del loan["key"], loan["sound"]["sha256"], loan["card"]["sha256"]
    return plain


def lived(line, sounds):
    """A month at one archive: lent, heard at the box, one voice taken back and one excerpt off its button."""
    archive, told = line.archive, []
    first, second = archive.lend("near", 1), archive.lend("near", 2, Use.RECORD, Use.KEEP, Use.PUBLIC)
    archive.put("near", 3, first, archive.excerpt(first, 20_001, 45_002, "Second"))
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        asked = curation.AskedPrompt("first-ferry", {"en": "Which ferry?"})
        curation.save_prompts(tx, curation.PreparedSet("water", {"en": "Water"}, (asked,)), "ana", archive.place.now())
    told.append(said(line, line.offer()))
    assert sorted(line.take().lent) == sorted([first, second])
    cues = line.store.cue_sheet("main").cues
    for button, cue in sorted(cues.items()):
        with open_master(line.store, cue.story, line.store.cue_reader(cue.story), line.store.now()) as master:
            sounds.append((button, master.read(cue.start, cue.end)))
    assert line.offer() == line.offer(), "what has not changed is not made anew"
    archive.place.clock.advance(60)
    archive.withdraw(second)
    told.append(said(line, line.offer()))
    assert [stone["id"] for stone in told[-1]["tombstones"]] == [second]
    line.take()
    assert sorted(line.store.cue_sheet("main").cues) == [1, 3]
    assert len(list(archive.place.objects.keys("blobs/"))) == 2
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("DELETE FROM sheet_cues WHERE box = 'near'")
    archive.place.clock.advance(60)
    told.append(said(line, line.offer()))
    assert line.take().given_back == [first]
    assert list(archive.place.objects.keys("blobs/")) == []
    return told


def test_the_same_stories_make_the_same_feed_on_both(settings, filled, line, clock, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    feeds, sounds = {}, {}
    for kind, words in settings.items():
        home = tmp_path / kind
        home.mkdir()
        if words:
            (home / "config.toml").write_text(words)
        clock_of = type(clock)(clock.wall())
        with open_archive(home, clock_of) as place, Store(open_home(home / "box"), clock_of, Cost(8, 1, 1)) as box:
            here = type(line)(filled(place), box, MemoryTransport(clock_of, place.keys.sign))
            sounds[kind] = []
            feeds[kind] = lived(here, sounds[kind])
    # The excerpts' identifiers are made anew on each.
    one, many = (json.loads(_numbered(feeds[kind])) for kind in settings)
    assert one == many
    assert len(one) == 3
    assert sounds["one machine"] == sounds["many"]
    assert len(sounds["many"]) == 3


def _numbered(told):
    """The feeds as text, every identifier of an excerpt by its place."""
    text = json.dumps(told, sort_keys=True)
    cuts = [cut["id"] for feed in told for loan in feed["loans"] for cut in loan["excerpts"]]
    for number, cut in enumerate(dict.fromkeys(cuts)):
        text = text.replace(cut, f"cut {number}")
    return text
