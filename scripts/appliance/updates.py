"""Updates of the box in the container: taken, refused, and taken back. Each step returns what was measured."""

from __future__ import annotations

import json
import time

from box import CLONE, HEARTH, INSTALL, KIOSK, Box

MOST_BACK_S = 60.0
"""What the project promises of the way back to the release before."""


class Updates(Box):
    """The steps about releases, in the order in which they are taken."""

    def bundle(self, version: str, plant: str = "") -> str:
        """A signed bundle of this very project under another number; ``plant`` is appended to the kiosk's program."""
        source = f"/srv/trial/source-{version}"
        self.machine.must(
            f"cp -r {CLONE} {source} && sed -i 's/^version = .*/version = \"{version}\"/' {source}/pyproject.toml"
        )
        if plant:
            with (self.machine.root / source[1:] / "kiosk/commands/run_.py").open("a") as file:
                file.write(plant)
        told = self.machine.must(
            f"cd /srv/trial && {HEARTH} bundle --source {source} --key /srv/trial/release.key --to /srv/trial/{version}.hearth --json"
        )
        assert json.loads(told)["version"] == version
        return f"/srv/trial/{version}.hearth"

    def nightly(self) -> dict[str, object]:
        """A bundle in the inbox is taken by the unit that looks every night, shut in as it is."""
        bundle = self.bundle("0.1.1")
        self.machine.must(f"cp {bundle} /opt/hearth/inbox/")
        done = self.machine.run("systemctl start hearth-update.service")
        said = self.machine.must("journalctl -b --no-pager -o cat -u hearth-update.service | tail -20")
        assert done.returncode == 0, said
        assert self._running() == "0.1.1", said
        self.attract(10)
        return {"running": self._running()}

    def update(self) -> dict[str, object]:
        """A newer bundle replaces the release; policy, texts and consents are the very same bytes."""
        bundle = self.bundle("0.1.2")
        policy = self._policy()
        began = time.monotonic()
        told = json.loads(self.machine.must(f"{HEARTH} update {bundle} --json"))
        seconds = time.monotonic() - began
        assert told["version"] == self._running() == "0.1.2", told
        assert self._policy() == policy
        return {"seconds": round(seconds, 1), "down_s": told["down_seconds"]}

    def refused(self) -> dict[str, object]:
        """An older, an altered and an unknown bundle are refused; so is one while somebody tells a story."""
        refused: dict[str, object] = {}
        older = self.bundle("0.1.0")
        refused["older"] = self._code(f"{HEARTH} update {older} --json")
        newer = self.bundle("0.1.3")
        self.machine.must(
            f"cp {newer} /srv/trial/bad.hearth && printf x | dd of=/srv/trial/bad.hearth bs=1 seek=200000 conv=notrunc status=none"
        )
        refused["altered"] = self._code(f"{HEARTH} update /srv/trial/bad.hearth --json")
        self.visit(until="recording")
        refused["recording"] = self._code(f"{HEARTH} update {newer} --patience 1 --json")
        assert self.machine.show(KIOSK, "StatusText") == "in recording"
        assert refused == {"older": "not-newer", "altered": "bad-bundle", "recording": "busy"}, refused
        assert self._running() == "0.1.2"
        again = self.machine.run(f"cd {CLONE} && {INSTALL}")
        assert again.returncode != 0
        assert "older" in again.stderr, again.stderr
        assert self._running() == "0.1.2"
        self.machine.must(f"systemctl restart {KIOSK}")
        self.machine.until(
            lambda: self.machine.show(KIOSK, "StatusText") in {"in attract", "in recovered"}, 30, "the kiosk"
        )
        self.visit(until="thrown_away")
        return refused

    def crash(self) -> dict[str, object]:
        """A release that crashes at start: the one before is back within a minute."""
        bundle = self.bundle("0.1.4", "\nraise SystemExit('planted')\n")
        policy = self._policy()
        began = time.monotonic()
        code = self._code(f"{HEARTH} update {bundle} --json")
        self.attract(60)
        seconds = time.monotonic() - began
        assert code == "rolled-back", code
        assert self._running() == "0.1.2"
        assert self._policy() == policy
        assert not self.machine.must("ls /opt/hearth/releases").count("0.1.4")
        assert seconds <= MOST_BACK_S, seconds
        return {"back_after_s": round(seconds, 1), "again": self._code(f"{HEARTH} update {bundle} --json")}

    def hang(self) -> dict[str, object]:
        """A release that hangs at start and does not hear that it shall stop: the one before is back within a minute."""
        bundle = self.bundle(
            "0.1.6", "\nimport signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(3600)\n"
        )
        self.machine.must(f"systemd-run -q --collect --unit=trial-hang {HEARTH} update {bundle}")
        self.machine.until(lambda: self.machine.show(KIOSK, "ActiveState") != "active", 180, "the trial")
        began = time.monotonic()
        self.machine.until(lambda: self._running() == "0.1.6", 60, "the release that hangs")
        self.machine.until(lambda: self._running() == "0.1.2", 120, "the release before")
        self.attract(60)
        seconds = time.monotonic() - began
        assert seconds <= MOST_BACK_S, seconds
        self.machine.until(
            lambda: self.machine.show("trial-hang.service", "ActiveState") != "active", 60, "the updater"
        )
        assert self.machine.run("test -e /opt/hearth/trial.json").returncode == 1
        return {"back_after_s": round(seconds, 1)}

    def power_cut(self) -> dict[str, object]:
        """The power goes while a release is being tried: at the next start the one before runs."""
        bundle = self.bundle("0.1.5", "\nimport time\ntime.sleep(3600)\n")
        self.machine.must(f"systemd-run -q --collect {HEARTH} update {bundle}")
        self.machine.until(lambda: self.machine.run("test -e /opt/hearth/trial.json").returncode == 0, 120, "the trial")
        self.machine.cut_power()
        self.machine.boot()
        seconds = self.attract(60)
        assert self._running() == "0.1.2"
        assert self.machine.run("test -e /opt/hearth/trial.json").returncode == 1
        return {"attract_after_s": round(seconds, 1)}

    def _code(self, command: str) -> str:
        done = self.machine.run(command)
        assert done.returncode != 0, done.stdout
        return str(json.loads(done.stdout)["error"]["code"])

    def _policy(self) -> str:
        return self.machine.must(
            "cd /var/lib/hearth && find config.toml texts prompts -type f | sort | xargs sha256sum; python3 -c \"import sqlite3; print(list(sqlite3.connect('hearth.db').execute('SELECT hash FROM ledger ORDER BY seq')))\""
        )
