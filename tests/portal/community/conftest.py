"""An archive with people and with stories that came in as sealed bags; its pages, with and without a browser."""

from __future__ import annotations

import io
import queue
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile
from starlette.testclient import TestClient

from archive.bag import BagContent, plan
from archive.captions import captions, to_webvtt
from archive.consentrecord import record
from archive.keycode import Cost
from archive.patterns import codebook, highlights, themes
from archive.patterns.snippets import Looked
from archive.people import accounts
from archive.people.roles import Role
from archive.people.sessions import Door
from archive.portal.binding import Binding
from archive.portal.community.app import make_community
from archive.portal.community.serving import serve
from archive.sealedbag import seal_bag
from archive.server.deposits import accept
from archive.server.place import ArchiveHome, open_archive
from archive.takes import fresh_take
from archive.types import Act, ConsentEvent, Form, Use
from audio.clock import SystemClock
from audio.types import Ms, TakeId, Word

CHEAP = Cost(8, 1, 1)
PASSWORD = "four quite unrelated words"
HOST = "127.0.0.1:8490"
SAID = (
    "I was eleven when the mill whistle stopped.",
    "The next morning nobody on our street knew what time it was.",
    "Old Mister Havel from the dye house stood at the corner until noon.",
    "My father learned to bake after that, and he was terrible at first.",
    "By the spring people came over from the other side of the river for his bread.",
)
DOUBTED = {"Havel", "dye"}
ALLOWED = (Use.RECORD, Use.KEEP, Use.PLAY_HERE, Use.ARCHIVE)


def words_said(lines: tuple[str, ...] = SAID) -> list[Word]:
    """Words at a speaking pace: 0.4 s each, 0.1 s between them, a second between sentences."""
    at, found = 1000, []
    for line in lines:
        for word in line.split():
            unclear = word in DOUBTED
            found.append(Word(word, Ms(at), Ms(at + 400), 0.4 if unclear else 0.95, unclear))
            at += 500
        at += 1000
    return found


def flac(length_ms: int, rate: int = 16_000) -> bytes:
    """Noise that swells and sinks, as a FLAC."""
    out, count = io.BytesIO(), length_ms * rate // 1000
    noise = np.random.default_rng(5).normal(0, 0.1, count) * np.abs(np.sin(np.arange(count) / rate * 2))
    soundfile.write(out, np.clip(noise, -0.9, 0.9), rate, format="FLAC", subtype="PCM_16")
    return out.getvalue()


@dataclass
class Archive:
    """One archive at work."""

    place: ArchiveHome
    folder: Path
    tokens: dict[str, str] = field(default_factory=dict)
    told: dict[str, datetime] = field(default_factory=dict)

    def person(self, name: str, *roles: Role) -> str:
        """Give somebody an account and a session; returns the session's token."""
        with self.place.catalogue() as catalogue:
            with catalogue.write() as tx:
                _, code = accounts.add_person(tx, name, roles, "test", self.place.now())
            door = Door(catalogue, self.place.clock, CHEAP)
            self.tokens[name] = door.enter_with_code(code, "", PASSWORD, "127.0.0.1", "a test")
        return self.tokens[name]

    def story(self, uses: tuple[Use, ...] = ALLOWED, *, form: Form = Form.VOICE, lines: tuple[str, ...] = SAID,
              more: tuple[Act, ...] = (), days: int = 3, again: str = "") -> str:  # fmt: skip
        """Tell a story at a box that hands it on: sealed, sent, checked, kept. Returns its identifier."""
        told = self.told.get(again, self.place.now() - timedelta(days=days))
        story = TakeId(again) if again else fresh_take(told)
        self.told[story] = told
        acts = [(Act.DECIDE, use) for use in uses] + [(act, None) for act in more]
        events = [
            ConsentEvent(story, act, told, "left", use, use is not None, form, None, "3", "ab" * 32, "en", number + 1)
            for number, (act, use) in enumerate(acts)
        ]
        words = words_said(lines)
        length = int(words[-1].end) + 1500
        sound = flac(length)
        voiced = form is Form.VOICE
        content = BagContent(
            story=story, site="Riverside Library", bagged_on=told.date(),
            captions=to_webvtt(captions(words), with_words=True),
            metadata={"dcterms:identifier": story, "dcterms:title": "A story", "dcterms:language": "en",
                      "dcterms:publisher": "Riverside Library"},
            consent=record(story, events),
            events=(
                {"event": "recorded", "at": told.isoformat(), "clock_trusted": True, "kind": "story", "prompt": "mill",
                 "prompt_text": "Tell me about the day the mill whistle stopped."},
                {"event": "closed", "length_ms": length},
                {"event": "transcribed", "by": "whisper base", "checked": False},
            ),
            sound=(lambda: io.BytesIO(sound)) if voiced else None,
        )  # fmt: skip
        path = self.folder / f"{story}.sealed"
        path.unlink(missing_ok=True)
        seal_bag(plan(content), self.place.public_key, path)
        accept(self.place, path, "front-desk")
        return str(story)

    def made_sense_of(self, story: str, who: str) -> tuple[str, str]:
        """Let somebody code a story and write a theme that stands on it; the code and the theme."""
        now = self.place.now()
        with self.place.catalogue() as catalogue, catalogue.write() as tx:
            book = codebook.first_codebook(tx, who, now)
            code = codebook.make_code(tx, book, "the whistle", codebook.Level.CONCRETE, "When it is named.", who, now)
            marked = highlights.highlight(tx, story, 1000, 4000, [code], "Was it at six?", who, now)
            theme = themes.make_theme(tx, "The whistle told everybody the time.", who, now)
            themes.put_voice(tx, theme, marked, themes.Side.FOR, who, now)
            themes.none_found(tx, theme, "wristwatch", Looked(), "", who, now)
            highlights.be_through(tx, story, who, now)
        return code, theme


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    folder = tmp_path / "sent"
    folder.mkdir()
    with open_archive(tmp_path / "archive", SystemClock()) as place:
        yield Archive(place, folder)


