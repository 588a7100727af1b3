"""One machine with a box on it: what every step of the trial asks of it."""

from __future__ import annotations

import json

from container import Container

KIOSK = "hearth-kiosk.service"
HEARTH = "/opt/hearth/current/bin/hearth"
HOME = "--home /var/lib/hearth"
CLONE = "/srv/trial/digital-hearth"
INSTALL = "scripts/install --headless --wheels /mnt/wheels --models /mnt/models --contact 'Ask at the desk' --release-key /srv/trial/keys.txt"


class Box:
    """The box in ``machine``, which a step may start, use and look at."""

    machine: Container

    def attract(self, within: float, unit: str = KIOSK) -> float:
        """Wait until visitors are invited."""
        return self.machine.until(
            lambda: self.machine.show(unit, "StatusText") == "in attract",
            within,
            f"attract of {unit} (it says: {self.machine.show(unit, 'StatusText')!r})",
        )

    def visit(self, unit: str = KIOSK, until: str = "attract") -> None:
        """Let a visitor work up to ``until``."""
        python = HEARTH.replace("bin/hearth", "bin/python")
        self.machine.must(
            f"PULSE_SERVER=unix:/run/testsound/native {python} -P /mnt/trial/visitor.py {unit} /mnt/models/speech/beckett.wav {until}",
            user="hearth",
            within=180,
        )

    def stories(self) -> list[dict[str, object]]:
        """What the box keeps."""
        told = json.loads(self.machine.must(f"{HEARTH} list {HOME} --json", user="hearth"))
        return list(told["stories"])

    def _running(self) -> str:
        return self.machine.must("basename $(readlink /opt/hearth/current)").strip()

    def _drop_in(self, unit: str, name: str, text: str) -> None:
        folder = self.machine.root / f"etc/systemd/system/hearth-{unit}.service.d"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.conf").write_text(text)
        self.machine.must("systemctl daemon-reload")
