"""The visitor's conversation with the box. Imports ``audio``, ``hardware`` and ``archive``."""

import os

# pygame greets on standard output, which belongs to answers.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
