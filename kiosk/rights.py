"""Whose rights a command has: root steps down to the user whose home it works on, before anything there is touched.

What root leaves in a home of somebody else (a folder, a key, a list) the box's own user cannot read: the kiosk would be
out of service after it, or the nightly hand-on fail for ever. The two verbs that need root work on no home.
"""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

DEVICES = ("audio", "video", "render", "input", "gpio")
"""The groups of sound, screen, keys and pins, as the units add them: devices are looked at as the box sees them."""
_JOURNAL = "systemd-journal"
_UMASK = 0o077


def become_owner_of(home: Path) -> str:
    """Go on as the user ``home`` belongs to, with a umask of 077, if this is root and the home is not root's own.

    Returns that user's name, empty where nothing has changed. A home that is not there yet is left to whoever makes
    it. There is no way back: the process has no rights after it but that user's. Raises `OSError` where the system
    does not let even root do so.
    """
    if os.geteuid() != 0 or not home.is_dir():
        return ""
    told = home.stat()
    if told.st_uid == 0:
        return ""
    try:
        user: pwd.struct_passwd | None = pwd.getpwuid(told.st_uid)
    except KeyError:
        user = None
    name, group = (str(told.st_uid), told.st_gid) if user is None else (user.pw_name, user.pw_gid)
    groups = {group} if user is None else set(os.getgrouplist(name, group))
    os.setgroups(sorted(groups | _groups((*DEVICES, _JOURNAL))))
    os.setgid(group)
    os.setuid(told.st_uid)
    os.umask(_UMASK)
    # Nothing of root's own is looked for or written.
    os.environ["HOME"] = str(home) if user is None else user.pw_dir
    return name


def _groups(names: tuple[str, ...]) -> set[int]:
    """Those of ``names`` that this machine has."""
    return {entry.gr_gid for entry in grp.getgrall() if entry.gr_name in names}
