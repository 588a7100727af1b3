"""A box's second life on the same machine: as one of the hardware guide's boxes, with what it keeps on a partition of its
own, the system read-only, and a stick in it. Each step returns what was measured.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

from box import CLONE, HEARTH, INSTALL, KIOSK, Box
from disk import blank, disk, plugged

PARTITION, STICK = "/srv/trial/partition", "/srv/trial/stick"
MOST_BOOT_S = 10.0
NEWER = "0.1.8"
IS_ROOT = "findmnt -no OPTIONS / | tr , '\\n' | grep -x r."


class SecondLife(Box):
    """The steps after a box was taken away, in the order in which they are taken."""

    def __init__(self, room: Path) -> None:
        """Keep disks in ``room``."""
        self.room = room
        self.disks = ExitStack()
        self.kept: list[dict[str, object]] = []
        self.table = ""

    def bundle(self, version: str, plant: str = "") -> str:
        """A signed bundle of this very project under another number."""
        raise NotImplementedError

    def hears(self) -> None:
        """Lead the box to the sound card of the trial."""
        raise NotImplementedError

    def left(self) -> list[str]:
        """What is there now and was not before, but stories and keys."""
        raise NotImplementedError

    def listeners(self) -> dict[str, object]:
        """Nothing listens but on the machine itself."""
        raise NotImplementedError

    def wireless(self) -> dict[str, object]:
        """A network is joined and forgotten as a page asks, by a stand-in for NetworkManager's program; root alone reads it."""
        place = "/etc/NetworkManager/system-connections/hearth-wireless.nmconnection"
        self._ask_wireless("join('Linden Library', 'quiet reading room')")
        assert self.machine.must(f"stat -c '%U %a' {place}").split() == ["root", "600"]
        assert "quiet reading room" not in self.machine.must(f"cat {place}; journalctl -b --no-pager -o cat")
        self._ask_wireless("leave()")
        assert self.machine.run(f"test -e {place}").returncode == 1
        self._ask_wireless("join('Linden Library', 'quiet reading room')")
        return {"asked": 3}

    def settings(self) -> dict[str, object]:
        """Settings that a phone has changed count without a restart of the service, and whom to call with them."""
        pid = self.machine.show(KIOSK, "MainPID")
        change = (
            "from pathlib import Path; from archive.home import open_home; from archive.phones import SAVED; "
            "from archive.store import Store; from audio.clock import SystemClock; from kiosk.settingsfile import put_settings; "
            "home = open_home(Path('/var/lib/hearth')); put_settings(home.config, {'site.contact': 'Ring 555 0100'}); "
            "Store(home, SystemClock()).add_command(SAVED)"
        )
        self.machine.must(f'{HEARTH.replace("bin/hearth", "bin/python")} -P -c "{change}"', user="hearth")
        seconds = self.machine.until(
            lambda: "555 0100" in self.machine.run("cat /var/lib/hearth/contact.txt").stdout, 30, "the new settings"
        )
        self.attract(30)
        assert (self.machine.show(KIOSK, "MainPID"), self.machine.show(KIOSK, "NRestarts")) == (pid, "0")
        return {"begun_again_after_s": round(seconds, 1)}

    def _ask_wireless(self, what: str) -> None:
        python = HEARTH.replace("bin/hearth", "bin/python")
        self.machine.must(f'{python} -P -c "from kiosk.wireless import Asking; Asking().{what}"', user="hearth")

    def second_install(self) -> dict[str, object]:
        """Over what the first box kept: a handset, its stories moved to a partition whole, the system read-only from the next start."""
        root = self.machine.root
        blank(self.room / "data.img", "2G")
        self.disks.enter_context(plugged(self.room / "data.img", root / PARTITION[1:]))
        source = self.machine.must("findmnt -no SOURCE /").strip()
        assert source.startswith("/dev/loop"), f"{source} is not the machine's own, and is not to be closed"
        self.hears()
        kept = _kept(root / "var/lib")
        assert any(name.endswith("master.flac") for name in kept), "there is no story to be moved"
        with (root / "etc/fstab").open("a") as file:
            file.write(f"{source} / ext4 defaults 0 1\n")
        self.table = (root / "etc/fstab").read_text()
        install = INSTALL.replace("--headless", "--build handset")
        self.machine.must(
            f"cd {CLONE} && {install} --data-partition {PARTITION} --read-only-root --no-start", within=1800
        )
        self.kept = self.stories()
        # What the partition covers is seen from outside the machine: nothing of a story may stay there.
        assert not _kept(root / "var/lib")
        moved = set(self.machine.must("cd /srv/hearth && find hearth/stories hearth-keys -type f").splitlines())
        assert kept <= moved, sorted(kept - moved)
        said = self.machine.must("cat /var/lib/hearth/config.toml")
        for line in ('driver = "gpio"', 'lamps = "gpio"', "headphones = true"):
            assert line in said.splitlines(), said
        assert "--set-up" in self.machine.must(f"systemctl cat {KIOSK}")
        # Real pins are not here: those of the memory stand in.
        self.machine.must('sed -i \'s/^\\(driver\\|lamps\\) = "gpio"/\\1 = "mock"/\' /var/lib/hearth/config.toml')
        self.machine.must("sed -i 's|^sync_to = .*|sync_to = \"/media/usb\"|' /var/lib/hearth/config.toml")
        self._ready_for_a_stick(self.bundle(NEWER))
        return {"stories_moved": len(self.kept), "files_moved": len(kept)}

    def closed(self) -> dict[str, object]:
        """It starts with the system read-only, has what it kept, and a story more is told."""
        self.machine.shut_down()
        self.machine.boot()
        self.attract(60)
        basic, shown = (
            int(self.machine.show(unit, "ActiveEnterTimestampMonotonic")) for unit in ("basic.target", KIOSK)
        )
        seconds = round((shown - basic) / 1e6, 2)
        assert 0 < seconds < MOST_BOOT_S, f"{seconds} s from basic.target to the first screen"
        assert self.machine.must(IS_ROOT).strip() == "ro"
        for path in ("/opt/hearth/x", "/etc/systemd/system/x", "/srv/x"):
            assert self.machine.run(f"touch {path}").returncode != 0, path
        self.machine.must("mountpoint -q /var/lib/hearth && mountpoint -q /var/lib/hearth-keys")
        assert self.stories() == self.kept, (self.stories(), self.kept)
        self.wireless()
        # The answer is there a moment before the unit has ended, which closes the system.
        self.machine.until(lambda: self.machine.must(IS_ROOT).strip() == "ro", 10, "the closing of the system")
        self.visit()
        assert len(self.stories()) == len(self.kept) + 1
        failed = self.machine.must("systemctl --failed --plain --no-legend").split("\n")[:-1]
        assert not [line for line in failed if "hearth" in line], failed
        return {"seconds_after_basic": seconds, "failed_units": failed} | self.listeners()

    def stick(self) -> dict[str, object]:
        """A stick is mounted once, never a partition of the system's; by night it takes stories and gives a newer release."""
        with ExitStack() as inside:
            number = inside.enter_context(plugged(self.room / "stick.img", self.room / "node"))
            self.machine.must(f"mount -o remount,rw / && mknod {STICK} b 7 {number} && mount -o remount,ro /")
            start = "systemctl start hearth-stick@stick && findmnt -no SOURCE,OPTIONS /media/usb"
            inside.callback(self.machine.run, "systemctl stop media-usb.mount")
            own = self.machine.run("systemctl start hearth-stick@partition; findmnt -no SOURCE /media/usb")
            assert own.stdout == "", "the system's own partition was taken for a stick"
            source, options = self.machine.must(start).split()
            assert source == STICK
            assert {"rw", "nosuid", "nodev", "noexec"} <= set(options.split(",")), options
            assert self.machine.must(start).count("\n") == 1, "a stick was mounted over another"
            self._do("sync")
            bags = int(self.machine.must("ls -d /media/usb/bags/* /media/usb/sealed/* 2>/dev/null | wc -l"))
            assert bags, self.machine.must("find /media/usb -maxdepth 2")
            self._do("update")
            assert self._running() == NEWER, self.machine.must(
                "journalctl -b --no-pager -o cat -u hearth-update | tail -20"
            )
            self.attract(30)
            assert self.machine.must(IS_ROOT).strip() == "ro", "the system was left open"
            self.machine.must("systemctl stop media-usb.mount")
            assert self.machine.run("findmnt /media/usb").stdout == ""
        return {"options": options, "bags": bags, "running": NEWER}

    def let_go(self) -> dict[str, object]:
        """Taken away: the machine as before, its table too; stories and keys are on the partition, as is said."""
        said = self.machine.run(f"cd {CLONE} && scripts/install --uninstall")
        assert said.returncode == 0, said.stderr
        assert f"Stories and keys are still on {PARTITION}" in said.stderr, said.stderr
        left = self.left()
        assert not left, left[:40]
        assert (self.machine.root / "etc/fstab").read_text() == self.table
        self.machine.shut_down()
        with disk(self.room / "data.img", self.room / "under") as under:
            assert {path.name for path in under.iterdir()} == {"hearth", "hearth-keys", "lost+found"}
            there = _kept(under)
            stories = {Path(name).parent.name for name in there if name.endswith("master.flac")}
            assert any(name.startswith("hearth-keys/") for name in there)
        self.disks.close()
        assert {str(one["id"]) for one in self.kept} <= stories
        return {"left": len(left), "stories_on_partition": len(stories)}

    def _do(self, name: str) -> None:
        """Let a service that a timer starts by night do its work now."""
        done = self.machine.run(f"systemctl start hearth-{name}.service")
        said = self.machine.must(f"journalctl -b --no-pager -o cat -u hearth-{name}.service | tail -20")
        assert done.returncode == 0, said

    def _ready_for_a_stick(self, bundle: str) -> None:
        """Make a stick with a bundle on it.

        It has a Linux file system, and its device another name: this machine's kernel may know no FAT, and a container's
        systemd no devices. What the unit says of both is left out of it; how it asks the manager is tried as it is.
        """
        unit = self.machine.root / "etc/systemd/system/hearth-stick@.service"
        text = unit.read_text().replace("/dev/%I", "/srv/trial/%I").replace("uid=hearth,gid=hearth,umask=0077,", "")
        unit.write_text(text)
        owner = self.machine.must("id -u hearth; id -g hearth").split()
        with disk(self.room / "stick.img", self.room / "under", "256M") as under:
            shutil.copyfile(self.machine.root / bundle[1:], under / Path(bundle).name)
            shutil.chown(under, int(owner[0]), int(owner[1]))


def _kept(folder: Path) -> set[str]:
    """Every file of stories and keys under ``folder``, by its path there."""
    every = [path for name in ("hearth/stories", "hearth-keys") for path in (folder / name).rglob("*")]
    return {str(path.relative_to(folder)) for path in every if path.is_file()}
