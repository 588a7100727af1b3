"""Keeps the sound libraries' own chatter ("ALSA lib pcm.c:8570 ... underrun occurred") off a person's terminal.

What matters of it (blocks lost, a device that is gone) is counted and said by the adapters, in sentences.
"""

from __future__ import annotations

import ctypes
import functools
import os


@functools.cache
def hush_alsa() -> bool:
    """Give ALSA an error handler that does nothing; tell whether there is an ALSA to hush. Done once a process.

    The handler is a C function that ignores what it is passed: one in Python would make the sound thread wait for
    the interpreter each time. ``HEARTH_SOUND_NOISE=1`` is for those who look for a fault of a driver.
    """
    if os.environ.get("HEARTH_SOUND_NOISE"):
        return False
    try:
        alsa = ctypes.CDLL("libasound.so.2")
        nothing = ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p)
        alsa.snd_lib_error_set_handler.argtypes = [ctypes.c_void_p]
        alsa.snd_lib_error_set_handler(nothing)
    except (OSError, AttributeError):
        return False
    return True
