"""The pages in Chromium: nothing fails, nothing comes from elsewhere, everything is large, legible and reachable."""

from __future__ import annotations

import pytest

from archive.keycode import Cost
from archive.phones import read_face
from archive.store import Store
from archive.types import Use
from audio.clock import SystemClock
from hardware.findings import Finding
from kiosk.firstrun.sheet import Sheet
from kiosk.wireless import Asking

PHONE, DESK = (390, 844), (1280, 800)
TARGET_PX = 57
"""15 mm."""
MEASURE = """
(() => {
  CONTRAST
  const faint = [], small = [];
  for (const e of document.querySelectorAll("main *, header *, footer *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    const box = e.getBoundingClientRect();
    if (!own || !box.width || e.closest(".skip, .hidden") || e.disabled || e.closest(":disabled")) continue;
    const style = getComputedStyle(e);
    if (style.fontSize === "0px") continue;
    const [a, b] = [light(read(style.color)), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    const least = e.closest(".note, .quiet, .facts, .machine, footer, .at, .answer, .sounds") ? 4.5 : 7;
    if (ratio < least) faint.push([e.textContent.trim().slice(0, 30), Math.round(ratio * 10) / 10]);
  }
  for (const e of document.querySelectorAll("button, a.button, a.brand, footer a, input:not([type=hidden]):not([type=checkbox]):not([type=radio]), select, .tick, audio")) {
    const box = e.getBoundingClientRect();
    if (box.height && !e.classList.contains("at") && (box.height < TARGET || box.width < TARGET))
      small.push([e.className + e.textContent.trim().slice(0, 20), Math.round(box.width), Math.round(box.height)]);
  }
  const nameless = [...document.querySelectorAll("input:not([type=hidden])")].filter((e) => !e.labels.length).length
    + [...document.querySelectorAll("img:not([alt])")].length;
  return { faint, small, nameless, wide: document.documentElement.scrollWidth > innerWidth };
})()
""".replace("TARGET", str(TARGET_PX))


def troubles(browser):
    """Everything the browser complained about, and every address it was asked for that is not ours."""
    said = [
        one["params"] for one in browser.events if one.get("method") in {"Log.entryAdded", "Runtime.exceptionThrown"}
    ]
    urls = [
        one["params"]["request"]["url"] for one in browser.events if one.get("method") == "Network.requestWillBeSent"
    ]
    return said, {url.split("/")[2].split(":")[0] for url in urls if url.startswith("http")} - {"127.0.0.1"}


def look(browser, name, seen):
    """Measure the page at both widths."""
    for width, height in (PHONE, DESK):
        browser.size(width, height, phone=width < 500)
        found = browser.measured(MEASURE)
        if width > 500:
            found["small"] = []
        if any(found.values()):
            seen[f"{name} at {width}"] = found


@pytest.fixture
def story(home, serving, teller_at):
    with Store(home, SystemClock(), Cost(8, 1, 1)) as store:
        take, code = teller_at(store).story(Use.PLAY_HERE, seconds=6)
        yield serving(home), take, code, store


def test_a_teller_hears_and_takes_back_a_story_in_a_real_browser(browser, story):
    address, take, code, store = story
    browser.events.clear()
    seen = {}
    browser.open(f"{address}/")
    look(browser, "welcome", seen)
    browser.submit("a.button.ember")
    look(browser, "code", seen)
    assert browser.js("document.activeElement.id") == "code"
    browser.js(f"document.getElementById('code').value = {str(code)!r}")
    browser.submit("main form button")
    assert str(code) not in browser.js("location.href")
    browser.wait("document.getElementById('sound').readyState > 0")
    assert browser.js("document.getElementById('sound').duration") == pytest.approx(6.0, abs=0.01)
    browser.js("document.getElementById('play').click()")
    browser.wait("document.getElementById('sound').currentTime > 0.2")
    assert browser.js("document.getElementById('play').getAttribute('aria-pressed')") == "true"
    assert browser.js("document.querySelector('.wave').complete && document.querySelector('.wave').naturalHeight > 0")
    look(browser, "story", seen)
    assert browser.js("document.cookie") == "", "no script can read the token"
    browser.submit("input[value=play_here] ~ button")
    assert Use.PLAY_HERE not in store.standing(take).uses
    browser.submit("a.grave")
    look(browser, "withdraw", seen)
    browser.js("document.querySelector('[name=sure]').click()")
    browser.submit("button.grave")
    look(browser, "receipt", seen)
    assert take in browser.js("document.body.innerText")
    assert troubles(browser) == ([], set())
    assert seen == {}


def test_a_steward_takes_a_story_out_in_two_presses_in_a_real_browser(browser, home, serving, teller_at):
    weak = Finding("power", ok=False, say="The power supply is too weak.", do="Use the board's own.")
    well = Finding("heat", ok=True, say="The processor is at 50 °C.")
    with Store(home, SystemClock(), Cost(8, 1, 1)) as store:
        teller = teller_at(store)
        told, _ = teller.story(Use.PLAY_HERE)
        store.hold(told, "key")
        take, _ = teller.story(Use.PLAY_HERE, Use.ARCHIVE)
        browser.open(f"{serving(home, lambda _: [weak, well])}/remote/morning")
        seen = {}
        look(browser, "morning", seen)
        browser.submit("a[href='/remote/stories']")
        look(browser, "stories", seen)
        browser.submit(f"input[value='{take}'] ~ button")
        assert store.standing(take).held
        assert browser.js("location.pathname") == "/remote/morning"
        look(browser, "waiting", seen)
        browser.submit(f"input[value='{told}'] ~ button.grave")
        look(browser, "erase", seen)
        browser.submit("a.button.ember")
        assert store.standing(told).kept
        browser.submit(f"input[value='{told}'] ~ button:not(.grave)")
        assert not store.standing(told).held
    assert seen == {}


