"""The desk's pages as people use them: come in, listen, decide, correct, blank out, cut; never past the gate."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile

from archive.people.roles import Role
from archive.people.sessions import FRESH
from archive.reviewing.words import BLANK
from archive.types import Form, Use

PASSWORD = "four quite unrelated words"


def rows(archive, sql, *params):
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        return tx.all(sql, *params)


def first_code(archive):
    from archive.people.accounts import first_code as make

    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        return make(tx, archive.place.now())


def test_the_first_person_comes_in_by_the_printed_code_and_lets_others_in(archive, visit):
    code = first_code(archive)
    guest = visit()
    assert "/enter" in guest.get("/") or guest.path == "/enter"
    guest.get("/code")
    guest.post("/code", code=code, name="Maren", password=PASSWORD, password2="something else entirely")
    assert "not the same" in guest.page
    guest.post("/code", code=code, name="Maren", password=PASSWORD, password2=PASSWORD)
    assert guest.path == "/"
    assert "maren" in guest.page
    guest.get("/people")
    guest.send("/people/add", token=guest.field("token"), name="ilse", role=["curator", "archivist"])
    given = re.search(r'class="code"[^>]*>([0-9A-Z-]{19})<', guest.page)
    assert given
    other = visit()
    other.get("/code")
    other.post("/code", code=given[1], name="", password="words that only she knows", password2="words that only she knows")  # fmt: skip
    assert other.path == "/"
    other.get("/people")
    assert other.status == 403
    assert "Review" in other.get("/")
    guest.get("/people/ilse")
    guest.post("/people/ilse/roles", role="analyst")
    assert "Review" not in other.get("/"), "a role taken away counts at the next request"
    guest.post("/people/ilse/end")
    assert "No account was ended." in guest.page
    guest.post("/people/ilse/end", sure="yes")
    other.get("/")
    assert other.path == "/enter"
    changes = [(one["who"], one["what"], one["subject"]) for one in rows(archive, "SELECT * FROM changes ORDER BY id")]
    assert ("maren", "person added", "ilse") in changes
    assert ("maren", "person ended", "ilse") in changes


def test_coming_in_leads_to_the_page_asked_for_and_never_elsewhere(archive, visit):
    archive.person("ana", Role.CURATOR)
    for wanted, led in (
        ("/review", "/review"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil", "/"),
    ):
        guest = visit()
        guest.get("/enter")
        guest.post("/enter", name="ANA", password=PASSWORD, to=wanted)
        assert guest.path == led
    guest = visit()
    guest.get("/enter")
    guest.post("/enter", name="ana", password="wrong")
    assert guest.status == 403
    assert "do not fit" in guest.page
    assert "wrong" not in re.findall(r'value="([^"]*)"', guest.page)


def test_a_session_gets_a_new_cookie_and_ends_with_leaving(archive, visit):
    archive.person("ana", Role.CURATOR)
    guest = visit()
    guest.get("/enter")
    before = guest.client.cookies.get("hearth")
    guest.post("/enter", name="ana", password=PASSWORD)
    after = guest.client.cookies.get("hearth")
    assert before != after
    guest.post("/leave")
    stale = visit()
    stale.client.cookies.set("hearth", after, domain="127.0.0.1", path="/")
    stale.get("/review")
    assert stale.path == "/enter"


def test_the_oldest_waits_first_and_a_kept_story_waits_no_more(archive, visit):
    younger, older = archive.story(days=2), archive.story(days=9)
    curator = visit("ana", Role.CURATOR)
    page = curator.get("/review")
    # In the order in which they came: that is what waits longest.
    assert page.index(younger) < page.index(older)
    assert "2 stories wait" in curator.get("/")
    curator.get(f"/story/{younger}")
    curator.post(f"/story/{younger}/decide", verdict="keep", seen=curator.field("seen"))
    assert curator.path == "/review"
    assert "Kept." in curator.page
    assert younger not in curator.page
    curator.get(f"/story/{older}")
    curator.post(f"/story/{older}/decide", verdict="hold", why="names a neighbour", seen=curator.field("seen"))
    assert "names a neighbour" in curator.page
    assert "held back" in curator.get("/")
    assert [(one["story"], one["who"], one["verdict"]) for one in rows(archive, "SELECT * FROM reviews ORDER BY id")] == [(younger, "ana", "keep"), (older, "ana", "hold")]  # fmt: skip


def test_two_curators_are_shown_both_versions(archive, visit):
    story = archive.story()
    ana, ben = visit("ana", Role.CURATOR), visit("ben", Role.CURATOR)
    ana.get(f"/story/{story}")
    ben.get(f"/story/{story}")
    seen = ben.field("seen")
    ana.post(f"/story/{story}/decide", verdict="hold", why="ask the family", seen=ana.field("seen"))
    ben.post(f"/story/{story}/decide", verdict="keep", seen=seen)
    assert ben.status == 409
    assert "Somebody else changed this" in ben.page
    assert "ana: held – ask the family" in ben.page
    assert len(rows(archive, "SELECT id FROM reviews")) == 1
    # Words the same: one passage, two hands.
    for who, text in ((ana, "Hawel"), (ben, "Havelka")):
        who.send(f"/story/{story}/word", token=who.field("token") if 'name="token"' in who.page else "", passage="2", version="1", index="2", text=text)  # fmt: skip
    assert ben.status == 409
    assert "Havelka" in ben.page
    assert "Hawel" in ben.page


def test_a_word_is_corrected_in_its_place(archive, visit):
    story = archive.story()
    ana = visit("ana", Role.CURATOR)
    ana.get(f"/story/{story}")
    found = re.search(r'id="p(\d+)" data-number="\1" data-version="1">(?:(?!</span> </span>).)*?data-i="(\d+)"[^>]*>Havel<', ana.page)  # fmt: skip
    assert found
    answer = ana.client.post(
        f"/story/{story}/word", headers={"HX-Request": "true"},
        data={"token": ana.field("token"), "passage": found[1], "version": "1", "index": found[2], "text": "<b>Hawel</b>"},
    )  # fmt: skip
    assert answer.status_code == 200
    assert answer.text.strip().startswith(f'<span class="passage" id="p{found[1]}"')
    assert "&lt;b&gt;Hawel&lt;/b&gt;" in answer.text
    assert 'data-version="2"' in answer.text
    refused = ana.client.post(
        f"/story/{story}/word", headers={"HX-Request": "true"},
        data={"token": ana.field("token"), "passage": found[1], "version": "1", "index": "0", "text": "x"},
    )  # fmt: skip
    assert refused.status_code == 409
    assert "<html" not in refused.text
    assert "corrected by ana" in ana.get(f"/story/{story}")


def test_all_words_are_noted_as_checked(archive, visit):
    story = archive.story()
    ana = visit("ana", Role.CURATOR)
    assert "Written by a machine, not yet checked: whisper base" in ana.get(f"/story/{story}")
    words = ana.field("words")
    ana.post(f"/story/{story}/checked", words=words)
    assert "Nothing was noted as checked." in ana.page
    assert "Written by a machine" in ana.get(f"/story/{story}")
    ana.post(f"/story/{story}/checked", words=words, sure="yes")
    assert "Checked against the sound by ana" in ana.page
    assert "Written by a machine" not in ana.page


def heard(visitor, story, **headers):
    answer = visitor.client.get(f"/story/{story}/sound.flac", headers=headers)
    return answer, answer.content


def test_sound_comes_by_range_and_is_the_sound_that_was_told(archive, visit):
    story = archive.story()
    ana = visit("ana", Role.ANALYST)
    whole, body = heard(ana, story)
    assert whole.status_code == 200
    assert whole.headers["content-type"] == "audio/flac"
    key = rows(archive, "SELECT key FROM files WHERE path = 'data/story.flac'")[0]["key"]
    with archive.place.objects.open(key) as stream:
        assert stream.read() == body
    part, some = heard(ana, story, Range="bytes=100-299")
    assert part.status_code == 206
    assert part.headers["content-range"] == f"bytes 100-299/{len(body)}"
    assert some == body[100:300]
    tail, end = heard(ana, story, Range="bytes=-50")
    assert (tail.status_code, end) == (206, body[-50:])
    assert heard(ana, story, Range=f"bytes={len(body)}-")[0].status_code == 416
    assert ana.get(f"/story/{story}/wave.svg").startswith("<svg")


def test_a_blanked_span_is_neither_heard_nor_read_by_anybody(archive, visit):
    story = archive.story()
    ana = visit("ana", Role.CURATOR)
    ana.get(f"/story/{story}")
    _, before = heard(ana, story)
    ana.post(
        f"/story/{story}/redact", **{"from": "0:09", "until": "0:11.5", "why": "a name", "seen": ana.field("seen")}
    )
    assert ana.status == 200
    assert BLANK in ana.page
    for who in (ana, visit("ben", Role.ARCHIVIST), visit("cem", Role.ANALYST)):
        answer, after = heard(who, story)
        assert answer.status_code == 200
        old, rate = soundfile.read(io.BytesIO(before))
        new, _ = soundfile.read(io.BytesIO(after))
        assert len(old) == len(new)
        assert np.array_equal(old[: 9 * rate], new[: 9 * rate])
        assert not np.array_equal(old[9 * rate : 11 * rate], new[9 * rate : 11 * rate])
        assert np.max(np.abs(new[9 * rate : round(11.4 * rate)])) < 0.06
        gone = rows(archive, "SELECT words FROM passage_versions")[0]["words"]
        for word in set(re.findall(r'"([A-Za-z]+)"', gone)) - set(re.findall(r">([A-Za-z]+)<", ana.page)):
            assert f">{word}<" not in who.get(f"/story/{story}")
    # A newer bag of the same story brings the words as they were: they are blanked again.
    archive.story((*(Use.RECORD, Use.KEEP, Use.PLAY_HERE, Use.ARCHIVE), Use.QUOTE), again=story)
    ana.get(f"/story/{story}")
    assert BLANK in ana.page
    assert heard(ana, story)[1] != before
    ident = ana.field("redaction")
    ana.post(f"/story/{story}/lift", redaction=ident, seen=ana.field("seen"))
    assert BLANK not in re.sub(r"<title>.*?</title>", "", ana.page)
    assert heard(ana, story)[1] == before


@pytest.mark.parametrize(
    ("uses", "form", "more", "reads", "hears"),
    [
        ((Use.RECORD, Use.KEEP, Use.ARCHIVE), Form.VOICE, (), True, True),
        ((Use.RECORD, Use.KEEP, Use.PUBLIC), Form.VOICE, (), True, True),
        ((Use.RECORD, Use.KEEP, Use.ARCHIVE), Form.TRANSCRIPT, (), True, False),
    ],
)
def test_the_desk_opens_what_its_teller_allowed(archive, visit, uses, form, more, reads, hears):
    story = archive.story(uses, form=form, more=more)
    ana = visit("ana", Role.CURATOR)
    page = ana.get(f"/story/{story}")
    assert ("whistle" in page.split("What was told")[-1]) is reads
    assert (heard(ana, story)[0].status_code == 200) is hears
    assert (ana.get(f"/story/{story}/cut") != "" and ana.status == 200) is hears


def close_for_all(archive, story):
    """What a newer bag says whose teller seals, as the catalogue then holds it."""
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("UPDATE consents SET yes = 0 WHERE story = ? AND use = 'archive'", story)


def test_what_is_open_closes_at_the_very_next_request(archive, visit):
    story = archive.story()
    ana = visit("ana", Role.CURATOR)
    ana.get(f"/story/{story}")
    seen = ana.field("seen")
    assert heard(ana, story, Range="bytes=0-99")[0].status_code == 206
    close_for_all(archive, story)
    for path in ("sound.flac", "wave.svg", "cut"):
        answer = ana.client.get(f"/story/{story}/{path}", headers={"Range": "bytes=0-99"})
        assert answer.status_code == 403, path
        assert "Not agreed" in answer.text
    page = ana.get(f"/story/{story}")
    assert "stay closed" in page
    assert "Havel" not in page
    for act, fields in (("decide", {"verdict": "keep"}), ("word", {"passage": "0", "version": "1", "index": "0", "text": "x"}), ("redact", {"from": "0", "until": "3"})):  # fmt: skip
        ana.post(f"/story/{story}/{act}", seen=seen, **fields)
        assert ana.status == 403
    assert rows(archive, "SELECT * FROM reviews") == []
    assert story not in ana.get("/review")


def test_an_excerpt_is_heard_before_it_is_saved_and_taken_out_of_use_by_name(archive, visit):
    story = archive.story(
        lines=tuple(f"This is sentence number {n} of a story that takes its time." for n in range(12))
    )
    fac = visit("fay", Role.FACILITATOR)
    page = fac.get(f"/story/{story}/cut?from=9000")
    start, until = int(fac.field("from")), int(fac.field("until"))
    assert 20_000 <= until - start <= 75_000
    assert "Both ends lie in a pause." in page
    fields = {"from": str(start), "until": str(until), "title": "A sentence", "note": ""}
    fac.post(f"/story/{story}/cut", **fields)
    assert fac.status == 422
    assert "Listen to the excerpt" in fac.page
    assert 'value="A sentence"' in fac.page, "what was written is not lost"
    fac.post(f"/story/{story}/cut", **fields, move=f"{start}-{until - 4000}")
    assert (fac.status, int(fac.field("from"))) == (200, start)
    assert int(fac.field("until")) < until
    assert 'value="A sentence"' in fac.page, "nor where an end is moved"
    fac.post(f"/story/{story}/cut", heard="yes", **(fields | {"until": str(start + 4000)}))
    assert fac.status == 422
    fac.get(f"/story/{story}/cut")
    fac.post(f"/story/{story}/cut", heard="yes", **fields)
    assert "A sentence" in fac.page
    assert [(one["start_ms"], one["end_ms"], one["who"]) for one in rows(archive, "SELECT * FROM excerpts")] == [(start, until, "fay")]  # fmt: skip
    fac.post(f"/story/{story}/excerpt/end", excerpt=fac.field("excerpt"))
    assert "None was cut yet." in fac.page


def test_consent_and_where_it_comes_from_are_said_in_plain_words(archive, visit):
    story = archive.story((Use.RECORD, Use.KEEP, Use.ARCHIVE, Use.QUOTE))
    page = visit("ana", Role.ANALYST).get(f"/story/{story}")
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))
    for line in (
        "Yes: kept, heard and studied in this archive", "No: played at the library where it was told",
        "No: published for everybody", "Yes: quoted in writing", "Never: used to train a model",
        "from the box front-desk", "at Riverside Library", "version 3 (en)", story,
    ):  # fmt: skip
        assert line in plain, line


def test_erasing_asks_for_the_password_again_and_for_a_tick(archive, visit, monkeypatch):
    story = archive.story()
    arch = visit("ada", Role.ARCHIVIST)
    late = archive.place.now() + FRESH + timedelta(seconds=1)
    monkeypatch.setattr(archive.place.clock, "wall", lambda: late)
    arch.get(f"/story/{story}/erase")
    assert arch.path == "/again"
    arch.send(f"/story/{story}/erase", token=arch.field("token"), sure="yes")
    assert arch.path == "/again", "the form alone does not erase either"
    arch.post("/again", password="wrong", to=f"/story/{story}/erase")
    assert arch.status == 403
    arch.post("/again", password=PASSWORD, to=f"/story/{story}/erase")
    assert "Erase this story for good?" in arch.page
    arch.post(f"/story/{story}/erase")
    assert "Nothing was erased." in arch.page
    arch.get(f"/story/{story}/erase")
    arch.post(f"/story/{story}/erase", sure="yes")
    assert "It is erased" in arch.page
    assert rows(archive, "SELECT * FROM stories") == []
    assert [one["came_from"] for one in rows(archive, "SELECT * FROM tombstones")] == ["ada"]
    assert list(archive.place.objects.keys("bags")) == []
    assert list(archive.place.objects.keys("derived")) == []
    arch.get(f"/story/{story}")
    assert arch.status == 404


def test_a_backup_that_failed_is_told_to_whoever_looks_after_the_boxes(archive, visit):
    from archive.server.lastbackup import note_backup

    note_backup(archive.place, Path("/srv/kept"))
    assert "backup" not in visit("olga", Role.ORGANIZER).get("/")
    note_backup(archive.place, Path("/srv/kept"), "No disk is mounted at /srv/kept.")
    told = visit("otto", Role.ORGANIZER).get("/")
    assert "The last backup was made on" in told
    assert "No disk is mounted at /srv/kept." in told
    assert "backup" not in visit("rita", Role.CURATOR).get("/")


def test_a_held_box_a_silent_box_and_an_aside_bag_are_told_to_whom_they_concern(archive, visit):
    from archive.boxes import add_box

    with archive.place.catalogue() as catalogue:
        add_box(catalogue, "maple-street", "test", archive.place.now() - timedelta(days=9))
    told = visit("olga", Role.ORGANIZER).get("/")
    assert "The box maple-street has never called." in told
    assert "maple-street" not in visit("ana", Role.CURATOR).get("/")
    assert "Nothing waits for you." in visit("ana").get("/")


def test_keys_that_are_not_here_are_told_to_whoever_looks_after_the_boxes(archive, visit):
    olga = visit("olga", Role.ORGANIZER)
    assert "The keys of this archive" not in olga.get("/")
    del archive.place.keys  # read once and kept: as after a new start without the medium
    keys = archive.place.path.with_name(f"{archive.place.path.name}-keys")
    keys.rename(keys.with_name("medium"))
    assert "The keys of this archive are not at" in olga.get("/")
    assert "No story comes in" in olga.page
    assert "The keys of this archive" not in visit("ana", Role.CURATOR).get("/")


def test_a_new_archive_says_what_it_needs_first(archive, visit):
    from archive.boxes import add_box

    olga, fay = visit("olga", Role.ORGANIZER), visit("fay", Role.FACILITATOR)
    wanted = ("No box may hand on to this archive yet.", "Nobody here is a curator yet.")
    assert all(one in olga.get("/") and one not in fay.get("/") for one in wanted)
    with archive.place.catalogue() as catalogue:
        add_box(catalogue, "maple-street", "test", archive.place.now())
    visit("ana", Role.CURATOR)
    assert not any(one in olga.get("/") for one in wanted)


def test_only_who_reviews_is_told_that_everything_was_heard(archive, visit):
    from archive.boxes import add_box

    with archive.place.catalogue() as catalogue:
        add_box(catalogue, "maple-street", "test", archive.place.now())
    heard = "Everything that came was heard"
    assert heard in visit("ana", Role.CURATOR).get("/")
    archive.story()
    for role in set(Role) - {Role.CURATOR}:
        told = visit(role.value.replace("-", ""), role).get("/")
        assert "Nothing waits for you." in told
        assert heard not in told, role


def test_an_archivist_looks_at_both_and_throws_the_other_away(archive, visit):
    story = archive.story()
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("INSERT INTO aside (id, story, sha256, box, at, why, place) VALUES ('a1', ?, 'x', '', ?, 'Another content came.', 'a1')",
               story, archive.place.now().isoformat())  # fmt: skip
    (archive.place.aside / "a1" / story / "data").mkdir(parents=True)
    assert f'href="/story/{story}"' in visit("ana", Role.CURATOR).get("/")
    ada = visit("ada", Role.ARCHIVIST)
    assert 'href="/aside/a1"' in ada.get("/")
    page = ada.get("/aside/a1")
    for told in ("Two contents under one name", "Another content came.", "cannot be read", "Not the same."):
        assert told in page
    ada.post("/aside/a1")
    assert "Tick the box" in ada.page
    ada.get("/aside/a1")
    ada.post("/aside/a1", sure="yes")
    assert "put aside" not in ada.get("/")
    assert list(archive.place.aside.iterdir()) == []
    assert ada.get("/aside/a1") and ada.status == 404  # noqa: PT018


def test_a_sysadmin_sees_no_word_of_any_story(archive, visit):
    story = archive.story()
    sys = visit("sam", Role.SYSADMIN)
    for path in ("/", "/review", f"/story/{story}", f"/story/{story}/sound.flac", f"/story/{story}/cut", "/people"):
        assert "whistle" not in sys.get(path)


@pytest.mark.parametrize(
    "path", ["/story/nothing", "/story/../x", "/story/01JD0000000000000000000001/cut", "/people/nobody"]
)
def test_what_is_not_there_is_a_plain_page(archive, visit, path):
    page = visit("ana", *Role).get(path)
    assert "Traceback" not in page
    assert "<h1>" in page


def test_healthz_tells_programs_and_leaves_no_cookie(archive, visit):
    answer = visit().client.get("/healthz")
    assert answer.json() == {"ok": True}
    assert "set-cookie" not in answer.headers
