"""Two archives and nothing between them: what is lent, what is not, and that what is taken back is gone over there."""

from __future__ import annotations

import io
import itertools
import json
import os
import queue
import threading
from collections.abc import Iterator
from datetime import date, timedelta

import httpx
import pytest
import soundfile
from starlette.testclient import TestClient

from archive import curation
from archive.errors import BadFeed, NoSuchStory, Refused
from archive.export.plain import export
from archive.export.reading import read_back
from archive.keycode import Cost
from archive.partners.exchange import exchange_folder, exchange_https
from archive.partners.giving import blob_for, bundle_for
from archive.partners.known import BadPartner, add_partner, partner_named, partners, remove_partner
from archive.partners.lent import guests, open_guest
from archive.partners.taking import take, texts_of
from archive.portal.binding import Binding
from archive.portal.community.app import make_community
from archive.portal.community.serving import serve
from archive.reviewing.decisions import redact
from archive.server.erase import sweep
from archive.types import Act, Form, Use

LENT = (Use.RECORD, Use.KEEP, Use.PARTNERS)


def meet(here, name, there, **more):
    """Make ``there`` a partner of ``here``; returns what lets it in."""
    with here.place.catalogue() as catalogue, catalogue.write() as tx:
        return add_partner(tx, name, there.place.public_key, "ana", here.place.now(), **more)


def partner(archive, name):
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        return partner_named(tx, name)


def here(archive):
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        return [one.story for one in guests(tx, archive.place)]


@pytest.fixture
def pair(archives):
    lower, upper = archives("lower"), archives("upper")
    meet(lower, "upper", upper)
    meet(upper, "lower", lower)
    return lower, upper


@pytest.fixture
def swap(pair, tmp_path):
    """Carry a stick from one to the other and back."""
    lower, upper = pair
    stick = tmp_path / "stick"
    stick.mkdir()

    def carry():
        exchange_folder(lower.place, partner(lower, "upper"), stick, "ana")
        theirs = exchange_folder(upper.place, partner(upper, "lower"), stick, "ben")
        ours = exchange_folder(lower.place, partner(lower, "upper"), stick, "ana")
        return ours.took, theirs.took

    carry.stick = stick
    return carry


def test_what_tellers_allow_to_partners_is_played_there_and_nothing_else(pair, swap, heard):
    lower, upper = pair
    lent = lower.story(*LENT, hertz=300)
    lower.story(Use.RECORD, Use.KEEP, Use.ARCHIVE, hertz=500)
    back = upper.story(*LENT, hertz=700)
    ours, theirs = swap()
    assert (ours.lent, theirs.lent) == ([back], [lent])
    sound, card = open_guest(upper.place, "lower", lent)
    assert heard(sound, 300) > 0.4
    assert [word.text for word in card.words][:3] == ["word0", "word1", "word2"]
    with upper.place.catalogue() as catalogue, catalogue.read() as tx:
        # It is no story of theirs: no table that others read knows it.
        assert tx.one("SELECT 1 FROM stories WHERE id = ?", lent) is None
        assert guests(tx, upper.place)[0].site == "Riverside Library"
    sealed = b"".join(path.read_bytes() for path in swap.stick.rglob("*") if path.is_file())
    assert b"word0" not in sealed
    assert b"fLaC" not in sealed


def test_a_withdrawal_is_gone_there_after_the_next_exchange(pair, swap):
    lower, upper = pair
    gone, narrowed, stays = (lower.story(*LENT, hertz=hertz) for hertz in (300, 500, 700))
    swap()
    assert sorted(here(upper)) == sorted([gone, narrowed, stays])
    before = set(upper.place.objects.keys("partners/"))
    lower.withdraw(gone)
    lower.add(narrowed, Act.DECIDE, Use.PARTNERS)
    _, theirs = swap()
    assert sorted(theirs.ended) == sorted([gone, narrowed])
    assert here(upper) == [stays]
    assert len(before) == 6
    assert len(set(upper.place.objects.keys("partners/"))) == 2
    assert len(list(swap.stick.rglob("blobs/*"))) == 2
    with pytest.raises(NoSuchStory):
        open_guest(upper.place, "lower", gone)


