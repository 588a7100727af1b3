"""``hearth archive``: a community archive's own side. One file below `kiosk.commands.archiving` for each part."""

from __future__ import annotations

import importlib

import click

PARTS: tuple[str, ...] = (
    "serve",
    "person",
    "box",
    "release",
    "visit",
    "export",
    "import_",
    "move",
    "backup",
    "restore",
    "verify",
    "search",
    "patterns",
    "index",
    "timeline",
    "medley",
    "briefing",
    "qda",
    "partner",
)
"""Each is a module of `kiosk.commands.archiving` with a ``command`` of that name."""


@click.group(name="archive")
def command() -> None:
    """Run a community archive: take in what boxes hand on, and look after it. It needs no box on this machine.

    \b
    Examples:
      hearth archive serve --home ./my-archive
      hearth archive person add ana --role curator --home ./my-archive
      hearth archive box add maple-street --home ./my-archive
      hearth archive box list --home ./my-archive --json
      hearth archive box revoke maple-street --home ./my-archive
      hearth archive visit /media/usb/stick --home ./my-archive
      hearth archive export /media/disk/voices --home ./my-archive
      hearth archive backup /media/disk/backups --home ./my-archive
      hearth archive search '"mill race"' --home ./my-archive
      hearth archive patterns --home ./my-archive --json
      hearth archive medley make "Crossing the river" EXCERPT EXCERPT --home ./my-archive
      hearth archive verify --home ./my-archive
    """


for _part in PARTS:
    command.add_command(importlib.import_module(f"kiosk.commands.archiving.{_part}").command)
