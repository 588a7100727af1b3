"""A teller comes back and takes a part out with three keys: real speech, the real transcriber, the real loop."""

from __future__ import annotations

from archive.consent import events_of
from archive.cutting import BLANK
from archive.transcripts import transcript
from archive.types import Act, Reader, Use


def test_a_part_marked_by_keys_is_a_tone_and_a_blank_and_the_code_still_opens_the_story(
    hearth, clearest, look, tmp_path
) -> None:
    home = tmp_path / "box"
    told = hearth(
        "simulate", "--home", home, "--mic", clearest.path, "--json", "--presses",
        "talk agree talk @speech @3 talk keep play_here done",
    )  # fmt: skip
    assert told.code == 0, told.err
    code = told.json["stories"][0]["keep_code"]
    came_back = hearth(
        "simulate", "--home", home, "--json", "--presses",
        f"code:{code} part take take hear @1 part back",
    )  # fmt: skip
    assert came_back.code == 0, came_back.err
    [story] = told.json["stories"]
    [gone] = [event for event in came_back.json["events"] if event["event"] == "PartGone"]
    assert gone["story"] == story["id"]
    with look(home) as store:
        [kept] = store.stories()
        [cut] = [event for event in events_of(store.db.conn, kept.id) if event.act is Act.CUT]
        assert 0 <= cut.start < cut.end < kept.length
        assert Use.PLAY_HERE in store.standing(kept.id).uses, "everything else stays as it was agreed"
        assert [path.name for path in (home / "stories" / kept.id).glob("*.flac")] == ["cut1.flac"]
        words = [word.text for word in transcript(store, kept.id, Reader.CAPTION, store.now())]
        assert BLANK in words
        assert len(words) < len(story["words"]), "the words of the part are gone"
    heard = hearth("simulate", "--home", home, "--json", "--presses", "listen @1 stop")
    assert heard.code == 0, heard.err
    assert any(event["event"] == "PlaybackStarted" for event in heard.json["events"])
