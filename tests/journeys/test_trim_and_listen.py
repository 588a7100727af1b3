"""A story trimmed by its teller, and a listener who stays with its question: real speech, the real transcriber."""

from __future__ import annotations

from archive.types import Use


def test_a_trimmed_story_is_shorter_whole_and_the_only_one_and_listeners_find_it(
    hearth, clearest, look, tmp_path
) -> None:
    home = tmp_path / "box"
    told = hearth(
        "simulate", "--home", home, "--mic", clearest.path, "--json", "--presses",
        "talk agree talk @speech @3 talk hear @1 trim move take move take trim keep play_here done",
    )  # fmt: skip
    assert told.code == 0, told.err
    [story] = told.json["stories"]
    [closed] = [event["seconds"] for event in told.json["events"] if event["event"] == "TakeClosed"]
    [trimmed] = [event["seconds"] for event in told.json["events"] if event["event"] == "Trimmed"]
    assert 1 < trimmed < closed - 1
    assert story["seconds"] == trimmed
    assert all(word["end"] <= trimmed + 0.5 for word in story["words"])
    assert story["transcript"]
    with look(home) as store:
        [kept] = store.stories()
        assert (kept.id, kept.sha256) == (story["id"], story["sha256"])
        assert Use.PLAY_HERE in store.standing(kept.id).uses
        assert store.unkept() == store.unfinished() == []
        assert sorted(path.name for path in home.joinpath("stories").iterdir()) == [kept.id]
        [first] = {event for (event,) in store.db.conn.execute("SELECT origin FROM trims")}
        assert store.standing(first).ended is not None

    heard = hearth("simulate", "--home", home, "--json", "--presses", "listen @1 more same_question @1 talk decline")
    assert heard.code == 0, heard.err
    told_nothing = [event for event in heard.json["events"] if event["event"] == "NothingToPlay"]
    assert told_nothing, "there is no second voice on that question, and the box says so"

    librarian = hearth("simulate", "--home", home, "--json", "--presses", "listen @1 more tell_librarian stop")
    assert librarian.code == 0, librarian.err
    with look(home) as store:
        assert store.standing(kept.id).held
        assert store.standing(kept.id).uses, "what its teller allowed stays on record"
