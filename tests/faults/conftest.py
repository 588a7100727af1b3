"""The faults lie in a package of their own, so that `scripts/faults` can run them without pytest."""

from __future__ import annotations

import sys
from pathlib import Path

KIT = str(Path(__file__).parent)
if KIT not in sys.path:
    sys.path.insert(0, KIT)
