"""Out to other programs and back: nothing is lost on the way, and nothing leaves that may not."""

from __future__ import annotations

import asyncio
import csv
import itertools
import json
import re
import zipfile
from datetime import date

import pytest

from archive.export.cells import harmless
from archive.export.telling import read_tellings
from archive.patterns.codebook import Level, codebooks, codes_of, make_code, make_codebook, merge
from archive.patterns.highlights import be_through, highlight, highlights_of, layers
from archive.patterns.leaving import Narrowed, write_to_leave
from archive.patterns.qda import BadProject, guid, layout, validate, write_codebook, write_project
from archive.patterns.qdareading import Placed, read_codebook, read_project
from archive.patterns.tables import BadTables, Form, rows_of, write_tables
from archive.reviewing.decisions import redact
from archive.reviewing.words import DeskWord, Passage, correct_word, passages_of
from archive.types import Act, Reader, Use
from archive.types import Form as Voice

NAMES = ("The whistle", "Signals", "Time belongs to the mill")


def coded(archive, *stories):
    """A codebook of three levels, and two coders' highlights in each story."""
    now = archive.place.now()
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        book = make_codebook(tx, "River", "ana", now)
        above = ""
        codes = []
        for name, level in zip(reversed(NAMES), reversed(list(Level)), strict=True):
            above = make_code(tx, book, name, level, f"What {name} means.", "ana", now, parent=above)
            codes.insert(0, above)
        for story in stories:
            highlight(tx, story, 5_000, 8_500, [codes[0], codes[1]], "Everybody heard it.", "ana", now)
            highlight(tx, story, 12_000, 14_000, [codes[2]], "", "ben", now)
    return codes


def state(archive, story):
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        names = {code.id: code.name for code in codes_of(tx)}
        return [
            (one.who, one.start, one.end, sorted(names[code] for code in one.codes), [memo.text for memo in one.memos])
            for one in highlights_of(tx, story)
        ]


def test_two_codes_of_one_name_in_another_program_stay_two(archive, tmp_path):
    names = {"school": "School", "work": "Work", "one": "Good", "two": "good", "three": "Good"}
    ids = {name: guid("elsewhere", name) for name in names}

    def code(name, inside=""):
        return f'<Code guid="{ids[name]}" name="{names[name]}" isCodable="true">{inside}</Code>'

    told = "".join([code("school", code("one")), code("work", code("two") + code("three"))])
    (tmp_path / "theirs.qdc").write_text(
        f'<?xml version="1.0" encoding="utf-8"?><CodeBook xmlns="urn:QDA-XML:codebook:1.0"><Codes>{told}</Codes></CodeBook>',
        encoding="utf-8",
    )
    for _ in range(2):  # read in again it is the same codes
        with archive.place.catalogue() as catalogue, catalogue.write() as tx:
            left = read_codebook(tx, tmp_path / "theirs.qdc", "cleo", archive.place.now()).left
            found = {one.id: one for one in codes_of(tx)}
        assert {(one.name, found[one.parent].name if one.parent else "") for one in found.values()} == {
            ("School", ""), ("Work", ""), ("Good", "School"), ("good (Work)", "Work"), ("Good (2)", "Work"),
        }  # fmt: skip
        assert [line for line in left if "good (Work)" in line]


def test_a_project_comes_back_as_it_went(archive, archives, tmp_path):
    story = archive.story()
    coded(archive, story)
    before = state(archive, story)
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        done = write_project(tx, tmp_path / "river.qdpx", "River", archive.place.now())
    assert (done.stories, done.codes, done.highlights, done.memos) == (1, 3, 2, 1)
    with zipfile.ZipFile(tmp_path / "river.qdpx") as packed:
        assert set(packed.namelist()) == {"project.qde", f"sources/{guid('story', story)}.txt"}
        text = packed.read(f"sources/{guid('story', story)}.txt").decode()
        xml = packed.read("project.qde").decode()
    assert "word5 word6 word7 word8" in text
    assert 'xmlns="urn:QDA-XML:project:1.0"' in xml
    # Another archive with the same story and no codes: everything is there again, under the same names and layers.
    other = archives("other")
    other.told.prefix = archive.prefix
    assert other.story() == story
    with other.place.catalogue() as catalogue, catalogue.write() as tx:
        back = read_project(tx, tmp_path / "river.qdpx", "cleo", other.place.now())
        assert (back.stories, back.codes, back.highlights, back.memos, back.left) == (1, 3, 2, 1, ())
        levels = {code.name: code.level for code in codes_of(tx)}
        assert levels == dict(zip(NAMES, Level, strict=True))
        parents = {code.id: code for code in codes_of(tx)}
        assert {code.name: parents[code.parent].name for code in codes_of(tx) if code.parent} == {
            NAMES[0]: NAMES[1], NAMES[1]: NAMES[2],
        }  # fmt: skip
        assert {code.definition for code in codes_of(tx)} == {f"What {name} means." for name in NAMES}
    assert state(other, story) == before
    # Once more changes nothing, here as there.
    for place in (archive, other):
        with place.place.catalogue() as catalogue, catalogue.write() as tx:
            read_project(tx, tmp_path / "river.qdpx", "cleo", place.place.now())
        assert state(place, story) == before


