"""The coding bench in Chromium: words are chosen, coded and heard with keys alone; marks are painted over the words."""

from __future__ import annotations

import pytest

from archive.people.roles import Role

PASSWORD = "four quite unrelated words"
SHIFT = 8


@pytest.fixture
def bench(archive, browser, address):
    """The bench of a story, open; its words have the focus."""
    archive.person("ilse", *Role)
    story = archive.story()
    browser.call("Network.clearBrowserCookies")
    browser.events.clear()
    browser.open(f"{address}/enter")
    browser.js("document.getElementById('name').value = 'ilse'")
    browser.js(f"document.getElementById('password').value = {PASSWORD!r}")
    browser.submit("main form button")
    browser.size(1280, 800)
    browser.open(f"{address}/patterns/story/{story}")
    browser.js("document.getElementById('told').focus()")
    yield story
    browser.open("about:blank#done")


def chosen(browser):
    return browser.js("[...document.querySelectorAll('.w.picked')].map((one) => one.textContent).join(' ')")


def test_words_are_coded_with_keys_alone(browser, bench, archive):
    browser.press("ArrowRight", 39)
    for _ in range(3):
        browser.press("ArrowRight", 39, modifiers=SHIFT)
    assert chosen(browser) == "I was eleven when"
    browser.press("b", 66, text="b")
    assert browser.js("document.activeElement.id") == "code-name", "typing is typing a code"
    browser.call("Input.insertText", text="eing eleven")
    assert browser.js("document.activeElement.value") == "being eleven"
    browser.press("Enter", 13, text="\r")
    browser.wait("document.querySelectorAll('.w.marked').length === 4")
    flows = "[...document.querySelectorAll('.w.marked, .w.picked')].map((one) => getComputedStyle(one).display).join()"
    assert set(browser.js(flows).split(",")) == {"inline"}, "what is marked still reads as one text"
    browser.wait("document.activeElement.classList.contains('w')")
    assert browser.js("document.querySelector('.mark-line .tag').textContent") == "being eleven"
    assert (
        browser.js("[...document.querySelectorAll('#codes option')].map((one) => one.value).join()") == "being eleven"
    )
    # The hand is where it was: on it goes with the next words, and the code is known now.
    for _ in range(2):
        browser.press("ArrowRight", 39)
    browser.press("ArrowRight", 39, modifiers=SHIFT)
    assert chosen(browser) == "mill whistle"
    browser.press("Enter", 13, text="\r")
    browser.call("Input.insertText", text="Being Eleven")
    browser.press("Enter", 13, text="\r")
    browser.wait("document.querySelectorAll('.mark-line').length === 2")
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        assert len(tx.all("SELECT id FROM codes")) == 1
        rows = tx.all("SELECT start_ms, end_ms, who FROM highlights ORDER BY start_ms")
    assert [tuple(row) for row in rows] == [(1000, 2900, "ilse"), (3500, 4400, "ilse")]


def test_space_listens_from_the_word_and_a_mark_leads_to_its_second(browser, bench, archive):
    browser.press("ArrowRight", 39)
    browser.press("ArrowDown", 40)
    browser.press(" ", 32, text=" ")
    browser.wait("!document.getElementById('sound').paused")
    assert browser.js("document.getElementById('sound').currentTime") >= 4.9
    browser.press(" ", 32, text=" ")
    browser.wait("document.getElementById('sound').paused")
    browser.js("[...document.querySelectorAll('.w')][0].click()")
    browser.js(
        "[...document.querySelectorAll('.w')][2].dispatchEvent(new MouseEvent('click', {bubbles: true, shiftKey: true}))"
    )
    assert chosen(browser) == "I was eleven"
    browser.js(
        "(() => { const f = document.getElementById('mark'); f.elements.name.value = 'age'; f.requestSubmit(); })()"
    )
    browser.wait("document.querySelector('.mark-line .at') !== null")
    browser.js("document.querySelectorAll('.w')[20].click()")
    browser.js("document.querySelector('.mark-line .at').click()")
    browser.wait("document.getElementById('sound').currentTime < 4")
    assert chosen(browser) == "I"
    browser.js("document.getElementById('sound').pause()")


def test_what_goes_wrong_is_said_and_nothing_is_lost(browser, bench):
    browser.js(
        "(() => { const f = document.getElementById('mark'); f.elements.name.value = 'age'; f.requestSubmit(); })()"
    )
    said = browser.wait("document.getElementById('trouble').textContent.trim()")
    assert "No words were chosen" in said
    assert browser.js("document.getElementById('code-name').value") == "age"
    wrong = [one for one in browser.events if one.get("method") == "Runtime.exceptionThrown"]
    assert wrong == []
