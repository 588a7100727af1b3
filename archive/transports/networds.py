"""What goes wrong on a network, in words for a librarian: each failure names what to look at."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import datetime

import httpx

from archive.errors import TransportTrouble

KEPT = "Every story stays on the box, and the next run goes on."
_PROXY = "Check sync.proxy in the settings; ask whoever runs the network."
_DATES = {9, 10}
"""OpenSSL's numbers for a certificate that is not valid yet, and one that is over."""
_OTHER_NAME = {62, 64}
_HTML = ("text/html", "application/xhtml+xml")


class Passing(TransportTrouble):
    """A failure that may be over in a moment. ``wait_s`` is how long the other side asked to wait."""

    wait_s = 0.0


class Lasting(TransportTrouble):
    """A failure that trying again in this run cannot mend."""


def in_words(  # noqa: PLR0911 (one answer a cause)
    error: Exception, host: str, now: datetime, proxy: str = ""
) -> TransportTrouble:
    """Say what a failed request means; `Passing` or `Lasting`. ``now`` is what the box's clock says.

    ``proxy`` is where the way to ``host`` leads through, if it does: then nothing else is reached by the box itself.
    """
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _certificate(cause, host, now)
        if isinstance(cause, ssl.SSLError):
            say = f"{host} does not answer in the protected way (TLS) the box insists on."
            return Lasting(say, "Check the address, and whether something in the network opens protected connections.")
        if isinstance(cause, socket.gaierror):
            if proxy:
                return Passing(f"The name of the proxy {proxy} could not be found. {KEPT}", _PROXY)
            say = f"The name {host} could not be found. {KEPT}"
            return Passing(say, "Check that the box is in a network, and the address for a slip.")
        if isinstance(cause, ConnectionRefusedError):
            if proxy:
                return Passing(f"No proxy answers at {proxy}. {KEPT}", _PROXY)
            return Passing(f"Nothing answers at {host}. {KEPT}", "Is the archive's server on? Check the port.")
    if isinstance(error, httpx.ProxyError):
        say = f"The proxy refused the way to {host}."
        return Lasting(say, _PROXY)
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return Passing(f"{host} did not answer in time. {KEPT}", "Check the network.")
    return Passing(f"The connection to {host} broke off. {KEPT}", "Check the network.")


def _certificate(error: ssl.SSLCertVerificationError, host: str, now: datetime) -> TransportTrouble:
    if error.verify_code in _DATES:
        say = f"The certificate of {host} is not valid today, as the box's clock says: {now:%Y-%m-%d %H:%M} UTC."
        return Lasting(say, "Is that clock right? If so, the archive has to renew its certificate.")
    if error.verify_code in _OTHER_NAME:
        say = f"The certificate shown for {host} belongs to another name."
        return Lasting(say, "Check the address; in a guest network, sign in first.")
    say = f"The certificate of {host} is not from anyone this box trusts, so nothing was sent."
    return Lasting(say, "Check the address; or let the archive's operator install its certificate on this box.")


def refused_answer(status: int, kind: str, host: str, *, ours: bool) -> TransportTrouble | None:
    """Say what an answer means that no archive gave, or an archive in trouble; None for one to be read.

    ``kind`` is the content type, ``ours`` whether the answer carries the archive's mark.
    """
    if status == httpx.codes.PROXY_AUTHENTICATION_REQUIRED:
        return Lasting("The proxy asks for a name and a password.", "Put them into sync.proxy: http://NAME:WORD@HOST.")
    if status >= httpx.codes.INTERNAL_SERVER_ERROR and status != httpx.codes.NETWORK_AUTHENTICATION_REQUIRED:
        if status == httpx.codes.INSUFFICIENT_STORAGE:
            return Lasting(f"The archive at {host} is full. {KEPT}", "Tell whoever runs the archive.")
        return Passing(f"The archive at {host} is in trouble ({status}). {KEPT}", "Tell whoever runs the archive.")
    if ours or status == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
        return None
    if status == httpx.codes.NETWORK_AUTHENTICATION_REQUIRED or kind.startswith(_HTML) or 300 <= status < 400:  # noqa: PLR2004
        say = f"Something else answered in place of the archive at {host}: perhaps the sign-in page of this network."
        return Lasting(f"{say} {KEPT}", "Let whoever runs the network let the box through, or check the address.")
    return Lasting(f"What answers at {host} is not an archive of this kind.", "Check the address in archive.sync_to.")


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
