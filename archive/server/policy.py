"""The moderation policy: what waits for whom, who decides, how a decision is appealed. The library's own file.

It lies in ``texts/moderation.md`` of the archive's home, is written with a first wording when the archive is first
asked for it, and is never touched again but by people: an update brings no other wording. What stood there before a
change stays beside it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from archive.catalogue.changes import note_change
from archive.durable import write_file
from archive.errors import ArchiveError
from archive.reviewing.versions import Overtaken
from archive.server.place import ArchiveHome

FILE: Final = "moderation.md"
LONGEST: Final = 60_000
FIRST: Final = """\
# What waits

Every story that comes in waits for a curator, the oldest first. No excerpt of it sounds at a box before somebody here
has listened to it and cut it. What a teller made public stands on the public pages, where they are switched on, as
soon as it has come, and leaves them as soon as a curator holds it.

# Who decides

A curator decides alone to keep a story, to add a note for listeners, or to blank out a span. To hold a story back
takes a reason, and another curator looks at it within four weeks. Nobody decides about a story of their own family.

# What is held back or blanked out

What endangers somebody who did not tell it themselves: a full name with an address, an illness, a crime. Opinions we
do not share are no reason, nor is rough language: a note for listeners is enough.

# Appeal

Whoever told a story, or is spoken of in it, may ask the organizer to look again; the organizer answers within two
weeks and asks somebody who did not decide the first time. A teller needs nobody's leave to take a story back: the
keep-code does it.
"""


class BadPolicy(ArchiveError):
    """This cannot be the policy."""

    code = "bad-policy"


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy as it stands. ``version`` changes with every change."""

    text: str
    version: str

    @property
    def parts(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Headings with their paragraphs; what stands before the first heading has none."""
        found: list[tuple[str, list[str]]] = []
        for block in self.text.split("\n\n"):
            lines = " ".join(block.split())
            if block.lstrip().startswith("#"):
                head, _, rest = block.lstrip().partition("\n")
                found.append((head.lstrip("# ").strip(), [" ".join(rest.split())] if rest.strip() else []))
            elif lines:
                if not found:
                    found.append(("", []))
                found[-1][1].append(lines)
        return tuple((head, tuple(lines)) for head, lines in found)


def read_policy(place: ArchiveHome) -> Policy:
    """Read the policy, laying down the first wording where there is none. Raises `BadPolicy`."""
    path = _path(place)
    try:
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            write_file(path, FIRST.encode(), 0o600)
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadPolicy(
            f"The policy in {path} cannot be read.", "Check that the file is text and may be read."
        ) from error
    return Policy(text, hashlib.sha256(text.encode()).hexdigest()[:16])


def write_policy(place: ArchiveHome, text: str, seen: str, who: str) -> Policy:
    """Put ``text`` in the policy's place, if it is still the one of version ``seen``; what was there stays beside it.

    Raises `BadPolicy`, and `Overtaken` where somebody else was faster.
    """
    plain = text.replace("\r\n", "\n").strip() + "\n"
    if len(plain) < 2 or len(plain) > LONGEST:  # noqa: PLR2004 - one line end is no policy
        raise BadPolicy(f"A policy has some words, and at most {LONGEST} signs.", "Nothing was changed.")
    now = place.now()
    with place.catalogue() as catalogue, catalogue.write() as tx:
        # Under the catalogue's lock: two people at once do not overwrite each other.
        before = read_policy(place)
        if before.version != seen:
            raise Overtaken(before.text, plain)
        path = _path(place)
        write_file(
            path.with_name(f"moderation-until-{now:%Y-%m-%d-%H%M%S}-{before.version[:6]}.md"),
            before.text.encode(),
            0o600,
        )
        write_file(path, plain.encode(), 0o600)
        note_change(tx, who, "policy changed", "moderation policy", before.version, now)
    return read_policy(place)


def _path(place: ArchiveHome) -> Path:
    return place.texts / FILE
