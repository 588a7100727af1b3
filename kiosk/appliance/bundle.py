"""A release in one file: the wheel, the lock, the units, if wanted every package, and a signature over all of it.

A bundle is a tar file. Its first member, ``manifest.json``, names every other file with its size and SHA-256; its
second, ``manifest.sig``, is the Ed25519 signature of the manifest's bytes. Nothing is taken out of a bundle before the
signature of a trusted key was verified, and nothing that the manifest does not name.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from archive.durable import write_file
from kiosk.appliance.places import version_of
from kiosk.errors import KioskError

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
NAME = "digital-hearth"
FORMAT = 1
MOST_MANIFEST = 1 << 20
MOST_BYTES = 4_000_000_000
"""No bundle is larger: every package for one machine takes about 0.3 GB."""
_SIGNATURE_BYTES = 64
_KEY_FIGURES = 64
_DEEPEST = 2
_BLOCK = 1 << 20


class BadBundle(KioskError):
    """A file is not a bundle, is damaged, or nobody trusted has signed it."""

    code = "bad-bundle"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a verified bundle says of itself. ``oldest_reader``: see `archive.schema.OLDEST_READER`."""

    version: str
    wheel: str
    schema: int
    oldest_reader: int
    files: Mapping[str, tuple[int, str]]
    """Size in bytes and SHA-256 by name."""
    signed_by: str
    """The public key that signed it, in hexadecimal figures."""

    @property
    def has_wheels(self) -> bool:
        """Whether every package is inside, so that no network is needed."""
        return any(name.startswith("wheels/") for name in self.files)


def new_key(path: Path) -> SigningKey:
    """Make a release key at ``path``, for its owner alone. Raises `OSError`; an existing file is left as it is."""
    if path.exists():
        raise FileExistsError(f"{path} is there already.")
    key = SigningKey.generate()
    write_file(path, bytes(key).hex().encode() + b"\n", 0o600)
    return key


def read_key(path: Path) -> SigningKey:
    """Read a release key. Raises `BadBundle` when it is none."""
    try:
        return SigningKey(bytes.fromhex(path.read_text(encoding="ascii").strip()))
    except (OSError, ValueError, TypeError) as error:
        raise BadBundle(f"There is no release key in {path}.", "Make one with: hearth bundle --new-key FILE") from error


