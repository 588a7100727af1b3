"""A teller's own story on the pages: every address, for nobody, for a teller, and after."""

from __future__ import annotations

import errno
import io
import re
import wave

import pytest

from archive.errors import NoSuchStory
from archive.portal.teller import clock as as_clock
from archive.portal.teller import paragraphs, read_clock
from archive.tellers import copies
from archive.types import ASKED_USES, Use
from audio.types import Ms, Word

PAGES = ("/story/sound.wav", "/story/wave.svg", "/story/withdraw")
ACTS = ("/story/use", "/story/only-me", "/story/part", "/story/withdraw")


def pcm_of(content):
    with wave.open(io.BytesIO(content)) as file:
        return file.readframes(file.getnframes())


def test_nobody_is_asked_for_a_code_and_gets_nothing_else(guest):
    assert 'name="code"' in guest.get("/story")
    assert 'autocomplete="off"' in guest.page
    for path in PAGES:
        guest.get(path)
        assert guest.status == 404, path
    for path in ACTS:
        guest.post(path, use="archive", answer="yes", sure="yes", **{"from": "0", "to": "1"})
        assert guest.status == 404, path
    assert 'name="code"' in guest.get("/story/receipt")


def test_a_wrong_code_says_so_and_soon_has_to_wait(guest, teller):
    _, code = teller.story()
    wrong = f"{code.number}-" + "-".join(["wrong"] * 4)
    said = guest.enter(wrong)
    assert guest.status == 403
    assert "This fits nothing here." in said
    assert "wrong-wrong" not in said
    for _ in range(4):
        guest.enter(wrong)
    assert guest.status == 429
    assert "Please wait" in guest.page


def test_the_code_opens_the_story_for_this_browser_alone(guest, guests, teller, work):
    _, code = teller.story(Use.PLAY_HERE)
    work()
    page = guest.enter(str(code).replace("-", "  ").upper())
    assert guest.status == 200
    assert "Under the &lt;b&gt;linden&lt;/b&gt; tree." in re.sub(r"\s+", " ", page)
    assert "Written by a machine, not yet checked." in page
    assert "It has never left this box." in page
    assert not re.search(r"\W+".join(code.words), page, re.IGNORECASE)
    assert 'name="code"' in guests().get("/story")


def test_the_token_changes_when_a_story_is_opened_and_when_it_is_closed(guest, teller):
    _, code = teller.story()
    guest.get("/story")
    first = guest.client.cookies["hearth"]
    guest.enter(code)
    second = guest.client.cookies["hearth"]
    guest.post("/story/leave")
    assert len({first, second, guest.client.cookies["hearth"]}) == 3
    guest.client.cookies.set("hearth", second)
    assert 'name="code"' in guest.get("/story")


def test_an_open_story_closes_by_itself(guest, teller, clock):
    _, code = teller.story()
    guest.enter(code)
    clock.sleep(590)
    assert "Who may use it" in guest.get("/story")
    clock.sleep(601)
    assert 'name="code"' in guest.get("/story")


def test_the_sound_is_the_story_sample_for_sample(guest, teller):
    _, code = teller.story(seconds=3)
    guest.enter(code)
    whole = guest.client.get("/story/sound.wav")
    assert whole.headers["content-type"] == "audio/wav"
    assert whole.headers["cache-control"] == "no-store"
    assert pcm_of(whole.content) == teller.pcm
    assert int(whole.headers["content-length"]) == len(whole.content)


