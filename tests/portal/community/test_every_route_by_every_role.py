"""Every page and action, asked by every role, by nobody, after the session ended, with another archive's cookie, and
without a form of ours. The matrix is made from the routes themselves: a new page is in it at once.
"""

from __future__ import annotations

import re

import pytest
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from archive.people.roles import Permission, Role, allowed
from archive.people.sessions import end_session_of_token
from archive.portal.community.app import BARE, make_community, make_desk, pages
from archive.portal.community.desk import Page
from archive.portal.guard import form_token
from archive.server.place import open_archive

HOST = "127.0.0.1:8490"
EXPECTED = {
    # Written down a second time, by hand: a page whose permission changes has to change here too.
    Permission.ANYBODY: {"GET /enter", "POST /enter", "GET /code", "POST /code", "POST /leave"},
    Permission.OWN: {
        "GET /", "GET /account", "POST /account/password", "POST /account/end", "GET /again", "POST /again", "GET /policy",
    },
    Permission.STORIES: {
        "GET /story/{story}", "GET /story/{story}/sound.flac", "GET /story/{story}/wave.svg",
        "GET /story/{story}/timeline", "GET /story/{story}/timeline/progress",
        "GET /partners", "GET /partners/{partner}/{story}", "GET /partners/{partner}/{story}/sound.flac",
        "GET /medleys", "GET /medleys/{medley}", "GET /medleys/{medley}/sound.flac",
        "GET /medleys/{medley}/captions.vtt", "GET /briefings", "GET /briefings/{briefing}",
    },
    Permission.REVIEW: {
        "GET /review", "POST /story/{story}/decide", "POST /story/{story}/redact", "POST /story/{story}/lift",
        "POST /story/{story}/note", "POST /story/{story}/word", "POST /story/{story}/checked",
    },
    Permission.EXCERPT: {
        "GET /story/{story}/cut", "POST /story/{story}/cut", "POST /story/{story}/excerpt/end",
        "POST /medleys", "POST /medleys/{medley}/end", "GET /medleys/{medley}/arrange",
        "POST /medleys/{medley}/arrange", "POST /recorded/{medley}",
    },
    Permission.PUBLISH: {"POST /medleys/{medley}/door"},
    Permission.HAND_OUT: {"POST /medleys/{medley}/hand-out", "POST /briefings/{briefing}/hand-out"},
    Permission.SEARCH: {"GET /search", "GET /search/meaning", "GET /search/like/{story}", "GET /search/partners"},
    Permission.CUES: {
        "GET /cues", "GET /cues/{box}", "POST /cues/{box}/put", "POST /cues/{box}/clear",
        "GET /story/{story}/excerpt/{excerpt}/cue", "POST /medleys/{medley}/cue",
        "POST /partners/{partner}/sheets/{sheet}",
    },
    Permission.PROMPTS: {
        "GET /prompts", "POST /prompts/add", "POST /prompts/look", "GET /prompts/{set}", "POST /prompts/{set}/boxes",
        "POST /prompts/{set}/remove", "GET /prompts/{set}/{prompt}", "POST /prompts/{set}/{prompt}",
        "POST /prompts/{set}/{prompt}/remove", "POST /partners/{partner}/questions/{set}",
    },
    Permission.POLICY: {"GET /policy/change", "POST /policy/change", "GET /log", "GET /log.csv"},
    Permission.BOXES: {"GET /boxes", "POST /boxes/add", "POST /boxes/{box}/revoke", "POST /boxes/{box}/site"},
    Permission.CODE: {
        "POST /story/{story}/timeline/propose", "POST /story/{story}/timeline/correct",
        "POST /story/{story}/timeline/check", "GET /patterns/sessions", "POST /patterns/sessions",
        "GET /patterns", "GET /patterns/story/{story}", "POST /patterns/story/{story}/mark",
        "POST /patterns/story/{story}/code", "POST /patterns/story/{story}/uncode", "POST /patterns/story/{story}/memo",
        "POST /patterns/story/{story}/remove", "POST /patterns/story/{story}/through",
        "POST /patterns/story/{story}/propose", "POST /patterns/story/{story}/decide", "GET /patterns/codebook",
        "POST /patterns/codebook/make", "POST /patterns/codebook/add", "GET /patterns/codebook/{code}",
        "POST /patterns/codebook/{code}/change", "POST /patterns/codebook/{code}/merge",
        "POST /patterns/codebook/{code}/split", "GET /patterns/agreement", "GET /patterns/across",
        "GET /patterns/themes", "POST /patterns/themes/make", "GET /patterns/themes/{theme}",
        "POST /patterns/themes/{theme}/rewrite", "POST /patterns/themes/{theme}/voice",
        "POST /patterns/themes/{theme}/take", "POST /patterns/themes/{theme}/none", "POST /briefings",
        "POST /briefings/{briefing}/point", "POST /briefings/{briefing}/quote", "POST /briefings/{briefing}/check",
        "POST /briefings/{briefing}/remove",
    },
    Permission.WITHDRAW: {"GET /story/{story}/back", "POST /story/{story}/back"},
    Permission.ERASE: {
        "GET /story/{story}/erase", "POST /story/{story}/erase", "GET /aside/{aside}", "POST /aside/{aside}",
    },
    Permission.PEOPLE: {
        "GET /people", "POST /people/add", "GET /people/{name}", "POST /people/{name}/roles",
        "POST /people/{name}/code", "POST /people/{name}/end", "POST /people/{name}/session",
    },
}  # fmt: skip


