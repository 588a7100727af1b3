"""Stories in others' formats, read with others' programs, and only those the gate gives out."""

from __future__ import annotations

import csv
import email.utils
import io
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import iiif_prezi3
import pytest
import webvtt
from oaipmh.client import BaseClient
from oaipmh.error import (
    BadArgumentError,
    BadResumptionTokenError,
    BadVerbError,
    CannotDisseminateFormatError,
    IdDoesNotExistError,
    NoRecordsMatchError,
)
from oaipmh.metadata import MetadataRegistry, oai_dc_reader

from archive.export import dublincore, oai, ohms, sheets
from archive.export.iiif import collection, manifest
from archive.export.places import Places
from archive.export.publishing import newest, record_of, refresh
from archive.export.rss import ATOM, PODCAST, feed
from archive.export.telling import Telling, read_telling, read_tellings
from archive.export.telling import webvtt as write_webvtt
from archive.reviewing.decisions import Verdict, decide, decisions_of, note_content, redact
from archive.reviewing.words import check_words, passages_of, words_version
from archive.server.erase import withdraw
from archive.server.place import ArchiveHome
from archive.tombstones import Tombstone
from archive.types import Form, Reader, Use
from audio.types import TakeId

PLACES = Places("https://voices.example")
WORDS = "The old <b>mill</b> burned & we all stood there in the snow"


def told(place: ArchiveHome, story: str, reader: Reader = Reader.PUBLISH) -> Telling:
    with place.catalogue() as catalogue, catalogue.read() as tx:
        found = read_telling(tx, story, reader, place.now())
    assert found is not None
    return found


def curate(place: ArchiveHome, story: str, what: str, *values: Any) -> None:
    with place.catalogue() as catalogue, catalogue.write() as tx:
        seen = decisions_of(tx, story).version
        if what == "hold":
            decide(tx, story, Verdict.HOLD, "a full name", "ida", seen, place.now())
        elif what == "keep":
            decide(tx, story, Verdict.KEEP, "", "ida", seen, place.now())
        elif what == "note":
            note_content(tx, story, values[0], "ida", seen, place.now())
        elif what == "check":
            check_words(tx, story, words_version(passages_of(tx, story)), "ida", place.now())
        else:
            redact(tx, story, values[0], values[1], "a name", "ida", seen, place.now())


# What the gate gives out


def test_only_what_is_public_is_given_out_and_only_while_it_is(shelf: Any, clock: Any) -> None:
    place = shelf.place
    public = shelf.put(1)
    shelf.put(2, (Use.RECORD, Use.KEEP, Use.ARCHIVE))
    waits = shelf.put(3, embargo=date(2026, 3, 1))
    held = shelf.put(4)
    curate(place, held, "hold")
    every = [f"01JC8Q3Y5Z7R9T2V4W6X80{tail}" for tail in ("0001", "0002", "0003", "0004", "0009")]
    with place.catalogue() as catalogue, catalogue.read() as tx:
        assert list(read_tellings(tx, every, Reader.PUBLISH, place.now())) == [public]
        assert list(read_tellings(tx, every, Reader.PUBLISH, datetime(2026, 3, 2, tzinfo=UTC))) == [public, waits]
    withdraw(place, Tombstone(TakeId(public), place.now()), "front")
    with place.catalogue() as catalogue, catalogue.read() as tx:
        assert read_tellings(tx, every, Reader.PUBLISH, place.now()) == {}


def test_a_story_of_words_alone_has_no_voice_anywhere(shelf: Any) -> None:
    telling = told(shelf.place, shelf.put(1, form=Form.TRANSCRIPT))
    assert not telling.voice
    assert dublincore.elements(telling)["type"] == ["Text"]
    assert b"enclosure" not in feed([telling], {telling.id: 10}, PLACES, "Archive")
    assert '"Sound"' not in manifest(telling, PLACES, "Archive")


# WebVTT


def test_captions_are_read_by_another_reader(shelf: Any) -> None:
    telling = told(shelf.place, shelf.put(1))
    text = write_webvtt(telling)
    read = webvtt.from_buffer(io.StringIO(text))
    assert (
        " ".join(" ".join(one.text.split()) for one in read)
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
        == WORDS
    )
    assert "not yet checked" in text
    curate(shelf.place, telling.id, "check")
    assert "not yet checked" not in write_webvtt(told(shelf.place, telling.id))


