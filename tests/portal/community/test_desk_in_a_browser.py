"""The desk in Chromium, on a desk and on a phone: large, legible, named, reached by keys; words follow the sound."""

from __future__ import annotations

import hashlib

import pytest

from archive.boxes import add_box, box_with, greet
from archive.curation import AskedPrompt, PreparedSet, put_cue, save_prompts, set_site
from archive.people.roles import Role
from archive.portal.app import static_routes
from archive.reviewing.excerpts import cut

PHONE, DESK = (390, 844), (1280, 800)
PASSWORD = "four quite unrelated words"
HTMX = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"
MEASURE = """
(() => {
  CONTRAST
  const shown = (e) => { const b = e.getBoundingClientRect(); return b.width > 1 && b.height > 1 && !e.closest(".hidden, .skip"); };
  const faint = [], small = [], nameless = [], twice = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !shown(e) || e.closest(":disabled")) continue;
    const style = getComputedStyle(e);
    const [a, b] = [light(read(style.color)), light(behind(e))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) faint.push([e.className, e.textContent.trim().slice(0, 30), ((a + .05) / (b + .05)).toFixed(1)]);
  }
  for (const e of document.querySelectorAll("button, a.button, summary, nav a, .mine a, input:not([type=hidden]):not([type=checkbox]):not([type=radio]), textarea, .tick, .speeds label, .spine, audio")) {
    const box = e.getBoundingClientRect();
    if (shown(e) && !e.classList.contains("at") && (box.height < TARGET || box.width < TARGET))
      small.push([e.className || e.id, e.textContent.trim().slice(0, 20), Math.round(box.width), Math.round(box.height)]);
  }
  for (const e of document.querySelectorAll(".at")) if (shown(e) && e.getBoundingClientRect().height < 24) small.push(["at"]);
  for (const e of document.querySelectorAll("input:not([type=hidden]), textarea, select"))
    if (!e.labels.length && !e.getAttribute("aria-label")) nameless.push(e.name);
  for (const e of document.querySelectorAll("button, a, summary")) if (!e.textContent.trim() && !e.getAttribute("aria-label")) nameless.push(e.outerHTML.slice(0, 40));
  for (const e of document.querySelectorAll("img:not([alt]), audio:not([aria-label]), nav:not([aria-label])")) nameless.push(e.outerHTML.slice(0, 40));
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids)) if (ids.filter((one) => one === id).length > 1) twice.push(id);
  for (const e of document.querySelectorAll("[aria-labelledby], [aria-describedby]"))
    for (const id of `${e.getAttribute("aria-labelledby") || ""} ${e.getAttribute("aria-describedby") || ""}`.trim().split(/\\s+/))
      if (!document.getElementById(id)) twice.push(`nobody is ${id}`);
  const heads = [...document.querySelectorAll("h1")].length;
  return { faint, small, nameless, twice, heads: heads === 1 ? [] : [heads], title: document.title ? [] : ["none"],
           lang: document.documentElement.lang ? [] : ["none"], wide: Math.max(innerWidth, document.documentElement.scrollWidth) > WIDTH ? [innerWidth] : [] };
})()
"""


def look(browser, name, seen):
    """Measure the page at both widths; fingers need 15 mm (57 px) on a phone, WCAG 2.2 AA asks 24 px of a mouse."""
    for (width, height), target in ((PHONE, 57), (DESK, 24)):
        browser.size(width, height, phone=width < 500)
        found = {
            what: some
            for what, some in browser.measured(
                MEASURE.replace("TARGET", str(target)).replace("WIDTH", str(width))
            ).items()
            if some
        }
        if found:
            seen[f"{name} at {width}"] = found


def come_in(browser, address, name):
    browser.open(f"{address}/enter")
    browser.js(f"document.getElementById('name').value = {name!r}")
    browser.js(f"document.getElementById('password').value = {PASSWORD!r}")
    browser.submit("main form button")


def complaints(browser):
    """What the browser complained about (advice is none), and every address that is not ours."""
    said = [
        one["params"]
        for one in browser.events
        if one.get("method") == "Runtime.exceptionThrown"
        or (one.get("method") == "Log.entryAdded" and one["params"]["entry"]["level"] in {"error", "warning"})
    ]
    urls = [
        one["params"]["request"]["url"] for one in browser.events if one.get("method") == "Network.requestWillBeSent"
    ]
    return said, {url.split("/")[2].split(":")[0] for url in urls if url.startswith("http")} - {"127.0.0.1"}


@pytest.fixture
def desk(archive, browser, address):
    archive.person("ilse", *Role)
    story = archive.story()
    browser.call("Network.clearBrowserCookies")
    browser.events.clear()
    yield story
    browser.open("about:blank#done")


