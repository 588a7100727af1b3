"""Writes what the first start of a Raspberry Pi needs onto the boot partition of a card. The standard library only.

Raspberry Pi OS 12 and early 13 read ``custom.toml`` (who may log in, which network) and run a ``firstrun.sh`` that the
kernel's command line names; images of Raspberry Pi OS 13 from late 2025 on read cloud-init's ``user-data`` instead. Which
of the two a card wants is seen by what lies on it. Both do the same: unpack the project, install it, start the box.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = "hearth"
PROJECT = "hearth.tar.gz"
SOURCES = (
    "audio",
    "hardware",
    "archive",
    "kiosk",
    "systemd",
    "scripts",
    "locks",
    "docs",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)
FIRST_RUN = (
    " systemd.run=/boot/firmware/firstrun.sh systemd.run_success_action=reboot systemd.unit=kernel-command-line.target"
)
CLOCK = "dtoverlay=i2c-rtc,ds3231"
"""A line of config.txt: the board meets its clock module on GPIO 2 and 3."""
BUILDS = ("small", "large", "handset")
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?")
_ZONE = re.compile(r"[A-Za-z]+(/[A-Za-z0-9_+-]+){0,2}")
_KEY = re.compile(r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-\S+|sk-ssh-ed25519@openssh\.com) [A-Za-z0-9+/=]+( \S+)*")


class Refused(Exception):
    """The card cannot be made so; the text is a sentence."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a library says about its box. Empty means none."""

    hostname: str
    timezone: str
    contact: str
    wifi: str
    wifi_password: str
    country: str
    ssh_key: str
    release_key: str
    wheels: Path | None
    models: Path | None
    build: str
    clock_module: bool = False


def first_run(wishes: Wishes) -> str:
    """The script of the first start on images without cloud-init: installs at the next one, when there is a network."""
    return f"""#!/bin/bash
# Written by scripts/make-card. Runs once, as root, before anything else; the next start is the box's.
set +e
BOOT=/boot/firmware
echo {wishes.hostname} >/etc/hostname
sed -Ei 's/^(127\\.0\\.1\\.1\\s+).*/\\1{wishes.hostname}/' /etc/hosts
ln -sfn /usr/share/zoneinfo/{wishes.timezone} /etc/localtime
install -m 0644 $BOOT/{FOLDER}/hearth-first-install.service /etc/systemd/system/hearth-first-install.service
systemctl enable hearth-first-install.service
systemctl disable userconfig.service
rm -f $BOOT/firstrun.sh
sed -i 's| systemd\\.run.*||' $BOOT/cmdline.txt
exit 0
"""


def service() -> str:
    """The unit that installs the box once, tries again until it has worked, and then removes itself."""
    return f"""[Unit]
Description=Digital Hearth: install the box from its card
After=network-online.target time-sync.target
Wants=network-online.target
ConditionPathExists=/boot/firmware/{FOLDER}/install.sh

[Service]
Type=oneshot
ExecStart=/bin/bash /boot/firmware/{FOLDER}/install.sh
Restart=on-failure
RestartSec=30
TimeoutStartSec=2h
StandardOutput=journal+console

[Install]
WantedBy=multi-user.target
"""


def install(wishes: Wishes) -> str:
    """The script that unpacks the project and installs it; safe to repeat, as installing is.

    The country counts for a box on a cable too: it opens a wireless network of its own for the phone that sets it up.
    """
    options = [f"--build {wishes.build}"] if wishes.build else []
    options += [f"--contact {_quoted(wishes.contact)}"] if wishes.contact else []
    options += ["--release-key /boot/firmware/hearth/release-keys.txt"] if wishes.release_key else []
    options += ["--wheels /boot/firmware/hearth/wheels"] if wishes.wheels else []
    options += ["--models /boot/firmware/hearth/models"] if wishes.models else []
    country = (
        f"raspi-config nonint do_wifi_country {wishes.country} || echo 'The country of the radio could not be set.' >&2\n"
        if wishes.country
        else ""
    )
    return f"""#!/bin/bash
# Written by scripts/make-card. Installs the box; run again at each start until it has worked once.
set -e
BOOT=/boot/firmware/{FOLDER}
mkdir -p /usr/local/src/digital-hearth
tar -xzf $BOOT/{PROJECT} -C /usr/local/src/digital-hearth
cd /usr/local/src/digital-hearth
touch .from-card
{country}scripts/install {" ".join(options)}
systemctl disable hearth-first-install.service || true
rm -f /etc/systemd/system/hearth-first-install.service
"""


