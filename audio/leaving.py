"""The end of a process that moved sound or held a speech model: it comes, whatever a library is still doing.

PortAudio, the sound server's plug-in and the speech model run threads of their own and tidy up when the interpreter is
taken apart. Seen there: a crash while the sound server hangs, an abort while the model is at work, waiting for ever for
a stream on a dead server. By then everything of ours is written; so what Python has to do is done, and the
process goes.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import signal
import sys
import threading
from typing import NoReturn

PATIENCE_S = 15
"""So long may our own last work take; then the kernel ends the process."""
_NATIVE = ("sounddevice", "ctranslate2")


def leave(code: int) -> NoReturn:
    """End the process with ``code``, from its main thread, after its other threads and what was registered for the end.

    Where neither sound nor a speech model was loaded this is `sys.exit`.
    """
    if not any(name in sys.modules for name in _NATIVE):
        sys.exit(code)
    # An alarm needs no thread and no lock of Python's: it comes even when a library holds on to those for ever.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(PATIENCE_S)
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()  # noqa: SLF001  there is no public way
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        # Nobody may be listening any more; that keeps no process alive.
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
