"""The access point as it is opened on a box: the real command, the real pages, the real packet filter, in a network of
their own. A cable to a second network stands for the radio, and a phone asks for the pages there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RADIO = """#!/bin/sh
# As nmcli does for a shared network: the interface gets its address, and loses it.
case "$*" in
  "-t -f NAME connection show") [ ! -e {place}/up ] || echo hearth-access-point ;;
  *"device status") echo hearth0:wifi:disconnected: ;;
  *"device show hearth0") echo yes ;;
  *"connection up"*) cat >/dev/null; touch {place}/up; ip addr add 10.42.7.1/24 dev hearth0 && ip link set hearth0 up ;;
  *"connection delete"*) rm {place}/up; ip addr del 10.42.7.1/24 dev hearth0 ;;
esac
"""
needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not all(shutil.which(name) for name in ("ip", "nft", "unshare")),
    reason="needs root, iproute2 and nftables to make a network of its own",
)


class Net:
    """The box's network, with one interface to a phone and one to the library's own network, each a network too."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.home = place / "home"
        self.door, self.point = place / "door", place / "point"
        for folder in (self.door, self.point, place / "bin"):
            folder.mkdir()
        radio = place / "bin/nmcli"
        radio.write_text(RADIO.format(place=place))
        radio.chmod(0o755)
        self.environment = os.environ | {
            "PATH": f"{place / 'bin'}:{os.environ['PATH']}", "HEARTH_DOOR": str(self.door),
            "HEARTH_ACCESS_POINT": str(self.point), "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        self.holders: list[subprocess.Popen[bytes]] = []
        self.box, self.phone, self.library = (self.hold() for _ in range(3))
        self.started: list[subprocess.Popen[str]] = []
        rules = (ROOT / "systemd/hearth.nft").read_text().replace('include "/etc/hearth/firewall.d/*.nft"', "")
        (place / "hearth.nft").write_text(rules)
        (place / "open.nft").write_text(rules.replace("policy drop", "policy accept"))
        self.run("ip link set lo up")
        self.run(f"ip link add hearth0 type veth peer name phone0 netns {self.phone}")
        self.run(f"ip link add library0 type veth peer name desk0 netns {self.library}")
        self.run("ip addr add 192.0.2.1/24 dev library0; ip link set library0 up")
        self.run("ip addr add 10.42.7.20/24 dev phone0; ip link set phone0 up", self.phone)
        # Somebody in the library's network who knows the address of the access point.
        self.run("ip addr add 192.0.2.9/24 dev desk0; ip link set desk0 up", self.library)
        self.run("ip route add 10.42.7.0/24 via 192.0.2.1", self.library)
        self.run(f"nft -f {place / 'hearth.nft'}")

    def hold(self) -> int:
        """Make a network that stays while its holder lives; returns the holder's number."""
        holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo here; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert holder.stdout is not None
        holder.stdout.readline()
        self.holders.append(holder)
        return holder.pid

    def inside(self, place: int, *command: str) -> list[str]:
        return ["nsenter", f"--net=/proc/{place}/ns/net", *command]

    def run(self, script: str, place: int = 0) -> str:
        command = self.inside(place or self.box, "sh", "-ec", script)
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def asks(self, place: int, address: str) -> int:
        """The status a browser in that network gets, or 0 where nothing answers."""
        script = (
            "import http.client, sys\n"
            "try:\n"
            f" c = http.client.HTTPConnection({address!r}, 8480, timeout=3)\n"
            " c.request('GET', '/'); print(c.getresponse().status)\n"
            "except OSError: print(0)"
        )
        done = subprocess.run(
            self.inside(place, sys.executable, "-c", script), capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        started = subprocess.Popen(
            self.inside(self.box, sys.executable, "-m", "kiosk", *arguments), env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.place,
        )  # fmt: skip
        self.started.append(started)
        return started

    def listening(self) -> set[str]:
        """Address, port and interface of everything that listens off loopback, by any protocol."""
        rows = [line.split() for line in self.run("ss -Hltnu").splitlines()]
        return {row[4] for row in rows if not row[4].startswith(("127.", "[::1]"))}

    def let_in(self) -> list[str]:
        told = json.loads(self.run("nft -j list set inet hearth access_point"))
        (found,) = [part["set"] for part in told["nftables"] if "set" in part]
        return list(found.get("elem", []))

    def until(self, what) -> None:
        end = time.monotonic() + 60
        while not what():
            assert time.monotonic() < end, [one.poll() for one in self.started]
            time.sleep(0.02)

    def stop(self) -> None:
        for one in self.started:
            if one.poll() is None:
                one.send_signal(signal.SIGTERM)
        for one in self.started:
            one.communicate(timeout=30)
        for holder in self.holders:
            holder.kill()
            holder.communicate()


@pytest.fixture
def net(tmp_path: Path):
    made = Net(tmp_path)
    yield made
    made.stop()


@needs_root
def test_nothing_listens_before_and_after_and_only_the_pages_between(net: Net) -> None:
    """Also: who is let in, who is answered, and that name and passphrase are gone afterwards."""
    from kiosk.door import Door

    door = Door(net.door, net.point / "point.json")
    assert (net.listening(), net.let_in(), door.network()) == (set(), [], None)

    door.open()
    helper = net.start("accesspoint")
    net.until(lambda: door.network() is not None)
    network = door.network()
    assert network is not None
    assert (network.interface, net.let_in()) == ("hearth0", ["hearth0"])
    assert net.listening() == set()
    assert oct((net.point / "point.json").stat().st_mode & 0o777) == "0o640"

    pages = net.start("portal", "--access-point", "--home", str(net.home))
    assert pages.stdout is not None
    assert pages.stdout.readline().strip() == "The pages are at http://10.42.7.1:8480"
    net.until(net.listening)
    assert net.listening() == {"10.42.7.1%hearth0:8480"}
    assert net.asks(net.phone, "10.42.7.1") == 200
    assert net.asks(net.library, "10.42.7.1") == 0
    assert net.asks(net.library, "192.0.2.1") == 0
    # And without the filter: the pages are bound to that one interface.
    net.run("nft delete table inet hearth; nft -f {}".format(net.place / "open.nft"))
    assert net.asks(net.library, "10.42.7.1") == 0
    assert net.asks(net.phone, "10.42.7.1") == 200

    door.close()
    assert helper.wait(timeout=60) == 0
    assert pages.wait(timeout=60) == 0
    assert (net.listening(), net.let_in()) == (set(), [])
    assert list(net.point.iterdir()) == []
    assert "10.42.7.1" not in net.run("ip -4 addr show hearth0")


@needs_root
def test_a_radio_that_fails_leaves_everything_shut(net: Net) -> None:
    from kiosk.door import Door

    door = Door(net.door, net.point / "point.json")
    (net.place / "bin/nmcli").write_text("#!/bin/sh\necho 'Error: NetworkManager is not running.' >&2\nexit 8\n")
    door.open()
    helper = net.start("accesspoint")
    _, told = helper.communicate(timeout=60)
    assert helper.returncode == 1
    assert "NetworkManager is not running" in told
    assert (net.listening(), net.let_in()) == (set(), [])
    # The wish is gone, so that the unit is not started again and again.
    assert list(net.door.iterdir()) == []


@needs_root
def test_the_pages_refuse_without_an_access_point(net: Net) -> None:
    refused = net.start("portal", "--access-point", "--home", str(net.home))
    _, told = refused.communicate(timeout=60)
    assert refused.returncode == 2
    assert "not open" in told