def test_blanked_words_are_in_no_format(shelf: Any) -> None:
    story = shelf.put(1)
    curate(shelf.place, story, "redact", 0, 6000)
    telling = told(shelf.place, story)
    whole = [
        write_webvtt(telling), dublincore.to_xml(telling).decode(), ohms.to_xml(telling).decode(),
        sheets.omeka([telling], {}), sheets.archivesspace([telling], {}),
        feed([telling], {telling.id: 1}, PLACES, "A").decode(), manifest(telling, PLACES, "A"),
    ]  # fmt: skip
    assert not [text for text in whole if "mill" in text or "burned" in text]


# Dublin Core, OHMS, sheets


def test_dublin_core_is_well_formed_and_names_the_story(shelf: Any) -> None:
    story = shelf.put(1, site="Bücherei \x0bSüd & <West>")
    root = ET.fromstring(dublincore.to_xml(told(shelf.place, story), PLACES.story(story)))
    assert root.tag == "{http://www.openarchives.org/OAI/2.0/oai_dc/}dc"
    found = {child.tag.rpartition("}")[2]: child.text for child in root}
    assert found["identifier"] == PLACES.story(story)
    assert found["language"] == "en"
    assert found["date"] == "2026-01-01"
    assert "Süd & <West>" in (found["publisher"] or "")


def test_ohms_has_the_words_and_their_minutes(shelf: Any) -> None:
    telling = told(shelf.place, shelf.put(1))
    root = ET.fromstring(ohms.to_xml(telling, "sound.flac", "The archive"))
    names = {"o": ohms.NAMESPACE}
    assert root.findtext("o:record/o:accession", namespaces=names) == telling.id
    transcript = root.findtext("o:record/o:transcript", namespaces=names) or ""
    assert " ".join(transcript.split()) == WORDS
    assert "not yet checked" in (root.findtext("o:record/o:description", namespaces=names) or "")


def test_ohms_minutes_point_at_the_right_words(shelf: Any) -> None:
    from dataclasses import replace

    from archive.reviewing.words import DeskWord, Passage

    telling = told(shelf.place, shelf.put(1))
    words = tuple(DeskWord(n * 5_000, n * 5_000 + 900, 0.9, doubtful=False, text=f"word{n:03}") for n in range(40))
    long = replace(telling, passages=(Passage(0, 1, 0, 200_000, words, False, "a machine", None),))
    lines, sync = ohms.synced(long)
    marks = [mark.removesuffix(")").split("(") for mark in sync.removeprefix("1:|").split("|")]
    assert [lines[int(line) - 1].split()[int(word) - 1] for line, word in marks] == ["word012", "word024", "word036"]
    ohms.to_xml(long)


def test_what_is_not_ohms_is_refused(shelf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ohms, "_VERSION", "five")
    with pytest.raises(ohms.BadOhms):
        ohms.to_xml(told(shelf.place, shelf.put(1)))


def test_sheets_are_read_back_row_by_row_and_carry_no_formula(shelf: Any) -> None:
    place = shelf.place
    one, two = shelf.put(1), shelf.put(2, words='=1+1 is what he said, "twice"\nover', language="de")
    tellings = [told(place, one), told(place, two)]
    omeka = list(csv.DictReader(io.StringIO(sheets.omeka(tellings, {one: "bags/x.flac"}), newline="")))
    assert [row["dcterms:identifier"] for row in omeka] == [one, two]
    assert omeka[0]["media"] == "bags/x.flac"
    assert omeka[0]["bibo:content"] == WORDS
    assert omeka[1]["bibo:content"].startswith('\'=1+1 is what he said, "twice"')
    space = list(csv.DictReader(io.StringIO(sheets.archivesspace(tellings, {}), newline="")))
    assert [row["digital_object_language"] for row in space] == ["eng", "ger"]
    assert {row["digital_object_publish"] for row in space} == {"0"}


# RSS


