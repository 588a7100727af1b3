"""Every failure of the archive side has a class, a stable code, a plain sentence and something to do."""

from __future__ import annotations


class ArchiveError(Exception):
    """Base of all errors of this package; ``code``, ``say`` and ``do`` as in `audio.errors.AudioError`."""

    code = "archive"

    def __init__(self, say: str, do: str = "") -> None:
        """Keep the sentence and the advice."""
        super().__init__(say)
        self.say = say
        self.do = do


class Refused(ArchiveError):
    """`may` said no: consent does not cover this use now."""

    code = "refused"


class NotFilledIn(Refused):
    """Something in a form does not fit; ``code`` says what, so that pages can say it in every language."""

    def __init__(self, code: str, say: str, do: str) -> None:
        """Keep the code of this one."""
        super().__init__(say, do)
        self.code = code


class NoSuchStory(ArchiveError):
    """No story has this identifier or keep-code."""

    code = "no-such-story"


class WrongCode(ArchiveError):
    """The words of a keep-code do not fit its number."""

    code = "wrong-code"


class TooManyTries(ArchiveError):
    """Keep-codes were guessed too fast; a wait is in force."""

    code = "too-many-tries"


class NoKey(ArchiveError):
    """The key that would open this is not here (sealed, erased, or the key folder is missing)."""

    code = "no-key"


class DamagedStore(ArchiveError):
    """The database or a stored file is damaged."""

    code = "damaged-store"


class HomeTrouble(ArchiveError):
    """The home folder cannot be made, read or written."""

    code = "home-trouble"


class NewerDatabase(HomeTrouble):
    """A newer program has changed the database in a way this one does not know."""

    code = "newer-database"


class BadBag(ArchiveError):
    """A bag is incomplete, altered or hostile."""

    code = "bad-bag"


class Conflict(BadBag):
    """Another content with the same identifier is kept already."""

    code = "conflict"


class TakenBack(BadBag):
    """Its teller took this story back; no copy of it is taken in again."""

    code = "taken-back"


class TransportTrouble(ArchiveError):
    """The place stories are handed on to cannot be reached or written."""

    code = "transport-trouble"


class StoreTrouble(ArchiveError):
    """The archive's object store cannot be reached, read or written."""

    code = "store-trouble"


class NoSuchObject(ArchiveError):
    """The archive's object store has nothing of this name."""

    code = "no-such-object"


class BadKey(ArchiveError):
    """This cannot be the name of an object."""

    code = "bad-key"


class CatalogueTrouble(ArchiveError):
    """The archive's database cannot be reached, or does not take something."""

    code = "catalogue-trouble"


class Clash(ArchiveError):
    """A row breaks a rule of its table: its key is taken already, or what it refers to is gone."""

    code = "clash"


class BadFeed(ArchiveError):
    """A feed is not signed by the archive, old, altered, too large or hostile; the last good one stays."""

    code = "bad-feed"
