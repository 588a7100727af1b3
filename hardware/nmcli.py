"""NetworkManager by its program ``nmcli``, which Raspberry Pi OS and Debian have."""

from __future__ import annotations

import shutil
import subprocess

ASK_S = 15
"""So long one question may take."""


class NotAnswered(Exception):
    """``nmcli`` refused, did not come to an end, or could not be started. The text is its last line."""


class Nmcli:
    """Asks ``program``, which is looked for when it is needed."""

    def __init__(self, program: str = "nmcli") -> None:
        """Keep its name."""
        self._program = program

    @property
    def here(self) -> bool:
        """Whether this machine has it."""
        return shutil.which(self._program) is not None

    def ask(self, *arguments: str, given: str = "", within: float = ASK_S) -> str:
        """Return what it says; ``given`` is its input, for what must not be an argument. Raises `NotAnswered`."""
        try:
            done = subprocess.run(
                [self._program, *arguments], input=given, capture_output=True, text=True, check=False, timeout=within
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotAnswered(str(error)) from error
        if done.returncode:
            raise NotAnswered((done.stderr.strip().splitlines()[-1:] or ["no reason given"])[0])
        return done.stdout

    def names(self) -> list[str]:
        """The profiles there are, by name. Raises `NotAnswered`."""
        return self.ask("-t", "-f", "NAME", "connection", "show").splitlines()
