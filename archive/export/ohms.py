"""A story as OHMS XML (Oral History Metadata Synchronizer, version 5.4), for viewers and archives that speak it. Pure.

Transcript lines carry the synchronisation OHMS has: ``1:|LINE(WORD)|...``, for each minute the line and the word
in it at which the minute begins. What we write is checked against `GRAMMAR`, the part of the published schema that
we use, in its order.
"""

from __future__ import annotations

import textwrap
import zlib
from typing import Any, Final

from lxml import etree

from archive.errors import ArchiveError
from archive.export.dublincore import plain
from archive.export.telling import MACHINE, Telling, clock

NAMESPACE: Final = "https://www.weareavp.com/nunncenter/ohms"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_VERSION = "5.4"
_LINE = 80
_MINUTE = 60_000
_TEXTS_BEFORE = ("title", "accession", "duration", "collection_id", "collection_name", "repository", "subject")
GRAMMAR: Final = f"""
<grammar xmlns="http://relaxng.org/ns/structure/1.0" ns="{NAMESPACE}"
         datatypeLibrary="http://www.w3.org/2001/XMLSchema-datatypes">
 <start><element name="ROOT"><attribute name="schemaLocation" ns="{_XSI}"/><element name="record">
  <attribute name="id" ns=""><data type="int"/></attribute><attribute name="dt" ns=""><data type="date"/></attribute>
  <element name="version"><data type="decimal"/></element>
  <element name="date"><attribute name="value" ns=""><data type="date"/></attribute>
   <attribute name="format" ns=""><value>yyyy-mm-dd</value></attribute></element>
  {"".join(f'<element name="{name}"><text/></element>' for name in _TEXTS_BEFORE)}
  <element name="interviewee"><text/></element><element name="format"><choice><value>audio</value><value>text</value></choice></element>
  <element name="file_name"><text/></element>
  <element name="sync"><data type="string"><param name="pattern">|[0-9]+:[|]([0-9]+[(][0-9]+[)][|]?)*</param></data></element>
  <element name="translate"><value>0</value></element>
  <element name="mediafile"><element name="host"><value>Other</value></element>
   <element name="clip_format"><value>audio</value></element></element>
  <element name="language"><text/></element>
  <element name="index"><zeroOrMore><element name="point"><element name="time"><data type="int"/></element>
   <element name="title"><text/></element><element name="partial_transcript"><text/></element></element></zeroOrMore></element>
  <element name="type"><value>interview</value></element><element name="description"><text/></element>
  <element name="transcript"><text/></element><element name="rights"><text/></element>
  <element name="fmt"><value>audio</value></element><element name="usage"><text/></element>
  <element name="userestrict"><choice><value>0</value><value>1</value></choice></element>
 </element></element></start>
</grammar>"""  # noqa: E501 (a grammar reads by its lines)


class BadOhms(ArchiveError):
    """What was written is not the OHMS that others read: a fault of the program."""

    code = "bad-ohms"


def to_xml(telling: Telling, address: str = "", archive: str = "") -> bytes:
    """Write a story as one OHMS record. ``address`` is that of its sound. Raises `BadOhms`."""
    lines, sync = synced(telling)
    root = etree.Element(f"{{{NAMESPACE}}}ROOT", nsmap={None: NAMESPACE, "xsi": _XSI})
    root.set(f"{{{_XSI}}}schemaLocation", f"{NAMESPACE} {NAMESPACE}/ohms.xsd")
    day = telling.recorded_at.date().isoformat()
    # OHMS wants a number as identifier; ours stands under accession.
    record = _add(
        root, "record", id=str(zlib.crc32(telling.id.encode()) & 0x7FFFFFFF), dt=telling.received_at.date().isoformat()
    )
    _add(record, "version", _VERSION)
    _add(record, "date", value=day, format="yyyy-mm-dd")
    facts = (
        telling.name,
        telling.id,
        clock(telling.length),
        telling.site,
        telling.site,
        archive or telling.site,
        telling.prompt_text,
    )
    for name, text in zip(_TEXTS_BEFORE, facts, strict=True):
        _add(record, name, text)
    _add(record, "interviewee", "A teller who gave no name")
    _add(record, "format", "audio" if telling.voice else "text")
    _add(record, "file_name", address)
    _add(record, "sync", sync)
    _add(record, "translate", "0")
    media = _add(record, "mediafile")
    _add(media, "host", "Other")
    _add(media, "clip_format", "audio")
    _add(record, "language", telling.language)
    index = _add(record, "index")
    for passage in telling.passages[:1]:
        point = _add(index, "point")
        _add(point, "time", str(passage.start // 1000))
        _add(point, "title", telling.name)
        _add(point, "partial_transcript", " ".join(word.text for word in passage.words[:12]))
    _add(record, "type", "interview")
    _add(record, "description", " ".join(filter(None, (telling.note, "" if telling.checked else MACHINE))))
    _add(record, "transcript", "\n".join(lines))
    _add(record, "rights", telling.rights)
    _add(record, "fmt", "audio")
    _add(record, "usage", telling.rights)
    _add(record, "userestrict", "1")
    grammar = etree.RelaxNG(etree.fromstring(GRAMMAR))
    if not grammar.validate(root):
        say = f"The OHMS file of {telling.id} would not be one: {grammar.error_log.last_error}."
        raise BadOhms(say, "This is a fault of the program: report it.")
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def synced(telling: Telling) -> tuple[list[str], str]:
    """Break the words into lines of at most 80 signs, and say at which line and word each minute begins."""
    lines: list[str] = []
    marks: list[str] = []
    minute = _MINUTE
    for passage in telling.passages:
        at = 0
        broken = textwrap.wrap(passage.text, _LINE, break_long_words=False, break_on_hyphens=False)
        for line in broken:
            lines.append(line)
            count = 0
            # A word of ours may hold a space; OHMS counts what stands between spaces.
            while at < len(passage.words) and count < len(line.split()):
                word = passage.words[at]
                count += len(word.text.split())
                at += 1
                while word.start >= minute:
                    marks.append(f"{len(lines)}({count})")
                    minute += _MINUTE
        lines.append("")
    return lines, f"1:|{'|'.join(marks)}" if marks else ""


def _add(parent: Any, name: str, text: str = "", **attributes: str) -> Any:
    made = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}", attributes)
    if text:
        made.text = plain(text)
    return made
