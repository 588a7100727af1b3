"""Seven roles, and the one table that says what each may do at an archive's desk.

A permission is what a page or an action asks for; a person may do what any of their roles may. What no row names
nobody may do. This table is about people; whether a *story* may be used at all is `archive.consent.may`'s to say,
and no role gets past it. Nor is it about whoever has the machine: what is taken out as plain files, moved or backed
up is taken at its terminal, where no role is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType


class Role(StrEnum):
    """What somebody does for the archive. One person may have several."""

    ORGANIZER = "organizer"
    FACILITATOR = "facilitator"
    CURATOR = "curator"
    PROMPT_DESIGNER = "prompt-designer"
    ANALYST = "analyst"
    ARCHIVIST = "archivist"
    SYSADMIN = "sysadmin"

    @property
    def words(self) -> str:
        """The role as a person reads it."""
        return self.value.replace("-", " ")


class Permission(StrEnum):
    """What a page or an action needs."""

    ANYBODY = "anybody"
    """No account: the way in. Shows nothing of any story."""
    OWN = "own"
    """One's own account: password, sessions, the front page."""
    STORIES = "stories"
    """Open a story's page, listen, read; hear medleys."""
    REVIEW = "review"
    """Decide about a story: keep, hold, redact, note; correct its words."""
    EXCERPT = "excerpt"
    """Cut an excerpt, put medleys together."""
    CUES = "cues"
    """Put excerpts on a box's keys."""
    PROMPTS = "prompts"
    """Write sets of questions."""
    SEARCH = "search"
    """Search what was told."""
    CODE = "code"
    """Code and theme what was told."""
    BOXES = "boxes"
    """See how the boxes are, add and revoke them. No content."""
    POLICY = "policy"
    """Change the moderation policy, read the log of who did what."""
    PUBLISH = "publish"
    """Put a medley at the public door, and take it away from there."""
    HAND_OUT = "hand-out"
    """Take a briefing, or a medley for a radio or a newspaper, out of the house: what left cannot be called back."""
    WITHDRAW = "withdraw"
    """Take a story back for a teller who brings the keep-code."""
    ERASE = "erase"
    """Erase a story for good; asks for the password again."""
    PEOPLE = "people"
    """Add and end accounts, see and end other people's sessions."""


_R = Role
_EVERYONE = frozenset(Role)
_TABLE: Mapping[Permission, frozenset[Role]] = MappingProxyType(
    {
        Permission.OWN: _EVERYONE,
        # A sysadmin keeps the machines and hears nothing.
        Permission.STORIES: _EVERYONE - {_R.SYSADMIN},
        Permission.REVIEW: frozenset({_R.CURATOR}),
        Permission.EXCERPT: frozenset({_R.CURATOR, _R.FACILITATOR}),
        Permission.CUES: frozenset({_R.CURATOR, _R.FACILITATOR}),
        Permission.PROMPTS: frozenset({_R.PROMPT_DESIGNER, _R.ORGANIZER}),
        Permission.SEARCH: _EVERYONE - {_R.SYSADMIN},
        Permission.CODE: frozenset({_R.ANALYST, _R.CURATOR}),
        Permission.BOXES: frozenset({_R.ORGANIZER, _R.SYSADMIN}),
        Permission.POLICY: frozenset({_R.ORGANIZER, _R.ARCHIVIST}),
        Permission.PUBLISH: frozenset({_R.ORGANIZER, _R.ARCHIVIST}),
        # An analyst writes a briefing; somebody who answers for the voices lets it go.
        Permission.HAND_OUT: frozenset({_R.CURATOR, _R.ORGANIZER}),
        Permission.WITHDRAW: frozenset({_R.ORGANIZER, _R.ARCHIVIST}),
        Permission.ERASE: frozenset({_R.ARCHIVIST}),
        Permission.PEOPLE: frozenset({_R.ORGANIZER, _R.SYSADMIN}),
    }
)


def allowed(roles: Iterable[Role], permission: Permission) -> bool:
    """Say whether somebody with ``roles`` may. Pure; the default is no, also for somebody without a role."""
    return not _TABLE.get(permission, frozenset()).isdisjoint(roles)


def roles_for(permission: Permission) -> tuple[Role, ...]:
    """The roles that have ``permission``, in the order of `Role`."""
    return tuple(role for role in Role if role in _TABLE.get(permission, frozenset()))
