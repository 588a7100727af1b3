"""Choosing the database by one setting. No silent fall-back: an address nobody understands is refused."""

from __future__ import annotations

from pathlib import Path

from archive.catalogue.port import Catalogue
from archive.errors import CatalogueTrouble

_SQLITE = "sqlite:"
_POSTGRES = ("postgresql://", "postgres://")


def open_catalogue(url: str) -> Catalogue:
    """Open the catalogue at ``url`` and bring its tables up to date: ``sqlite:PATH`` or ``postgresql://...``.

    Cheap enough for each thread (and each request) to open its own: a few statements where nothing is to be brought
    up to date. Raises `CatalogueTrouble` where it cannot be opened, `DamagedStore` where a file is no sound database.
    """
    # The drivers are loaded where they are used: an archive on SQLite runs without the other one being there.
    if url.startswith(_SQLITE):
        from archive.catalogue.sqlite import SqliteCatalogue

        return SqliteCatalogue(Path(url.removeprefix(_SQLITE)))
    if url.startswith(_POSTGRES):
        from archive.catalogue.postgres import PostgresCatalogue

        return PostgresCatalogue(url)
    raise CatalogueTrouble(
        "The setting for the archive's database is not understood.", "Write sqlite:PATH or postgresql://HOST/NAME."
    )
