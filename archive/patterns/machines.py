"""What every machine that proposes something says of itself, and the one switch that turns all of them off."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata

from archive.errors import ArchiveError
from archive.server.settings import ArchiveSettings


class MachinesOff(ArchiveError):
    """This archive lets no model compute anything."""

    code = "machines-off"


@dataclass(frozen=True, slots=True)
class Machine:
    """Who proposed: a model as a person can look it up, and its version."""

    model: str
    version: str

    @property
    def words(self) -> str:
        """As a page names it."""
        return f"{self.model} {self.version}"


def check_on(settings: ArchiveSettings) -> None:
    """Raise `MachinesOff` where this archive has ``ai = false``. Whoever computes with a model asks first."""
    if not settings.ai:
        say = "Machines propose nothing in this archive: it was switched off in its settings."
        raise MachinesOff(say, "Everything people do goes on working. `ai = true` in config.toml switches it on.")


def learned(model: str) -> Machine:
    """A proposal computed with scikit-learn, by the name of the method."""
    return Machine(f"{model}, scikit-learn", metadata.version("scikit-learn"))
