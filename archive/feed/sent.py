"""Prompt sets and settings that came by feed, as files the box reads when it starts.

The database holds what the last good feeds said; these files follow it, each written whole. A run killed in between
leaves older files, never half ones, and the next sync writes them again.
"""

from __future__ import annotations

import json

from archive.durable import remove, write_file
from archive.store import Store

SETTINGS_FILE = "settings.json"


def write_sent(store: Store) -> None:
    """Bring ``HOME/feed`` up to date with the database. Raises `OSError`."""
    conn, place = store.db.conn, store.home.feed
    sets = {
        f"{archive[:8]}-{name}.toml": str(toml).encode()
        for archive, name, toml in conn.execute("SELECT archive, name, toml FROM sent_prompts ORDER BY archive, name")
    }
    rows = conn.execute("SELECT name, value FROM sent_settings ORDER BY name").fetchall()
    settings = json.dumps({name: json.loads(value) for name, value in rows}, indent=1).encode()
    folder = place / "prompts"
    if not sets and not rows and not place.is_dir():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in sorted(folder.iterdir()):
        if path.name not in sets:
            remove(path)
    for name, text in sets.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != text:
            write_file(path, text, 0o600)
    path = place / SETTINGS_FILE
    if not path.is_file() or path.read_bytes() != settings:
        write_file(path, settings, 0o600)