def test_a_day_that_comes_later_is_asked_at_playing(pair, swap, clock):
    lower, upper = pair
    story = lower.story(*LENT)
    swap()
    open_guest(upper.place, "lower", story)
    with upper.place.catalogue() as catalogue, catalogue.write() as tx:
        row = tx.one("SELECT consent FROM partner_stories")
        assert row is not None
        events = [*lower.said[story]]
        lower.add(story, Act.HOLD)
        from archive.consentrecord import record

        held = json.dumps(record(story, lower.said[story]))
        tx.run("UPDATE partner_stories SET consent = ?", held)
        lower.say(story, events)
    with pytest.raises(Refused):
        open_guest(upper.place, "lower", story)
    assert here(upper) == []


def test_blanked_words_and_sound_do_not_travel(pair, swap):
    lower, upper = pair
    story = lower.story(*LENT)
    with lower.place.catalogue() as catalogue, catalogue.write() as tx:
        redact(tx, story, 9_500, 20_500, "a name", "ana", 0, lower.place.now())
    swap()
    sound, card = open_guest(upper.place, "lower", story)
    words = [word.text for word in card.words]
    assert "word8" in words
    assert "word21" in words
    assert not {f"word{number}" for number in range(10, 20)} & set(words)
    samples, rate = soundfile.read(io.BytesIO(sound))
    assert len(samples) / rate < 33


def test_questions_and_cue_sheets_travel_too(pair, swap):
    lower, upper = pair
    story = lower.story(*EVERY)
    excerpt = lower.excerpt(story)
    with lower.place.catalogue() as catalogue, catalogue.write() as tx:
        now = lower.place.now()
        curation.put_cue(tx, "Front Desk", 2, story, excerpt, "ana", now)
        asked = curation.AskedPrompt("mill-whistle", {"en": "Tell me about the day the whistle stopped."})
        curation.save_prompts(tx, curation.PreparedSet("mill", {"en": "The mill"}, [asked]), "ana", now)
    _, theirs = swap()
    assert (theirs.prompts, theirs.sheets) == (["mill"], ["front-desk-main"])
    with upper.place.catalogue() as catalogue, catalogue.read() as tx:
        assert "mill-whistle" in texts_of(tx, "prompts")[0][2]
        assert json.loads(texts_of(tx, "sheet")[0][2]) == {"2": excerpt}


EVERY = (Use.RECORD, Use.KEEP, Use.PLAY_HERE, Use.ARCHIVE, Use.PARTNERS, Use.PUBLIC)


def test_what_is_not_theirs_not_for_us_or_old_is_refused(pair, swap, archives):
    lower, upper = pair
    story = lower.story(*LENT)
    swap()
    from_lower = partner(upper, "lower")

    def never(_):
        raise BadFeed("nothing of it is here")

    old = bundle_for(lower.place, partner(lower, "upper"))
    lower.place.clock.advance(timedelta(days=2).total_seconds())
    lower.withdraw(story)
    swap()
    stranger = archives("stranger")
    meet(stranger, "upper", upper)
    altered = old[0][:-1] + bytes([old[0][-1] ^ 1])
    for feeds in (old, [altered], [], bundle_for(stranger.place, partner(stranger, "upper")), [b"HEARTHFEED1\n"]):
        with pytest.raises(BadFeed):
            take(upper.place, from_lower, feeds, never, "ben")
    meet(lower, "stranger", stranger)
    with pytest.raises(BadFeed):
        take(upper.place, from_lower, bundle_for(lower.place, partner(lower, "stranger")), never, "ben")
    assert here(upper) == []


