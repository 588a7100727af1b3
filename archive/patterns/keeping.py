"""Keeping the index of meaning up while an archive is served: what came, was corrected or was closed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from archive.errors import ArchiveError
from archive.patterns.meaning import Meaning, name_chosen, open_meaning
from archive.patterns.vectors import build, is_behind
from archive.server.place import ArchiveHome
from audio.errors import NoModel

EVERY_S: Final = 300.0
_log = logging.getLogger(__name__)


def keep_indexed(
    place: ArchiveHome,
    stop: threading.Event,
    every: float = EVERY_S,
    opened: Callable[[], Meaning] | None = None,
) -> None:
    """Bring the index up every ``every`` seconds until ``stop`` is set. The model is loaded when there is work for it.

    Returns at once where machines are switched off, and where the model is not on this machine: then people index
    with ``hearth archive index`` when they have fetched it, or not at all. A database that does not answer is asked
    again the next time.
    """
    if not place.settings.ai:
        return
    model: Meaning | None = None
    while True:
        try:
            name = model.name if model else name_chosen(place.settings)
            with place.catalogue() as catalogue, catalogue.read() as tx:
                behind = is_behind(tx, place, name)
            if behind:
                model = model or (opened or (lambda: open_meaning(place.settings)))()
                build(place, model)
        except NoModel as error:
            _log.info("%s", error.say)
            return
        except ArchiveError as error:
            _log.warning("the index of meaning waits: %s", error.say)
        if stop.wait(every):
            return
