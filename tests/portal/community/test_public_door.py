"""The public door: nothing while it is off, only what is public while it is on, and nobody known again."""

from __future__ import annotations

import asyncio
import io
import json
import queue
import re
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from starlette.testclient import TestClient

from archive.export.telling import MACHINE
from archive.keycode import Cost
from archive.portal import forms
from archive.portal.binding import Binding
from archive.portal.community.app import make_community
from archive.portal.community.public import routes
from archive.portal.community.serving import serve
from archive.reviewing.decisions import Verdict, decide, decisions_of, note_content, redact
from archive.server.erase import withdraw
from archive.server.place import open_archive
from archive.tombstones import Tombstone
from archive.types import Form, Use
from audio.types import TakeId

OPEN = (Use.RECORD, Use.KEEP, Use.ARCHIVE, Use.PUBLIC)
CLOSED = (Use.RECORD, Use.KEEP, Use.ARCHIVE)
CHEAP = Cost(8, 1, 1)


def switch_on(archive: Any) -> None:
    place = archive.place
    place.config.write_text(place.config.read_text().replace("public = false", "public = true"))
    place.close()
    archive.place = open_archive(place.path, place.clock)


def app_of(archive: Any) -> Any:
    return make_community(archive.place, frozenset({"127.0.0.1"}), CHEAP, public=tuple(routes(archive.place)))


@pytest.fixture
def door(archive: Any) -> TestClient:
    switch_on(archive)
    return TestClient(app_of(archive), base_url="http://127.0.0.1:8490", raise_server_exceptions=False)


def curate(archive: Any, change: Callable[[Any, int], None], story: str) -> None:
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        change(tx, decisions_of(tx, story).version)


def test_it_is_not_there_until_it_is_switched_on(archive: Any) -> None:
    story = archive.story(OPEN)
    assert routes(archive.place) == []
    client = TestClient(app_of(archive), base_url="http://127.0.0.1:8490")
    for path in ("", "feed.xml", "oai?verb=Identify", "collection.json", story, f"{story}/sound.flac"):
        assert client.get(f"/public/{path}").status_code == 404
    assert 'href="/public/"' not in client.get("/").text


def test_who_asks_for_the_archive_by_its_name_alone_is_shown_the_open_door(door: TestClient) -> None:
    told = door.get("/")
    assert told.url.path == "/enter"
    there = told.text.partition("Came to listen?")[2].partition('href="')[2].partition('"')[0]
    assert "Voices from here" in door.get(there).text


def everywhere(door: TestClient, story: str) -> dict[str, int]:
    """Where a story can be found: status of its own pages, and whether lists name it."""
    found = {
        name: door.get(f"/public/{story}{name}").status_code
        for name in ("", "/sound.flac", "/sound.mp3", "/captions.vtt", "/manifest.json")
    }
    for name in ("", "feed.xml", "collection.json", "oai?verb=ListRecords&metadataPrefix=oai_dc"):
        found[f"in {name.partition('?')[0]}"] = int(f"/{story}" in door.get(f"/public/{name}").text)
    return found


def test_only_what_is_public_is_found_and_only_while_it_is(archive: Any, door: TestClient) -> None:
    public, private, held = archive.story(OPEN), archive.story(CLOSED), archive.story(OPEN)
    curate(archive, lambda tx, seen: decide(tx, held, Verdict.HOLD, "a name", "ida", seen, archive.place.now()), held)
    gone = {"": 404, "/sound.flac": 404, "/sound.mp3": 404, "/captions.vtt": 404, "/manifest.json": 404, "in ": 0, "in feed.xml": 0, "in collection.json": 0, "in oai": 0}  # fmt: skip
    assert everywhere(door, public) == {name: 200 if value else 1 for name, value in gone.items()}
    assert everywhere(door, private) == gone
    assert everywhere(door, held) == gone
    withdraw(archive.place, Tombstone(TakeId(public), archive.place.now()), "front")
    assert everywhere(door, public) == gone
    assert "deleted" in door.get("/public/oai?verb=ListRecords&metadataPrefix=oai_dc").text


def test_an_old_podcast_player_hears_what_the_feed_promises(archive: Any, door: TestClient) -> None:
    archive.story(OPEN)
    item = ET.fromstring(door.get("/public/feed.xml").text).find("channel/item/enclosure")
    assert item is not None
    path = item.attrib["url"].partition("8490")[2]
    whole = door.get(path)
    assert (whole.headers["content-type"], item.attrib["type"]) == ("audio/mpeg", "audio/mpeg")
    assert len(whole.content) == pytest.approx(int(item.attrib["length"]), rel=0.02)
    with soundfile.SoundFile(io.BytesIO(whole.content)) as heard:
        assert heard.format == "MP3"
        assert 8 * 1000 * len(heard) / heard.samplerate == pytest.approx(int(item.attrib["length"]), rel=0.01)
    part = door.get(path, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])