def custom(wishes: Wishes) -> str:
    """``custom.toml`` for Raspberry Pi OS without cloud-init. Nobody can log in unless a key was given."""
    lines = [
        "# Written by scripts/make-card.",
        "config_version = 1",
        "[system]",
        f"hostname = {_toml(wishes.hostname)}",
    ]
    lines += ["[ssh]", f"enabled = {'true' if wishes.ssh_key else 'false'}", "password_authentication = false"]
    if wishes.ssh_key:
        lines += [
            f"authorized_keys = [{_toml(wishes.ssh_key)}]",
            "[user]",
            'name = "steward"',
            'password = "!"',
            "password_encrypted = true",
        ]
    if wishes.wifi:
        lines += [
            "[wlan]",
            f"ssid = {_toml(wishes.wifi)}",
            f"password = {_toml(wishes.wifi_password)}",
            "password_encrypted = false",
        ]
        lines += ["hidden = false", f"country = {_toml(wishes.country)}"]
    return "\n".join([*lines, "[locale]", f"timezone = {_toml(wishes.timezone)}", ""])


def user_data(wishes: Wishes) -> str:
    """Cloud-init's ``user-data``. JSON is YAML, and its quotation cannot be got wrong."""
    told: dict[str, object] = {
        "hostname": wishes.hostname,
        "timezone": wishes.timezone,
        "ssh_pwauth": False,
        "users": [],
        "write_files": [{"path": "/etc/systemd/system/hearth-first-install.service", "content": service()}],
        "runcmd": [
            ["systemctl", "daemon-reload"],
            ["systemctl", "enable", "--now", "--no-block", "hearth-first-install.service"],
        ],
    }
    if wishes.ssh_key:
        told["users"] = [
            {
                "name": "steward",
                "lock_passwd": True,
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "shell": "/bin/bash",
                "ssh_authorized_keys": [wishes.ssh_key],
            }
        ]
    return "#cloud-config\n" + json.dumps(told, indent=1) + "\n"


def network(wishes: Wishes) -> str:
    """Cloud-init's ``network-config``: the cable by itself, and a wireless network if one was named."""
    told: dict[str, object] = {"version": 2, "ethernets": {"eth0": {"dhcp4": True, "optional": True}}}
    if wishes.wifi:
        told["wifis"] = {
            "wlan0": {"dhcp4": True, "optional": True, "regulatory-domain": wishes.country, "access-points": {wishes.wifi: {"password": wishes.wifi_password}}},
        }  # fmt: skip
    return json.dumps(told, indent=1) + "\n"


def files(boot: Path, wishes: Wishes) -> dict[str, bytes]:
    """Every file to write, by its path on the boot partition. Raises `Refused` for a card that is no fresh one."""
    made = {f"{FOLDER}/install.sh": install(wishes).encode(), f"{FOLDER}/{PROJECT}": project()}
    if wishes.release_key:
        made[f"{FOLDER}/release-keys.txt"] = f"{wishes.release_key}\n".encode()
    for name, folder in (("wheels", wishes.wheels), ("models", wishes.models)):
        if folder is None:
            continue
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                made[f"{FOLDER}/{name}/{path.relative_to(folder)}"] = path.read_bytes()
    if wishes.clock_module:
        made["config.txt"] = with_clock((boot / "config.txt").read_text(encoding="utf-8")).encode()
    if uses_cloud_init(boot):
        made["user-data"] = user_data(wishes).encode()
        made["network-config"] = network(wishes).encode()
        return made
    line = (boot / "cmdline.txt").read_text(encoding="utf-8").strip().partition(" systemd.run=")[0]
    made["custom.toml"] = custom(wishes).encode()
    made["firstrun.sh"] = first_run(wishes).encode()
    made[f"{FOLDER}/hearth-first-install.service"] = service().encode()
    made["cmdline.txt"] = f"{line}{FIRST_RUN}\n".encode()
    return made


def with_clock(config: str) -> str:
    """The board's own settings with the DS3231 module; its driver sets the time from it when it is found. Pure."""
    lines = config.splitlines()
    return config if CLOCK in lines else "\n".join([*lines, "[all]", CLOCK, ""])


def uses_cloud_init(boot: Path) -> bool:
    """Whether the image on the card reads cloud-init's files. Raises `Refused` when it is no boot partition at all."""
    if not boot.is_dir():
        what = "is no folder" if boot.exists() else "is not there"
        raise Refused(f"{boot} {what}: give the folder in which the card's boot partition is seen, like /media/bootfs.")
    if not (boot / "cmdline.txt").is_file() or not (boot / "config.txt").is_file():
        raise Refused(
            f"{boot} is not the boot partition of a Raspberry Pi card: write Raspberry Pi OS Lite (64-bit) onto the card first."
        )
    return (
        (boot / "user-data").is_file()
        or "cloud-init" in (boot / "cmdline.txt").read_text(encoding="utf-8")
        or (boot / "meta-data").is_file()
    )


def project() -> bytes:
    """The project as it stands here, packed: what git knows if there is git, else everything."""
    names = _known_to_git()
    if not names:
        names = [
            str(path.relative_to(ROOT))
            for top in SOURCES
            for path in ([ROOT / top] if (ROOT / top).is_file() else sorted((ROOT / top).rglob("*")))
            if path.is_file()
        ]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in names:
            if "__pycache__" not in name and "/." not in name and (ROOT / name).is_file():
                tar.add(ROOT / name, arcname=name, recursive=False, filter=_nobodys)
    return packed.getvalue()