def test_a_missing_volume_is_noticed(pair, monkeypatch):
    lower, upper = pair
    monkeypatch.setattr("archive.partners.giving.VOLUME", 1)
    for _ in range(3):
        lower.story(*LENT)
    feeds = bundle_for(lower.place, partner(lower, "upper"))
    assert len(feeds) == 4

    def fetch(sha256):
        return lower.place.objects.open(blob_for(lower.place, partner(lower, "upper"), sha256))

    assert len(take(upper.place, partner(upper, "lower"), feeds[::-1], fetch, "ben").lent) == 3
    for some in (feeds[1:], feeds[:-1], feeds[:1]):
        with pytest.raises(BadFeed):
            take(upper.place, partner(upper, "lower"), some, fetch, "ben")
    assert len(here(upper)) == 3


def test_volumes_never_get_fewer_and_an_old_one_never_comes_back(pair, swap, monkeypatch):
    lower, upper = pair
    monkeypatch.setattr("archive.partners.giving.VOLUME", 1)
    stories = [lower.story(*LENT) for _ in range(3)]
    swap()
    assert sorted(here(upper)) == sorted(stories)
    old = bundle_for(lower.place, partner(lower, "upper"))
    lower.place.clock.advance(60)
    for story in stories[1:]:
        lower.withdraw(story)
    _, theirs = swap()
    # What lay in the volumes that are empty now ended there, and the lender knows it after the next visit.
    assert sorted(theirs.ended) == sorted(stories[1:])
    assert here(upper) == stories[:1]
    new = bundle_for(lower.place, partner(lower, "upper"))
    assert len(new) == len(old) == 4

    def never(_):
        raise AssertionError("nothing of it is fetched")

    for mixed in range(len(new)):
        feeds = [old[n] if n == mixed else new[n] for n in range(len(new))]
        if old[mixed] != new[mixed]:
            with pytest.raises(BadFeed, match="older"):
                take(upper.place, partner(upper, "lower"), feeds, never, "ben")
    assert here(upper) == stories[:1]


def test_a_shorter_bundle_does_not_make_the_numbers_of_a_longer_one_forgotten(pair, swap, monkeypatch):
    """A lender that came out of a backup made before it had so many volumes."""
    lower, upper = pair
    stories = [lower.story(*LENT) for _ in range(3)]
    monkeypatch.setattr("archive.partners.giving.VOLUME", 1)
    swap()
    longer = bundle_for(lower.place, partner(lower, "upper"))
    lower.withdraw(stories[0])
    monkeypatch.setattr("archive.partners.giving.VOLUME", 64)
    lower.place.clock.advance(60)
    with lower.place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("DELETE FROM box_feeds")
        tx.run("DELETE FROM loans")
    swap()
    assert sorted(here(upper)) == sorted(stories[1:])
    with pytest.raises(BadFeed, match="older"):
        take(upper.place, partner(upper, "lower"), longer, lambda _: io.BytesIO(), "ben")
    assert sorted(here(upper)) == sorted(stories[1:])


def test_a_story_too_large_for_a_partner_does_not_keep_others_from_arriving(pair, swap, monkeypatch):
    lower, upper = pair
    long, short = lower.story(*LENT), lower.story(*LENT, hertz=500)
    with lower.place.catalogue() as catalogue, catalogue.write() as tx:
        (size,) = tx.one("SELECT size FROM files WHERE story = ?", long)
        # It has four times the words, and its sound four times the room, of what a partner takes.
        tx.run("UPDATE files SET size = ? WHERE story = ?", 4 * size, long)
    monkeypatch.setattr("archive.partners.giving.LARGEST_SOUND", size)
    done = exchange_folder(lower.place, partner(lower, "upper"), swap.stick, "ana")
    assert (done.in_part, done.left_out) == ((long, short), ())
    # Planned with room to spare, and still too large for whoever reads it: left out, the others arrive.
    with lower.place.catalogue() as catalogue, catalogue.read() as tx:
        sizes = {row["story"]: row["sound_size"] for row in tx.all("SELECT story, sound_size FROM loans")}
    assert sizes[long] < sizes[short] / 3
    monkeypatch.setattr("archive.feed.make.LARGEST_SOUND", sizes[short] - 1)
    with lower.place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("DELETE FROM loans")
    done = exchange_folder(lower.place, partner(lower, "upper"), swap.stick, "ana")
    assert (done.in_part, done.left_out) == ((long,), (short,))
    assert done.to_json()["left_out"] == [short]
    swap()
    assert here(upper) == [long]