def test_the_feed_is_rss_with_sound_and_transcript(shelf: Any) -> None:
    place = shelf.place
    story = shelf.put(1)
    curate(place, story, "note", "A fire, and somebody dies.")
    root = ET.fromstring(feed([told(place, story)], {story: 1234}, PLACES, "Voices & fire", page=2, last=3))
    channel = root.find("channel")
    assert channel is not None
    assert root.get("version") == "2.0"
    for required in ("title", "link", "description"):
        assert channel.findtext(required)
    relations = {link.get("rel"): link.get("href") for link in channel.findall(f"{{{ATOM}}}link")}
    assert relations["self"] == "https://voices.example/public/feed.xml?page=2"
    assert relations["previous"] == relations["first"] == "https://voices.example/public/feed.xml"
    assert relations["next"] == relations["last"] == "https://voices.example/public/feed.xml?page=3"
    item = channel.find("item")
    assert item is not None
    enclosure, transcript = item.find("enclosure"), item.find(f"{{{PODCAST}}}transcript")
    assert enclosure is not None
    assert transcript is not None
    assert enclosure.attrib == {"url": PLACES.mp3(story), "length": "48000", "type": "audio/mpeg"}
    other = item.find(f"{{{PODCAST}}}alternateEnclosure")
    assert other is not None
    assert other.attrib == {"type": "audio/flac", "length": "1234"}
    assert [one.attrib for one in other] == [{"uri": PLACES.sound(story)}]
    assert transcript.get("type") == "text/vtt"
    assert email.utils.parsedate_to_datetime(item.findtext("pubDate") or "") == datetime(2026, 1, 1, 10, tzinfo=UTC)
    assert "somebody dies" in (item.findtext("description") or "")
    guid = item.find("guid")
    assert guid is not None
    assert (guid.get("isPermaLink"), guid.text) == ("false", f"urn:ulid:{story}")


# IIIF


def test_the_manifest_is_one_the_library_reads(shelf: Any) -> None:
    story = shelf.put(1)
    text = manifest(told(shelf.place, story), PLACES, "The archive")
    read = iiif_prezi3.Manifest(**json.loads(text))
    (canvas,) = read.items
    assert canvas.duration == 6.0
    plain = json.loads(text)
    assert plain["@context"] == "http://iiif.io/api/presentation/3/context.json"
    painting = plain["items"][0]["items"][0]["items"][0]
    assert painting["motivation"] == "painting"
    assert painting["body"] == {
        "id": PLACES.sound(story), "type": "Sound", "format": "audio/flac", "duration": 6.0, "language": "en",
    }  # fmt: skip
    words = plain["items"][0]["annotations"][0]["items"][0]
    assert (words["motivation"], words["body"]["format"]) == ("supplementing", "text/vtt")
    assert words["target"] == painting["target"] == plain["items"][0]["id"]


@pytest.mark.parametrize("tag", ["es-419", "", 'en"><b>', "12"])
def test_a_manifest_is_made_whatever_the_language_is_called(shelf: Any, tag: str) -> None:
    telling = replace(told(shelf.place, shelf.put(1)), language=tag)
    label = {"es-419": "es"}.get(tag, "none")
    assert list(json.loads(manifest(telling, PLACES, "The archive"))["label"]) == [label]
    text = collection([telling], PLACES, "The archive", 1, 1)
    assert list(iiif_prezi3.Collection(**json.loads(text)).items[0].label) == [label]


def test_the_collection_is_one_the_library_reads(shelf: Any) -> None:
    place = shelf.place
    tellings = [told(place, shelf.put(n)) for n in (1, 2)]
    read = iiif_prezi3.Collection(**json.loads(collection(tellings, PLACES, "The archive", 1, 2)))
    assert [str(item.id) for item in read.items] == [PLACES.manifest(one.id) for one in tellings]


# OAI-PMH


