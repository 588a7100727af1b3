"""Stories as rows for the programs archivists use: CSV for Omeka and for ArchivesSpace. Pure.

Omeka S reads the terms of the first row as properties (its module CSV Import); ArchivesSpace imports the other file
as *Digital Object CSV*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from archive.export.cells import csv_text
from archive.export.dublincore import elements
from archive.export.telling import Telling, clock

OMEKA: Final = (
    "dcterms:identifier", "dcterms:title", "dcterms:subject", "dcterms:description", "dcterms:publisher",
    "dcterms:created", "dcterms:type", "dcterms:format", "dcterms:extent", "dcterms:language", "dcterms:rights",
    "bibo:content", "media",
)  # fmt: skip
ARCHIVESSPACE: Final = (
    "digital_object_id", "digital_object_title", "digital_object_level", "digital_object_type",
    "digital_object_language", "digital_object_publish", "digital_object_restrictions", "date_1_label", "date_1_type",
    "date_1_begin", "date_1_expression", "extent_number", "extent_type", "extent_physical_details", "subject_source",
    "subject_term", "subject_term_type", "user_defined_text_1", "file_version_file_uri",
)  # fmt: skip
# ArchivesSpace wants the three letters of ISO 639-2/B.
_LETTERS: Final[Mapping[str, str]] = {
    "ar": "ara", "bn": "ben", "cs": "cze", "da": "dan", "de": "ger", "el": "gre", "en": "eng", "es": "spa",
    "fa": "per", "fi": "fin", "fr": "fre", "he": "heb", "hi": "hin", "hu": "hun", "it": "ita", "ja": "jpn",
    "ko": "kor", "nl": "dut", "no": "nor", "pl": "pol", "pt": "por", "ro": "rum", "ru": "rus", "so": "som",
    "sv": "swe", "sw": "swa", "tr": "tur", "uk": "ukr", "ur": "urd", "vi": "vie", "zh": "chi",
}  # fmt: skip


def omeka(tellings: Iterable[Telling], media: Mapping[str, str]) -> str:
    """Write the sheet for Omeka. ``media`` names the sound file of each story that has one, by identifier."""
    return _sheet(OMEKA, (_omeka_row(telling, media.get(telling.id, "")) for telling in tellings))


def archivesspace(tellings: Iterable[Telling], media: Mapping[str, str]) -> str:
    """Write the sheet for ArchivesSpace. ``media`` as for `omeka`."""
    return _sheet(ARCHIVESSPACE, (_archivesspace_row(telling, media.get(telling.id, "")) for telling in tellings))


def _omeka_row(telling: Telling, media: str) -> tuple[str, ...]:
    named = elements(telling)

    def told(name: str) -> str:
        return "; ".join(named.get(name, []))

    return (
        telling.id, telling.name, told("subject"), told("description"), telling.site, telling.recorded_at.isoformat(),
        told("type"), told("format"), clock(telling.length), telling.language, telling.rights, telling.text, media,
    )  # fmt: skip


def _archivesspace_row(telling: Telling, media: str) -> tuple[str, ...]:
    day = telling.recorded_at.date().isoformat()
    seconds = f"{telling.length / 1000:.0f}"
    return (
        telling.id, telling.name, "item", "sound_recording" if telling.voice else "text",
        _LETTERS.get(telling.language.partition("-")[0].lower(), "und"), "0", "1", "creation", "single", day, day,
        seconds, "seconds", f"{clock(telling.length)}, told at {telling.site}", "local", telling.prompt_text, "topical",
        telling.rights, media,
    )  # fmt: skip


def _sheet(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return csv_text([head, *rows])
