"""Whatever is sent to any page, action or box's call, by whomever, the answer is one of ours and never a 500.

Odd inputs are made by Hypothesis: path parts, fields, queries, headers and bodies, by every role, by nobody and by a
box. Each example asks one route; over a run every route is asked. `HEARTH_FUZZ` asks for more examples of each.
"""

from __future__ import annotations

import json
import os
import re
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.routing import Route
from starlette.testclient import TestClient

from archive.boxes import add_box, box_with, greet
from archive.curation import AskedPrompt, PreparedSet, save_prompts
from archive.people.roles import Role
from archive.portal.community.app import make_community, make_desk, pages
from archive.portal.community.deposit import box_app
from archive.portal.guard import form_token

HOST = "127.0.0.1:8490"
EXAMPLES = int(os.environ.get("HEARTH_FUZZ", "12"))
CALM = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
ODD = st.one_of(
    st.sampled_from([
        "", "0", "1", "-1", "9" * 9, "9" * 40, "1e9", "nan", "inf", "٣", "²", "0:12", "1:2:3:4", "x", "a" * 5000, "\x00", "\r\n",
        "../../etc/passwd", "%", "%00", "%zz", "{0}", "{story}", "{{7*7}}", "<script>", "' OR 1=1 --", '"', "\\", "NEAR(",
        "NEAR(a b, 99999)", '"a', "*", "AND", "🐚", "\u202e", "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
        "2026-02-30", "0001-01-01", "9999-12-31", "[]", "{}", "null", "yes", "keep", "hold", "main", "front-desk", "en", "mill", "new",
    ]),
    st.text(max_size=40),
)  # fmt: skip
FIELDS = (
    "verdict", "seen", "why", "note", "from", "until", "redaction", "text", "passage", "version", "index", "words",
    "excerpt", "title", "heard", "sure", "name", "role", "session", "password", "password2", "code", "to", "old", "site",
    "button", "box", "language", "languages", "first", "since", "text-en", "follow-en", "title-en",
)  # fmt: skip
QUERIES = ("q", "prompt", "site", "language", "since", "until", "before", "from", "kept", "to", "erased")
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), ODD),
    lambda one: st.one_of(st.lists(one, max_size=4), st.dictionaries(ODD, one, max_size=4)),
    max_leaves=8,
)
CALLS = st.dictionaries(
    st.sampled_from(["hello", "pulse", "tombstone", "signature", "upload", "site", "seal", "sign", "applied", "id", "at", "reach"]),
    JSON,
    max_size=5,
)  # fmt: skip
TUS = ("upload-length", "upload-offset", "upload-metadata", "tus-resumable", "content-length", "if-none-match")


@pytest.fixture
def wild(archive):
    """An archive with something of everything, its pages, and everybody's token."""
    story = archive.story()
    tokens = [archive.person(role.value, role) for role in Role] + [archive.person("all", *Role), ""]
    with archive.place.catalogue() as catalogue:
        credential = add_box(catalogue, "front-desk", "test", archive.place.now())
        greet(catalogue, box_with(catalogue, credential), b"s" * 32, b"v" * 32, {}, archive.place.now())
        with catalogue.write() as tx:
            asked = AskedPrompt("mill-q1", {"en": "Tell me."})
            save_prompts(tx, PreparedSet("mill", {"en": "The mill"}, (asked,)), "test", archive.place.now())
    app = make_community(archive.place, frozenset({"127.0.0.1"}))
    client = TestClient(app, base_url=f"http://{HOST}", raise_server_exceptions=False)
    return archive, client, story, [*tokens, *[archive.tokens["all"]] * 6], credential


def filled(path, story, odd):
    """The path with its parts filled: sometimes by what is there, sometimes by what is not."""
    there = {"story": story, "name": "curator", "box": "front-desk", "set": "mill", "prompt": "mill-q1"}

    def part(found):
        name = found.group(1).split(":")[0]
        return there[name] if odd is None and name in there else quote(odd or "x", safe="")

    return re.sub(r"\{(\w+(?::\w+)?)\}", part, path)


def ours(answer, what):
    assert answer.status_code < 500, (what, answer.status_code, answer.text[-600:])


def test_no_page_and_no_action_breaks(wild):
    archive, client, story, tokens, _ = wild
    found = [page for page in pages(make_desk(archive.place)) if page.path != "/leave"]

    @CALM
    @given(data=st.data())
    def every_page(data):
        odd = data.draw(st.one_of(st.none(), ODD))
        token = data.draw(st.sampled_from(tokens))
        fields = data.draw(st.dictionaries(st.sampled_from(FIELDS), ODD, max_size=8))
        query = data.draw(st.dictionaries(st.sampled_from(QUERIES), ODD, max_size=4))
        for page in found:
            path, cookies = filled(page.path, story, odd), {"Cookie": f"hearth={token}"} if token else {}
            client.cookies.clear()
            if "GET" in page.methods:
                answer = client.get(path, params=query, headers=cookies, follow_redirects=False)
            else:
                form = {**fields, "token": form_token(token)} if token else fields
                answer = client.post(path, data=form, params=query, headers=cookies, follow_redirects=False)
            ours(answer, (page.path, odd, fields, query))

    every_page()


def test_no_method_and_no_body_breaks(wild):
    archive, client, story, tokens, _ = wild
    paths = sorted(
        {page.path for page in pages(make_desk(archive.place))} | {"/healthz", "/static/desk.css", "/nowhere"}
    )

    @CALM
    @given(
        path=st.sampled_from(paths), token=st.sampled_from(tokens), body=st.binary(max_size=200), odd=st.one_of(st.none(), ODD),
        method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]),
        kind=st.sampled_from(["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data", "text/plain", "application/json", ""]),
    )  # fmt: skip
    def every_method(path, token, body, odd, method, kind):
        headers = {
            "Cookie": f"hearth={token}",
            "Content-Type": kind,
            "HX-Request": "true",
            "Range": f"bytes={len(body)}-",
        }
        client.cookies.clear()
        answer = client.request(method, filled(path, story, odd), content=body, headers=headers, follow_redirects=False)
        ours(answer, (method, path, odd, kind, body))

    every_method()


def test_no_call_of_a_box_breaks(wild):
    archive, client, story, _, credential = wild
    inner = box_app(archive.place, archive.place.clock)._app
    routes = [(method, route.path) for route in inner.routes if isinstance(route, Route) for method in route.methods]
    assert len(routes) > 10

    @CALM
    @given(data=st.data())
    def every_call(data):
        odd, plain = data.draw(st.one_of(st.none(), ODD)), data.draw(CALLS)
        body = data.draw(st.one_of(st.just(json.dumps(plain).encode()), st.binary(max_size=100)))
        printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)
        more = data.draw(
            st.dictionaries(st.sampled_from(TUS), st.one_of(printable, st.sampled_from(["0", "5"])), max_size=4)
        )
        who = data.draw(st.sampled_from([credential, credential, credential, "", "hearth-x", "Ünïcode"]))
        kind = data.draw(st.sampled_from(["application/json", "application/offset+octet-stream", ""]))
        headers = {**more, "Authorization": f"Bearer {who}".encode().decode("latin-1"), "Content-Type": kind}
        headers.pop("content-length", None)
        for method, path in routes:
            where = filled(path, story, odd).replace("{name}", "x")
            raw = {name: value.encode("latin-1") for name, value in headers.items()}
            ours(client.request(method, f"/box{where}", content=body, headers=raw), (method, path, odd, headers, body))

    every_call()
