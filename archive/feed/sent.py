"""Prompt sets and settings that came by feed, as files the box reads when it starts.

The database holds what the last good feeds said; these files follow it, each written whole. A run killed in between
leaves older files, never half ones, and the next sync writes them again.
"""

from __future__ import annotations

import json

from archive.durable import remove, write_file
from archive.store import Store

SETTINGS_FILE = "settings.json"
LINES_FILE = "outcomes.json"


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
    told = conn.execute("SELECT lines FROM sent_lines ORDER BY archive, number").fetchall()
    lines = json.dumps([json.loads(line) for (line,) in told], ensure_ascii=False, indent=1).encode()
    if not sets and not rows and not told and not place.is_dir():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in sorted(folder.iterdir()):
        if path.name not in sets:
            remove(path)
    for name, text in sets.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != text:
            write_file(path, text, 0o600)
    for path, body in ((place / SETTINGS_FILE, settings), (place / LINES_FILE, lines)):
        if not path.is_file() or path.read_bytes() != body:
            write_file(path, body, 0o600)
