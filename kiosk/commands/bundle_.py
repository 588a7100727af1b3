"""``hearth bundle``: make a signed release for boxes to take."""

from __future__ import annotations

import sys
import tempfile
import tomllib
from pathlib import Path

import click

from archive.schema import OLDEST_READER, schema
from kiosk.appliance import bundle, releases
from kiosk.commands import support_
from kiosk.commands.common import emit, json_option, note
from kiosk.setting import NotReady

_FILE = click.Path(path_type=Path)


@click.command(name="bundle")
@click.option("--source", type=_FILE, help="The project's folder; default: this one.")
@click.option("--key", type=_FILE, help="The release key to sign with.")
@click.option("--new-key", type=_FILE, help="Make a release key here first, for your eyes alone, and sign with it.")
@click.option(
    "--wheels",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder of packages to put in, so that boxes need no network.",
)
@click.option("--to", "target", type=_FILE, help="The bundle; default: ./digital-hearth-VERSION.hearth")
@click.option("--home", type=_FILE, help="Without a key: whose box the bundle is about, as for hearth support.")
@json_option
def command(
    source: Path | None, key: Path | None, new_key: Path | None, wheels: Path | None, target: Path | None,
    home: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Make a signed release bundle from the sources: the wheel, the lock of every package, the units.

    Boxes take it whose /etc/hearth/release-keys.txt names the public key that is printed. Without a key it is the
    other bundle: how a box is, for whoever helps, without any content (the same as hearth support).

    \b
    Examples:
      hearth bundle --new-key ~/hearth-release.key
      hearth bundle --key ~/hearth-release.key --wheels ./wheels --to /media/usb/new.hearth --json
      hearth bundle --json
    """
    if key is None and new_key is None:
        if source is not None or wheels is not None:
            raise bundle.BadBundle("A bundle has to be signed.", "Give --key FILE, or --new-key FILE the first time.")
        return _support(target, home, as_json=as_json)
    if home is not None:
        raise click.UsageError("A release is made from the sources: --home belongs to the bundle without a key.")
    source = source or Path()
    try:
        project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
        raise NotReady(f"{source.absolute()} is not the project's folder.", "Give it with --source DIR.") from error
    if new_key is not None:
        if new_key.exists():
            raise bundle.BadBundle(f"There is a file at {new_key} already.", f"Sign with it: --key {new_key}")
        signer = bundle.new_key(new_key)
        note(f"Keep {new_key} safe: whoever has it can put programs on your boxes.")
        note(f"Boxes take what it signs once they know its public half: {bytes(signer.verify_key).hex()}")
    else:
        assert key is not None  # one of the two is given
        signer = bundle.read_key(key)
    version = str(project["version"])
    out = target or Path(f"digital-hearth-{version}.hearth")
    with tempfile.TemporaryDirectory() as room:
        wheel = releases.build_wheel(Path(sys.executable), source.absolute(), Path(room))
        parts = {wheel.name: wheel, releases.LOCK: source / "locks" / releases.LOCK}
        parts |= {f"units/{path.name}": path for path in (source / "systemd").iterdir() if path.is_file()}
        if wheels is not None:
            parts |= {f"wheels/{path.name}": path for path in wheels.iterdir() if path.is_file()}
        made = bundle.write(
            out, signer, version=version, schema=schema(), oldest_reader=OLDEST_READER, files=parts
        )  # fmt: skip
    size = out.stat().st_size
    payload = {
        "bundle": str(out), "version": version, "bytes": size, "files": len(made.files), "wheels": made.has_wheels,
        "public_key": made.signed_by,
    }  # fmt: skip
    emit(payload, lambda: f"{out}: version {version}, {size:,} bytes, signed by {made.signed_by}", as_json=as_json)
    return 0


def _support(target: Path | None, home: Path | None, *, as_json: bool) -> int:
    """Hand over to the verb that makes it: with its defaults, and as the user to whom the home belongs."""
    words = [
        *([str(target)] if target else []),
        *(["--home", str(home)] if home else []),
        *(["--json"] if as_json else []),
    ]
    return int(support_.command.main(words, prog_name="hearth support", standalone_mode=False))