def test_a_phone_presses_in_a_real_browser(browser, box, serving, tmp_path):
    box.facilitate()
    sheet = Sheet(box.setting.home, Asking(tmp_path))
    address = serving(box.setting.home, set_up=sheet)
    browser.events.clear()
    seen = {}
    browser.open(f"{address}/remote")
    look(browser, "pair", seen)
    browser.submit("form[action='/remote/digits'] button")
    browser.js(f"document.getElementById('digits').value = '{box.digits()}'")
    browser.submit("form[action='/remote/pair'] button")
    look(browser, "remote", seen)
    browser.open(f"{address}/remote/setup")
    look(browser, "settings", seen)
    assert browser.js("document.querySelector('[name=wireless_password]').type") == "password"
    browser.open(f"{address}/remote")
    assert browser.wait("document.getElementById('now').textContent") == "Ready"
    box.press("begin_group", "next_person", "next_person")
    browser.wait("document.getElementById('left').textContent === '2 have agreed'")
    browser.wait("!document.querySelector('[value=begin_group]').disabled")
    box.until(lambda: read_face(box.store).people == 2)
    box.settle()
    browser.js("document.querySelector('[value=begin_group]').click()")
    browser.wait("document.getElementById('now').textContent === 'We are listening'")
    look(browser, "conversation", seen)
    place = "document.querySelector('[value=stop]').getBoundingClientRect().x"
    before = browser.js(place)
    browser.js("document.querySelector('[value=pause]').click()")
    browser.wait("document.getElementById('now').textContent === 'Off the record'")
    assert browser.js(place) == before, "no key changes its place while somebody tells"
    look(browser, "paused", seen)
    assert browser.js("document.getElementById('trouble').hidden")
    browser.js("document.querySelector('[value=resume]').click()")
    browser.wait("document.getElementById('now').textContent === 'We are listening'")
    browser.js("new Promise((r) => setTimeout(r, 2500))")
    browser.js("document.querySelector('[value=stop]').click()")
    box.until(lambda: box.state() == "review")
    box.press("discard", "discard")
    assert troubles(browser) == ([], set())
    assert seen == {}
    browser.open("about:blank#done")


def test_the_keyboard_reaches_everything_and_its_place_is_seen(browser, story):
    address, _, code, _ = story
    browser.open(f"{address}/story")
    browser.js(f"document.getElementById('code').value = {str(code)!r}")
    browser.submit("main form button")
    wanted = browser.js(
        "[...document.querySelectorAll('a, button, input:not([type=hidden])')].filter((e) => e.offsetParent).length"
    )
    reached, seen = set(), []
    for _ in range(wanted + 12):
        for kind in ("keyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        at = browser.js(
            "(() => { const e = document.activeElement, all = [...document.querySelectorAll('a, button, input')];"
            "return [all.indexOf(e), e.tagName, getComputedStyle(e).outlineStyle] })()"
        )
        if at[0] >= 0:
            reached.add(at[0])
            seen.append(at[2])
    assert len(reached) >= wanted
    assert set(seen) == {"solid"}
    browser.open("about:blank#done")


@pytest.mark.parametrize("language", ["es", "ar", "hi", "zh"])
def test_a_draft_language_reads_in_its_own_direction_and_asks_for_no_yes(browser, story, tmp_path, language):
    address, take, code, store = story
    browser.events.clear()
    seen = {}
    browser.open(f"{address}/")
    browser.submit(f"footer a[lang={language}]")
    look(browser, "welcome", seen)
    rightward = browser.js("getComputedStyle(document.documentElement).direction") == "rtl"
    assert rightward is (language == "ar")
    assert browser.js("document.querySelector('footer .draft').textContent.length") > 10, "a draft is called one"
    browser.open(f"{address}/story")
    browser.js(f"document.getElementById('code').value = {str(code)!r}")
    browser.submit("main form button")
    look(browser, "story", seen)
    # Lines begin where the script begins: the headline, and the border of a notice.
    sides = "(() => { const r = document.createRange(); r.selectNodeContents(document.querySelector('h1')); "
    sides += "const t = r.getBoundingClientRect(), m = document.querySelector('main').getBoundingClientRect(); "
    sides += "return [t.left - m.left, m.right - t.right]; })()"
    left, right = browser.js(sides)
    assert (right < left) is rightward
    assert browser.js("document.querySelector('input[value=play_here] ~ button') !== null"), (
        "a no counts in any language"
    )
    assert browser.js("document.querySelector('input[value=archive] ~ button')") is None, "a yes needs checked words"
    browser.submit("input[value=play_here] ~ button")
    assert Use.PLAY_HERE not in store.standing(take).uses
    assert troubles(browser) == ([], set())
    assert seen == {}
    browser.submit("footer a[lang=en]")
