"""A partner's voice at the other archive: read, found, on a box's button, and gone from all of it when taken back."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from archive import curation
from archive.boxes import add_box
from archive.consent import may
from archive.errors import NoSuchObject, NoSuchStory, Refused
from archive.export.plain import export
from archive.feed.hello import make_hello
from archive.feed.make import feed_for, open_blob
from archive.feed.receive import last_feed, receive
from archive.guests import LOAN_S
from archive.home import open_home
from archive.keycode import Cost
from archive.partners.exchange import exchange_folder
from archive.partners.heard import Heard
from archive.partners.known import add_partner, partner_named
from archive.partners.lent import guest_now, guests
from archive.partners.onward import BadLentCue, lent_cues, put_lent_cue
from archive.portal.community import public
from archive.portal.community.app import make_community
from archive.server.place import open_archive
from archive.server.stickfeeds import leave_feeds
from archive.store import Store
from archive.transports.memory import MemoryTransport
from archive.types import Act, Reader, Use

LENT = (Use.RECORD, Use.KEEP, Use.PARTNERS)


@pytest.fixture
def both(archives, tmp_path):
    """Two archives that know each other, and a stick between them that is carried there and back."""
    lower, upper = archives("lower"), archives("upper")
    for here, there, name in ((lower, upper, "upper"), (upper, lower, "lower")):
        with here.place.catalogue() as catalogue, catalogue.write() as tx:
            add_partner(tx, name, there.place.public_key, "ana", here.place.now())
    stick = tmp_path / "stick"
    stick.mkdir()

    def swap():
        for here, name in ((lower, "upper"), (upper, "lower"), (lower, "upper")):
            with here.place.catalogue() as catalogue, catalogue.read() as tx:
                partner = partner_named(tx, name)
            exchange_folder(here.place, partner, stick, "ana")

    return lower, upper, swap


class Box:
    """A real box of the upper archive, and the line its feed comes by."""

    def __init__(self, archive, store, clock):
        self.archive, self.store = archive, store
        self.line = MemoryTransport(clock, archive.place.keys.sign)
        with archive.place.catalogue() as catalogue:
            add_box(catalogue, "hill", "ana", archive.place.now())

    @property
    def hello(self):
        return make_hello(self.store.keys, "Hill Library", last_feed(self.store, self.line.signer)[0])

    def night(self):
        """Fetch the feed and every blob it names, through the archive's own doors."""
        self.line.feeds[self.hello.seal] = feed_for(self.archive.place, "hill", self.hello)
        with self.archive.place.catalogue() as catalogue, catalogue.read() as tx:
            from archive.partners.onward import onward_blobs

            names = onward_blobs(tx, "hill")
        self.line.blobs = {}
        for name in names:
            with open_blob(self.archive.place, "hill", name) as source:
                self.line.blobs[name] = source.read()
        with self.line.visit():
            return receive(self.store, self.line, "Hill Library", lambda _step, _story: None)

    def buttons(self):
        return dict(self.store.cue_sheet("main").cues)


@pytest.fixture
def box(both, tmp_path, clock):
    with Store(open_home(tmp_path / "box"), clock, Cost(8, 1, 1)) as store:
        yield Box(both[1], store, clock)


def put(archive, story, cut, button=1):
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        put_lent_cue(tx, "hill", button, "lower", story, cut, "ben", archive.place.now(), sheet="main")


def cuts(archive, story):
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        return guest_now(tx, "lower", story, archive.place.now())[0].cuts


def test_a_box_of_the_other_archive_plays_it_until_its_teller_takes_it_back(both, box, clock):
    lower, upper, swap = both
    story, stays = lower.story(*LENT, hertz=300), lower.story(*LENT, hertz=500)
    swap()
    put(upper, story, cuts(upper, story)[0].id, 1)
    put(upper, stays, cuts(upper, stays)[0].id, 2)
    first = box.night()
    assert sorted(first.lent) == sorted([story, stays])
    assert set(box.buttons()) == {1, 2}
    assert may(box.store.standing(story), Reader.LEND, box.store.now()).allowed
    assert not may(box.store.standing(story), Reader.PLAY, box.store.now()).allowed
    # Nothing new: the feed is the same, and no key was wrapped again.
    assert not box.night().fresh
    clock.advance(3600)
    lower.withdraw(story)
    swap()
    with upper.place.catalogue() as catalogue, catalogue.read() as tx:
        assert [one.button for one in lent_cues(tx, "hill", upper.place.now())] == [2]
    assert box.night().given_back == [story]
    assert set(box.buttons()) == {2}
    assert story.encode() not in b"".join(
        path.read_bytes() for path in box.store.home.stories.rglob("*") if path.is_file()
    )