def test_nobody_is_known_again_and_nothing_comes_from_elsewhere(archive: Any, door: TestClient) -> None:
    story = archive.story(OPEN)
    for path in ("", "feed.xml", "oai?verb=Identify", "collection.json", "static/public.css", "static/public.js", story,
                 f"{story}/sound.flac", f"{story}/sound.mp3", f"{story}/captions.vtt", f"{story}/manifest.json", "nothing"):  # fmt: skip
        answer = door.get(f"/public/{path}")
        assert "set-cookie" not in answer.headers, path
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        if "html" in answer.headers["content-type"]:
            loaded = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
            assert [one for one in loaded if not one.startswith(("/public/", "#"))] == []
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        before = tx.all("SELECT * FROM public_records")
    door.get(f"/public/{story}/sound.flac")
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        assert tx.all("SELECT * FROM public_records") == before


def test_sound_comes_by_ranges_and_others_may_play_it(archive: Any, door: TestClient) -> None:
    story = archive.story(OPEN)
    whole = door.get(f"/public/{story}/sound.flac")
    assert whole.content[:4] == b"fLaC"
    assert (whole.headers["accept-ranges"], whole.headers["access-control-allow-origin"]) == ("bytes", "*")
    assert whole.headers["cross-origin-resource-policy"] == "cross-origin"
    part = door.get(f"/public/{story}/sound.flac", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    assert door.get(f"/public/{story}/sound.flac", headers={"Range": "bytes=99999999-"}).status_code == 416
    # A page of the desk stays closed to other sites.
    assert door.get("/enter").headers["cross-origin-resource-policy"] == "same-origin"


def test_what_was_blanked_is_neither_heard_nor_read(archive: Any, door: TestClient) -> None:
    story = archive.story(OPEN)
    master = door.get(f"/public/{story}/sound.flac").content
    curate(
        archive, lambda tx, seen: redact(tx, story, 13_500, 15_000, "a name", "ida", seen, archive.place.now()), story
    )
    heard = door.get(f"/public/{story}/sound.flac").content
    assert heard[:4] == b"fLaC"
    assert heard != master
    for name in ("", "/captions.vtt"):
        assert "Havel" not in door.get(f"/public/{story}{name}").text


def test_words_alone_have_no_sound(archive: Any, door: TestClient) -> None:
    story = archive.story(OPEN, form=Form.TRANSCRIPT)
    page = door.get(f"/public/{story}").text
    assert "<audio" not in page
    assert "mill whistle" not in re.sub(r"<[^>]+>", "", page).split("What its teller")[0].split("Tell me about")[0]
    assert door.get(f"/public/{story}/sound.flac").status_code == 404


def test_the_page_says_what_is_known_of_it(archive: Any, door: TestClient) -> None:
    story = archive.story(OPEN, lines=("He said <script>alert(1)</script> & laughed.",))
    curate(archive, lambda tx, seen: note_content(tx, story, "A <fire>.", "ida", seen, archive.place.now()), story)
    page = door.get(f"/public/{story}").text
    assert "A &lt;fire&gt;." in page
    assert "<script>alert" not in page
    assert "not yet checked by a person" in page
    assert "Nobody may train machines with it." in page


def test_feed_and_manifest_name_this_very_place(archive: Any, door: TestClient) -> None:
    story = archive.story(OPEN)
    item = ET.fromstring(door.get("/public/feed.xml").content).find("channel/item")
    assert item is not None
    enclosure = item.find("enclosure")
    assert enclosure is not None
    assert enclosure.get("url") == f"http://127.0.0.1:8490/public/{story}/sound.mp3"
    other = item.find("{https://podcastindex.org/namespace/1.0}alternateEnclosure")
    assert other is not None
    assert [one.get("uri") for one in other] == [f"http://127.0.0.1:8490/public/{story}/sound.flac"]
    assert int(other.get("length") or 0) == len(door.get(f"/public/{story}/sound.flac").content)
    assert json.loads(door.get(f"/public/{story}/manifest.json").text)["id"].startswith("http://127.0.0.1:8490/public/")
    asked = door.post("/public/oai", data={"verb": "Identify"})
    assert "http://127.0.0.1:8490/public/oai" in asked.text


def test_feed_and_harvest_say_that_a_machine_wrote_the_words_until_somebody_checked_them(
    archive: Any, door: TestClient
) -> None:
    story = archive.story(OPEN)
    records = "/public/oai?verb=ListRecords&metadataPrefix=oai_dc"
    assert all(MACHINE in door.get(path).text for path in ("/public/feed.xml", records))
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("UPDATE passages SET checked_by = 'ana' WHERE story = ?", story)
    assert not any(MACHINE in door.get(path).text for path in ("/public/feed.xml", records))


def test_a_form_that_does_not_come_gives_its_place_free(archive: Any, door: TestClient, monkeypatch) -> None:
    """A body of a letter a minute, by somebody nobody knows."""
    monkeypatch.setattr(forms, "PATIENCE_S", 0.01)
    app, kind = app_of(archive), b"application/x-www-form-urlencoded"

    async def status(path: str) -> int:
        answered: list[int] = []

        async def receive() -> Any:
            if not answered:
                await asyncio.sleep(3600)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answered.append(message["status"])

        head = [(b"host", b"127.0.0.1:8490"), (b"content-type", kind), (b"content-length", b"900")]
        await app({"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
                   "headers": head, "client": ("127.0.0.1", 9), "server": ("127.0.0.1", 8490), "scheme": "http",
                   "http_version": "1.1", "root_path": ""}, receive, send)  # fmt: skip
        return answered[0]

    for path in ("/enter", "/public/oai"):
        assert asyncio.run(asyncio.wait_for(status(path), 20)) == 408, path


@pytest.mark.parametrize(
    "path",
    ["?page=-1", "?page=0", "?page=99999999999999999999", "?page=x", "?page=%00", "oai?verb=%ff", "oai", "..%2f..%2fetc",
     "01JC8Q3Y5Z7R9T2V4W6X8Y0A1B", "static/..%2fdesk.css", "' OR 1=1", "feed.xml?page=2", "%00/sound.flac"],
)  # fmt: skip
def test_what_strangers_make_up_breaks_nothing(archive: Any, door: TestClient, path: str) -> None:
    archive.story(OPEN)
    assert door.get(f"/public/{path}").status_code in {200, 404}


@pytest.fixture
def open_door(archive: Any) -> Iterator[str]:
    """The real server with its public door open; its address."""
    switch_on(archive)
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    stop = threading.Event()
    arguments = (app_of(archive), archive.place, Binding("127.0.0.1", 0), said.put, stop)
    thread = threading.Thread(target=serve, args=arguments)
    thread.start()
    yield said.get(timeout=20)
    stop.set()
    thread.join(20)
    assert not thread.is_alive()


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


CONTRASTS = """[...document.querySelectorAll('h1, p, a, li span, span.w, button')].filter(e => e.offsetParent).map(e => {
  let back = e; let colour = 'rgba(0, 0, 0, 0)';
  while (back && /, 0\\)$|transparent/.test(colour)) { colour = getComputedStyle(back).backgroundColor; back = back.parentElement; }
  return [getComputedStyle(e).color, colour, e.className || e.tagName] })"""


def test_a_visitor_listens_word_by_word_in_a_real_browser(
    archive: Any, open_door: str, browser: Any, tmp_path: Path
) -> None:
    story = archive.story(OPEN)
    for days in (20, 45, 90):
        archive.story(OPEN, days=days)
    curate(
        archive, lambda tx, seen: note_content(tx, story, "A factory closes.", "ida", seen, archive.place.now()), story
    )
    browser.size(1100, 900)
    # Whoever had this browser before may have been somebody.
    browser.call("Network.clearBrowserCookies")
    seen = len(browser.events)
    browser.open(f"{open_door}/public/")
    browser.picture(tmp_path / "public-list.png")
    assert browser.js("document.querySelectorAll('.shelf li').length") == 4
    assert all(ratio(*pair) >= 4.5 for pair in browser.js(CONTRASTS)), "contrast"
    browser.open(f"{open_door}/public/{story}")
    browser.wait("document.getElementById('sound').readyState > 0")
    assert browser.js("document.documentElement.lang") == "en"
    browser.js("document.querySelectorAll('.w')[8].click()")
    browser.wait("document.querySelector('.w.now') && document.getElementById('sound').currentTime > 4")
    word = browser.js("document.querySelector('.w.now').dataset.at * 1")
    assert abs(word - browser.js("document.getElementById('sound').currentTime")) < 3
    browser.picture(tmp_path / "public-story.png")
    browser.js("document.getElementById('play').click()")
    browser.wait("document.getElementById('sound').paused")
    assert browser.js("document.getElementById('play').getAttribute('aria-pressed')") == "false"
    assert all(ratio(*pair) >= 4.5 for pair in browser.js(CONTRASTS)), "contrast"
    browser.size(360, 780, phone=True)
    browser.picture(tmp_path / "public-phone.png")
    assert browser.js("document.documentElement.scrollWidth <= innerWidth")
    small = browser.js(
        "[...document.querySelectorAll('button, .colophon a, .brand, .button')].filter(e => e.offsetParent && "
        "e.getBoundingClientRect().height < 44).map(e => e.outerHTML)"
    )
    assert small == []
    browser.size(1100, 900)
    assert browser.js("document.cookie") == ""
    asked = [
        one["params"]["request"]["url"]
        for one in browser.events[seen:]
        if one.get("method") == "Network.requestWillBeSent"
    ]
    assert asked
    assert [url for url in asked if not url.startswith((f"{open_door}/public/", "data:"))] == []
    logged = [
        one
        for one in browser.events[seen:]
        if one.get("method") == "Log.entryAdded" and one["params"]["entry"]["level"] == "error"
    ]
    assert logged == []


def ratio(front: str, back: str, _: str = "") -> float:
    """Contrast after WCAG 2.2; on the page's own background where none is set."""
    paper = back if re.search(r"rgb\(", back) else "rgb(251, 246, 238)"
    light, dark = sorted((luminance(front), luminance(paper)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
