"""``hearth archive qda``: codes and coded words to other programs, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kiosk.commands.archiving.common import archive_home_option, who
from kiosk.commands.common import emit, json_option

if TYPE_CHECKING:
    from archive.patterns.qda import Carried
    from archive.server.place import ArchiveHome

_FORMS = ("refi", "csv", "parquet", "datasette")


@click.command(name="qda")
@click.argument("action", type=click.Choice(["export", "import"]))
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--form", type=click.Choice(_FORMS), default="refi", help="What to write; refi goes by the file's ending."
)
@click.option("--into", default="", help="The codebook new codes go into; else named after the file.")
@archive_home_option
@json_option
def command(action: str, path: Path, form: str, into: str, home: Path, as_json: bool) -> None:
    """Write stories, codes and coded words for NVivo, ATLAS.ti, MAXQDA, QualCoder, DuckDB or Datasette; read them back.

    \b
    Examples:
      hearth archive qda export river.qdpx --home ./my-archive
      hearth archive qda export codes.qdc --home ./my-archive
      hearth archive qda export ./tables --form parquet
      hearth archive qda export ./copy --form datasette --json
      hearth archive qda import river.qdpx --into "Second reading"

    A .qdpx is a project of REFI-QDA, a .qdc a codebook; other forms are folders. Only what its tellers allow to leave
    is in it. What is read back becomes highlights, codes and memos of the people named in the file.
    """
    from archive.server.place import open_archive

    if action == "import" and not path.is_file():
        raise click.UsageError(f"There is no file {path}.")
    with open_archive(home) as place:
        plain, told = _written(place, path, form) if action == "export" else _read_back(place, path, into)
        emit(plain, lambda: told, as_json=as_json)


def _written(place: ArchiveHome, path: Path, form: str) -> tuple[dict[str, Any], str]:
    """Write it; returns what came of it as data and in words. The catalogue is only read."""
    from archive.patterns import qda

    if form != "refi":
        from archive.patterns.tables import Form, write_tables

        written = write_tables(place, path.absolute(), Form(form))
        plain = {"folder": str(path), "files": list(written.files), "rows": dict(written.rows)}
        return plain, f"{', '.join(written.files)} in {path}."
    if not _is_codebook(path):
        return _carried(path, qda.export_project(place, path.absolute()))
    with place.catalogue() as catalogue, catalogue.read() as tx:
        return _carried(path, qda.write_codebook(tx, path))


def _read_back(place: ArchiveHome, path: Path, into: str) -> tuple[dict[str, Any], str]:
    from archive.patterns import qdareading

    read = qdareading.read_codebook if _is_codebook(path) else qdareading.read_project
    with place.catalogue() as catalogue, catalogue.write() as tx:
        return _carried(path, read(tx, path, who(), place.now(), into=into))


def _is_codebook(path: Path) -> bool:
    return path.suffix.lower() == ".qdc"


def _carried(path: Path, done: Carried) -> tuple[dict[str, Any], str]:
    from archive.portal.community.words import some

    carried = (
        some(done.stories, "story", "stories"),
        some(done.codes, "code", "codes"),
        some(done.highlights, "highlight", "highlights"),
    )
    told = f"{', '.join(carried)}, {some(done.memos, 'memo', 'memos')}."
    return {"file": str(path), **done.to_json()}, "\n".join([told, *done.left])
