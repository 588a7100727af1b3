"""Medleys: who is heard, how loud, in which words, and that a voice taken back is out of every copy at once."""

from __future__ import annotations

import io
import itertools
import math
import shutil
from datetime import date, timedelta

import numpy as np
import pytest
import soundfile
import webvtt
from click.testing import CliRunner

from archive.errors import Refused
from archive.patterns.medleys import (
    READERS,
    BadMedley,
    Item,
    Kind,
    Purpose,
    arrange,
    bridge_key,
    end_medley,
    make_medley,
    medley_of,
    on_boxes,
    put_on_box,
)
from archive.patterns.rendering import (
    NOT_WRITTEN,
    captions_that_leave,
    keep_bridge,
    must_be_bridge,
    recipe_now,
    rendition_of,
    renew,
)
from archive.reviewing.decisions import Verdict, decide, redact
from archive.server.erase import settle, sweep
from archive.types import Act, Form, Use
from audio.loudness import loudness
from audio.sidebyside import CEILING, levelled, limited
from kiosk.commands.archiving.medley import command

HERTZ = (300.0, 700.0, 1100.0)
needs_voice = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not on this machine")


def put_together(archive, *items, title="Crossing the river"):
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        return make_medley(tx, title, "en", items, "ana", archive.place.now())


def voices(archive, *loud, **more):
    """Stories at several pitches and levels, an excerpt of each."""
    stories = [archive.story(hertz=hertz, loud=level, **more) for hertz, level in zip(HERTZ, loud, strict=False)]
    return stories, [Item(Kind.EXCERPT, excerpt=archive.excerpt(story)) for story in stories]