def _known_to_git() -> list[str]:
    """What git keeps of the project; nothing for a copy that was downloaded, or without the program."""
    if shutil.which("git") is None:
        return []
    command = ["git", "-C", str(ROOT), "ls-files", "-z", *SOURCES]
    listed = subprocess.run(command, capture_output=True, check=False)
    return [name for name in listed.stdout.decode().split("\0") if name and not listed.returncode]


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def checked(given: argparse.Namespace) -> Wishes:
    """Refuse what would only fail at the first start, in front of people."""
    if not _NAME.fullmatch(given.hostname):
        raise Refused(f"'{given.hostname}' cannot be a machine's name: small letters, figures and dashes.")
    zones = zoneinfo.available_timezones()  # none where this machine keeps no list of them
    if not _ZONE.fullmatch(given.timezone) or (zones and given.timezone not in zones):
        raise Refused(f"'{given.timezone}' is no time zone: write it like Europe/Vienna.")
    if given.wifi and not (8 <= len(given.wifi_password) <= 63):  # noqa: PLR2004 (the standard's own limits)
        raise Refused("A wireless network's password has 8 to 63 letters.")
    if (given.wifi or given.country) and not re.fullmatch("[A-Z]{2}", given.country):
        raise Refused("Wireless needs the country, like --country AT: it says which channels are allowed.")
    if given.ssh_key and not _KEY.fullmatch(given.ssh_key.strip()):
        raise Refused("That is no public ssh key: give the one line of the .pub file.")
    if given.release_key and not re.fullmatch("[0-9a-f]{64}", given.release_key):
        raise Refused("A release key is 64 hexadecimal figures; hearth bundle prints it.")
    if any(not text.isprintable() for text in (given.contact, given.wifi, given.wifi_password)):
        raise Refused("Names, passwords and the contact are one line each.")
    for folder in (given.wheels, given.models):
        if folder is not None and not folder.is_dir():
            raise Refused(f"There is no folder {folder}.")
    return Wishes(
        given.hostname, given.timezone, given.contact, given.wifi, given.wifi_password, given.country, given.ssh_key.strip(), given.release_key,
        given.wheels, given.models, given.build, given.clock_module,
    )  # fmt: skip


def fits(boot: Path, made: Mapping[str, bytes]) -> None:
    """Refuse what the card has no room for, before the first byte. What is written over gives its own room."""
    need = sum(map(len, made.values()))
    free = shutil.disk_usage(boot).free + sum((boot / name).stat().st_size for name in made if (boot / name).is_file())
    if need > free:
        raise Refused(
            f"The card's boot partition has {free // 1_000_000} MB free and {need // 1_000_000} MB are needed: leave out --wheels or --models."
        )


def main() -> int:
    """Write the card, or list what would be written."""
    parser = argparse.ArgumentParser(
        prog="scripts/make-card", description="Make a card that installs the box at its first start."
    )
    parser.add_argument("boot", type=Path, help="the mounted boot partition")
    parser.add_argument(
        "--build", choices=BUILDS, default="", help="which box of docs/hardware-guide.md it is: its screen and its keys"
    )
    parser.add_argument("--hostname", default="hearth")
    parser.add_argument("--timezone", default="Etc/UTC", help="like Europe/Vienna")
    parser.add_argument("--contact", default="", help="whom to call, for the out-of-service page")
    parser.add_argument("--wifi", default="", help="name of the wireless network; none: a cable, or no network")
    parser.add_argument(
        "--wifi-password",
        default=os.environ.get("HEARTH_WIFI_PASSWORD", ""),
        help="better given as HEARTH_WIFI_PASSWORD",
    )
    parser.add_argument("--country", default="", help="two letters; the box's own network for a phone needs it too")
    parser.add_argument(
        "--clock-module", action="store_true", help="a DS3231 is wired to GPIO 2 and 3 (not needed on a Pi 5)"
    )
    parser.add_argument("--ssh-key", default="", help="a sysadmin's public key; without it nobody can log in")
    parser.add_argument("--release-key", default="", help="the public key whose updates the box takes")
    parser.add_argument(
        "--wheels", type=Path, help="Python's packages to put on the card; Debian's still come by network"
    )
    parser.add_argument("--models", type=Path, help="speech models to put on the card")
    parser.add_argument("--dry-run", action="store_true", help="say what would be written")
    given = parser.parse_args()
    try:
        made = files(given.boot, checked(given))
        if not given.dry_run:
            fits(given.boot, made)
        for name, data in made.items():
            print(f"{name}  {len(data):,} bytes")
            if not given.dry_run:
                path = given.boot / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
    except (Refused, OSError) as trouble:
        print(trouble, file=sys.stderr)
        return 2
    if not given.dry_run:
        os.sync()
        print(
            "The card is ready: eject it, put it into the board, and switch on. It takes perhaps 10 to 30 minutes and starts by itself."
        )
        if not given.country:
            print(
                "No --country was given: the network the box opens for a phone may not keep to what is allowed where it stands."
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
