"""Search, play, hand on, take back: the verbs after an evening, and what lies in the home meanwhile."""

from __future__ import annotations

import itertools
import json
import queue
import re
from pathlib import Path

import pytest

from kiosk.presses import parse
from kiosk.setting import read_home
from kiosk.simulation import Simulation

COMMON = {"and", "the", "had", "for", "his", "was", "not", "how", "then", "them", "there", "might", "much", "power"}


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def traces(home: Path, needles: list[bytes]) -> list[str]:
    """Where something of a story can be read without a key, in every file with its write-ahead log and notes."""
    found = []
    for name, data in files_in(home).items():
        lower = data.lower()
        for needle in needles:
            # Whole words only: a few letters can stand in any ciphertext by chance.
            word = re.compile(rb"(?<![a-z])" + re.escape(needle.lower()) + rb"(?![a-z])")
            if needle in data or (needle.lower() in lower and word.search(lower)):
                found.append(f"{name}: {needle[:24]!r}")
    return found


def of_words(*texts: str) -> list[bytes]:
    words = {word for text in texts for word in re.findall(r"[a-z]{5,}", text.lower())} - COMMON
    assert len(words) >= 3
    return [word.encode() for word in sorted(words)]


def of_samples(pcm: bytes) -> list[bytes]:
    """Thirty-two bytes (16 samples) in a row from all over; silence could be anything, so only where there is sound."""
    pieces = [pcm[at : at + 32] for at in range(0, len(pcm) - 32, 4002)]
    return [piece for piece in pieces if len(set(piece)) > 8]


def of_code(code: str) -> list[bytes]:
    words = code.split("-")[1:]
    return [
        " ".join(words).encode(),
        "-".join(words).encode(),
        *(" ".join(two).encode() for two in itertools.pairwise(words)),
    ]


@pytest.fixture
def needles(evening, pcm_of) -> list[bytes]:
    found = of_words(*(story["transcript"] for story in evening.report["stories"]))
    for path, story in zip(evening.files, evening.report["stories"], strict=True):
        found += of_samples(pcm_of(path)) + of_code(story["keep_code"])
    assert len(found) > 40
    return found


def test_the_search_for_traces_finds_one(tmp_path) -> None:
    (tmp_path / "slip").write_bytes(b"they said: Leisure.")
    assert traces(tmp_path, [b"leisure", b"power"]) == [f"{tmp_path / 'slip'}: b'leisure'"]


def test_nothing_of_a_story_can_be_read_without_keys_after_each_step(copied, in_process, needles, tmp_path) -> None:
    home, story = copied.home, copied.shared
    assert traces(home, needles) == []
    title = [b"Zanzibarine"]
    assert in_process("cue", "set", 1, story["id"], "--title", "Zanzibarine", "--home", home).code == 0
    assert in_process("search", "leisure", "--home", home, "--json").json["results"]
    assert in_process("play", story["id"], "--silent", "--home", home).code == 0
    assert traces(home, [*needles, *title]) == []
    assert in_process("sync", "--to", tmp_path / "archive", "--home", home, "--json").code == 0
    assert traces(home, [*needles, *title]) == []
    assert in_process("withdraw", story["keep_code"], "--home", home).code == 0
    assert traces(home, [*needles, *title, story["sha256"].encode()]) == []
    assert in_process("sync", "--to", tmp_path / "archive", "--home", home).code == 0
    assert traces(home, needles) == []
    assert traces(tmp_path / "archive", of_words(story["transcript"])) == [], "the archive holds the tombstone alone"


def test_nothing_of_a_story_can_be_read_while_it_is_told(evening, tmp_path, pcm_of, monkeypatch, clearest) -> None:
    """The real box in this process, looked at from outside at every turn while words come in."""
    monkeypatch.delenv("HEARTH_KEYS", raising=False)
    home = tmp_path / "telling"
    simulation = Simulation(read_home(home), [clearest.path])
    needles = of_words(clearest.text) + of_samples(pcm_of(clearest.path))
    turns: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
    once = simulation.turn
    count = 0

    def turn(*, fast: bool) -> None:
        nonlocal count
        once(fast=fast)
        count += 1
        if count % 60 == 0:
            turns.put(traces(home, needles))

    monkeypatch.setattr(simulation, "turn", turn)
    report = simulation.run(parse("talk agree talk @speech talk hear @2 keep play_here done"))
    seen = [turns.get() for _ in range(turns.qsize())]
    assert len(seen) >= 2
    assert [one for one in seen if one] == []
    assert len(report.codes) == 1
    assert traces(home, [*needles, *of_code(next(iter(report.codes.values())))]) == []


def test_only_what_its_teller_allows_is_searched_and_played(evening, copied, in_process, speech) -> None:
    home = copied.home
    found = in_process("search", "leisure", "--home", home, "--json").json["results"]
    assert [set(one) for one in found] == [{"story", "start", "text"}]
    assert found[0]["story"] == evening.shared["id"]
    assert 0 <= found[0]["start"] < 4.0
    hidden = max(re.findall(r"[a-z]{4,}", evening.private["transcript"].lower()), key=len)
    assert in_process("search", hidden, "--home", home, "--json").json["results"] == []
    played = in_process("play", evening.shared["id"], "--silent", "--home", home, "--json").json
    assert played["seconds"] == pytest.approx(evening.shared["seconds"], abs=0.01)
    refused = in_process("play", evening.private["id"], "--silent", "--home", home, "--json")
    assert (refused.code, refused.json["error"]["code"]) == (1, "refused")
    assert in_process("cue", "set", 2, evening.private["id"], "--home", home, "--json").code == 1
    assert (
        in_process("cue", "set", 2, evening.shared["id"], "--start", 5, "--end", 500, "--home", home, "--json").code
        == 1
    )