def test_every_page_is_large_legible_and_named(browser, desk, archive, address):
    seen = {}
    for page in ("enter", "code"):
        browser.open(f"{address}/{page}")
        look(browser, page, seen)
    come_in(browser, address, "ilse")
    look(browser, "front", seen)
    code, theme = archive.made_sense_of(desk, "ilse")
    for page in (
        "/review",
        "/patterns",
        f"/patterns/story/{desk}",
        "/patterns/codebook",
        f"/patterns/codebook/{code}",
        "/patterns/agreement",
        "/patterns/across",
        "/patterns/themes",
        f"/patterns/themes/{theme}?asked=street",
        f"/story/{desk}",
        f"/story/{desk}/cut",
        "/account",
        "/people",
        "/people/ilse",
        f"/story/{desk}/erase",
        "/again",
    ):
        browser.open(f"{address}{page}")
        browser.js("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        look(browser, page, seen)
    assert seen == {}
    assert complaints(browser) == ([], set())


AT_WORD = "[...document.querySelectorAll('.w')].findIndex((one) => one.matches('.now'))"


def test_words_follow_the_sound_and_lead_to_it(browser, desk, address):
    come_in(browser, address, "ilse")
    browser.size(*DESK)
    browser.open(f"{address}/story/{desk}")
    browser.wait("document.getElementById('sound').readyState > 0")
    assert browser.js("document.getElementById('sound').duration") == pytest.approx(36.0, abs=3)
    browser.js("[...document.querySelectorAll('.w')].find((one) => one.textContent === 'Havel').click()")
    at = browser.js("+document.querySelector('.w.chosen').dataset.s / 1000")
    assert browser.js("document.getElementById('sound').currentTime") == pytest.approx(at, abs=0.01)
    browser.wait("document.querySelector('.w.now') && document.querySelector('.w.now').textContent === 'Havel'")
    browser.js("document.querySelector('.speeds input[value=\"1.5\"]').click()")
    assert browser.js("document.getElementById('sound').playbackRate") == 1.5
    browser.js("document.getElementById('play').click()")
    # Which word is looked at depends on how busy the machine is; that it is a later one does not.
    browser.wait(f"{AT_WORD} > [...document.querySelectorAll('.w')].findIndex((one) => one.textContent === 'Havel')")
    assert browser.js("document.querySelectorAll('.w.now').length") == 1
    flows = (
        "getComputedStyle(document.querySelector('#p0')).display + getComputedStyle(document.querySelector('.w')).color"
    )
    assert browser.js(flows) == "inlinergb(42, 33, 27)", "words read as one text, in ink on paper"
    browser.js("document.getElementById('sound').pause()")
    assert browser.js("document.cookie") == "", "no script can read the session"
    assert complaints(browser) == ([], set())


def test_a_word_is_corrected_with_keys_alone(browser, desk, archive, address):
    come_in(browser, address, "ilse")
    browser.size(*DESK)
    browser.open(f"{address}/story/{desk}")
    browser.js("document.getElementById('told').focus()")
    for _ in range(2):
        browser.press("ArrowRight", 39)
    assert browser.js("document.querySelector('.w.chosen').textContent") == "was"
    browser.press("Enter", 13, text="\r")
    assert browser.js("document.activeElement.id") == "heard"
    browser.call("Input.insertText", text="were")
    browser.press("Enter", 13, text="\r")
    browser.wait("document.querySelector('#p0').dataset.version === '2'")
    browser.wait("document.activeElement.classList.contains('w')")
    assert browser.js("document.activeElement.textContent") == "were", "the hand is where it was"
    # Somebody else corrects the same passage meanwhile: both versions are shown, nothing is lost.
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        from archive.reviewing.words import correct_word

        correct_word(tx, desk, 0, 0, "We", "ben", 2, archive.place.now())
    browser.press("Enter", 13, text="\r")
    browser.call("Input.insertText", text="are")
    browser.press("Enter", 13, text="\r")
    told = browser.wait("document.getElementById('trouble').textContent.trim()")
    assert "Somebody else changed this" in told
    assert "We were" in told
    assert "are" in told
    assert browser.js("document.getElementById('heard').value") == "are"


def test_a_span_is_marked_by_two_words_and_blanked(browser, desk, address):
    come_in(browser, address, "ilse")
    browser.size(*DESK)
    browser.open(f"{address}/story/{desk}")
    word = "[...document.querySelectorAll('.w')].find((one) => one.textContent === '{}')"
    for text, button in (("Mister", "mark-from"), ("Havel", "mark-until")):
        browser.js(f"{word.format(text)}.click(); {word.format(text)}.dispatchEvent(new MouseEvent('dblclick', {{ bubbles: true }}))")  # fmt: skip
        browser.js(f"document.getElementById('{button}').click()")
    browser.submit("#blanking button[type=submit]")
    assert browser.js("[...document.querySelectorAll('.w.blank')].length") == 2
    assert "Havel" not in browser.js("document.getElementById('told').textContent")
    browser.wait("document.getElementById('sound').readyState > 0")


def test_a_cut_is_heard_before_it_can_be_saved(browser, desk, address):
    come_in(browser, address, "ilse")
    browser.size(*PHONE, phone=True)
    browser.open(f"{address}/story/{desk}/cut")
    browser.wait("document.getElementById('sound').readyState > 0")
    browser.js("document.getElementById('title').value = 'The whistle'")
    assert not browser.js("document.querySelector('main form').checkValidity()"), "not heard yet"
    browser.js("document.getElementById('sound').playbackRate = 16; document.getElementById('play').click()")
    browser.wait("document.getElementById('heard-all').checked")
    assert browser.js("document.getElementById('sound').paused")
    end = browser.js("+document.getElementById('excerpt').dataset.end / 1000")
    assert browser.js("document.getElementById('sound').currentTime") == pytest.approx(end, abs=1.0)
    browser.submit("main form button")
    assert "The whistle" in browser.js("document.getElementById('excerpts').textContent")


def test_the_keyboard_reaches_everything_and_its_place_is_seen(browser, desk, address):
    come_in(browser, address, "ilse")
    browser.size(*DESK)
    browser.open(f"{address}/story/{desk}")
    wanted = "[...document.querySelectorAll('a[href], button, summary, textarea, input:not([type=hidden]), #told')]"
    browser.js("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    # A group of radio buttons is one stop.
    count = browser.js(f"{wanted}.filter((e) => e.offsetParent && !(e.type === 'radio' && !e.checked)).length")
    reached, marks = set(), set()
    for _ in range(count + 12):
        browser.press("Tab", 9)
        place, mark = browser.js(
            f"(() => {{ const e = document.activeElement; const s = getComputedStyle(e.type === 'radio' ? e.nextElementSibling : e);"
            f" return [{wanted}.indexOf(e), s.outlineStyle]; }})()"
        )
        if place >= 0:
            reached.add(place)
            marks.add(mark)
    assert len(reached) >= count
    assert marks == {"solid"}


def test_what_browsers_get_of_htmx_is_the_very_file_that_was_published():
    assert "/static/htmx-2.0.11.min.js" in {route.path for route in static_routes()}
    from importlib import resources

    file = resources.files("archive.portal").joinpath("static", "htmx-2.0.11.min.js")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == HTMX


@pytest.fixture
def prepared(archive, desk):
    """A box that said how it is, a cue on its first button, a set of questions in two languages."""
    place = archive.place
    now = place.now()
    told = {"version": "1.2", "clock": now.isoformat(), "clock_trusted": True, "disk_free_mb": 41_000.0, "disk_days": 21,
            "mic_lufs": -33.0, "mic_usual_lufs": -24.0}  # fmt: skip
    asked = AskedPrompt("mill-q1", {"en": "Do you remember the whistle?", "ar": "احكوا لنا عن صفارة المصنع."})
    with place.catalogue() as catalogue:
        box = box_with(catalogue, add_box(catalogue, "front-desk", "omar", now))
        greet(catalogue, box, b"s" * 32, b"v" * 32, told, now)
        add_box(catalogue, "maple-street", "omar", now)
        with catalogue.write() as tx:
            set_site(tx, "front-desk", "Riverside Library", "omar", now)
            ident = cut(tx, desk, 1000, 24_000, "The whistle", "ask about bread", "cara", now)
            put_cue(tx, "front-desk", 1, desk, ident, "cara", now)
            save_prompts(tx, PreparedSet("mill", {"en": "The mill", "ar": "المصنع"}, (asked,)), "dora", now)
    return desk


PREPARING = (
    "/search?q=Havel&site=Riverside+Library", "/boxes", "/cues", "/cues/front-desk", "/prompts", "/prompts/mill",
    "/prompts/mill/mill-q1", "/prompts/mill/new", "/policy", "/policy/change", "/log",
)  # fmt: skip


def test_pages_that_prepare_are_large_legible_and_named(browser, prepared, address):
    seen = {}
    come_in(browser, address, "ilse")
    for page in (*PREPARING, f"/story/{prepared}/back"):
        browser.open(f"{address}{page}")
        browser.js("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        look(browser, page, seen)
    assert seen == {}
    assert complaints(browser) == ([], set())


def test_a_found_word_stands_at_its_moment(browser, prepared, address):
    come_in(browser, address, "ilse")
    browser.open(f"{address}/search?q=Havel")
    browser.js("document.querySelector('.kwic').click()")
    browser.wait("document.querySelector('.w.chosen') && document.querySelector('.w.chosen').textContent === 'Havel'")
    at = browser.js("+document.querySelector('.w.chosen').dataset.s / 1000")
    browser.wait(f"Math.abs(document.getElementById('sound').currentTime - {at}) < 0.05")


def test_advice_follows_the_typing(browser, prepared, address):
    come_in(browser, address, "ilse")
    browser.open(f"{address}/prompts/mill/mill-q1")
    assert "yes or no" in browser.js("document.getElementById('look-en').textContent")
    browser.js("""(() => { const field = document.getElementById('text-en'); field.value = 'Tell us about the whistle.';
                  field.dispatchEvent(new Event('input', { bubbles: true })); })()""")
    browser.wait("document.querySelector('#look-en .question').textContent === 'Tell us about the whistle.'")
    assert "yes or no" not in browser.js("document.getElementById('look-en').textContent")