def test_what_came_of_a_bundle_that_breaks_off_waits_for_the_next_run_and_for_two_days(pair, clock):
    lower, upper = pair
    for _ in range(2):
        lower.story(*LENT)
    feeds = bundle_for(lower.place, partner(lower, "upper"))
    fetched, most = [], 2

    def breaks(sha256):
        if len(fetched) == most:
            raise BadFeed("The stick was pulled out.")
        fetched.append(sha256)
        return lower.place.objects.open(blob_for(lower.place, partner(lower, "upper"), sha256))

    def lies_there():
        return {key.removeprefix("partners/") for key in upper.place.objects.keys("partners/")}

    with pytest.raises(BadFeed):
        take(upper.place, partner(upper, "lower"), feeds, breaks, "ben")
    assert lies_there() == set(fetched)
    assert here(upper) == []
    sweep(upper.place)
    assert len(lies_there()) == 2
    clock.advance(2 * 86_400 + 1)
    sweep(upper.place)
    assert lies_there() == set(), "it may be taken back by then"
    fetched.clear()
    with pytest.raises(BadFeed):
        take(upper.place, partner(upper, "lower"), feeds, breaks, "ben")
    most = 4
    assert len(take(upper.place, partner(upper, "lower"), feeds, breaks, "ben").lent) == 2
    assert len(fetched) == len(set(fetched)) == 4, "nothing is fetched a second time"
    gone = lower.story(*LENT)
    longer = bundle_for(lower.place, partner(lower, "upper"))
    most = 5
    with pytest.raises(BadFeed):
        take(upper.place, partner(upper, "lower"), longer, breaks, "ben")
    assert len(lies_there()) == 5
    lower.withdraw(gone)
    most = 6
    take(upper.place, partner(upper, "lower"), bundle_for(lower.place, partner(lower, "upper")), breaks, "ben")
    assert len(lies_there()) == 4, "what was taken back meanwhile does not wait"


MATRIX = [
    (some, form, embargo, more)
    for n in range(3)
    for some in itertools.combinations((Use.PLAY_HERE, Use.ARCHIVE, Use.PARTNERS, Use.PUBLIC, Use.QUOTE), n)
    for form in Form
    for embargo in (None, date(2031, 1, 1))
    for more in ((), (Act.HOLD,), (Act.SEAL,), (Act.MINOR,), (Act.WITHDRAW,))
    if more == () or (form is Form.VOICE and embargo is None and n == 1)
]


def test_nothing_leaks_over_the_whole_matrix_of_consents(pair, swap):
    lower, upper = pair
    expected = set()
    for some, form, embargo, more in MATRIX:
        story = lower.story(Use.RECORD, Use.KEEP, *some, form=form, embargo=embargo, more=more)
        if {Use.PARTNERS, Use.PUBLIC} & set(some) and form is Form.VOICE and embargo is None and more == ():
            expected.add(story)
    swap()
    assert set(here(upper)) == expected
    assert len(expected) > 5


class BreaksOnTheWay(httpx.BaseTransport):
    """A line that carries 2,000 bytes of a blob at a time, three times; then it is mended."""

    most = 2000

    def __init__(self) -> None:
        self.line = httpx.HTTPTransport()
        self.asked: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.line.handle_request(request)
        if "/blob/" not in request.url.path or len(self.asked) > 3:
            return answer
        self.asked.append(request.headers.get("range", ""))
        whole = len(self.asked) > 3

        def pieces() -> Iterator[bytes]:
            got = answer.read()
            yield got if whole else got[: self.most]
            if not whole:
                raise httpx.ReadError("the line is gone", request=request)

        return httpx.Response(answer.status_code, headers=answer.headers, stream=Carried(pieces()))


class BreaksForGood(httpx.Client):
    """A line that breaks in a blob once, and then is gone."""

    def stream(self, method, url, **more):
        if "/blob/" in url and "Range" in more["headers"]:
            raise httpx.ConnectError("the line is gone")
        return super().stream(method, url, **more)

    def __init__(self):
        super().__init__(transport=BreaksOnTheWay())