def test_any_range_of_the_sound_is_the_same_bytes(guest, teller, work):
    _, code = teller.story(seconds=3)
    work()
    guest.enter(code)
    whole = guest.client.get("/story/sound.wav").content
    size = len(whole)
    for first, last in (
        (0, 0),
        (0, 43),
        (10, 60),
        (43, 44),
        (44, 44),
        (45, 1001),
        (size - 1, size - 1),
        (31_999, 70_001),
    ):
        answer = guest.client.get("/story/sound.wav", headers={"range": f"bytes={first}-{last}"})
        assert answer.status_code == 206
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{size}"
        assert answer.content == whole[first : last + 1]
    for asked, expected in (
        ("bytes=96000-", whole[96_000:]),
        ("bytes=-100", whole[-100:]),
        ("bytes=0-999999999", whole),
    ):
        answer = guest.client.get("/story/sound.wav", headers={"range": asked})
        assert answer.content == expected
    assert guest.client.get("/story/sound.wav", headers={"range": f"bytes={size}-"}).status_code == 416
    assert guest.client.get("/story/sound.wav", headers={"range": "bytes=5-2"}).status_code == 416
    assert guest.client.get("/story/sound.wav", headers={"range": "lines=1-2"}).status_code == 200


def test_the_wave_in_the_margin_is_a_drawing_of_this_story(guest, teller):
    _, code = teller.story()
    guest.enter(code)
    drawn = guest.client.get("/story/wave.svg")
    assert drawn.headers["content-type"].startswith("image/svg+xml")
    assert drawn.text.count("<rect") == 150


def test_a_no_counts_at_once_and_a_yes_needs_this_code(guest, teller, store):
    take, code = teller.story(Use.PLAY_HERE, Use.PUBLIC)
    store.close_review(take, "left")
    page = guest.enter(code)
    assert page.count("No longer") == 2
    guest.post("/story/use", use="public", answer="no")
    assert set(store.standing(take).uses) & set(ASKED_USES) == {Use.PLAY_HERE}
    guest.post("/story/use", use="quote", answer="yes")
    assert guest.status == 200
    assert set(store.standing(take).uses) & set(ASKED_USES) == {Use.PLAY_HERE, Use.QUOTE}
    for use, answer in (("record", "no"), ("keep", "no"), ("archive", "maybe"), ("", "yes")):
        guest.post("/story/use", use=use, answer=answer)
        assert guest.status == 403


def test_only_me_seals_the_story_and_the_code_still_opens_it(guest, teller, store, work):
    take, code = teller.story(Use.PLAY_HERE)
    work()
    store.close_review(take, "left")
    guest.enter(code)
    assert "Only your words open it." in guest.post("/story/only-me")
    assert store.standing(take).sealed
    assert pcm_of(guest.client.get("/story/sound.wav").content) == teller.pcm
    assert "linden" in guest.get("/story")


def test_the_wording_in_the_ledger_is_the_boxs_own(guest, teller, store):
    from archive.consent import events_of
    from kiosk.texts import load

    take, code = teller.story(Use.ARCHIVE)
    guest.enter(code)
    guest.post("/story/use", use="archive", answer="no")
    last = events_of(store.db.conn, take)[-1]
    shown = load("en").wording(Use.ARCHIVE)
    assert (last.wording_version, last.wording_hash, last.language, last.by) == (
        shown.version,
        shown.hash,
        "en",
        "portal",
    )


def test_a_part_is_taken_out_after_it_was_asked_again(guest, teller, store, work):
    _take, code = teller.story(Use.PLAY_HERE)
    work()
    guest.enter(code)
    asked = guest.post("/story/part", **{"from": "0:01", "to": "2,5"})
    assert "Take out 0:01 to 0:02?" in asked
    assert pcm_of(guest.client.get("/story/sound.wav").content) == teller.pcm
    done = guest.post("/story/part", sure="yes", **{"from": "0:01", "to": "2,5"})
    assert "Taken out: 0:01 to 0:02." in done
    left = pcm_of(guest.client.get("/story/sound.wav").content)
    assert left[:32_000] == teller.pcm[:32_000]
    assert left[32_000:80_000] != teller.pcm[32_000:80_000]
    for start, end in (("2", "1"), ("x", "2"), ("-1", "2"), ("1e400", "2"), ("nan", "2"), ("100", "200")):
        guest.post("/story/part", sure="yes", **{"from": start, "to": end})
        assert guest.status == 403, (start, end)


