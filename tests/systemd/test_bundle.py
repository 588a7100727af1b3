"""A bundle is taken whole and from a trusted hand, or not at all."""

from __future__ import annotations

import io
import json
import tarfile

import pytest
from nacl.signing import SigningKey

from kiosk.appliance import bundle, releases
from kiosk.appliance.bundle import BadBundle, new_key, read_key, trusted, unpack, write
from kiosk.cli import run

WHEEL = "digital_hearth-9.1-py3-none-any.whl"


@pytest.fixture
def key(tmp_path):
    return new_key(tmp_path / "release.key")


@pytest.fixture
def parts(tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    made = {}
    for name, text in ((WHEEL, b"wheel" * 5000), ("run.txt", b"lock"), ("units/hearth-kiosk.service", b"[Unit]\n")):
        path = folder / name.replace("/", "_")
        path.write_bytes(text)
        made[name] = path
    return made


@pytest.fixture
def made(tmp_path, key, parts):
    path = tmp_path / "new.hearth"
    write(path, key, version="9.1", schema=12, oldest_reader=9, files=parts)
    return path


def rebuilt(source, target, change):
    """The same bundle with its members changed by ``change(name, data)``: None leaves one out."""
    with tarfile.open(source) as tar, tarfile.open(target, "w") as out:
        for member in tar:
            for name, data in change(member.name, tar.extractfile(member).read()) or []:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                out.addfile(info, io.BytesIO(data))
    return target


def test_what_was_signed_comes_out_as_it_was(tmp_path, key, made, parts):
    manifest = unpack(made, [key.verify_key], tmp_path / "out")
    assert (manifest.version, manifest.wheel, manifest.schema, manifest.oldest_reader) == ("9.1", WHEEL, 12, 9)
    assert manifest.signed_by == bytes(key.verify_key).hex()
    assert not manifest.has_wheels
    for name, path in parts.items():
        assert (tmp_path / "out" / name).read_bytes() == path.read_bytes()


def test_the_same_parts_give_the_same_bundle(tmp_path, key, made, parts):
    write(tmp_path / "again.hearth", key, version="9.1", schema=12, oldest_reader=9, files=parts)
    assert (tmp_path / "again.hearth").read_bytes() == made.read_bytes()


def test_one_of_several_trusted_keys_is_enough(tmp_path, key, made):
    assert unpack(made, [SigningKey.generate().verify_key, key.verify_key], tmp_path / "out").version == "9.1"


def test_a_stranger_s_bundle_is_refused_and_leaves_nothing(tmp_path, made):
    with pytest.raises(BadBundle, match="No key that this box trusts"):
        unpack(made, [SigningKey.generate().verify_key], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def other_bytes(name, data):
    return [(name, data[:-1] + b"!" if name == WHEEL else data)]


def shorter(name, data):
    return [(name, data[:-1] if name == WHEEL else data)]


def one_missing(name, data):
    return [] if name == "run.txt" else [(name, data)]


def one_more(name, data):
    return [(name, data), ("units/hearth-evil.service", b"[Service]")] if name == WHEEL else [(name, data)]


def another_manifest(name, data):
    if name != bundle.MANIFEST:
        return [(name, data)]
    told = json.loads(data)
    return [(name, json.dumps(told | {"version": "9.2"}).encode())]


@pytest.mark.parametrize("change", [other_bytes, shorter, one_missing, one_more, another_manifest])
def test_whatever_is_not_what_was_signed_is_refused_and_leaves_nothing(tmp_path, key, made, change):
    altered = rebuilt(made, tmp_path / "altered.hearth", change)
    with pytest.raises(BadBundle) as refused:
        unpack(altered, [key.verify_key], tmp_path / "out")
    assert refused.value.do
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", [0, 10, 600, 3000, 20_000])
def test_a_bundle_cut_short_is_refused(tmp_path, key, made, size):
    (tmp_path / "cut.hearth").write_bytes(made.read_bytes()[:size])
    with pytest.raises(BadBundle):
        unpack(tmp_path / "cut.hearth", [key.verify_key], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/b/c", "units/../../x", ".."])
def test_even_a_trusted_hand_cannot_write_outside_the_folder(tmp_path, key, parts, name):
    path = tmp_path / "out.hearth"
    with pytest.raises(ValueError, match="parts are missing"):
        write(path, key, version="9.1", schema=1, oldest_reader=1, files=parts | {name: parts["run.txt"]})
    with pytest.raises(BadBundle):
        unpack(path, [key.verify_key], tmp_path / "taken")


def test_a_link_in_place_of_a_file_is_refused(tmp_path, key, made):
    linked = tmp_path / "linked.hearth"
    with tarfile.open(made) as tar, tarfile.open(linked, "w") as out:
        for member in tar:
            data = tar.extractfile(member)
            if member.name == WHEEL:
                member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc/passwd", 0
                out.addfile(member)
            else:
                out.addfile(member, data)
    with pytest.raises(BadBundle, match="not what was signed"):
        unpack(linked, [key.verify_key], tmp_path / "out")


def test_keys_are_for_their_owner_and_never_written_over(tmp_path, key):
    path = tmp_path / "release.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert bytes(read_key(path)) == bytes(key)
    with pytest.raises(FileExistsError):
        new_key(path)
    (tmp_path / "none").write_text("hello\n")
    with pytest.raises(BadBundle, match="no release key"):
        read_key(tmp_path / "none")


def test_the_list_of_trusted_keys(tmp_path, key):
    path = tmp_path / "keys.txt"
    with pytest.raises(BadBundle):
        trusted(path)
    path.write_text("# nobody yet\n")
    with pytest.raises(BadBundle, match="trusts no release key"):
        trusted(path)
    path.write_text(f"# ours, of 2026\n{bytes(key.verify_key).hex()}  # the desk's\n")
    assert [bytes(one) for one in trusted(path)] == [bytes(key.verify_key)]
    path.write_text("zz" * 32)
    with pytest.raises(BadBundle, match="cannot be read"):
        trusted(path)


def test_a_new_key_is_made_only_where_it_can_be_used_and_its_public_half_is_told(tmp_path, capsys, monkeypatch):
    path = tmp_path / "release.key"
    assert run(["bundle", "--new-key", str(path), "--source", str(tmp_path)]) != 0
    assert "not the project's folder" in capsys.readouterr().err
    assert not path.exists(), "the next try would say that there is one already"
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.0.0"\n')

    def fail(*_):
        raise BadBundle("There are no sources.", "Give them.")

    monkeypatch.setattr(releases, "build_wheel", fail)
    assert run(["bundle", "--new-key", str(path), "--source", str(tmp_path)]) != 0
    assert bytes(read_key(path).verify_key).hex() in capsys.readouterr().err
