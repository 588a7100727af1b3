"""Settings an archive sent: the few a library may set from the centre, where it has not set them at the box itself.

`archive.feed.manifest.SETTINGS` is the closed list. What was sent and does not fit is left out and noted: nothing that
comes by feed may keep a box from starting.
"""

from __future__ import annotations

import json
import logging
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from archive.feed.manifest import SETTINGS
from kiosk.config import SECTIONS, Config, parse
from kiosk.errors import BadConfig

_log = logging.getLogger(__name__)


def with_sent(config: Config, own: Path, sent: Path) -> Config:
    """Return ``config`` with what is in ``sent``, but for what the library's ``own`` file sets."""
    try:
        given: dict[str, Any] = json.loads(sent.read_bytes())
        said = tomllib.loads(own.read_text(encoding="utf-8")) if own.exists() else {}
    except FileNotFoundError:
        return config
    except (OSError, ValueError) as error:
        _log.warning("the settings an archive sent cannot be read: %s", error)
        return config
    for name, value in sorted(given.items()):
        section, _, key = name.partition(".")
        if name not in SETTINGS or section not in SECTIONS or key in said.get(section, {}):
            continue
        try:
            # The one reader of settings also judges these: range, kind and choices are written down there.
            checked = parse(f"[{section}]\n{key} = {json.dumps(value)}\n", "what the archive sent")
        except BadConfig as error:
            _log.warning("a setting an archive sent is left out: %s", error.say)
            continue
        part = replace(getattr(config, section), **{key: getattr(getattr(checked, section), key)})
        config = replace(config, **{section: part})
    return config