class Carried(httpx.SyncByteStream):
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return self.pieces


def test_over_https_each_from_the_others_door(pair, heard):
    lower, upper = pair
    story = lower.story(*LENT, hertz=300)
    credential = meet(lower, "upper", upper)
    stop, said = threading.Event(), queue.SimpleQueue()
    app = make_community(lower.place, frozenset({"127.0.0.1"}), Cost(8, 1, 1))
    server = threading.Thread(target=serve, args=(app, lower.place, Binding("127.0.0.1", 0), said.put, stop))
    server.start()
    try:
        url = said.get(timeout=20)
        with pytest.raises(BadPartner, match="not known here"):
            exchange_https(upper.place, partner(upper, "lower"), "ben")
        meet(upper, "lower", lower, url=url, secret="hearth-partner-guessed")
        with pytest.raises(BadPartner, match="does not know our credential"):
            exchange_https(upper.place, partner(upper, "lower"), "ben")
        meet(upper, "lower", lower, secret=credential)
        with pytest.raises(BadPartner, match="does not answer"):
            exchange_https(upper.place, partner(upper, "lower"), "ben", BreaksForGood())
        stale = upper.place.work / "0.part"
        stale.touch()
        os.utime(stale, (0, 0))
        upper.place.sweep_work()
        (part,) = upper.place.work.glob("*.part")
        part.write_bytes(part.read_bytes()[:1000])
        line = BreaksOnTheWay()
        done = exchange_https(upper.place, partner(upper, "lower"), "ben", httpx.Client(transport=line))
        assert done.took is not None
        (first, *again), size = line.asked, line.most
        assert first == "bytes=1000-", "the next run goes on where the one before it ended"
        assert again[:2] == [f"bytes={1000 + size}-", f"bytes={1000 + 2 * size}-"], "each try goes on where it was"
        assert not list(upper.place.work.glob("*.part"))
        assert done.took.lent == [story]
        assert heard(open_guest(upper.place, "lower", story)[0], 300) > 0.4
        lower.withdraw(story)
        assert exchange_https(upper.place, partner(upper, "lower"), "ben").took.ended == [story]
        assert here(upper) == []
        # The next visit says what was applied, and the archive knows that the copy is gone.
        exchange_https(upper.place, partner(upper, "lower"), "ben")
        with lower.place.catalogue() as catalogue, catalogue.read() as tx:
            assert [row["gone_at"] is not None for row in tx.all("SELECT gone_at FROM lent")] == [True]
    finally:
        stop.set()
        server.join(20)


def test_the_door_answers_partners_alone(pair, archives):
    lower, upper = pair
    story = lower.story(*LENT)
    credential = meet(lower, "upper", upper)
    other = meet(lower, "third", archives("third"))
    app = make_community(lower.place, frozenset({"127.0.0.1"}), Cost(8, 1, 1))
    client = TestClient(app, base_url="http://127.0.0.1:8490")

    def ask(path, credential, **more):
        return client.request(
            more.pop("method", "GET"), path, headers={"Authorization": f"Bearer {credential}"}, **more
        )

    for wrong in ("", "hearth-x", "hearth-partner-x"):
        assert ask("/partner/blob/" + "0" * 64, wrong).status_code == 401
    good = ask("/partner/feed", credential, method="POST", content=b'{"applied": {}}')
    assert good.status_code == 200
    for bad in (b"", b"[]", b'{"applied": {"0": "x"}}', b'{"applied": {"0": -1}}'):
        assert ask("/partner/feed", credential, method="POST", content=bad).status_code == 400
    assert ask("/partner/feed", credential, method="POST", content=b"x" * 300_000).status_code == 413
    with lower.place.catalogue() as catalogue, catalogue.read() as tx:
        sha256 = tx.one("SELECT sound FROM loans")["sound"]
    assert ask(f"/partner/blob/{sha256}", credential).status_code == 200
    assert ask(f"/partner/blob/{sha256}", other).status_code == 404
    lower.add(story, Act.HOLD)
    assert ask(f"/partner/blob/{sha256}", credential).status_code == 403
    assert ask("/partner/anything", credential).status_code == 404


