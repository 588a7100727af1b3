"""Faults planted into the real program, one module a fault. `scripts/faults` runs them in full, the tests a sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

NAMES = (
    "sigkill",
    "powercut",
    "diskfull",
    "readonly",
    "eio",
    "microphone",
    "hogged",
    "clock",
    "hung",
    "walkaway",
    "storm",
    "children",
    "mashing",
    "guessing",
    "withdrawn",
    "deposits",
    "badline",
    "ingest",
)
"""In the order in which a person would worry about them."""


@dataclass
class Outcome:
    """What a fault did: how often it was planted, the most that was lost, what did not hold."""

    runs: int = 0
    worst_loss_s: float = 0.0
    failures: list[str] = field(default_factory=list)
    skipped: str = ""
    notes: dict[str, Any] = field(default_factory=dict)

    def lost(self, seconds: float, most: float = 1.0, what: str = "") -> None:
        """Note a loss; more than ``most`` seconds is a failure."""
        self.worst_loss_s = max(self.worst_loss_s, seconds)
        self.check(seconds <= most, f"{what}: {seconds:.2f} s were lost")

    def check(self, holds: bool, otherwise: str) -> bool:
        """Note a failure unless ``holds``."""
        if not holds:
            self.failures.append(otherwise)
        return holds

    def note_most(self, name: str, value: float) -> None:
        """Keep the largest of a figure."""
        self.notes[name] = round(max(float(self.notes.get(name, 0.0)), value), 3)


@dataclass(frozen=True)
class Fault:
    """A fault by name: how often in the normal run, how often in full, and the function that plants it."""

    name: str
    sample: int
    full: int
    run: Callable[[int, Path], Outcome]
    promise: str


def load(name: str) -> Fault:
    """Import one fault's module."""
    fault = import_module(f"faultkit.{name}").FAULT
    assert isinstance(fault, Fault)
    return fault
