"""Search by meaning and the timeline in Chromium, by keys alone: a question leads to a second that sounds."""

from __future__ import annotations

import pytest

from archive.patterns.meaning import FixedMeaning
from archive.patterns.vectors import build
from archive.people.roles import Role
from archive.server.place import open_archive

WHISTLE = ("The mill whistle stopped and nobody knew the hour.", "We set the clock by it.")
BREAD = ("He baked bread for all the people from over the river.",)
PATIENCE_S = 90.0
"""A page that is loaded, on a machine that does other things."""
SOUND = "document.getElementById('sound')"


@pytest.fixture
def told(archive, browser):
    """Two stories read by a model that needs no file, and somebody who is in."""
    archive.place.config.write_text('[patterns]\nmeaning = "fixed"\n', encoding="utf-8")
    with open_archive(archive.place.path) as place:
        archive.place = place
        stories = [archive.story(lines=WHISTLE), archive.story(lines=BREAD)]
        build(place, FixedMeaning())
        archive.person("ida", Role.ANALYST)
        yield stories
    browser.open("about:blank#done")
    browser.call("Network.clearBrowserCookies")


@pytest.fixture
def inside(told, browser, address, archive):
    browser.events.clear()
    browser.size(1280, 800)
    browser.call("Network.setCookie", name="hearth", value=archive.tokens["ida"], url=address)
    return address


def test_a_question_leads_by_keys_to_a_moment_that_sounds(browser, told, inside):
    browser.open(f"{inside}/search")
    browser.tab_to("e.id === 'q'")
    browser.call("Input.insertText", text="who baked bread for the people")
    browser.tab_to("e.textContent.trim() === 'By meaning'")
    browser.press("Enter", 13, text="\r")
    browser.wait("location.pathname === '/search/meaning' && !!document.querySelector('.kwic')", PATIENCE_S)
    assert "baked bread" in browser.js("document.querySelector('.kwic').textContent")
    browser.tab_to("e.classList.contains('kwic')")
    browser.press("Enter", 13, text="\r")
    browser.wait(f"location.pathname === '/story/{told[1]}' && {SOUND} && {SOUND}.readyState > 0", PATIENCE_S)
    browser.wait("!!document.querySelector('.w.chosen')", PATIENCE_S)
    at = browser.js("+document.querySelector('.w.chosen').dataset.s / 1000")
    assert at == pytest.approx(1, abs=0.1), "not the beginning: the moment"
    browser.wait(f"Math.abs({SOUND}.currentTime - {at}) < 0.1")
    browser.press(" ", 32, text=" ")
    browser.wait(f"!{SOUND}.paused && {SOUND}.currentTime > {at} + 0.05")
    browser.js(f"{SOUND}.pause()")


def test_a_mark_on_the_timeline_sounds_at_a_key(browser, told, inside, archive):
    archive.made_sense_of(told[0], "ida")
    browser.open(f"{inside}/story/{told[0]}/timeline")
    browser.wait(f"{SOUND}.readyState > 0")
    browser.tab_to("e.matches('.lines button.at')")
    start = browser.js("+document.activeElement.dataset.start / 1000")
    browser.js(f"{SOUND}.currentTime = 0")
    assert "Listen from" in browser.js("document.activeElement.getAttribute('aria-label')")
    browser.press("Enter", 13, text="\r")
    browser.wait(f"!{SOUND}.paused && {SOUND}.currentTime >= {start}")
    browser.js(f"{SOUND}.pause()")
    browser.tab_to("e.tagName === 'A' && e.textContent === 'The words there'")
    browser.press("Enter", 13, text="\r")
    browser.wait(f"location.pathname === '/story/{told[0]}' && !!document.querySelector('.w')", PATIENCE_S)
    browser.wait("!!document.querySelector('.w.chosen')", PATIENCE_S)
    assert browser.js("+document.querySelector('.w.chosen').dataset.s / 1000") == pytest.approx(start, abs=0.5)
    said = [one for one in browser.events if one.get("method") == "Runtime.exceptionThrown"]
    assert said == []
