"""Every failure of hands, lamps and machine has a class, a stable code, a plain sentence and something to do."""

from __future__ import annotations


class HardwareError(Exception):
    """Base of all errors of this package.

    ``code`` is stable and read by programs; ``say`` is a sentence a librarian understands; ``do`` is what would
    help. Both may be shown on the screen as they are.
    """

    code = "hardware"

    def __init__(self, say: str, do: str = "") -> None:
        """Keep the sentence and the advice."""
        super().__init__(say)
        self.say = say
        self.do = do


class UnknownDriver(HardwareError):
    """A driver was asked for by a name nobody answers to."""

    code = "unknown-driver"


class NoPinLibrary(HardwareError):
    """The library that reaches the pins is missing, or is the empty placeholder."""

    code = "no-pin-library"


class NoPins(HardwareError):
    """The pins are not there, are taken, or may not be opened by this user."""

    code = "no-pins"


class BadWiring(HardwareError):
    """The configured pins cannot be: one pin used twice, a number the header does not have, a reserved pin."""

    code = "bad-wiring"


class Misused(HardwareError):
    """A driver was told to do what it cannot do now (started twice, a lamp level out of range)."""

    code = "misused"
