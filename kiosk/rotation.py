"""Which voice is next: every playable voice once a round, never the same twice running, and nothing is counted. Pure.

The state is only the order still to come and the last voice, so there is nothing in it from which to rank anybody. It
lives in memory; a box that starts anew begins a new round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from audio.types import TakeId


@dataclass(frozen=True, slots=True)
class Rotation:
    """The voices still to come in this round, those that had their turn in it, and the one heard last."""

    coming: tuple[TakeId, ...] = ()
    been: frozenset[TakeId] = frozenset()
    last: TakeId | None = None

    def heard(self, voice: TakeId) -> Rotation:
        """The same round after ``voice`` had its turn out of it: others keep their place, nobody is passed over."""
        coming = tuple(one for one in self.coming if one != voice)
        return Rotation(coming, self.been | {voice}, voice)


def turn(rotation: Rotation, playable: Sequence[TakeId], chance: Random) -> tuple[Rotation, TakeId | None]:
    """The next voice among ``playable`` (what may be played at this very moment), or None when there is none.

    Voices that were not there before come before the rest of the round; one that was withdrawn is never returned. With
    two or more playable voices the same one never comes twice running, not even across rounds. ``chance`` only
    shuffles a round: the same seed gives the same order.
    """
    now = tuple(dict.fromkeys(playable))
    if not now:
        return Rotation(last=rotation.last), None
    there = frozenset(now)
    coming = [voice for voice in rotation.coming if voice in there]
    been = rotation.been & there
    known = been.union(coming)
    fresh = [voice for voice in now if voice not in known]
    if known:
        coming = [*fresh, *coming]
    else:
        coming = fresh
        chance.shuffle(coming)
    if not coming:
        coming, been = list(now), frozenset()
        chance.shuffle(coming)
    if coming[0] == rotation.last:
        _put_back(coming)
        if coming[0] == rotation.last and len(now) > 1:
            return _round_early(rotation, now, chance)
    voice = coming.pop(0)
    return Rotation(tuple(coming), been | {voice}, voice), voice


def _put_back(coming: list[TakeId]) -> None:
    """Let another voice go first, if there is another."""
    if len(coming) > 1:
        coming[0], coming[1] = coming[1], coming[0]


def _round_early(rotation: Rotation, now: tuple[TakeId, ...], chance: Random) -> tuple[Rotation, TakeId | None]:
    """Only the voice just heard is left (others were withdrawn, or it came back): begin the next round."""
    coming = list(now)
    chance.shuffle(coming)
    if coming[0] == rotation.last:
        _put_back(coming)
    voice = coming.pop(0)
    return Rotation(tuple(coming), frozenset({voice}), voice), voice