class Harvester(BaseClient):
    """The library's client, asking our provider without a line between."""

    def __init__(self, place: ArchiveHome) -> None:
        registry = MetadataRegistry()
        registry.registerReader("oai_dc", oai_dc_reader)
        super().__init__(registry)
        self.place = place
        self.asked = 0

    def makeRequest(self, **kw: Any) -> bytes:  # noqa: N802 (the library's name)
        self.asked += 1
        with self.place.catalogue() as catalogue:
            return oai.answer(catalogue, kw.items(), PLACES, "The archive", "desk@voices.example", self.place.now())

    def raw(self, *arguments: tuple[str, str]) -> ET.Element:
        with self.place.catalogue() as catalogue:
            return ET.fromstring(
                oai.answer(catalogue, arguments, PLACES, "The archive", "a@b.example", self.place.now())
            )


@pytest.fixture
def harvester(place: ArchiveHome) -> Harvester:
    return Harvester(place)


def renew(place: ArchiveHome) -> int:
    with place.catalogue() as catalogue:
        return refresh(catalogue, place.now())


def test_a_harvester_gets_what_is_public(shelf: Any, harvester: Harvester) -> None:
    stories = [shelf.put(n, site=site) for n, site in enumerate(("North", "South", "North"))]
    shelf.put(9, (Use.RECORD, Use.KEEP, Use.ARCHIVE))
    assert renew(shelf.place) == 3
    assert renew(shelf.place) == 0
    who = harvester.identify()
    assert (who.protocolVersion(), who.deletedRecord(), who.baseURL()) == ("2.0", "persistent", PLACES.oai)
    assert who.adminEmails() == ["desk@voices.example"]
    assert [one[0] for one in harvester.listMetadataFormats()] == ["oai_dc"]
    records = list(harvester.listRecords(metadataPrefix="oai_dc"))
    assert [header.identifier() for header, _, _ in records] == [f"urn:ulid:{story}" for story in stories]
    assert records[0][1].getField("publisher") == ["North"]
    sets = list(harvester.listSets())
    assert [name for _, name, _ in sets] == ["North", "South"]
    south = [header for header, _, _ in harvester.listRecords(metadataPrefix="oai_dc", set=sets[1][0])]
    assert [header.identifier() for header in south] == [f"urn:ulid:{stories[1]}"]
    header, metadata, _ = harvester.getRecord(identifier=f"urn:ulid:{stories[0]}", metadataPrefix="oai_dc")
    assert not header.isDeleted()
    assert PLACES.story(stories[0]) in metadata.getField("identifier")


def test_what_goes_is_told_as_deleted_for_ever(shelf: Any, harvester: Harvester, clock: Any) -> None:
    place = shelf.place
    stays, goes, held = (shelf.put(n) for n in range(3))
    never = shelf.put(7, (Use.RECORD, Use.KEEP, Use.ARCHIVE))
    renew(place)
    clock.advance(3600)
    before = place.now().replace(tzinfo=None)
    withdraw(place, Tombstone(TakeId(goes), place.now()), "front")
    withdraw(place, Tombstone(TakeId(never), place.now()), "front")
    curate(place, held, "hold")
    # Nobody brought the list up to date: what is shown is asked for, all the same.
    states = {
        header.identifier(): header.isDeleted() for header, _, _ in harvester.listRecords(metadataPrefix="oai_dc")
    }
    assert states == {f"urn:ulid:{stays}": False, f"urn:ulid:{goes}": True, f"urn:ulid:{held}": True}
    since = {header.identifier() for header in harvester.listIdentifiers(metadataPrefix="oai_dc", from_=before)}
    assert since == {f"urn:ulid:{goes}", f"urn:ulid:{held}"}
    renew(place)
    header, metadata, _ = harvester.getRecord(identifier=f"urn:ulid:{goes}", metadataPrefix="oai_dc")
    assert header.isDeleted()
    assert metadata is None
    with place.catalogue() as catalogue, catalogue.read() as tx:
        assert record_of(tx, never) is None
        row = tx.one("SELECT mark, recorded_at FROM public_records WHERE story = ?", goes)
        assert tuple(row) == ("", "")
    clock.advance(3600)
    curate(place, held, "keep")
    renew(place)
    header, _, _ = harvester.getRecord(identifier=f"urn:ulid:{held}", metadataPrefix="oai_dc")
    assert not header.isDeleted()
    assert header.datestamp() > before


