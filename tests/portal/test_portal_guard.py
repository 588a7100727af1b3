"""What stands before every page: headers, host names, form tokens, sizes, words, and nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from archive.portal.app import make_app
from archive.portal.binding import BadBinding, binding, own_access_points
from archive.portal.texts import LANGUAGES, BadPageText, load
from archive.types import ASKED_USES, Use
from kiosk import texts as boxtexts

FOLDER = Path(str(resources.files("archive.portal")))
GETS = (
    "/",
    "/story",
    "/remote",
    "/nowhere",
    "/static/desk.css",
    "/static/story.js",
    "/static/remote.js",
    "/static/ember.svg",
)
POSTS = (
    "/story/open", "/story/use", "/story/only-me", "/story/part", "/story/withdraw", "/story/leave",
    "/remote/digits", "/remote/pair", "/remote/press", "/remote/leave",
)  # fmt: skip

STEWARDS = ("/remote/hold", "/remote/release", "/remote/erase")


@pytest.mark.parametrize("path", GETS)
def test_every_answer_keeps_out_what_is_not_ours_and_is_not_kept(guest, path):
    headers = guest.client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert set(re.findall(r"-src ([^;]+)", policy)) == {"'none'", "'self'"}
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers
    for line in headers.get_list("set-cookie"):
        assert "HttpOnly" in line
        assert "SameSite=Strict" in line


def test_every_post_needs_the_token_of_a_page_of_this_browser(guest, guests):
    other = guests().token()
    for path in POSTS:
        for given in ({}, {"token": "0" * 64}, {"token": other}, {"token": ""}):
            assert guest.client.post(path, data=given).status_code == 403, path
        assert guest.client.get(path).status_code in {200, 404}


def test_the_routes_that_change_something_are_all_tried_above(guest):
    written = set(re.findall(r'post\(desk, "([^"]+)"', "".join(p.read_text() for p in FOLDER.glob("*.py"))))
    # The set-up stands only while a box is being set up; tests/kiosk/test_first_run.py tries it. Lending stands only on
    # a box that is for lending; tests/portal/test_lending_page.py tries it. A steward's stand where there is a morning
    # page; tests/portal/test_stewarding.py tries them.
    assert written == {*POSTS, *STEWARDS, "/remote/setup", "/remote/lending"}


def test_another_name_that_points_here_opens_nothing(guest):
    assert guest.client.get("/", headers={"host": "evil.example"}).status_code == 421
    assert guest.client.get("/", headers={"host": "evil.example:8480"}).status_code == 421
    assert guest.client.get("/", headers={"host": ""}).status_code == 421
    assert guest.client.get("/", headers={"host": "127.0.0.1"}).status_code == 200


def test_a_body_that_is_too_long_is_not_read(guest):
    assert guest.client.post("/story/open", data={"code": "x" * 20_000}).status_code == 413


def test_a_browser_that_sends_nonsense_as_cookie_is_a_new_browser(guest):
    answer = guest.client.get("/story", headers={"cookie": "hearth=\x01;;=;"})
    assert answer.status_code == 200
    assert "hearth=" in answer.headers["set-cookie"]


def test_no_page_asks_for_anything_from_elsewhere():
    ours = {"http://www.w3.org/2000/svg"}
    for path in [p for p in FOLDER.rglob("*") if p.suffix in {".html", ".css", ".js", ".svg"}]:
        text = path.read_text(encoding="utf-8")
        found = set(re.findall(r"[a-z]+://[^\"' )]+", text)) - ours
        assert not found, path.name
        assert not re.search(r"(src|href|action)=[\"']//", text), path.name
        assert "@import" not in text
        assert not re.search(r"\son[a-z]+=", text), path.name
        assert "style=" not in text


def test_every_word_of_a_page_is_in_every_language():
    words = {language: load(language).words for language in LANGUAGES}
    for language, theirs in words.items():
        assert set(words["en"]) == set(theirs), language
        for key, text in words["en"].items():
            assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", theirs[key])), (language, key)
    written = "".join(p.read_text(encoding="utf-8") for p in [*FOLDER.rglob("*.html"), *FOLDER.rglob("*.py")])
    asked = set(re.findall(r"""(?:\bt|texts\.get|get)\(["']([a-z_]+\.[a-z_]*[a-z])["']""", written))
    assert len(asked) > 60
    assert not asked - set(words["en"])
    made = ("consent.", "month.", "trouble.", "gone.", "receipt.", "uses.", "story.", "remote.", "setup.", "lending.")
    assert not {key for key in set(words["en"]) - asked if not key.startswith(made)}


def test_a_missing_word_fails():
    with pytest.raises(BadPageText):
        load("en").get("story.nothing")
    with pytest.raises(BadPageText):
        load("en").get("story.told")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_questions_are_those_of_the_box_word_for_word(language, tmp_path):
    assert {use: load(language).wording(use).hash for use in ASKED_USES} == {
        use: boxtexts.load(language).wording(use).hash for use in ASKED_USES
    }
    (tmp_path / f"{language}.toml").write_text('[consent]\nversion = "own-2"\npublic = "For all the world?"\n')
    ours, theirs = load(language, tmp_path).wording(Use.PUBLIC), boxtexts.load(language, tmp_path).wording(Use.PUBLIC)
    assert (ours.version, ours.hash) == (theirs.version, theirs.hash) == ("own-2", theirs.hash)


def test_a_librarys_words_that_cannot_be_read_are_refused(tmp_path, home, clock):
    (home.texts / "en.toml").write_text("not toml")
    with pytest.raises(BadPageText):
        make_app(home, clock, frozenset({"127.0.0.1"}))
    (home.texts / "en.toml").unlink()
    (home.texts / "en.toml").mkdir()
    with pytest.raises(BadPageText, match="no file"):
        make_app(home, clock, frozenset({"127.0.0.1"}))


# -- where it listens --------------------------------------------------------------------------------------------------

AP = frozenset({"192.0.2.1"})


@pytest.mark.parametrize("given", ["127.0.0.1:8480", "localhost:8480", "[::1]:8480", "127.0.0.1:0"])
def test_this_machine_itself_is_always_allowed(given):
    found = binding(given, access_points=frozenset(), phones=False)
    assert not found.access_point
    assert "127.0.0.1" in found.hosts


@pytest.mark.parametrize("given", ["0.0.0.0:8480", "198.51.100.7:8480", "[::]:8480", "203.0.113.8:80", "192.0.2.2:1"])
def test_no_other_address_is(given):
    with pytest.raises(BadBinding, match="not the box's own access point"):
        binding(given, access_points=AP, phones=True)


@pytest.mark.parametrize(
    "given", ["", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:\u00b2", "127.0.0.1:99999", "library.example:80", ":80"]
)
def test_what_is_no_address_is_refused(given):
    with pytest.raises(BadBinding):
        binding(given, access_points=AP, phones=True)


def test_the_access_point_is_allowed_only_while_a_phone_is_there():
    with pytest.raises(BadBinding, match="while a phone is paired"):
        binding("192.0.2.1:8480", access_points=AP, phones=False)
    found = binding("192.0.2.1:8480", access_points=AP, phones=True)
    assert (found.access_point, found.hosts) == (True, AP)


def test_a_wireless_interface_with_a_way_out_is_no_access_point(tmp_path):
    for name, kind in (("lo", "phy80211"), ("eth0", "queues")):
        (tmp_path / "net" / name / kind).mkdir(parents=True)
    routes = tmp_path / "route"
    head = "Iface\tDestination\tGateway\n"
    routes.write_text(head)
    assert own_access_points(tmp_path / "net", routes) == {"127.0.0.1"}
    routes.write_text(head + "lo\t00000000\t0101A8C0\n")
    assert own_access_points(tmp_path / "net", routes) == frozenset()
    assert own_access_points(tmp_path / "none", routes) == frozenset()


def test_the_verb_refuses_another_address_with_a_sentence(tmp_path):
    program = Path(sys.executable).parent / "hearth"
    done = subprocess.run(
        [program, "portal", "--home", tmp_path / "home", "--bind", "0.0.0.0:8480"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "not the box's own access point" in done.stderr


def test_the_real_server_says_nothing_about_itself_and_stops(serving, home):
    import httpx

    address = serving(home)
    answer = httpx.get(address)
    assert answer.status_code == 200
    assert "server" not in answer.headers
    with pytest.raises(httpx.HTTPError):
        httpx.get(address.replace("127.0.0.1", "[::1]"), timeout=2)


def test_a_taken_port_is_said(serving, home, clock):
    from archive.portal.app import serve
    from archive.portal.binding import Binding

    port = int(serving(home).rpartition(":")[2])
    with pytest.raises(BadBinding, match="cannot be offered"):
        serve(home, clock, Binding("127.0.0.1", port), lambda _: None)


def test_on_the_access_point_it_ends_when_no_phone_is_there(home, clock, monkeypatch):
    from archive.portal import app as portal
    from archive.portal.binding import Binding

    monkeypatch.setattr(portal, "_LOOK_S", 0.05)
    said = []
    portal.serve(home, clock, Binding("127.0.0.1", 0, access_point=True), said.append)
    assert said, "it was open, and it ended by itself"