class Visitor:
    """A browser without a window: it follows links and sends the forms the pages gave it."""

    def __init__(self, client: TestClient, token: str = "") -> None:
        self.client = client
        if token:
            client.cookies.set("hearth", token, domain="127.0.0.1", path="/")
        self.page, self.status, self.path = "", 0, ""

    def get(self, path: str, **headers: str) -> str:
        answer = self.client.get(path, headers=headers)
        self.page, self.status, self.path = answer.text, answer.status_code, answer.url.path
        return self.page

    def field(self, name: str) -> str:
        """What a hidden field of the page carries."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.page)
        assert found, f"no field {name}"
        return found.group(1)

    def post(self, path: str, **fields: str) -> str:
        """Send a form with the token of the page that is open."""
        if 'name="token"' not in self.page:
            self.get("/account")
        return self.send(path, token=self.field("token"), **fields)

    def send(self, path: str, **fields: str) -> str:
        """Send exactly these fields."""
        answer = self.client.post(path, data=fields)
        self.page, self.status, self.path = answer.text, answer.status_code, answer.url.path
        return self.page


@pytest.fixture
def visit(archive: Archive) -> Callable[..., Visitor]:
    """Open the archive's pages as somebody (by name), or as nobody; unknown names come in with the roles given."""
    app = make_community(archive.place, frozenset({"127.0.0.1"}), CHEAP)

    def come(name: str = "", *roles: Role) -> Visitor:
        if name and name not in archive.tokens:
            archive.person(name, *roles)
        client = TestClient(app, base_url=f"http://{HOST}", raise_server_exceptions=False)
        return Visitor(client, archive.tokens.get(name, ""))

    return come


@contextmanager
def served(archive: Archive, proxies: tuple[str, ...] = ()) -> Iterator[str]:
    """Serve the archive by the real server for as long as the block lasts; its address."""
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    stop = threading.Event()
    app = make_community(archive.place, frozenset({"127.0.0.1"}), CHEAP)
    told = (app, archive.place, Binding("127.0.0.1", 0), said.put, stop, proxies)
    thread = threading.Thread(target=serve, args=told)
    thread.start()
    try:
        yield said.get(timeout=20)
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()


@pytest.fixture
def behind(archive: Archive) -> Callable[[tuple[str, ...]], AbstractContextManager[str]]:
    """Serve the archive behind proxies that are trusted."""
    return lambda proxies: served(archive, proxies)


@pytest.fixture
def address(archive: Archive) -> Iterator[str]:
    """Serve the archive by the real server; its address."""
    with served(archive) as found:
        yield found