def test_a_corrected_record_comes_again(shelf: Any, harvester: Harvester, clock: Any) -> None:
    place = shelf.place
    one, _ = shelf.put(1), shelf.put(2)
    renew(place)
    clock.advance(60)
    since = place.now().replace(tzinfo=None)
    curate(place, one, "note", "A fire.")
    assert renew(place) == 1
    found = [header.identifier() for header in harvester.listIdentifiers(metadataPrefix="oai_dc", from_=since)]
    assert found == [f"urn:ulid:{one}"]


def test_pages_go_on_where_the_last_one_ended(
    shelf: Any, harvester: Harvester, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oai, "BATCH", 3)
    place = shelf.place
    stories = [shelf.put(n, seconds=0.5) for n in range(7)]
    renew(place)
    walk = harvester.listRecords(metadataPrefix="oai_dc", until=place.now().replace(tzinfo=None) + timedelta(days=1))
    seen = [next(walk)[0].identifier() for _ in range(3)]
    # Between two pages one of those seen goes, and another comes: nothing is skipped and nothing comes twice.
    clock.advance(60)
    withdraw(place, Tombstone(TakeId(stories[0]), place.now()), "front")
    added = shelf.put(9, seconds=0.5)
    renew(place)
    seen += [header.identifier() for header, _, _ in walk]
    assert seen[:7] == [f"urn:ulid:{story}" for story in stories]
    assert set(seen[7:]) == {f"urn:ulid:{stories[0]}", f"urn:ulid:{added}"}
    assert harvester.asked == 3


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"verb": "Dance"}, BadVerbError),
        ({}, BadVerbError),
        ({"verb": "ListRecords"}, BadArgumentError),
        ({"verb": "ListRecords", "metadataPrefix": "marc21"}, CannotDisseminateFormatError),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "from": "yesterday"}, BadArgumentError),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "from": "2026-02-02", "until": "2026-01-01"}, BadArgumentError),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "set": "nowhere"}, NoRecordsMatchError),
        ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "until": "2001-01-01"}, NoRecordsMatchError),
        ({"verb": "ListRecords", "resumptionToken": "cursor%3D1"}, BadResumptionTokenError),
        ({"verb": "ListRecords", "resumptionToken": "x" * 5000}, BadResumptionTokenError),
        ({"verb": "ListRecords", "resumptionToken": "after=a|b&cursor=2&from_=never&metadataPrefix=oai_dc"}, BadResumptionTokenError),
        ({"verb": "ListSets", "resumptionToken": "x"}, BadResumptionTokenError),
        ({"verb": "GetRecord", "metadataPrefix": "oai_dc", "identifier": "urn:ulid:01JC8Q3Y5Z7R9T2V4W6X800009"}, IdDoesNotExistError),
        ({"verb": "GetRecord", "metadataPrefix": "oai_dc", "identifier": "' OR 1=1 --"}, IdDoesNotExistError),
        ({"verb": "Identify", "extra": "1"}, BadArgumentError),
    ],
)  # fmt: skip
def test_a_wrong_question_gets_the_protocols_own_answer(
    shelf: Any, harvester: Harvester, arguments: dict[str, str], error: type[Exception]
) -> None:
    shelf.put(1)
    renew(shelf.place)
    told_error = harvester.raw(*arguments.items()).find("{http://www.openarchives.org/OAI/2.0/}error")
    assert told_error is not None
    assert told_error.get("code") == error("").oainame()  # type: ignore[attr-defined]


def test_an_argument_that_comes_twice_is_refused(shelf: Any, harvester: Harvester) -> None:
    shelf.put(1)
    renew(shelf.place)
    twice = harvester.raw(("verb", "Identify"), ("verb", "ListRecords"))
    assert twice.find("{http://www.openarchives.org/OAI/2.0/}error") is not None


def test_newest_first_and_page_by_page(shelf: Any) -> None:
    stories = [shelf.put(n, seconds=0.5) for n in range(5)]
    renew(shelf.place)
    with shelf.place.catalogue() as catalogue, catalogue.read() as tx:
        assert newest(tx, 1, 2) == ([stories[4], stories[3]], 3)
        assert newest(tx, 3, 2) == ([stories[0]], 3)
        assert newest(tx, 99, 2) == ([stories[0]], 3)