def test_a_codebook_comes_back_as_it_went(archive, archives, tmp_path):
    coded(archive)
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        assert write_codebook(tx, tmp_path / "river.qdc").codes == 3
        before = [(code.name, code.level, code.definition) for code in codes_of(tx)]
    other = archives("other")
    with other.place.catalogue() as catalogue, catalogue.write() as tx:
        read_codebook(tx, tmp_path / "river.qdc", "cleo", other.place.now(), into="From the river")
        assert sorted(before) == sorted((code.name, code.level, code.definition) for code in codes_of(tx))
        assert [book.name for book in codebooks(tx)] == ["From the river"]


def test_codes_of_one_name_in_two_codebooks_are_told_apart(archive, tmp_path):
    story, now = archive.story(), archive.place.now()
    coded(archive, story)
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        second = make_code(tx, make_codebook(tx, "Second", "ben", now), NAMES[0], Level.CONCRETE, "", "ben", now)
        highlight(tx, story, 20_000, 22_000, [second], "", "ben", now)
    before = state(archive, story)
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        write_project(tx, tmp_path / "river.qdpx", "River", now)
        write_codebook(tx, tmp_path / "codes.qdc")
        # A program that knows codes by their names alone finds each name once.
        with zipfile.ZipFile(tmp_path / "river.qdpx") as packed:
            xml = packed.read("project.qde").decode()
        for told in (xml, (tmp_path / "codes.qdc").read_text(encoding="utf-8")):
            names = re.findall(r'<Code [^>]*name="([^"]*)"', told)
            assert len(names) == len(set(names)) == 4
            assert f"{NAMES[0]} (River)" in names
        # Ours are found by their identifiers, and no code is made anew.
        read_project(tx, tmp_path / "river.qdpx", "cleo", now)
        assert len(codes_of(tx)) == 4
    assert {one[3][0] for one in state(archive, story)} == {one[3][0] for one in before}


def test_words_that_were_corrected_since_keep_their_codes_out(archive, tmp_path):
    story = archive.story()
    coded(archive, story)
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        write_project(tx, tmp_path / "river.qdpx", "River", archive.place.now())
        tx.run("UPDATE highlights SET removed_at = 'x'")
        correct_word(tx, story, 0, 6, "whistle", "ana", passages_of(tx, story)[0].version, archive.place.now())
        back = read_project(tx, tmp_path / "river.qdpx", "ana", archive.place.now())
    assert len(back.left) == 2
    assert "corrected since" in back.left[0]
    assert [one[0] for one in state(archive, story)] == ["ben"]


def test_what_another_program_adds_is_named_and_the_rest_is_read(archive, archives, tmp_path):
    story = archive.story()
    coded(archive, story)
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        write_project(tx, tmp_path / "river.qdpx", "River", archive.place.now())
        write_codebook(tx, tmp_path / "river.qdc")
    with zipfile.ZipFile(tmp_path / "river.qdpx") as packed:
        xml, text = packed.read("project.qde").decode(), f"sources/{guid('story', story)}.txt"
        words = packed.read(text)
    # As another program writes it: its own groups, cases and pictures, and none of our levels.
    foreign = xml.replace('name="Level: ', 'name="Phase ').replace(
        "<Sets>", f'<Cases><Case guid="{guid("case", "a")}" name="The mill"/></Cases><Sets>'
    ).replace("<Sources>", f'<Sources><PictureSource guid="{guid("picture", "a")}" name="The mill.jpg"/>')  # fmt: skip
    if foreign.index("<Cases>") > foreign.index("<Sources>"):
        foreign = foreign.replace(f'<Cases><Case guid="{guid("case", "a")}" name="The mill"/></Cases>', "")
        foreign = foreign.replace(
            "<Sources>", f'<Cases><Case guid="{guid("case", "a")}" name="The mill"/></Cases><Sources>'
        )
    with zipfile.ZipFile(tmp_path / "foreign.qdpx", "w") as packed:
        packed.writestr("project.qde", foreign)
        packed.writestr(text, words)
    book = (tmp_path / "river.qdc").read_text(encoding="utf-8").replace('name="Level: middle', 'name="Ours')
    (tmp_path / "foreign.qdc").write_text(book, encoding="utf-8")
    other = archives("other")
    other.told.prefix = archive.prefix
    other.story()
    with other.place.catalogue() as catalogue, catalogue.write() as tx:
        back = read_project(tx, tmp_path / "foreign.qdpx", "cleo", other.place.now())
        assert (back.codes, back.highlights) == (3, 2)
        assert sorted(one.partition(":")[0] for one in back.left) == [
            "Cases (1)", "Pictures (1)", "The set Phase conceptual", "The set Phase concrete", "The set Phase middle",
        ]  # fmt: skip
        assert {code.level for code in codes_of(tx)} == {Level.CONCRETE}
    third = archives("third")
    with third.place.catalogue() as catalogue, catalogue.write() as tx:
        left = read_codebook(tx, tmp_path / "foreign.qdc", "cleo", third.place.now()).left
        assert left == ("The set Ours: groups of codes have no place here; its codes were read.",)
        assert {code.name: code.level for code in codes_of(tx)} == {
            **dict(zip(NAMES, Level, strict=True)), NAMES[1]: Level.CONCRETE,
        }  # fmt: skip