def test_a_partner_that_exchanges_no_more_falls_silent_and_an_old_stick_does_not_help(both, box, clock, tmp_path):
    lower, upper, swap = both
    story = lower.story(*LENT)
    swap()
    cut = cuts(upper, story)[0].id
    put(upper, story, cut)
    clock.advance(31 * 86_400)
    box.night()
    assert set(box.buttons()) == {1}
    # Nobody came since; what lies on the old stick is read once more.
    clock.advance(LOAN_S - 30 * 86_400)
    with upper.place.catalogue() as catalogue, catalogue.read() as tx:
        sender, sound = partner_named(tx, "lower"), str(tx.one("SELECT sound FROM partner_stories")["sound"])
    exchange_folder(upper.place, sender, tmp_path / "stick", "ben")
    with pytest.raises(Refused, match="60 days"):
        cuts(upper, story)
    with pytest.raises(Refused):
        open_blob(upper.place, "hill", sound)
    with upper.place.catalogue() as catalogue, catalogue.read() as tx:
        assert guests(tx, upper.place) == []
        assert "60 days" in lent_cues(tx, "hill", upper.place.now())[0].why
    assert box.night().given_back == [story]
    swap()
    assert cuts(upper, story)[0].id == cut
    assert box.night().lent == [story]


def test_what_was_taken_back_here_is_silent_whatever_the_lender_says(both, box):
    lower, upper, swap = both
    story = lower.story(*LENT)
    swap()
    put(upper, story, cuts(upper, story)[0].id)
    box.night()
    with upper.place.catalogue() as catalogue, catalogue.read() as tx:
        sound = str(tx.one("SELECT sound FROM partner_stories")["sound"])
    open_blob(upper.place, "hill", sound).close()
    with pytest.raises(NoSuchObject):
        open_blob(upper.place, "another", sound)
    # Taken back at this very archive by somebody with the code: no word of the partner's undoes it.
    upper.withdraw(story)
    with pytest.raises(Refused):
        open_blob(upper.place, "hill", sound)
    with upper.place.catalogue() as catalogue, catalogue.read() as tx:
        assert guests(tx, upper.place) == []
        assert not lent_cues(tx, "hill", upper.place.now())[0].allowed
    box.night()
    assert box.buttons() == {}


def test_the_lender_is_told_that_it_is_gone_once_the_last_box_has_said_so(both, box, clock):
    lower, upper, swap = both
    story = lower.story(*LENT)
    swap()
    put(upper, story, cuts(upper, story)[0].id)
    box.night()
    lower.withdraw(story)
    clock.advance(3600)

    def told():
        from archive.feed.erased import receipt_of
        from archive.partners.giving import bundle_for
        from archive.partners.taking import applied_volumes

        with upper.place.catalogue() as catalogue, catalogue.read() as tx:
            applied = applied_volumes(tx, "lower", upper.place.now())
        with lower.place.catalogue() as catalogue, catalogue.read() as tx:
            partner = partner_named(tx, "upper")
        bundle_for(lower.place, partner, applied)
        with lower.place.catalogue() as catalogue, catalogue.read() as tx:
            row = tx.one("SELECT at, gone FROM erasures WHERE story = ?", story)
            return receipt_of(tx, story, str(row["at"]), str(row["gone"]), lower.place.now())

    swap()
    assert "partner upper" in told().remaining
    box.night()  # the loan ends there ...
    assert "partner upper" in told().remaining
    box.night()  # ... and this visit says so
    assert "partner upper" in told().gone


