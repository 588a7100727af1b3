"""The appliance in a real systemd: every promise of docs/install.md, one step each, with what was measured."""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from box import CLONE, HEARTH, INSTALL, KIOSK
from container import PYTHON, Container, Trouble, able, base
from disk import disk
from second import SecondLife
from updates import Updates

from kiosk.appliance.bundle import new_key

ROOT = Path(__file__).parents[2]
CACHE = Path("/var/tmp/hearth-appliance-cache")  # noqa: S108 (this machine's own, for root alone)
MOST_BOOT_S, MOST_HUNG_S = 10.0, 30.0
"""What the project promises."""
STAYS_S = 30.0
"""So long a box that went live is watched: longer than its unit's TimeoutStopSec."""
TIMERS = ("retention", "sync", "heartbeat", "update")
SOUND_SERVER = """
load-module module-native-protocol-unix socket=/run/testsound/native auth-anonymous=1
load-module module-null-sink sink_name=speaker rate=48000 channels=1
load-module module-null-sink sink_name=micfeed rate=48000 channels=1
load-module module-remap-source source_name=mic master=micfeed.monitor
set-default-sink speaker
set-default-source mic
"""
SOUND_UNIT = """
[Unit]
Before=hearth-kiosk.service
[Service]
Type=notify
NotifyAccess=all
RuntimeDirectory=testsound
RuntimeDirectoryMode=0755
Environment=HOME=/run/testsound XDG_RUNTIME_DIR=/run/testsound
ExecStart=/usr/bin/pulseaudio -n -F /etc/testsound.pa --daemonize=no --exit-idle-time=-1 --use-pid-file=no --disallow-exit
ExecStartPost=/bin/sh -c 'until [ -S /run/testsound/native ]; do sleep 0.1; done; chmod 0777 /run/testsound/native'
[Install]
WantedBy=multi-user.target
"""
SOUND_DEVICES = """
</usr/share/alsa/alsa.conf>
pcm.!default { type pulse hint { show on description "default" } }
ctl.!default { type pulse }
"""
KIOSK_SOUND = "[Service]\nEnvironment=PULSE_SERVER=unix:/run/testsound/native ALSA_CONFIG_PATH=/etc/testsound.conf\n"
OURS_TOO = (
    "/etc/testsound",
    "/etc/systemd/system/testsound",
    "/etc/systemd/system/multi-user.target.wants/testsound",
    "/srv/",
)
"""What the trial itself puts into the machine."""
OTHERS = ("/proc/", "/sys/", "/dev/", "/run/", "/tmp/", "/var/tmp/", "/var/log/", "/mnt/", "/var/lib/systemd/")  # noqa: S108 (only looked at)
"""What systemd itself writes wherever it runs."""
TOOLS = {
    "debootstrap": "debootstrap", "systemd-nspawn": "systemd-container", "mkfs.ext4": "e2fsprogs", "pgrep": "procps",
    "git": "git",
}  # fmt: skip
"""What the trial calls, and Debian's package of each."""
KEPT = ("/var/lib/hearth/", "/var/lib/hearth-keys/")


