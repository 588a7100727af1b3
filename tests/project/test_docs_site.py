"""The pages as a site: built strictly, every link followed, nothing loaded from elsewhere, one page for each person."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
PEOPLE = (
    "visitors", "facilitators", "librarians", "curators", "prompt-designers", "analysts", "archivists", "sysadmins",
    "developers",
)  # fmt: skip
LOADED = {"script": "src", "img": "src", "audio": "src", "video": "src", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """What a page links to, what it loads, and what can be linked to in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if given.get("id"):
            self.ids.add(given["id"])
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag in LOADED and given.get(LOADED[tag]):
            self.loads.append(given[LOADED[tag]])
        if tag == "link" and given.get("rel") != "canonical" and given.get("href"):
            self.loads.append(given["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", out],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def broken(pages):
    """Every link and load of ``pages`` that leads to no file or no place in it."""
    found = []
    for path, page in pages.items():
        if path.name == "404.html":
            continue
        for target in (*page.links, *page.loads):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            there = there / "index.html" if there.is_dir() else there
            anchors = pages[there].ids if there in pages else None
            if not there.is_file() or (
                parts.fragment and anchors is not None and unquote(parts.fragment) not in anchors
            ):
                found.append((path.name, target))
    return found


def test_it_is_built_strictly_and_every_link_leads_somewhere(pages):
    assert len(pages) > 25
    assert broken(pages) == []


def test_a_broken_link_would_be_seen(tmp_path):
    (tmp_path / "a.html").write_text(
        '<a href="b.html">x</a><a href="#no">y</a><img src="c.png"><a id="yes" href="#yes">z</a>'
    )
    path = tmp_path / "a.html"
    assert [target for _, target in broken({path: Page(path.read_text())})] == ["b.html", "#no", "c.png"]


def test_no_page_loads_a_font_a_script_or_a_picture_from_elsewhere(site, pages):
    loaded = {target for page in pages.values() for target in page.loads}
    assert {target for target in loaded if urlsplit(target).netloc} == set()
    styles = [path.read_text(encoding="utf-8", errors="replace") for path in site.rglob("*.css")]
    assert styles
    assert not any(re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", style) for style in styles)


def test_each_person_has_a_page_that_the_start_leads_to(pages):
    by_name = {path.name: page for path, page in pages.items()}
    assert set(by_name["index.html"].links) >= {f"for-{who}.html" for who in PEOPLE}
    for who in PEOPLE:
        text = (ROOT / "docs" / f"for-{who}.md").read_text(encoding="utf-8")
        assert 30 <= len(text.splitlines()) <= 120, who


def test_every_page_of_docs_stands_in_the_navigation():
    listed = set(re.findall(r": ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE))
    here = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert here - listed == set(), "name it in mkdocs.yml"


def test_pictures_of_the_pages_are_there_and_used():
    used = {name for path in (ROOT / "docs").glob("*.md") for name in re.findall(r"images/([\w.-]+)", path.read_text())}
    here = {path.name for path in (ROOT / "docs" / "images").iterdir()}
    assert here - used == set()
    assert sum(name.startswith("web-") for name in here) >= 6
