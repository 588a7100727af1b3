"""Runs a command and says at its end the most memory it had, shared pages counted whole: for services that come and go."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

done = subprocess.run(sys.argv[1:], check=False)
print(f"most memory {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024} MB", file=sys.stderr, flush=True)
os._exit(done.returncode)