class Trial(Updates, SecondLife):
    """One machine's life. Each step is a method; what it returns is what was measured."""

    def __init__(self, suite: str, room: Path) -> None:
        """Make a machine of ``suite`` in ``room``."""
        self.suite = suite
        self.room = room
        self.wheels = _wheels(suite)
        self.machine = Container(
            room / "root",
            {
                self.wheels: "/mnt/wheels",
                ROOT / ".venv/share/hearth": "/mnt/models",
                ROOT / "scripts/appliance": "/mnt/trial",
            },
        )
        self.before: set[str] = set()
        self.version = ""
        SecondLife.__init__(self, room)

    # -- getting there --------------------------------------------------------------------------------------------

    def make(self) -> dict[str, object]:
        """A fresh Debian with the project's clone and a virtual sound card."""
        root = self.machine.root
        subprocess.run(["tar", "-C", str(root), "--numeric-owner", "-xf", str(base(self.suite, CACHE))], check=True)
        subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(root / CLONE[1:])], check=True)
        for path, text in (
            ("etc/testsound.pa", SOUND_SERVER), ("etc/testsound.conf", SOUND_DEVICES), ("etc/systemd/system/testsound.service", SOUND_UNIT),
        ):  # fmt: skip
            (root / path).write_text(text)
        self.hears()
        # There is no radio: what answers as NetworkManager's program does nothing, and profiles are files all the same.
        (root / "etc/NetworkManager/system-connections").mkdir(mode=0o700, parents=True)
        (root / "usr/bin/nmcli").write_text("#!/bin/sh\nexit 0\n")
        (root / "usr/bin/nmcli").chmod(0o755)
        for name in ("mnt/wheels", "mnt/models", "mnt/trial"):
            (root / name).mkdir(exist_ok=True)
        (root / "srv/trial").mkdir(exist_ok=True)
        key = new_key(root / "srv/trial/release.key")
        (root / "srv/trial/keys.txt").write_text(f"# the trial's own\n{bytes(key.verify_key).hex()}\n")
        self.machine.boot()
        self.machine.must("systemctl enable --now testsound.service")
        self.before = self.files()
        listened = self._off_loopback()
        assert listened, "nothing listens before there is a box: that nothing listens later would show nothing"
        return {"debian": self.machine.must("cat /etc/debian_version").strip(), "listened": listened}

    def hears(self) -> None:
        """Lead the box to the sound card of the trial; being taken away takes this too."""
        for unit in ("kiosk", "safe"):
            path = self.machine.root / f"etc/systemd/system/hearth-{unit}.service.d/testsound.conf"
            path.parent.mkdir(exist_ok=True)
            path.write_text(KIOSK_SOUND)

    def install(self) -> dict[str, object]:
        """scripts/install, whole; then once more, which finds nothing to do."""
        seconds = self._install()
        began = self.machine.show(KIOSK, "InvocationID")
        again = self._install()
        assert self.machine.show(KIOSK, "InvocationID") == began, "nothing has changed, and the kiosk was started again"
        self.version = self.machine.must("basename $(readlink /opt/hearth/current)").strip()
        used = {
            name: int(self.machine.must(f"du -sm {path}").split()[0])
            for name, path in (("release", "/opt/hearth/releases"), ("models", "/opt/hearth/share"))
        }
        return {"seconds": seconds, "again_seconds": again, "disk_mb": used, "version": self.version}

    def _install(self) -> float:
        began = time.monotonic()
        self.machine.must(f"cd {CLONE} && {INSTALL}", within=1800)
        return round(time.monotonic() - began, 1)

    def boot(self) -> dict[str, object]:
        """A cold start: from systemd's basic target to the first screen for visitors."""
        self.machine.shut_down()
        self.machine.boot()
        self.attract(60)
        basic = int(self.machine.show("basic.target", "ActiveEnterTimestampMonotonic"))
        shown = int(self.machine.show(KIOSK, "ActiveEnterTimestampMonotonic"))
        seconds = round((shown - basic) / 1e6, 2)
        assert 0 < seconds < MOST_BOOT_S, f"{seconds} s from basic.target to the first screen"
        failed = self.machine.must("systemctl --failed --plain --no-legend")
        return {"seconds_after_basic": seconds, "failed_units": failed.split("\n")[:-1]}

    def screen(self) -> dict[str, object]:
        """What the window library opens by name to reach a screen without a desktop can be opened by the release's Python."""
        names = self.machine.must(f"sed -nE 's/^SCREEN_LIBRARIES=\"(.*)\"/\\1/p' {CLONE}/scripts/install").split()
        assert names
        python = HEARTH.replace("bin/hearth", "bin/python")
        opened = self.machine.must(
            f"{python} -P -c 'import ctypes, sys; print(*(ctypes.CDLL(name)._name for name in sys.argv[1:]))' {' '.join(names)}"
        ).split()
        assert opened == names, opened
        drivers = self.machine.must("find /usr/lib -path '*/dri/*_dri.so' | wc -l").strip()
        assert drivers != "0"
        return {"opened": opened, "drivers": int(drivers)}

    def set_up(self) -> dict[str, object]:
        """A box is set up by its keys and goes live in the same process, which stays; nothing listens then either."""
        python = HEARTH.replace("bin/hearth", "bin/python")
        self.machine.must(f"systemctl stop {KIOSK} && rm -f /var/lib/hearth/live.json")
        self.machine.must("echo '{}' >/var/lib/hearth/being-set-up.json", user="hearth")
        try:
            self._drop_in("kiosk", "zz-keys", f"[Service]\nExecStart=\nExecStart={python} -P /mnt/trial/goes_live.py\n")
            self.machine.must(f"systemctl reset-failed {KIOSK}; systemctl start {KIOSK}")
            pid = self.machine.show(KIOSK, "MainPID")
            for step, key in (("language", "left"), ("phone", "down"), ("sound", "left"), ("live", "left")):
                self._in_step(step)
                self._press_on(step, key)
            self.attract(30)
            time.sleep(STAYS_S)  # what systemd does to a box that said it stops, it does within its TimeoutStopSec
            assert self.machine.show(KIOSK, "StatusText") == "in attract"
            assert (self.machine.show(KIOSK, "MainPID"), self.machine.show(KIOSK, "NRestarts")) == (pid, "0")
            self.machine.must("test -f /var/lib/hearth/live.json")
            return {"stayed_s": STAYS_S} | self.listeners()
        finally:
            self.machine.must(
                f"rm -f /etc/systemd/system/{KIOSK}.d/zz-keys.conf && systemctl daemon-reload && systemctl restart {KIOSK}"
            )
            self.attract(30)

    def _in_step(self, step: str) -> None:
        self.machine.until(
            lambda: self.machine.show(KIOSK, "StatusText") == f"in set_up_{step}",
            60,
            f"the step {step} of the setting up",
        )

    def _press_on(self, step: str, key: str) -> None:
        """Press until the step is done: while a tone is tried a key means nothing."""
        until = time.monotonic() + 60
        while self.machine.show(KIOSK, "StatusText") == f"in set_up_{step}":
            assert time.monotonic() < until, f"'{key}' did not lead on from {step}"
            self.machine.must(f"echo {key} >/run/hearth/keys", user="hearth", within=10)
            time.sleep(0.5)

    # -- at work --------------------------------------------------------------------------------------------------

    def listeners(self) -> dict[str, object]:
        """Nothing listens but on the machine itself, and the firewall drops what it does not know."""
        off = self._off_loopback()
        assert not off, off
        assert "policy drop" in self.machine.must("nft list table inet hearth")
        return {"off_loopback": len(off)}

    def _off_loopback(self) -> list[str]:
        rows = [line.split() for line in self.machine.must("ss -H -tuln").splitlines()]
        return [row[4] for row in rows if not row[4].startswith(("127.", "[::1]"))]

    def story(self, unit: str = KIOSK) -> dict[str, object]:
        """A visitor tells a story to the running kiosk and keeps it; the transcriber writes it down."""
        had = len(self.stories())
        self.visit(unit)
        kept = self.stories()
        assert len(kept) == had + 1, kept
        words = self.machine.until(self.has_words, 120, "the words of the story")
        return {"stories": len(kept), "seconds_told": kept[-1]["seconds"], "words_after_s": round(words, 1)}

    def has_words(self) -> bool:
        """Whether no work waits for the transcriber any more."""
        return self.machine.must("ls /var/lib/hearth/stories/*/master.flac 2>/dev/null | wc -l").strip() == str(
            len(self.stories())
        )

    def timers(self) -> dict[str, object]:
        """Every timer fires by itself, and what it starts succeeds. Sync hands the story on to a folder."""
        self.machine.must("install -d -o hearth -g hearth /srv/archive")
        self.machine.must("sed -i 's|^#* *sync_to = .*|sync_to = \"/srv/archive\"|' /var/lib/hearth/config.toml")
        assert "/srv/archive" in self.machine.must("cat /var/lib/hearth/config.toml")
        for name in TIMERS:
            soon = "[Timer]\\nOnBootSec=\\nOnCalendar=\\nOnUnitInactiveSec=\\nOnActiveSec=1s\\nRandomizedDelaySec=0\\nAccuracySec=100ms\\n"
            self.machine.must(
                f"mkdir -p /run/systemd/system/hearth-{name}.timer.d && printf '{soon}' >/run/systemd/system/hearth-{name}.timer.d/soon.conf"
            )
        self.machine.must(
            "systemctl daemon-reload && systemctl restart " + " ".join(f"hearth-{name}.timer" for name in TIMERS)
        )
        results = {}
        for name in TIMERS:
            unit = f"hearth-{name}.service"
            self.machine.until(lambda unit=unit: bool(self.machine.show(unit, "ExecMainExitTimestamp")), 120, unit)
            results[name] = self.machine.show(unit, "Result")
        assert set(results.values()) == {"success"}, (
            results,
            self.machine.must("journalctl -b --no-pager -n 60 -u 'hearth-*'"),
        )
        bags = self.machine.must("find /srv/archive -name 'bagit.txt' | wc -l").strip()
        assert bags == "1", self.machine.must("find /srv/archive | head -40")
        beats = self.machine.must("ls /srv/archive/heartbeats").split()
        self.machine.must("rm -r /run/systemd/system/hearth-*.timer.d && systemctl daemon-reload")
        return {"fired": results, "bags": int(bags), "heartbeats": len(beats)}

    def memory(self) -> dict[str, object]:
        """What each service that stays holds (shared pages by their share), and the most that each held that comes and goes."""
        found: dict[str, object] = {}
        self.machine.must("systemctl start hearth-portal.service")
        self.machine.until(lambda: ":8480" in self.machine.must("ss -H -tln"), 60, "the pages")
        for name in ("kiosk", "transcriber", "portal"):
            pid = self.machine.show(f"hearth-{name}.service", "MainPID")
            lines = self.machine.must(f"cat /proc/{pid}/smaps_rollup").splitlines()
            found[f"{name}_mb"] = next(int(line.split()[1]) // 1024 for line in lines if line.startswith("Pss:"))
        self.machine.must("systemctl stop hearth-portal.service")
        python = HEARTH.replace("bin/hearth", "bin/python")
        for name in TIMERS:
            command = self.machine.must(f"sed -n 's/^ExecStart=//p' /etc/systemd/system/hearth-{name}.service").strip()
            self._drop_in(
                name, "zz-measured", f"[Service]\nExecStart=\nExecStart={python} -P /mnt/trial/measured.py {command}\n"
            )
            self.machine.must(f"systemctl start hearth-{name}.service")
            said = self.machine.must(
                f"journalctl -b --no-pager -o cat -u hearth-{name}.service | grep '^most memory' | tail -1"
            )
            found[f"{name}_most_mb"] = int(said.split()[-2])
            self.machine.must(f"rm -r /etc/systemd/system/hearth-{name}.service.d/zz-measured.conf")
        self.machine.must("systemctl daemon-reload")
        return found

    # -- bad days -------------------------------------------------------------------------------------------------

    def hung(self) -> dict[str, object]:
        """A kiosk that is stopped like a hung one is ended by the watchdog and comes back; the safe mode stays away."""
        pid = self.machine.show(KIOSK, "MainPID")
        self.machine.must(f"kill -STOP {pid}")
        seconds = self.machine.until(
            lambda: (
                self.machine.show(KIOSK, "MainPID") not in {pid, "0"}
                and self.machine.show(KIOSK, "StatusText") == "in attract"
            ),
            45,
            "the kiosk",
        )
        assert seconds <= MOST_HUNG_S, seconds
        began = self.machine.show("hearth-safe.service", "ExecMainStartTimestamp")
        assert not began, f"one failure started the safe mode ({began})"
        return {"back_after_s": round(seconds, 1)}

    def safe_mode(self) -> dict[str, object]:
        """A kiosk that cannot start leads to the safe mode, in which a story is told; that too, to the last page."""
        broken = "[Service]\nExecStart=\nExecStart=/bin/false\n"
        try:
            self._drop_in("kiosk", "zz-broken", broken)
            self.machine.run(f"systemctl restart {KIOSK}")
            seconds = self.attract(60, "hearth-safe.service")
            told = self.story("hearth-safe.service")
            self._drop_in("safe", "zz-broken", broken)
            self.machine.run("systemctl restart hearth-safe.service")
            self.machine.until(
                lambda: bool(self.machine.show("hearth-out-of-service.service", "ConditionTimestamp")),
                60,
                "the out-of-service page",
            )
        finally:
            # The steps after this one need a kiosk that is whole.
            self.machine.must(
                "rm -f /etc/systemd/system/hearth-*.service.d/zz-broken.conf && systemctl daemon-reload && systemctl reset-failed 'hearth-*'"
            )
            self.machine.must(f"systemctl start {KIOSK}")
        self.attract(30)
        return {"safe_after_s": round(seconds, 1), "recorded": told["seconds_told"]}

    # -- and away -------------------------------------------------------------------------------------------------

    def uninstall(self) -> dict[str, object]:
        """Nothing is left but stories and keys."""
        self.machine.must(f"cd {CLONE} && scripts/install --uninstall")
        left = self.left()
        assert not left, left[:40]
        assert self.machine.run("getent passwd hearth").returncode != 0
        data = int(self.machine.must("find /var/lib/hearth /var/lib/hearth-keys -type f | wc -l"))
        assert data, "the stories have gone too"
        return {"left": len(left), "data_files": data}

    def left(self) -> list[str]:
        """What is there now and was not before, but stories and keys."""
        return sorted(path for path in self.files() - self.before if not path.startswith((*OURS_TOO, *KEPT)))

    def files(self) -> set[str]:
        """Every file of the machine that is not systemd's own."""
        every = self.machine.must("find / -xdev \\( -type f -o -type l \\) ! -path '/etc/*-'").splitlines()
        return {path for path in every if not path.startswith(OTHERS)}


STEPS = (
    "make",
    "install",
    "boot",
    "screen",
    "listeners",
    "set_up",
    "wireless",
    "settings",
    "story",
    "timers",
    "memory",
    "hung",
    "safe_mode",
    "nightly",
    "update",
    "refused",
    "crash",
    "hang",
    "power_cut",
    "uninstall",
    "second_install",
    "closed",
    "stick",
    "let_go",
)


def _wheels(suite: str) -> Path:
    """Every package of the lock for the container's Python, fetched by scripts/arm-wheels; what is there is not fetched again."""
    python = PYTHON[suite]
    folder = CACHE / f"wheels-{python.replace('.', '')}"
    whole, lock = folder / ".whole", hashlib.sha256((ROOT / "locks/run.txt").read_bytes()).hexdigest()
    if whole.is_file() and whole.read_text() == lock:
        return folder
    command = [
        str(ROOT / "scripts/arm-wheels"),
        "--python",
        python,
        "--machine",
        platform.machine(),
        "--to",
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"The packages could not be fetched: {(done.stdout + done.stderr)[-300:]}")
    whole.write_text(lock)
    return folder


def _step(trial: Trial, name: str) -> dict[str, object]:
    began = time.monotonic()
    method: Callable[[], dict[str, object]] = getattr(trial, name)
    try:
        found = {"step": name, "ok": True} | method()
    except (AssertionError, subprocess.SubprocessError, ValueError, KeyError) as error:
        traceback.print_exc()
        found = {"step": name, "ok": False, "why": str(error)[-2000:]}
    print(
        f"{'ok  ' if found['ok'] else 'FAIL'}  {name}  {time.monotonic() - began:.1f} s  { ({k: v for k, v in found.items() if k not in {'step', 'ok'}}) }",
        file=sys.stderr,
        flush=True,
    )
    return found


def main() -> int:
    """Run the steps in order; one that fails leaves the rest to be seen, but for those that need the machine itself."""
    parser = argparse.ArgumentParser(description="Try the appliance in a real systemd container.")
    parser.add_argument("--suite", choices=sorted(PYTHON), default="bookworm")
    parser.add_argument("--only", nargs="*", help="only these steps, after make and install")
    parser.add_argument("--keep", action="store_true", help="leave the machine's folder")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    try:
        able(TOOLS)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 2
    room = Path(tempfile.mkdtemp(prefix="hearth-appliance-", dir="/var/tmp"))
    results = []
    try:
        with disk(room / "root.img", room / "root", "16G"):
            trial = Trial(given.suite, room)
            try:
                for name in [step for step in STEPS if not given.only or step in {"make", "install", *given.only}]:
                    results.append(_step(trial, name))
                    if name in {"make", "install"} and not results[-1]["ok"]:
                        break
            finally:
                trial.machine.shut_down()
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 2
    finally:
        if not given.keep:
            shutil.rmtree(room, ignore_errors=True)
    well = all(one["ok"] for one in results)
    if given.json:
        print(json.dumps({"well": well, "suite": given.suite, "steps": results}))
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
