"""``hearth archive serve``: the archive's pages, and the door for its boxes."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archive.errors import NoKey
from hardware.notify import Notifier
from kiosk.commands.archiving.common import archive_home_option
from kiosk.commands.common import note
from kiosk.commands.terminal import say

if TYPE_CHECKING:
    from archive.server.place import ArchiveHome

_GRACE_S = 5.0
"""So long a batch of the index may take to end; what it had not stored is done by the next start."""


@click.command(name="serve")
@archive_home_option
@click.option(
    "--bind",
    default="127.0.0.1:8490",
    show_default=True,
    help="Address and port on this machine; port 0 takes a free one. A proxy that speaks https stands before it.",
)
def command(home: Path, bind: str) -> None:
    """Serve the archive until stopped. An empty folder becomes an archive with everything at its default.

    \b
    Examples:
      hearth archive serve
      hearth archive serve --home ./my-archive --bind 127.0.0.1:8500
    """
    from archive.export.exported import keep_exports_clean
    from archive.patterns.keeping import keep_indexed
    from archive.patterns.turnjobs import keep_proposing
    from archive.people.accounts import first_code
    from archive.portal.community.app import make_community
    from archive.portal.community.serving import loopback, outside_names, serve, trusted_proxies
    from archive.server.erase import keep_settled
    from archive.server.ownfolder import keep_visited
    from archive.server.place import open_archive

    where = loopback(bind)
    stop = threading.Event()
    notifier = Notifier.from_environment()
    with open_archive(home) as place:
        names, proxies = outside_names(place.settings.more), trusted_proxies(place.settings.more)
        if names and not proxies:
            note("No proxy is trusted: all who come by one have its address, and wait for each other's wrong tries.")
            note('Write proxies = ["127.0.0.1"] into [serve] if it sets X-Forwarded-For anew (docs/handing-on.md).')
        _say_if_keyless(place)
        public: tuple[Any, ...] = ()
        if place.settings.public:
            # Only now: the formats of the public door need packages that the rest does not.
            from archive.portal.community.public import routes

            public = tuple(routes(place))
        app = make_community(place, where.hosts | names, public=public, secure=bool(names))
        with place.catalogue() as catalogue, catalogue.write() as tx:
            code = first_code(tx, place.now())

        def ready(url: str) -> None:
            if code is not None:
                note(f"Nobody has come in yet. The code for the first person, at {url}/code: {code}")
            say(f"The archive is at {url}")
            notifier.ready("The archive is open.")

        beside = [
            threading.Thread(target=what, args=(place, stop), daemon=True)
            for what in (keep_settled, keep_exports_clean, keep_indexed, keep_proposing, keep_visited)
        ]
        for one in beside:
            one.start()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        try:
            serve(app, place, where, ready, stop, proxies)
        finally:
            stop.set()
            for one in beside:
                one.join(_GRACE_S)
    notifier.stopping()


def _say_if_keyless(place: ArchiveHome) -> None:
    """Say what an archive without its keys can still do."""
    try:
        place.keys  # noqa: B018 - whether they can be read
    except NoKey as error:
        note(f"{error.say} The archive opens, and takes nothing in. {error.do}")
