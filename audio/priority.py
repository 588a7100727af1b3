"""More urgent than the rest: what a thread may ask of the system without being root.

Sound cannot wait: a block of it is lost or a gap heard when a thread comes 30 ms late. Where the system allows it
(a limit such as ``LimitRTPRIO`` in the unit, or being root) the threads that move sound are scheduled in real time;
where it allows less they are only nicer to themselves; where it allows nothing they stay as they are.
"""

from __future__ import annotations

import logging
import os
from enum import StrEnum
from typing import Final

_REAL_TIME: Final = 10
"""Above every ordinary thread, below what the kernel and a sound server take for themselves."""
_NICE: Final = -11
_log = logging.getLogger(__name__)


class Urgency(StrEnum):
    """How a thread is scheduled now."""

    REAL_TIME = "real time"
    RAISED = "raised"
    USUAL = "usual"


def hurry(*, real_time: bool) -> Urgency:
    """Make the calling thread as urgent as the system allows, and return what it got. Never raises.

    ``real_time`` is for threads that do next to nothing each time they wake, such as sound callbacks. What they start
    (a program, a thread) does not inherit it.
    """
    if real_time and hasattr(os, "sched_setscheduler"):
        try:
            os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(_REAL_TIME))
        except OSError:
            _log.debug("no real-time scheduling here")
        else:
            return Urgency.REAL_TIME
    # On Linux a priority belongs to a thread, and 0 is the one that calls.
    for nice in range(_NICE, os.getpriority(os.PRIO_PROCESS, 0)):
        try:
            os.setpriority(os.PRIO_PROCESS, 0, nice)
        except OSError:
            continue
        return Urgency.RAISED
    return Urgency.USUAL


def give_way(nice: int = 5) -> None:
    """Let every other process go first: for work that nobody waits for by the millisecond. Never raises.

    Call it before any thread is started; threads inherit it.
    """
    if os.getpriority(os.PRIO_PROCESS, 0) < nice:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