def test_a_community_leaves_with_everything_and_joins_another(pair, swap, archives, tmp_path):
    lower, _ = pair
    stories = [lower.story(*EVERY) for _ in range(2)]
    swap()
    _as_bags(lower, stories)
    export(lower.place, tmp_path / "everything")
    told = "".join(path.read_text() for path in (tmp_path / "everything" / "tables").glob("*.jsonl"))
    assert "hearth-partner" not in told
    elsewhere = archives("elsewhere")
    read_back(elsewhere.place, tmp_path / "everything", "cleo")
    with elsewhere.place.catalogue() as catalogue, catalogue.read() as tx:
        assert [row["id"] for row in tx.all("SELECT id FROM stories ORDER BY id")] == sorted(stories)
        # It knows its partners by their keys; doors are opened anew, for it has keys of its own now.
        assert [(one.name, one.let_in, one.secret) for one in partners(tx)] == [("upper", False, "")]
    joined = archives("joined")
    meet(elsewhere, "joined", joined)
    meet(joined, "elsewhere", elsewhere)
    stick = tmp_path / "another"
    stick.mkdir()
    exchange_folder(elsewhere.place, partner(elsewhere, "joined"), stick, "cleo")
    exchange_folder(joined.place, partner(joined, "elsewhere"), stick, "dan")
    assert sorted(here(joined)) == sorted(stories)


def _as_bags(archive, stories):
    """Put whole bags where rows alone were: an export checks every bag in full."""
    from archive.bag import BagContent, plan, write_folder
    from archive.captions import captions, to_webvtt
    from archive.consentrecord import record
    from archive.server.deposits import accept
    from archive.types import Kind
    from audio.types import Ms, TakeId, Word

    for number, story in enumerate(stories):
        sound = archive.bytes_of(f"bags/{story}/abababababababab/data/story.flac")
        events = archive.said[story]
        with archive.place.catalogue() as catalogue, catalogue.write() as tx:
            tx.run("DELETE FROM stories WHERE id = ?", story)
        words = [Word(f"word{n}", Ms(n * 1000), Ms(n * 1000 + 400), 0.9, unclear=False) for n in range(40)]
        content = BagContent(
            story=TakeId(story), site="Riverside Library", bagged_on=events[0].at.date(),
            captions=to_webvtt(captions(words), with_words=True),
            metadata={"dcterms:identifier": story, "dcterms:title": "A story", "dcterms:language": "en",
                      "dcterms:publisher": "Riverside Library"},
            consent=record(TakeId(story), events),
            events=({"event": "recorded", "at": events[0].at.isoformat(), "clock_trusted": True,
                     "kind": Kind.STORY.value, "prompt": "river", "prompt_text": "The river?"},
                    {"event": "closed", "length_ms": 40_000}),
            sound=lambda sound=sound: io.BytesIO(sound),
        )  # fmt: skip
        folder = archive.place.path.parent / f"bags{number}" / story
        folder.parent.mkdir()
        write_folder(plan(content), folder)
        accept(archive.place, folder, "far")


def test_partners_end(pair, swap):
    lower, upper = pair
    lower.story(*LENT)
    swap()
    with upper.place.catalogue() as catalogue, catalogue.write() as tx:
        remove_partner(tx, "lower", "ben", upper.place.now())
    sweep(upper.place)
    assert here(upper) == []
    assert list(upper.place.objects.keys("partners/")) == []
    with pytest.raises(BadPartner):
        partner(upper, "lower")
    for name in ("", "Upper Valley", "x" * 41):
        with pytest.raises(BadPartner):
            meet(lower, name, upper)
    with pytest.raises(BadPartner, match="other keys"):
        meet(lower, "upper", lower)
    with pytest.raises(BadPartner, match="this archive itself"):
        meet(lower, "lower", lower)
    with pytest.raises(BadPartner, match="already, called upper"):
        meet(lower, "upper-again", upper)
