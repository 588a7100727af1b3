"""A story in Dublin Core: fifteen elements, as OAI-PMH hands them on and as an XML file of its own. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from lxml import etree

from archive.export.telling import MACHINE, Telling

OAI_DC: Final = "http://www.openarchives.org/OAI/2.0/oai_dc/"
DC: Final = "http://purl.org/dc/elements/1.1/"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_XSD = "http://www.openarchives.org/OAI/2.0/oai_dc.xsd"


def elements(telling: Telling, address: str = "") -> dict[str, list[str]]:
    """Name a story in Dublin Core: element to values. No teller's name is known, so there is no creator.

    ``address`` is where everybody finds it, where that is so.
    """
    voice = telling.voice
    described = [] if telling.checked else [f"The words: {MACHINE}"]
    found: Mapping[str, list[str]] = {
        "title": [telling.name],
        "subject": [telling.prompt_text],
        "description": [telling.note and f"Please note: {telling.note}", *described],
        "publisher": [telling.site],
        "date": [telling.recorded_at.date().isoformat()],
        "type": ["Sound" if voice else "Text"],
        "format": ["audio/flac" if voice else "text/vtt"],
        "identifier": [telling.id, address],
        "language": [telling.language],
        "rights": [telling.rights],
    }
    return {name: [value for value in values if value] for name, values in found.items() if any(values)}


def to_xml(telling: Telling, address: str = "") -> bytes:
    """Write `elements` as an ``oai_dc`` document."""
    root = etree.Element(f"{{{OAI_DC}}}dc", nsmap={"oai_dc": OAI_DC, "dc": DC, "xsi": _XSI})
    root.set(f"{{{_XSI}}}schemaLocation", f"{OAI_DC} {_XSD}")
    for name, values in elements(telling, address).items():
        for value in values:
            etree.SubElement(root, f"{{{DC}}}{name}").text = plain(value)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def plain(text: str) -> str:
    """Return ``text`` without the signs XML cannot hold, whatever a bag or a person brought."""
    return _NOT_IN_XML.sub("", text)