def test_one_thing_too_long_or_blank_keeps_nothing_else_out(archive, archives, tmp_path):
    story = archive.story()
    coded(archive, story)
    path, text = tmp_path / "river.qdpx", f"sources/{guid('story', story)}.txt"
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        write_project(tx, path, "River", archive.place.now())
    with zipfile.ZipFile(path) as packed:
        xml, words = packed.read("project.qde").decode(), packed.read(text)
    # As another program has it: its own coders, a name and a memo longer than ours may be, the memo in a file, and notes
    # to a code and a text.
    long_name, long_memo = "The whistle " * 12, "Everybody heard it, and nobody wound a clock. " * 60
    memo = re.search(r'<Note guid="([^"]+)"[^>]*>', xml)
    xml = xml.replace('name="The whistle"', f'name="{long_name}"').replace(guid("user", "ana"), guid("user", "x"))
    xml = re.sub(
        r'<Note guid="([^"]+)" name="([^"]*)"[^>]*>.*?</Note>',
        r'<Note guid="\1" name="\2" plainTextPath="internal://\1.txt"/>', xml, flags=re.DOTALL,
    )  # fmt: skip
    with zipfile.ZipFile(tmp_path / "foreign.qdpx", "w") as packed:
        packed.writestr("project.qde", xml)
        packed.writestr(text, words)
        packed.writestr(f"sources/{memo[1]}.txt", long_memo)
    other = archives("other")
    other.told.prefix = archive.prefix
    other.story()
    now = other.place.now()
    with other.place.catalogue() as catalogue, catalogue.write() as tx:
        back = read_project(tx, tmp_path / "foreign.qdpx", "cleo", now)
        assert (back.codes, back.highlights, back.memos) == (3, 2, 2)
        assert len(back.left) == 1 and "longer than 80" in back.left[0]  # noqa: PT018
        marked = highlights_of(tx, story)
        assert " ".join(memo.text for memo in marked[0].memos) == long_memo.strip()
        # Whoever coded elsewhere has been through it: their layer opens to somebody who has been through it too.
        be_through(tx, story, "cleo", now)
        own, others, closed = layers(tx, story, "cleo")
        assert (own, [one.who for one in others], closed) == ([], ["ana (imported)"], 1), "ben's own stays closed"
        # A code that was merged meanwhile is the one it counts as, and words taken back keep nothing else out.
        codes = {code.name: code.id for code in codes_of(tx)}
        merge(tx, codes[NAMES[1]], codes[NAMES[2]], "cleo", now)
        tx.run("UPDATE highlights SET removed_at = 'x'")
        again = read_project(tx, tmp_path / "foreign.qdpx", "cleo", now)
        assert (again.codes, again.highlights, len(codebooks(tx))) == (3, 2, 1)
        assert NAMES[1] not in {code.name for code in codes_of(tx)}