def trusted(path: Path) -> list[VerifyKey]:
    """Read the public keys a box takes bundles from; comments begin with ``#``. Raises `BadBundle` when none is there.

    Several may stand there, so that a key can be replaced while boxes are still on their way.
    """
    try:
        lines = [line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
        keys = [VerifyKey(bytes.fromhex(line)) for line in lines if len(line) == _KEY_FIGURES]
    except (OSError, ValueError) as error:
        raise BadBundle(f"The release keys in {path} cannot be read.", "Install the box again with its key.") from error
    if not keys:
        raise BadBundle("This box trusts no release key, so it takes no update.", f"Put the public key into {path}.")
    return keys


def write(
    path: Path, key: SigningKey, *, version: str, schema: int, oldest_reader: int, files: Mapping[str, Path]
) -> Manifest:
    """Write a signed bundle to ``path``: whole or not at all. ``files`` are the parts by their name in it.

    Raises `OSError`, or `ValueError` for a version that is none.
    """
    version_of(version)
    sums = {name: (part.stat().st_size, _sum(part)) for name, part in sorted(files.items())}
    told = {
        "format": FORMAT, "name": NAME, "version": version, "schema": schema, "oldest_reader": oldest_reader,
        "files": {name: {"size": size, "sha256": found} for name, (size, found) in sums.items()},
    }  # fmt: skip
    manifest = json.dumps(told, indent=1, sort_keys=True).encode()
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        with tarfile.open(part, "x", format=tarfile.PAX_FORMAT) as tar:
            for name, data in ((MANIFEST, manifest), (SIGNATURE, key.sign(manifest).signature)):
                tar.addfile(_member(name, len(data)), io.BytesIO(data))
            for name, source in sorted(files.items()):
                with source.open("rb") as file:
                    tar.addfile(_member(name, sums[name][0]), file)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return _manifest(told, key.verify_key)


@dataclass(frozen=True, slots=True)
class Told:
    """What a bundle says of itself where nobody has verified it. ``lock``: the SHA-256 of its list of packages."""

    version: str
    lock: str
    has_wheels: bool


def told(bundle: Path) -> Told:
    """What ``bundle`` says of itself. Raises `BadBundle`."""
    try:
        with bundle.open("rb") as file:
            return read_told(file)
    except (OSError, BadBundle) as error:
        raise BadBundle(
            f"{bundle} is no bundle of Digital Hearth.", "Make one with: hearth bundle --key FILE"
        ) from error


def read_told(source: IO[bytes]) -> Told:
    """What the bundle that begins here says of itself; only its first part is read. Raises `BadBundle`, `OSError`."""
    try:
        with tarfile.open(fileobj=source, mode="r|") as tar:
            said = json.loads(_read(tar, iter(tar), MANIFEST, MOST_MANIFEST))
        if (said["format"], said["name"]) != (FORMAT, NAME):
            raise _bad("It is no bundle of Digital Hearth.")
        version, files = str(said["version"]), said["files"]
        version_of(version)
        return Told(version, str(files["run.txt"]["sha256"]), any(name.startswith("wheels/") for name in files))
    except (tarfile.TarError, EOFError, ValueError, KeyError, TypeError) as error:
        raise _bad("It is no bundle of Digital Hearth.") from error


def unpack(bundle: Path, keys: list[VerifyKey], target: Path) -> Manifest:
    """Verify ``bundle`` and put its files into the new folder ``target``; nothing stays of one that is refused.

    Raises `BadBundle`, `OSError`.
    """
    try:
        with tarfile.open(bundle, "r:") as tar:
            members = iter(tar)
            manifest = _signed(tar, members, keys)
            target.mkdir(parents=True)
            _take_out(tar, members, manifest, target)
    except BaseException as error:
        # Whatever went wrong, half a release must not lie about.
        shutil.rmtree(target, ignore_errors=True)
        if isinstance(error, tarfile.TarError | EOFError):
            raise _bad("It is damaged or no bundle.") from error
        raise
    return manifest


def _bad(why: str) -> BadBundle:
    return BadBundle(f"This bundle was not taken. {why}", "Get it again from where it came, or ask who made it.")


def _member(name: str, size: int) -> tarfile.TarInfo:
    """A plain file without owner and time: the same parts give the same bundle."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    return member


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _signed(tar: tarfile.TarFile, members: Iterator[tarfile.TarInfo], keys: list[VerifyKey]) -> Manifest:
    manifest = _read(tar, members, MANIFEST, MOST_MANIFEST)
    signature = _read(tar, members, SIGNATURE, _SIGNATURE_BYTES)
    for key in keys:
        try:
            key.verify(manifest, signature)
        except (BadSignatureError, ValueError):
            continue
        try:
            return _manifest(json.loads(manifest), key)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _bad("Its table of contents cannot be read by this version.") from error
    raise _bad("No key that this box trusts has signed it.")


def _read(tar: tarfile.TarFile, members: Iterator[tarfile.TarInfo], name: str, most: int) -> bytes:
    member = next(members, None)
    if member is None or member.name != name or not member.isreg() or member.size > most:
        raise _bad("It is no bundle of Digital Hearth.")
    file = tar.extractfile(member)
    assert file is not None  # a regular file
    return file.read()


def _manifest(told: dict[str, Any], key: VerifyKey) -> Manifest:
    if (told["format"], told["name"]) != (FORMAT, NAME):
        raise ValueError("another format")
    version_of(told["version"])
    files = {str(name): (int(one["size"]), str(one["sha256"])) for name, one in told["files"].items()}
    wheels = [name for name in files if "/" not in name and name.endswith(".whl")]
    if len(wheels) != 1 or "run.txt" not in files or not all(_plain(name) for name in files):
        raise ValueError("parts are missing")
    return Manifest(
        told["version"], wheels[0], int(told["schema"]), int(told["oldest_reader"]), files, bytes(key).hex()
    )


def _plain(name: str) -> bool:
    """Whether a name stays below the folder it is unpacked into: a file, or a file in one folder."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and 0 < len(path.parts) <= _DEEPEST and str(path) == name


def _take_out(tar: tarfile.TarFile, members: Iterator[tarfile.TarInfo], manifest: Manifest, target: Path) -> None:
    left = dict(manifest.files)
    if sum(size for size, _ in left.values()) > MOST_BYTES:
        raise _bad("It is larger than any release.")
    for member in members:
        size, wanted = left.pop(member.name, (-1, ""))
        if not member.isreg() or member.size != size:
            raise _bad(f"'{member.name[:80]}' in it is not what was signed.")
        file = tar.extractfile(member)
        assert file is not None  # a regular file
        path = target / member.name
        path.parent.mkdir(exist_ok=True)
        if _copy(file, path) != wanted:
            raise _bad(f"'{member.name[:80]}' in it is damaged.")
    if left:
        raise _bad(f"'{min(left)[:80]}' is missing in it.")


def _copy(source: IO[bytes], path: Path) -> str:
    found = hashlib.sha256()
    with path.open("xb") as out:
        while block := source.read(_BLOCK):
            found.update(block)
            out.write(block)
    return found.hexdigest()