def test_listing_tells_consents_and_never_words(evening, copied, in_process) -> None:
    answer = in_process("list", "--home", copied.home, "--json")
    assert [one["id"] for one in answer.json["stories"]] == [story["id"] for story in evening.report["stories"]]
    assert [one["consent"] for one in answer.json["stories"]] == [
        story["consent"] for story in evening.report["stories"]
    ]
    for text in (answer.out, in_process("list", "--home", copied.home).out):
        assert "leisure" not in text.lower()
        assert evening.shared["keep_code"].partition("-")[2] not in text


@pytest.mark.parametrize(
    "write", [str.upper, str.title, lambda code: code.replace("-", " "), lambda code: f"  {code.replace('-', '  ')} "]
)
def test_a_keep_code_may_be_written_as_people_write(copied, in_process, look, write) -> None:
    gone = in_process("withdraw", write(copied.shared["keep_code"]), "--home", copied.home, "--json")
    assert gone.code == 0
    assert gone.json["withdrawn"]["story"] == copied.shared["id"]
    with look(copied.home) as store:
        assert [story.id for story in store.stories()] == [copied.private["id"]]


def test_a_wrong_code_takes_nothing_back(copied, in_process, look) -> None:
    first, second = copied.shared["keep_code"], copied.private["keep_code"]
    number, _, words = first.partition("-")
    mixed = f"{number}-{second.partition('-')[2]}"
    for wrong in (mixed, f"9{first}", f"{number}-{'-'.join(reversed(words.split('-')))}", number, words, "", "💥"):
        answer = in_process("withdraw", wrong, "--home", copied.home, "--json")
        assert answer.code == 1, wrong
        assert answer.json["error"]["code"] in {"wrong-code", "too-many-tries"}
    with look(copied.home) as store:
        assert len(store.stories()) == 2


def test_a_withdrawal_reaches_the_archive_by_one_sync(copied, in_process, tmp_path) -> None:
    home, story, place = copied.home, copied.shared, tmp_path / "new" / "archive"
    first = in_process("sync", "--to", place, "--home", home, "--json")
    assert first.code == 0
    assert [bag["story"] for bag in first.json["bags"]] == [story["id"]], "only what its teller gave to the archive"
    assert first.json["bags"][0]["receipt"]["signature"]
    consent = json.loads((place / "bags" / story["id"] / "data" / "consent.json").read_text())
    assert consent
    assert "leisure" in (place / "bags" / story["id"] / "data" / "story.vtt").read_text().lower()
    before = files_in(place)
    second = in_process("sync", "--to", place, "--home", home, "--json")
    assert (second.code, second.json["bags"], second.json["waiting"]) == (0, [], 0)
    assert files_in(place) == before, "a sync with nothing new changes nothing"
    pulled = in_process("hold", story["id"], "--home", home).out
    assert f"It lies at {place}, too, where nobody hears of this" in pulled
    assert re.search(rf"{story['id']} .* HELD$", in_process("list", "--home", home).out, re.MULTILINE)
    assert in_process("withdraw", story["keep_code"], "--home", home).code == 0
    again = in_process("withdraw", story["keep_code"], "--home", home, "--json")
    assert (again.code, again.json["error"]["code"]) == (1, "wrong-code")
    third = in_process("sync", "--to", place, "--home", home, "--json")
    assert [gone["story"] for gone in third.json["tombstones"]] == [story["id"]]
    assert {path.relative_to(place).parts[0] for path in place.rglob("*") if path.is_file()} == {"tombstones"}
    assert [path.stem for path in (place / "tombstones").iterdir()] == [story["id"]]
    assert in_process("sync", "--to", place, "--home", home, "--json").json["bags"] == []


def test_taken_back_before_it_was_ever_handed_on(copied, in_process, tmp_path) -> None:
    assert in_process("withdraw", copied.shared["keep_code"], "--home", copied.home).code == 0
    assert in_process("sync", "--to", tmp_path / "archive", "--home", copied.home, "--json").json["bags"] == []
    assert "leisure" not in str(files_in(tmp_path / "archive")).lower()


def test_the_home_alone_opens_nothing(copied, in_process) -> None:
    keys = copied.home.with_name(f"{copied.home.name}-keys")
    keys.rename(keys.with_name("elsewhere"))
    assert in_process("list", "--home", copied.home).code == 0
    played = in_process("play", copied.shared["id"], "--silent", "--home", copied.home, "--json")
    assert (played.code, played.json["error"]["code"]) == (1, "no-key")
    assert in_process("search", "leisure", "--home", copied.home, "--json").json.get("results", []) == []
    assert in_process("withdraw", copied.shared["keep_code"], "--home", copied.home).code == 0, (
        "taking back needs no key of the box"
    )


def test_retention_and_doctor_after_an_evening(copied, in_process) -> None:
    assert in_process("retention", "--home", copied.home, "--json").json["stories_ended"] == []
    found = {one["code"]: one["ok"] for one in in_process("doctor", "--home", copied.home, "--json").json["findings"]}
    assert found["ledger"]
    assert found["jobs"]
    assert found["keys"]
    assert found["unfinished"]


def test_what_was_asked_is_kept_though_the_question_is_rewritten(copied, look) -> None:
    question = next(one for one in read_home(copied.home).prompts if one.id == copied.shared["prompt"])
    with look(copied.home) as store:
        assert store.asked(copied.shared["id"]) == question.say(copied.shared["language"])