@needs_voice
def test_one_file_at_one_level_with_captions_and_credits(archive):
    _, cuts = voices(archive, 0.5, 0.02, 0.1)
    bridge = Item(Kind.SPOKEN, "Others crossed it every morning.")
    shown = Item(Kind.WRITTEN, "And then the bridge was built.")
    medley = put_together(archive, cuts[0], bridge, cuts[1], shown, cuts[2])
    made = rendition_of(archive.place, medley, Purpose.DESK)
    assert made.fresh
    assert made.spread <= 2.0
    sound = archive.bytes_of(made.key)
    samples, rate = soundfile.read(io.BytesIO(sound), dtype="float32")
    assert abs(len(samples) * 1000 / rate - made.length) < 2
    parts = [loudness(samples[v.start * rate // 1000 : v.end * rate // 1000], rate) for v in made.voices]
    assert max(parts) - min(parts) <= 2.0
    assert all(abs(level + 23) <= 2 for level in parts)
    assert [voice.end - voice.start for voice in made.voices] == [21_000] * 3
    captions = webvtt.from_string(made.captions)
    told = " ".join(one.text.replace("\n", " ") for one in captions)
    assert "word5" in told
    assert "word25" in told
    assert "word26" not in told
    assert "Others crossed it every morning." in told
    assert "And then the bridge was built." in told
    assert "machine's voice" in made.captions
    assert "not yet checked by a person" in made.captions
    assert made.credits == ("A voice told at Riverside Library, 2026",)
    first = next(one for one in captions if "word5" in one.text)
    assert abs(first.start_in_seconds - made.voices[0].start / 1000) < 0.01
    again = rendition_of(archive.place, medley, Purpose.DESK)
    assert (again.key, again.fresh, again.voices) == (made.key, False, made.voices)


def test_no_words_leave_beside_a_voice_that_may_not_be_quoted(archive, tmp_path):
    quoted = (Use.RECORD, Use.KEEP, Use.PARTNERS, Use.QUOTE)
    stories = [archive.story(*uses, said=said) for said, uses in
               (("open", quoted), ("unchecked", quoted), ("unquoted", quoted[:3]))]  # fmt: skip
    archive.check(stories[0])
    archive.check(stories[2])
    cuts = [Item(Kind.EXCERPT, excerpt=archive.excerpt(story)) for story in stories]
    medley = put_together(archive, *cuts, Item(Kind.WRITTEN, "And then the bridge was built."))
    made = rendition_of(archive.place, medley, Purpose.LEND)
    assert all(word in made.captions for word in ("open5", "unchecked6", "unquoted6"))
    assert len(made.voices) == 3
    where = ["--out", str(tmp_path / "river.flac"), "--home", str(archive.place.path)]
    done = CliRunner().invoke(command, ["render", medley, "--for", "lend", *where])
    assert done.exit_code == 0, done.output
    left = (tmp_path / "river.vtt").read_text(encoding="utf-8")
    told = " ".join(one.text for one in webvtt.from_string(left)).split()
    assert told == [*(f"open{second}" for second in range(5, 26)), "And", "then", "the", "bridge", "was", "built."]
    assert NOT_WRITTEN in left
    assert (tmp_path / "river.flac").read_bytes() == archive.bytes_of(made.key)
    archive.add(stories[0], Act.DECIDE, Use.QUOTE)
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        assert "open5" not in captions_that_leave(tx, made, archive.place.now())


def test_a_recorded_bridge_is_heard(archive, heard):
    _, cuts = voices(archive, 0.3)
    out = io.BytesIO()
    at = np.arange(3 * 22_050) / 22_050
    soundfile.write(out, 0.05 * np.sin(2 * np.pi * 1900 * at), 22_050, format="WAV")
    bridge = Item(Kind.RECORDED, "Listen.", sound=keep_bridge(archive.place.objects, out.getvalue()))
    with pytest.raises(BadMedley, match="cannot be decoded"):
        must_be_bridge(out.getvalue()[:20])
    medleys = [put_together(archive, bridge, cuts[0]) for _ in range(2)]
    made = rendition_of(archive.place, medleys[0], Purpose.DESK)
    sound = archive.bytes_of(made.key)
    assert heard(sound, 1900, 0, 3000) > 0.5
    assert heard(sound, 300, 3600, 24_000) > 0.4
    with archive.place.catalogue() as catalogue:
        for left, kept in (("ended", True), ("arranged", False)):
            with catalogue.write() as tx:
                if left == "ended":
                    end_medley(tx, medleys[0], "ana", archive.place.now())
                else:
                    arrange(tx, medleys[1], cuts, "ana", archive.place.now())
            settle(archive.place, catalogue)
            sweep(archive.place)
            assert archive.place.objects.exists(bridge_key(bridge.sound)) is kept


def test_a_bridge_whose_medley_was_never_written_goes_at_the_next_start(archive):
    out = io.BytesIO()
    soundfile.write(out, np.full(2205, 0.1), 22_050, format="WAV")
    digest = keep_bridge(archive.place.objects, out.getvalue())
    sweep(archive.place)
    assert not archive.place.objects.exists(bridge_key(digest))


def test_a_voice_taken_back_is_out_of_every_copy_at_once(archive, heard):
    stories, cuts = voices(archive, 0.3, 0.3)
    medley = put_together(archive, *cuts)
    before = {purpose: rendition_of(archive.place, medley, purpose) for purpose in Purpose}
    assert all(heard(archive.bytes_of(one.key), 700) > 0.2 for one in before.values())
    archive.withdraw(stories[1])
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        rows = tx.all("SELECT purpose, key, captions FROM medley_renditions WHERE medley = ?", medley)
    # Nobody asked for it since: it was made again by the withdrawal itself.
    assert {row["purpose"] for row in rows if row["key"]} == {purpose.value for purpose in Purpose}
    assert not any(archive.place.objects.exists(one.key) for one in before.values())
    assert sorted(archive.place.objects.keys("medleys/")) == sorted(row["key"] for row in rows)
    for row in rows:
        sound = archive.bytes_of(row["key"])
        assert heard(sound, 700) < 0.01
        assert heard(sound, 300) > 0.4
    assert not rendition_of(archive.place, medley, Purpose.PUBLIC).fresh


def test_the_last_voice_leaves_nothing(archive):
    (story,), cuts = voices(archive, 0.3)
    medley = put_together(archive, *cuts)
    rendition_of(archive.place, medley, Purpose.DESK)
    archive.withdraw(story)
    assert list(archive.place.objects.keys("medleys/")) == []
    with pytest.raises(BadMedley):
        rendition_of(archive.place, medley, Purpose.DESK)
    assert renew(archive.place) == []


def test_what_was_narrowed_is_asked_at_playing(archive, heard):
    stories, cuts = voices(archive, 0.3, 0.3)
    medley = put_together(archive, *cuts)
    before = rendition_of(archive.place, medley, Purpose.PUBLIC)
    archive.add(stories[0], Act.DECIDE, Use.PUBLIC)
    assert recipe_now(archive.place, medley, Purpose.PUBLIC) != before.recipe
    after = rendition_of(archive.place, medley, Purpose.PUBLIC)
    assert not archive.place.objects.exists(before.key)
    assert heard(archive.bytes_of(after.key), 300) < 0.01
    assert [one.why for one in after.left_out] == ["Not agreed: public."]
    assert after.left_out[0].title == ""
    assert len(rendition_of(archive.place, medley, Purpose.DESK).voices) == 2


def test_what_was_held_or_blanked_out_is_not_heard(archive):
    stories, cuts = voices(archive, 0.3, 0.3, 0.3)
    medley = put_together(archive, *cuts)
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        decide(tx, stories[0], Verdict.HOLD, "a name", "ana", 0, archive.place.now())
        redact(tx, stories[1], 9_000, 11_000, "a name", "ana", 0, archive.place.now())
    made = rendition_of(archive.place, medley, Purpose.LEND)
    assert [one.story for one in made.voices] == [stories[2]]
    assert {one.why for one in made.left_out} == {"A curator holds it back.", "Something in it was blanked out."}
    assert [one.story for one in rendition_of(archive.place, medley, Purpose.DESK).voices] == [stories[0], stories[2]]


MATRIX = [
    (uses, form, embargo, more)
    for uses in [
        (Use.RECORD,), (Use.RECORD, Use.KEEP),
        *[(Use.RECORD, Use.KEEP, *some) for n in range(1, 4)
          for some in itertools.combinations((Use.PLAY_HERE, Use.ARCHIVE, Use.PARTNERS, Use.PUBLIC, Use.QUOTE), n)],
    ]
    for form in Form
    for embargo in (None, date(2031, 1, 1))
    for more in ((), (Act.HOLD,), (Act.SEAL,), (Act.MINOR,), (Act.EXPIRE,))
    if more == () or (form is Form.VOICE and embargo is None)
]  # fmt: skip
NEEDS = {Purpose.DESK: {Use.ARCHIVE, Use.PARTNERS, Use.PUBLIC}, Purpose.LEND: {Use.PARTNERS, Use.PUBLIC},
         Purpose.PUBLIC: {Use.PUBLIC}, Purpose.PRESS: {Use.PUBLIC}}  # fmt: skip


def test_no_voice_leaks_over_the_whole_matrix_of_consents(archive):
    """Every combination, for every purpose: planned as for rendering, against what is written down here once more."""
    stories = [archive.story(*uses, form=form, embargo=embargo, more=more) for uses, form, embargo, more in MATRIX]
    items = [(story, archive.excerpt(story)) for story in stories]
    leaks, heard_somewhere = [], set()
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        from archive.patterns.rendering import _plan

        for (uses, form, embargo, more), (story, excerpt) in zip(MATRIX, items, strict=True):
            given = set(uses)
            free = form is Form.VOICE and embargo is None and more == () and Use.KEEP in given
            try:
                medley = make_medley(
                    tx, "One voice", "en", [Item(Kind.EXCERPT, excerpt=excerpt)], "ana", archive.place.now()
                )
            except Refused:
                assert not (free and given & NEEDS[Purpose.DESK])
                continue
            for purpose in Purpose:
                plan = _plan(tx, medley_of(tx, medley), purpose, archive.place.now())
                may = free and bool(given & NEEDS[purpose]) and (purpose is not Purpose.PRESS or Use.QUOTE in given)
                told = any(part.cut is not None for part in plan.parts)
                if told != may:
                    leaks.append((story, purpose, uses, form, embargo, more))
                if told:
                    heard_somewhere.add(purpose)
    assert leaks == []
    assert heard_somewhere == set(Purpose) == set(READERS)


def lying(archive, box="near"):
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        rows = tx.all("SELECT sheet, button, excerpt FROM sheet_cues WHERE box = ? ORDER BY button", box)
    assert {row["sheet"] for row in rows} <= {"main"}
    return {row["button"]: row["excerpt"] for row in rows}


def test_a_medley_takes_the_free_buttons_of_a_box_and_leaves_only_its_own(archive):
    stories, cuts = voices(archive, 0.3, 0.3, 0.3)
    here = [one.excerpt for one in cuts]
    medley = put_together(archive, cuts[0], Item(Kind.WRITTEN, "Then:"), *cuts[1:])
    archive.put("near", 5, stories[0], here[0])
    now = archive.place.now()
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        assert put_on_box(tx, medley, "near", 4, "ana", now) == {4: here[0], 6: here[1], 7: here[2]}
        with pytest.raises(BadMedley, match="needs 3 free buttons, and from button 6 on near has 1"):
            put_on_box(tx, put_together_in(tx, cuts, now), "near", 6, "ana", now)
        # Put there once more it moves; then a person puts something else on one of its buttons.
        assert put_on_box(tx, medley, "near", 1, "ana", now) == {1: here[0], 2: here[1], 3: here[2]}
        assert on_boxes(tx, medley) == {"near": [1, 2, 3]}
    archive.put("near", 2, stories[0], here[0])
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        arrange(tx, medley, [cuts[0]], "ana", now)
    assert lying(archive) == {1: here[0], 2: here[0], 5: here[0]}
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        end_medley(tx, medley, "ana", now)
    assert lying(archive) == {2: here[0], 5: here[0]}


def put_together_in(tx, items, now):
    return make_medley(tx, "Another", "en", items, "ana", now)


def test_what_cannot_be_a_medley_says_why(archive):
    _, cuts = voices(archive, 0.3)
    for items in ([], [Item(Kind.WRITTEN, "Nobody speaks")], [cuts[0], Item(Kind.SPOKEN, "")], cuts * 61,
                  [Item(Kind.EXCERPT, excerpt="nothing")]):  # fmt: skip
        with pytest.raises(BadMedley):
            put_together(archive, *items)
    with pytest.raises(BadMedley):
        put_together(archive, *cuts, title=" ")
    medley = put_together(archive, *cuts)
    made = rendition_of(archive.place, medley, Purpose.DESK)
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        arrange(tx, medley, [*cuts, Item(Kind.WRITTEN, "The end.")], "ana", archive.place.now())
    after = rendition_of(archive.place, medley, Purpose.DESK)
    assert after.length > made.length
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        end_medley(tx, medley, "ana", archive.place.now() + timedelta(minutes=1))
    with pytest.raises(BadMedley):
        rendition_of(archive.place, medley, Purpose.DESK)


def test_a_peaky_voice_comes_to_the_level_without_clipping():
    rate = 16_000
    quiet = np.random.default_rng(3).normal(0, 0.004, rate * 10).astype(np.float32)
    quiet[:: rate // 3] = 0.5
    made, level = levelled(quiet, rate)
    assert abs(level + 23) <= 2
    assert np.max(np.abs(made)) <= CEILING + 1e-6
    untouched = np.full(100, 0.1, np.float32)
    assert limited(untouched, rate) is untouched
    silence, level = levelled(np.zeros(rate, np.float32), rate)
    assert not np.any(silence)
    assert level == -math.inf
