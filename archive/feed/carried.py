"""How a box is, carried by a stick or a remote: what it would say over a network, signed by it, and never content.

It lies beside the box's hello as `<name>.pulse`. Whoever holds the stick can read it, and cannot change it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from archive.boxes import content_free
from archive.home import Keys

SUFFIX = ".pulse"
MOST_BYTES = 4096


def make_pulse(keys: Keys, pulse: Mapping[str, Any]) -> bytes:
    """Return the file in which the box that holds ``keys`` says ``pulse`` (`archive.pulse`)."""
    told = json.dumps(content_free(pulse), sort_keys=True)
    signature = keys.signing.sign(_message(told)).signature.hex()
    return (json.dumps({"pulse": told, "signature": signature}, indent=1, sort_keys=True) + "\n").encode()


def read_pulse(data: bytes, sign: bytes) -> dict[str, Any] | None:
    """Read what the box whose public key is ``sign`` says; None for anything else."""
    try:
        plain: Any = json.loads(data) if len(data) <= MOST_BYTES else None
        told, signature = plain["pulse"], bytes.fromhex(plain["signature"])
        VerifyKey(sign).verify(_message(told), signature)
        found = json.loads(told)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, BadSignatureError):
        return None
    return content_free(found) if isinstance(found, dict) else None


def _message(told: str) -> bytes:
    return f"hearth-pulse-1\n{told}".encode()
