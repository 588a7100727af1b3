"""A medley as files for somebody outside: its sound, captions of what may be quoted in writing, and credits.

What left cannot be called back. The credits say so and how to ask, and every voice that went is written down.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from archive.objects import Objects
from archive.patterns.medleys import BadMedley, Purpose, note_taken_out
from archive.patterns.rendering import Rendition, captions_that_leave, rendition_of
from archive.server.place import ArchiveHome


def take_out(place: ArchiveHome, medley: str, purpose: Purpose, out: Path, who: str) -> tuple[Rendition, list[str]]:
    """Write a medley as ``purpose`` may hear it now to ``out``, captions and credits beside it; returns their names.

    The gate is asked before they are written and once more when they are: what was narrowed meanwhile stays here.
    Raises `BadMedley`, `BadSound`, `StoreTrouble`, `CatalogueTrouble`, `OSError`.
    """
    made = rendition_of(place, medley, purpose)
    with place.catalogue() as catalogue:
        with catalogue.read() as tx:
            captions = captions_that_leave(tx, made, place.now())
        files = _write(place.objects, made, captions, out)
        try:
            with catalogue.write() as tx:
                if captions_that_leave(tx, made, place.now()) != captions:
                    raise BadMedley("What may be quoted changed meanwhile.", "Nothing was written. Start again.")  # noqa: TRY301
                note_taken_out(tx, medley, purpose, [one.story for one in made.voices], who, place.now())
        except BaseException:  # whatever stopped it: what nobody wrote down did not leave
            for path in files:
                path.unlink(missing_ok=True)
            raise
    return made, [str(path) for path in files]


def _write(objects: Objects, made: Rendition, told: str, out: Path) -> tuple[Path, Path, Path]:
    out.parent.mkdir(parents=True, exist_ok=True)
    with objects.open(made.key) as source, out.open("wb") as target:
        shutil.copyfileobj(source, target)
    captions, credit = out.with_suffix(".vtt"), out.with_suffix(".txt")
    captions.write_text(told, encoding="utf-8")
    lines = [
        made.title,
        "",
        *made.credits,
        "",
        "Their tellers may take their voices back. Ask the archive before you use this file again:",
        f"medley {made.medley}, state {made.recipe[:16]}.",
        "Nobody may train machines with these voices.",
    ]
    credit.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return out, captions, credit