def method_of(page: Page) -> str:
    return "POST" if "POST" in (page.methods or ()) else "GET"


def path_of(page: Page, story: str) -> str:
    return (
        page.path.replace("{story}", story)
        .replace("{name}", "nobody-here")
        .replace("{box}", "no-box")
        .replace("{set}", "no-set")
        .replace("{prompt}", "no-question")
    )


def ask(client: TestClient, page: Page, story: str, token: str = "", **fields: str):
    cookies = {"Cookie": f"hearth={token}"} if token else {}
    if method_of(page) == "GET":
        return client.get(path_of(page, story), headers=cookies, follow_redirects=False)
    data = {"token": form_token(token), **fields} if token else fields
    return client.post(path_of(page, story), data=data, headers=cookies, follow_redirects=False)


@pytest.fixture
def site(archive):
    story = archive.story()
    app = make_community(archive.place, frozenset({"127.0.0.1"}))
    client = TestClient(app, base_url=f"http://{HOST}", raise_server_exceptions=False)
    return client, pages(make_desk(archive.place)), story


def test_every_page_of_these_modules_is_where_it_was_written_down(site):
    _, found, _ = site
    told = {permission: set() for permission in Permission}
    for page in found:
        told[page.permission].add(f"{method_of(page)} {page.path}")
    for permission, wanted in EXPECTED.items():
        assert wanted <= told[permission], permission
    assert [one for one in Permission if not told[one]] == [], "a permission that opens nothing"
    assert told[Permission.ANYBODY] == EXPECTED[Permission.ANYBODY], "without an account there is the way in alone"


def test_nothing_is_served_beside_the_matrix(archive):
    app = make_community(archive.place, frozenset({"127.0.0.1"}))._app
    for route in app.routes:
        if isinstance(route, Page):
            continue
        path = f"{route.path}/" if isinstance(route, Mount) else route.path
        assert isinstance(route, Route | Mount)
        assert path.startswith(("/static/", *BARE)), path


@pytest.mark.parametrize("role", list(Role))
def test_a_role_does_what_the_table_says_and_nothing_else(archive, site, role):
    client, found, story = site
    token = archive.person("ana", role)
    for page in found:
        if page.path == "/leave":
            continue  # it ends the session; nobody is refused there
        client.cookies.clear()
        answer = ask(client, page, story, token)
        free = page.permission is Permission.ANYBODY or allowed([role], page.permission)
        if free:
            assert answer.status_code < 500, (page.path, answer.text[-300:])
            assert "This needs the role of" not in answer.text, page.path
            assert answer.status_code != 401, page.path
        else:
            assert answer.status_code == 403, page.path
            assert "This needs the role of" in answer.text, page.path


def test_nobody_gets_no_further_than_the_door(site):
    client, found, story = site
    for page in found:
        client.cookies.clear()
        answer = ask(client, page, story)
        if method_of(page) == "POST":
            assert answer.status_code == 403, page.path
            assert "Nothing was changed." in answer.text
        elif page.permission is not Permission.ANYBODY:
            assert answer.status_code == 303, page.path
            assert answer.headers["location"].startswith("/enter")
        assert "whistle" not in answer.text, page.path


def refused_as_nobody(client, found, story, token):
    for page in found:
        if page.permission is Permission.ANYBODY:
            continue
        client.cookies.clear()
        answer = ask(client, page, story, token)
        assert answer.status_code in {303, 401}, (page.path, answer.status_code)
        if answer.status_code == 303:
            assert answer.headers["location"].startswith("/enter"), page.path
        assert "whistle" not in answer.text, page.path


def test_an_ended_session_is_nobody(archive, site):
    client, found, story = site
    token = archive.person("ana", *Role)
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        end_session_of_token(tx, token, archive.place.now())
    refused_as_nobody(client, found, story, token)


def test_another_archives_cookie_is_nobody(archive, site, tmp_path):
    client, found, story = site
    with open_archive(tmp_path / "other") as place:
        token = type(archive)(place, tmp_path).person("ana", *Role)
    refused_as_nobody(client, found, story, token)


def test_no_form_of_ours_no_change(archive, site):
    client, found, story = site
    token = archive.person("ana", *Role)
    other = archive.person("ben", *Role)
    for page in found:
        if method_of(page) != "POST":
            continue
        for wrong in ("", "x" * 64, form_token(other), token):
            client.cookies.clear()
            answer = client.post(
                path_of(page, story), data={"token": wrong, "sure": "yes", "verdict": "keep", "seen": "0"},
                headers={"Cookie": f"hearth={token}"}, follow_redirects=False,
            )  # fmt: skip
            assert answer.status_code == 403, (page.path, wrong)
            assert "Nothing was changed." in answer.text
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        assert tx.all("SELECT * FROM reviews") == []
        assert len(tx.all("SELECT id FROM people WHERE ended_at IS NULL")) == 2


def test_every_answer_carries_the_guards_headers_and_another_name_opens_nothing(site):
    client, found, story = site
    for page in found:
        answer = ask(client, page, story)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
    assert client.get("/enter", headers={"host": "evil.example"}).status_code == 421
    for path in ("/static/../app.py", "/static/", "/nothing"):
        assert client.get(path, follow_redirects=False).status_code == 404


def test_no_template_loads_from_elsewhere_or_runs_anything_inline(archive):
    from importlib import resources

    folder = resources.files("archive.portal").joinpath("templates", "community")
    for file in folder.iterdir():
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"(src|href|action)=\"(https?:)?//", text), file.name
        assert not re.search(r"\son\w+=|style=|<style|<script>", text), file.name
