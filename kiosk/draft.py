"""What one event changes, gathered move by move before the session is made anew. Never leaves one step."""

from __future__ import annotations

from audio.types import TakeId
from kiosk import types as t


class Draft:
    """The session as one event found it, what changes, and what is to be done."""

    __slots__ = ("at", "changes", "effects", "old")

    def __init__(self, old: t.Session, at: float) -> None:
        """Start with nothing changed."""
        self.old = old
        self.at = at
        self.changes: dict[str, object] = {}
        self.effects: list[t.Effect] = []

    def set(self, **changes: object) -> None:
        """Change fields of the session by name."""
        self.changes.update(changes)

    def do(self, *effects: t.Effect) -> None:
        """Ask for effects, in this order."""
        self.effects.extend(effects)

    @property
    def take(self) -> TakeId:
        """The take of this visit; the table only calls moves that need one where there is one."""
        take = self.changes.get("take", self.old.take)
        if not isinstance(take, str):
            message = "this row of the table needs a take"
            raise TypeError(message)
        return TakeId(take)
