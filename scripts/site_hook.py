"""What the site needs beside docs/: the few pages that lie at the project's top, with links that fit there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
TOP = ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
_UP = re.compile(r"\]\(\.\./(" + "|".join(re.escape(name) for name in TOP) + r")(#[^)]*)?\)")
_DOWN = re.compile(r"\]\(docs/")
_LICENCE = re.compile(r"\[([^\]]*)\]\(LICENSE\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages of the top folder."""
    for name in TOP:
        text = _LICENCE.sub(r"\1", _DOWN.sub("](", (ROOT / name).read_text(encoding="utf-8")))
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Let links to the top folder lead to its pages here."""
    return _UP.sub(lambda found: f"]({found[1]}{found[2] or ''})", markdown)