def test_while_the_rest_waits_for_room_nothing_is_offered_that_would_be_refused(guest, teller, work, monkeypatch):
    def refuse(_told, _target, *_more):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("archive.cutting.encode", refuse)
    _take, code = teller.story(Use.PLAY_HERE)
    work()
    guest.enter(code)
    page = guest.post("/story/part", sure="yes", **{"from": "0:01", "to": "2,5"})
    assert "There is no room yet for the rest" in page
    assert "Taken out: 0:01 to 0:02." in page
    for refused in ("/story/sound.wav", "/story/wave.svg", 'action="/story/part"', "story.js", 'class="at"'):
        assert refused not in page
    assert 'href="/story/withdraw"' in page


def test_taking_it_back_is_asked_again_and_leaves_a_receipt(guest, guests, teller, store, home):
    take, code = teller.story(Use.PLAY_HERE)
    guest.enter(code)
    assert "Nobody can bring it back." in guest.get("/story/withdraw")
    guest.post("/story/withdraw")
    assert guest.status == 403, "not without the tick"
    assert store.story(take)
    page = guest.post("/story/withdraw", sure="yes")
    assert "Your story is erased." in page
    assert take in page
    assert "It had never left this box." in page
    with pytest.raises(NoSuchStory):
        store.story(take)
    assert not list(home.story_folder(take).glob("*"))
    assert "Your story is erased." in guests().enter(take.lower())


def test_a_story_taken_back_elsewhere_meanwhile_leads_to_its_receipt(guest, teller, store):
    _, code = teller.story()
    guest.enter(code)
    store.withdraw(str(code), "desk")
    assert "Your story is erased." in guest.get("/story")
    assert guest.client.get("/story/sound.wav").status_code == 404


def test_where_it_has_gone_is_told(guest, teller, store):
    take, code = teller.story(Use.ARCHIVE)
    store.add_receipt(take, "bag", "county archive", "{}")
    assert copies(store, take)
    assert "Kept at county archive since" in guest.enter(code)


def test_spanish_all_the_way(guest, teller):
    _, code = teller.story(Use.PLAY_HERE)
    guest.client.headers["accept-language"] = "es-MX,es;q=0.9,en;q=0.8"
    page = guest.enter(code)
    assert '<html lang="es" dir="ltr">' in page
    assert "Quién puede usarla" in page
    guest.get("/language/en")
    assert '<html lang="en" dir="ltr">' in guest.page
    guest.get("/language/xx")
    assert '<html lang="en" dir="ltr">' in guest.page


def test_a_yes_is_not_taken_in_words_that_nobody_has_checked(guest, teller, store):
    take, code = teller.story(Use.PLAY_HERE)
    guest.enter(code)
    guest.get("/language/ar")
    guest.get("/story")
    guest.post("/story/use", use="archive", answer="yes")
    assert Use.ARCHIVE not in store.standing(take).uses
    guest.get("/language/en")
    guest.get("/story")
    guest.post("/story/use", use="archive", answer="yes")
    assert Use.ARCHIVE in store.standing(take).uses


def word(text, start, end):
    return Word(text, Ms(start), Ms(end), 0.9, False)


def test_paragraphs_begin_after_a_pause_at_a_sentences_end_or_a_long_one():
    said = [word("One.", 0, 500), word("Two", 1500, 2000), word("three", 3500, 3800), word("four", 7000, 7200)]
    assert [[w.text for w in one.words] for one in paragraphs(said)] == [["One."], ["Two", "three"], ["four"]]
    assert paragraphs(said)[2].clock == "0:07"
    assert paragraphs([]) == []


@pytest.mark.parametrize(
    ("text", "ms"), [("0:00", 0), ("1:05", 65_000), ("65", 65_000), ("2,5", 2500), ("61:01.5", 3_661_500)]
)
def test_times_are_read_as_people_write_them(text, ms):
    assert read_clock(text) == ms
    assert as_clock(Ms(ms)).endswith(f"{ms // 1000 % 60:02}")