def test_what_is_no_project_is_refused(archive, tmp_path):
    story = archive.story()
    coded(archive, story)
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        now = archive.place.now()
        write_project(tx, tmp_path / "good.qdpx", "River", now)
        with zipfile.ZipFile(tmp_path / "good.qdpx") as packed:
            xml = packed.read("project.qde").decode()
        spoilt = {
            "text": b"not a zip",
            "empty": "",
            "unknown": xml.replace("<CodeBook>", "<CodeBook><Strange/>"),
            "pattern": xml.replace(guid("code", codes_of(tx)[0].id), "no-guid"),
            "missing": xml.replace(' name="Signals"', ""),
        }
        for name, told in spoilt.items():
            path = tmp_path / f"{name}.qdpx"
            if isinstance(told, bytes):
                path.write_bytes(told)
            else:
                with zipfile.ZipFile(path, "w") as packed:
                    packed.writestr("project.qde", told)
            with pytest.raises(BadProject):
                read_project(tx, path, "ana", now)
        (tmp_path / "bad.qdc").write_text("<CodeBook/>", encoding="utf-8")
        with pytest.raises(BadProject):
            read_codebook(tx, tmp_path / "bad.qdc", "ana", now)


def test_validation_finds_what_the_schema_forbids():
    from pyrefiqda.models import project as qde

    good = qde.CodeType(guid=guid("code", "x"), name="x", is_codable=True)
    validate(good)
    for spoilt in (good.model_copy(update={"guid": "x"}), good.model_copy(update={"color": "red"}),
                   qde.CodesType(code=[]), qde.CodesType(code=[good.model_copy(update={"guid": "x"})])):  # fmt: skip
        with pytest.raises(BadProject):
            validate(spoilt)


def test_characters_and_times_lead_to_each_other(archive):
    story = archive.story(said="नदी👵")
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        found = layout(passages_of(tx, story))
    for number in range(40):
        where = found.characters(number * 1000, number * 1000 + 400)
        assert found.text[where[0] : where[1]] == f"नदी👵{number}"
        assert found.times(*where) == (number * 1000, number * 1000 + 400)
    assert found.times(10**6, 10**6 + 5) is None


def test_captions_of_one_breath_are_one_paragraph_and_where_lines_break_does_not_matter():
    def passage(number, start, text):
        words = tuple(DeskWord(start + 400 * at, start + 400 * at + 350, 1, False, word)
                      for at, word in enumerate(text.split()))  # fmt: skip
        return Passage(number, 1, start, words[-1].end, words, False, "made-up 1", None)

    found = layout([passage(0, 0, "We went down"), passage(1, 1250, "to the river."), passage(2, 9000, "It was cold.")])
    assert found.text == "We went down to the river.\n\nIt was cold."
    placed = Placed(found.text, "We went down\r\n\r\nto the river.\r\n\r\nIt was cold.")
    assert placed.same
    assert found.times(*placed.here(8, 18)) == (800, 1600)  # "down" to "to"
    other = Placed(found.text, "We went to the hill. It was cold.")
    assert not other.same
    assert other.here(21, 27) == (28, 34)
    assert other.here(11, 20) is None