def test_words_are_found_while_they_are_lent_and_in_no_table(both, tmp_path):
    lower, upper, swap = both
    story, other = lower.story(*LENT, said="mill"), lower.story(*LENT, said="ferry")
    swap()
    heard = Heard(upper.place)

    def find(text):
        with upper.place.catalogue() as catalogue, catalogue.read() as tx:
            return heard.find(tx, text)

    assert [(one.guest.story, one.said, one.start) for one in find("mill7")] == [(story, "mill7", 7000)]
    assert {one.guest.story for one in find("mill2*")} == {story}
    assert find('"mill7 ferry8"') == []
    assert "mill7" not in "".join(
        str(tuple(row)) for table in ("said", "passages", "partner_stories", "changes") for row in _rows(upper, table)
    )
    lower.withdraw(story)
    lower.add(other, Act.DECIDE, Use.PARTNERS)
    swap()
    assert find("mill7") == []
    assert find("ferry7") == []


def _rows(archive, table):
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        return tx.all(f"SELECT * FROM {table}")


def test_it_goes_on_a_stick_too_and_a_button_holds_one_voice(both, box, tmp_path):
    lower, upper, swap = both
    story = lower.story(*LENT)
    own = upper.story()
    swap()
    excerpt = upper.excerpt(own)
    with upper.place.catalogue() as catalogue:
        from archive.boxes import box_named, greet

        hello = box.hello
        greet(catalogue, box_named(catalogue, "hill"), hello.seal, hello.sign, {}, upper.place.now())
    put(upper, story, cuts(upper, story)[0].id)
    root = tmp_path / "boxes"
    (root / "boxes").mkdir(parents=True)
    (root / "boxes" / f"{hello.name}.json").write_bytes(hello.to_bytes())
    assert leave_feeds(upper.place, root, lambda *_: None).fed == ["hill"]
    assert len(list((root / "blobs").iterdir())) == 2
    with upper.place.catalogue() as catalogue, catalogue.write() as tx:
        curation.put_cue(tx, "hill", 1, own, excerpt, "ben", upper.place.now())
        assert lent_cues(tx, "hill", upper.place.now()) == []
        put_lent_cue(tx, "hill", 1, "lower", story, cuts(upper, story)[0].id, "ben", upper.place.now(), sheet="main")
        assert curation.sheets_of(tx, "hill", upper.place.now()) == {}
        assert curation.clear_cue(tx, "hill", 1, "ben", upper.place.now())
        assert not curation.clear_cue(tx, "hill", 1, "ben", upper.place.now())
        with pytest.raises(BadLentCue):
            put_lent_cue(tx, "hill", 9, "lower", story, story + "00", "ben", upper.place.now(), sheet="main")
        with pytest.raises(NoSuchStory):
            put_lent_cue(tx, "hill", 1, "lower", own, story + "00", "ben", upper.place.now(), sheet="main")


def test_it_is_at_no_public_door_in_no_feed_of_the_web_and_in_no_export(both, tmp_path):
    lower, upper, swap = both
    everything = (Use.RECORD, Use.KEEP, Use.PLAY_HERE, Use.ARCHIVE, Use.PARTNERS, Use.PUBLIC, Use.QUOTE)
    story = lower.story(*everything, said="mill")
    swap()
    export(upper.place, tmp_path / "out")
    told = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert not [path for path, data in told.items() if story.encode() in data or b"mill7" in data]
    own = upper.story(*everything)
    config = upper.place.config
    config.write_text(config.read_text().replace("public = false", "public = true"))
    public_place = open_archive(upper.place.path, upper.place.clock)
    app = make_community(
        upper.place, frozenset({"127.0.0.1"}), Cost(8, 1, 1), public=tuple(public.routes(public_place))
    )

    client = TestClient(app, base_url="http://127.0.0.1:8490")
    for path in ("/public/", "/public/feed.xml", "/public/collection.json", "/public/oai"):
        answer = client.get(path, params={"verb": "ListRecords", "metadataPrefix": "oai_dc"})
        assert (answer.status_code, own in answer.text, story in answer.text) == (200, True, False), path
    assert client.get(f"/public/{own}").status_code == 200
    for path in ("", "/sound.flac", "/captions.vtt", "/manifest.json"):
        assert client.get(f"/public/{story}{path}").status_code == 404
