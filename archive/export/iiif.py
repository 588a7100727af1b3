"""A public story as a IIIF Presentation 3 manifest: one canvas in time, its sound, its captions. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import iiif_prezi3

from archive.export.places import Places
from archive.export.telling import MACHINE, Telling

_TAG = re.compile(r"[a-zA-Z]+(-[a-zA-Z]+)*")


def manifest(telling: Telling, places: Places, archive: str) -> str:
    """Write the manifest of one story; a story of which only the words are public has a canvas without sound."""
    own, language = places.manifest(telling.id), _language(telling.language)
    facts = [
        ("Question", telling.prompt_text),
        ("Told at", telling.site),
        ("Recorded on", telling.recorded_at.date().isoformat()),
        ("Words", "" if telling.checked else MACHINE),
    ]
    made = iiif_prezi3.Manifest(
        id=own,
        label={language: [telling.name]},
        metadata=[{"label": {"en": [label]}, "value": {"none": [value]}} for label, value in facts if value],
        requiredStatement={"label": {"en": ["Rights"]}, "value": {"en": [telling.rights]}},
        provider=[{"id": places.home, "type": "Agent", "label": {"none": [archive]}}],
        homepage=[
            {"id": places.story(telling.id), "type": "Text", "label": {language: [telling.name]}, "format": "text/html"}
        ],
    )
    if telling.note:
        made.summary = {"none": [telling.note]}
    seconds = max(telling.length, 1) / 1000
    canvas = made.make_canvas(id=f"{own}#canvas", duration=seconds, label={language: [telling.name]})
    if telling.voice:
        body = iiif_prezi3.AnnotationBody(
            id=places.sound(telling.id), type="Sound", format="audio/flac", duration=seconds, language=language
        )
        painting = iiif_prezi3.Annotation(id=f"{own}#sound", motivation="painting", body=body, target=canvas.id)
        canvas.items = [iiif_prezi3.AnnotationPage(id=f"{own}#sounds", items=[painting])]
    captions = iiif_prezi3.AnnotationBody(
        id=places.captions(telling.id), type="Text", format="text/vtt", language=language,
        label={"en": ["Captions" if telling.checked else f"Captions. {MACHINE}"]},
    )  # fmt: skip
    words = iiif_prezi3.Annotation(id=f"{own}#words", motivation="supplementing", body=captions, target=canvas.id)
    canvas.annotations = [iiif_prezi3.AnnotationPage(id=f"{own}#annotations", items=[words])]
    return str(made.json(indent=1))


def _language(tag: str) -> str:
    """The language of a text as manifests have it: letters and hyphens, so of es-419 the first part; else none."""
    known = tag if _TAG.fullmatch(tag) else tag.partition("-")[0]
    return known if _TAG.fullmatch(known) else "none"


def collection(tellings: Sequence[Telling], places: Places, archive: str, page: int, last: int) -> str:
    """Write one page of the list of manifests as a IIIF collection."""
    plain: dict[str, Any] = {
        "@context": "http://iiif.io/api/presentation/3/context.json",
        "id": f"{places.home}collection.json" + ("" if page <= 1 else f"?page={page}"),
        "type": "Collection",
        "label": {"none": [archive if last <= 1 else f"{archive} ({page} of {last})"]},
        "items": [
            {"id": places.manifest(one.id), "type": "Manifest", "label": {_language(one.language): [one.name]}}
            for one in tellings
        ],
    }
    return json.dumps(plain, ensure_ascii=False, indent=1)
