"""Which device really answers, where a sound server stands between: it moves streams elsewhere without a word."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Final

_SPEC = 3
_ANSWER_S: Final = 0.5
HANG_S: Final = 4.0
"""A server that says nothing for so long hangs; where 60 programs want two cores, one that lives may take a second."""


class PulseIdentity:
    """Which PulseAudio (or PipeWire) source feeds this process, where such a server runs at all."""

    def __init__(self) -> None:
        """Look for the tool that tells."""
        self._tool = shutil.which("pactl")
        self._known: tuple[str, str] | None = None

    def source(self) -> str | None:
        """Return the name of the source that feeds this process; None when nobody can tell."""
        if self._tool is None:
            return None
        indexes = []
        for entry in self._ask("list", "source-outputs").split("Source Output #")[1:]:
            if f'application.process.id = "{os.getpid()}"' in entry:
                indexes += [line.split(":")[1].strip() for line in entry.splitlines() if line.startswith("\tSource:")]
        if not indexes:
            return None
        # A number means the same source as long as the server lives: its name is asked for only when that changes.
        if self._known is None or self._known[0] != indexes[0]:
            self._known = self._named(indexes[0])
        return None if self._known is None else self._known[1]

    def specs(self) -> list[str]:
        """Return the sample format of every source that is no loudspeaker's monitor; none where nobody can tell."""
        if self._tool is None:
            return []
        rows = [line.split("\t") for line in self._ask("list", "short", "sources").splitlines()]
        return [row[_SPEC].split()[0] for row in rows if len(row) > _SPEC and not row[1].endswith(".monitor")]

    def forget(self) -> None:
        """Forget what numbers mean: the server may be another by now."""
        self._known = None

    def _named(self, index: str) -> tuple[str, str] | None:
        for line in self._ask("list", "short", "sources").splitlines():
            columns = line.split("\t")
            if len(columns) > 1 and columns[0] == index:
                return index, columns[1]
        return None

    def hangs(self, patience_s: float = HANG_S) -> bool:
        """Whether there is a server that does not answer at all; it may go on, and then gives what it held back.

        Takes up to ``patience_s``: on a machine with far too much to do a server that lives answers late, too.
        """
        if self._tool is None:
            return False
        try:
            self._run("info", within_s=patience_s)
        except subprocess.TimeoutExpired:
            return True
        except OSError:
            return False
        return False

    def _ask(self, *words: str) -> str:
        try:
            return self._run(*words)
        except (OSError, subprocess.TimeoutExpired):
            return ""  # a hung server tells nothing; the missing blocks will

    def _run(self, *words: str, within_s: float = _ANSWER_S) -> str:
        environment = {**os.environ, "LC_ALL": "C"}
        command = [self._tool or "pactl", *words]
        answer = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=within_s, check=False)
        return answer.stdout