def test_tables_are_read_back_by_duckdb_and_csv(archive, tmp_path):
    import duckdb

    stories = [archive.story(), archive.story()]
    coded(archive, *stories)
    made = write_tables(archive.place, tmp_path / "parquet", Form.PARQUET)
    write_tables(archive.place, tmp_path / "csv", Form.CSV)
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        rows = rows_of(tx, archive.place.now())
    with pytest.raises(BadTables):
        write_tables(archive.place, tmp_path / "csv", Form.CSV)
    assert made.rows == {"stories": 2, "passages": 8, "codes": 3, "codings": 6}
    for name, expected in rows.items():
        with duckdb.connect(":memory:") as db:
            assert (
                db.execute("SELECT * FROM read_parquet(?)", [str(tmp_path / "parquet" / f"{name}.parquet")]).fetchall()
                == expected
            )
        with (tmp_path / "csv" / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            assert [tuple(row) for row in csv.reader(file)][1:] == [tuple(str(v) for v in row) for row in expected]
    with duckdb.connect(":memory:") as db:
        found = db.execute(
            "SELECT name, count(DISTINCT story) FROM read_parquet(?) WHERE name = 'Signals' GROUP BY name",
            [str(tmp_path / "parquet" / "codings.parquet")],
        ).fetchall()
    assert found == [("Signals", 2)]


def test_the_words_of_a_coded_span_leave_as_a_quote_does(archive):
    quoted, unchecked = archive.story(said="quoted"), archive.story(said="unchecked")
    unquoted = archive.story(Use.RECORD, Use.KEEP, Use.ARCHIVE, said="unquoted")
    archive.check(quoted)
    archive.check(unquoted)
    coded(archive, quoted, unchecked, unquoted)
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        codings = rows_of(tx, archive.place.now())["codings"]
    told = {(row[1], row[-1]) for row in codings}
    assert (quoted, "quoted12 quoted13") in told
    assert {story for story, text in told if not text} == {unchecked, unquoted}


@pytest.mark.parametrize("what", ["withdrawn", "blanked"])
def test_what_is_narrowed_while_it_is_written_leaves_with_nothing(archive, tmp_path, what):
    gone, stays = archive.story(), archive.story()
    target = tmp_path / "out"

    def slow(tx, part, now):
        before = set(read_tellings(tx, [gone, stays], Reader.EXPORT, now))
        part.write_text("all of it")
        if what == "withdrawn":
            archive.add(gone, Act.WITHDRAW)
        else:
            with archive.place.catalogue() as catalogue, catalogue.write() as other:
                redact(other, gone, 2000, 3000, "a name", "ana", 0, archive.place.now())
        # This look does not see it; only a fresh one does.
        assert set(read_tellings(tx, [gone, stays], Reader.EXPORT, now)) == before == {gone, stays}

    with pytest.raises(Narrowed):
        write_to_leave(archive.place, target, slow)
    assert list(tmp_path.glob("out*")) == []
    write_to_leave(archive.place, target, lambda tx, part, now: part.write_text("the rest"))
    assert target.read_text() == "the rest"


def test_no_spreadsheet_carries_out_what_an_analyst_wrote(archive, tmp_path):
    coded(archive, archive.story())
    with archive.place.catalogue() as catalogue, catalogue.write() as tx:
        tx.run("UPDATE codes SET definition = ?", "=1+1")
    write_tables(archive.place, tmp_path / "csv", Form.CSV)
    with (tmp_path / "csv" / "codes.csv").open(newline="", encoding="utf-8") as file:
        assert {row["definition"] for row in csv.DictReader(file)} == {"'=1+1"}
    assert [harmless(cell) for cell in ("-1", "@a", "\t", "plain", "", -1, None)] == [
        "'-1", "'@a", "'\t", "plain", "", -1, None,
    ]  # fmt: skip


def test_datasette_opens_the_copy_and_cannot_change_it(archive, tmp_path):
    datasette = pytest.importorskip("datasette.app")
    story, secret = archive.story(), archive.story(Use.RECORD, Use.KEEP, Use.PLAY_HERE, said="secret")
    coded(archive, story)
    write_tables(archive.place, tmp_path / "copy", Form.DATASETTE)
    copy = tmp_path / "copy" / "archive.db"
    assert b"secret" not in copy.read_bytes()
    told = json.loads((tmp_path / "copy" / "metadata.json").read_text())

    async def look():
        opened = datasette.Datasette([], immutables=[str(copy)], metadata=told)
        await opened.invoke_startup()
        rows = await opened.client.get("/archive/codings.json?_shape=array")
        page = await opened.client.get("/archive/stories")
        return rows.json(), page

    rows, page = asyncio.run(look())
    assert {row["name"] for row in rows} == set(NAMES)
    assert page.status_code == 200
    assert story in page.text
    assert secret not in page.text


MATRIX = [
    (some, form, embargo, more)
    for n in range(3)
    for some in itertools.combinations((Use.PLAY_HERE, Use.ARCHIVE, Use.PARTNERS, Use.PUBLIC, Use.QUOTE), n)
    for form in Voice
    for embargo in (None, date(2031, 1, 1))
    for more in ((), (Act.HOLD,), (Act.SEAL,), (Act.MINOR,), (Act.WITHDRAW,))
    if more == () or (form is Voice.VOICE and embargo is None)
]


def test_nothing_leaks_over_the_whole_matrix_of_consents(archive, tmp_path):
    outside = {Use.ARCHIVE, Use.PARTNERS, Use.PUBLIC}
    allowed = set()
    for number, (some, form, embargo, more) in enumerate(MATRIX):
        told = f"leak{number:04}x"
        archive.story(Use.RECORD, Use.KEEP, *some, form=form, embargo=embargo, more=more, said=told)
        if embargo is None and more == () and outside & set(some):
            allowed.add(told)
    with archive.place.catalogue() as catalogue, catalogue.read() as tx:
        write_project(tx, tmp_path / "all.qdpx", "All", archive.place.now())
        rows = rows_of(tx, archive.place.now())
    with zipfile.ZipFile(tmp_path / "all.qdpx") as packed:
        project = "".join(packed.read(name).decode() for name in packed.namelist())
    every = {f"leak{number:04}x" for number in range(len(MATRIX))}
    table = json.dumps(rows)
    assert {told for told in every if told in project} == allowed
    assert {told for told in every if told in table} == allowed
    assert len(allowed) > 10
