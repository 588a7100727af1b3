"""A private sound server with a virtual microphone and loudspeaker, so that the real PortAudio path runs anywhere.

Used by the tests, the demo and simulations on machines without a sound card. It needs Debian's `pulseaudio`,
`pulseaudio-utils` and `libasound2-plugins`. Everything lives in one private folder; nothing of the user's own
sound set-up is touched.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Self

from audio.errors import AudioError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

MICROPHONE: Final = "booth_mic"
"""Name of the virtual microphone as PortAudio lists it."""
SPEAKER: Final = "booth_speaker"
"""Name of the virtual loudspeaker as PortAudio lists it."""
_NEEDED: Final = ("pulseaudio", "paplay", "pacat", "pactl")
_START_S: Final = 10.0
_STOP_S: Final = 5.0
_WARM_BYTES: Final = 9600

_SERVER: Final = """\
load-module module-native-protocol-unix socket={folder}/native auth-anonymous=1
load-module module-null-sink sink_name=speaker rate=48000 channels=1
load-module module-null-sink sink_name=micfeed rate=48000 channels=1
load-module module-remap-source source_name=mic master=micfeed.monitor
"""
_DEVICES: Final = """\
</usr/share/alsa/alsa.conf>
pcm.!default {{ type pulse hint {{ show on description "default" }} }}
pcm.{mic} {{ type pulse device mic hint {{ show on description "Virtual USB mic" }} }}
pcm.{speaker} {{ type pulse device speaker hint {{ show on description "Virtual speaker" }} }}
"""


class NoSoundServer(AudioError):
    """The virtual sound server is not installed, or does not start."""

    code = "no-sound-server"


def missing_programs() -> list[str]:
    """Return which of the needed programs are not installed (empty: all are)."""
    return [name for name in _NEEDED if shutil.which(name) is None]


class Feeding:
    """One sound file on its way into the virtual microphone."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        """Watch ``process``, which plays the file."""
        self._process = process

    @property
    def done(self) -> bool:
        """Whether the whole file has been played."""
        return self._process.poll() is not None

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the file has been played; `subprocess.TimeoutExpired` after ``timeout`` seconds."""
        self._process.wait(timeout)

    def stop(self) -> None:
        """Stop feeding at once."""
        _end(self._process)


class VirtualSound:
    """A running virtual sound server; use it as a context manager.

    ``env`` holds what a process (this one too, before PortAudio is loaded) needs in its environment to
    see `MICROPHONE` and `SPEAKER` and no other server.
    """

    def __init__(self, folder: Path) -> None:
        """Keep socket and settings in ``folder``, which is made private (mode 0700)."""
        self.folder = folder.absolute()
        self.env: dict[str, str] = {
            "PULSE_SERVER": f"unix:{self.folder}/native",
            "ALSA_CONFIG_PATH": f"{self.folder}/asound.conf",
        }
        self._server: subprocess.Popen[bytes] | None = None
        self._idle: list[subprocess.Popen[bytes]] = []
        self._helpers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        """Start the server; `NoSoundServer` when it is not installed or does not come up."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything this object started."""
        self.stop()

    def start(self) -> None:
        """Start (or, after `kill`, start again) server and idle feed; returns when the devices answer.

        Raises:
            NoSoundServer: not installed, or it did not come up.
        """
        if missing := missing_programs():
            raise NoSoundServer(
                f"The virtual sound server needs {', '.join(missing)}.",
                "Install it with: apt-get install pulseaudio pulseaudio-utils libasound2-plugins",
            )
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        (self.folder / "native").unlink(missing_ok=True)
        self._write_once("server.pa", _SERVER.format(folder=self.folder))
        self._write_once("asound.conf", _DEVICES.format(mic=MICROPHONE, speaker=SPEAKER))
        command = ["pulseaudio", "-n", "-F", str(self.folder / "server.pa"), "--daemonize=no"]
        self._server = self._run([*command, "--exit-idle-time=-1", "--use-pid-file=no", "--log-target=null"])
        self._await_devices()
        # A null sink that nobody feeds renders in pieces of up to 2 s: whatever joins it would be that late.
        for sink in ("micfeed", "speaker"):
            command = ["pacat", "--latency-msec=20", f"--device={sink}", "--rate=48000", "--channels=1"]
            self._idle.append(self._run([*command, "--format=s16le"], stdin=Path("/dev/zero")))
        self._await_sound()

    def _write_once(self, name: str, text: str) -> None:
        """Write a file whole, and never touch it again: PortAudio aborts the process that lists its devices while
        `asound.conf` is empty for a moment (an assertion in `BuildDeviceList`), and a stream may be looking for its
        microphone while the server comes back.
        """
        path = self.folder / name
        if not path.exists():
            part = path.with_name(f"{name}.part")
            part.write_text(text, encoding="utf-8")
            part.replace(path)

    def _await_sound(self) -> None:
        """Wait until the microphone really delivers: a stream opened before that starts late, or breaks."""
        with tempfile.TemporaryFile(dir=self.folder) as heard:
            command = ["parec", "--device=mic", "--latency-msec=20", "--rate=48000", "--channels=1"]
            process = self._run(command, stdout=heard)
            deadline = time.monotonic() + _START_S
            while os.fstat(heard.fileno()).st_size < _WARM_BYTES and process.poll() is None:
                if time.monotonic() > deadline:
                    break
                time.sleep(0.02)
            _end(process)

    def _await_devices(self) -> None:
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if self._server is None or self._server.poll() is not None:
                break
            if (self.folder / "native").exists() and "mic" in self._sources():
                return
            time.sleep(0.02)
        self.stop()
        raise NoSoundServer("The virtual sound server did not start.", "Look whether pulseaudio runs by hand.")

    def _sources(self) -> list[str]:
        listed = self.control("list", "short", "sources")
        return [line.split("\t")[1] for line in listed.splitlines() if line.count("\t") >= 1]

    def control(self, *words: str) -> str:
        """Send ``pactl`` a command and return what it prints; empty when it fails (the server may be down)."""
        answer = subprocess.run(
            ["pactl", *words],
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        return answer.stdout if answer.returncode == 0 else ""

    def feed(self, path: Path) -> Feeding:
        """Play a sound file into the virtual microphone, in real time; returns at once."""
        return Feeding(self._helper(["paplay", "--latency-msec=20", "--device=micfeed", str(path)]))

    @contextlib.contextmanager
    def record_speaker(self, path: Path) -> Iterator[Path]:
        """Record what the loudspeaker plays into ``path`` (WAV, 48 kHz, mono, 16 bit) for the time of the block."""
        options = ["--rate=48000", "--channels=1", "--format=s16le", "--latency-msec=20", "--file-format=wav"]
        process = self._helper(["parec", "--device=speaker.monitor", *options, str(path)])
        deadline = time.monotonic() + _START_S
        while not (path.exists() and path.stat().st_size) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        try:
            yield path
        finally:
            process.send_signal(signal.SIGINT)
            _end(process)

    def listen(self) -> subprocess.Popen[bytes]:
        """Start a program that writes what the loudspeaker plays to its standard output: 48 kHz, mono, 16 bit, raw."""
        command = ["parec", "--device=speaker.monitor", "--rate=48000", "--channels=1", "--format=s16le"]
        command += ["--latency-msec=5", "--process-time-msec=5"]
        process = subprocess.Popen(
            command,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        self._helpers.append(process)
        return process

    def unplug(self) -> None:
        """Take the microphone away, as if its plug was pulled: PulseAudio then moves streams elsewhere, silently."""
        self.control("unload-module", "module-remap-source")

    def plug(self) -> None:
        """Bring the microphone back after `unplug`."""
        self.control("load-module", "module-remap-source", "source_name=mic", "master=micfeed.monitor")

    def suspend(self) -> None:
        """Stop the server in its tracks, like a hung USB device: nothing more is delivered, no flag is raised."""
        if self._server is not None:
            self._server.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a suspended server go on; it delivers what it held back in a burst."""
        if self._server is not None:
            self._server.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the server without warning, like a device pulled out; `start` brings it back."""
        if self._server is not None:
            self._server.kill()
            self._server.wait(_STOP_S)
            self._server = None
        while self._idle:
            _end(self._idle.pop())

    def stop(self) -> None:
        """Stop every process this object started. Harmless when nothing runs."""
        helpers, self._helpers = self._helpers, []
        self.resume()
        server = [self._server] if self._server is not None else []
        for process in [*helpers, *self._idle, *server]:
            _end(process)
        self._idle = []
        self._server = None

    def _environment(self) -> dict[str, str]:
        private = {"HOME": str(self.folder), "XDG_RUNTIME_DIR": str(self.folder)}
        return {**os.environ, **self.env, **private}

    def _helper(self, command: list[str]) -> subprocess.Popen[bytes]:
        self._helpers = [old for old in self._helpers if old.poll() is None]
        process = self._run(command)
        self._helpers.append(process)
        return process

    def _run(
        self, command: list[str], stdin: Path | None = None, stdout: IO[bytes] | None = None
    ) -> subprocess.Popen[bytes]:
        with (stdin or Path(os.devnull)).open("rb") as feed:
            return subprocess.Popen(
                command,
                env=self._environment(),
                stdin=feed,
                stdout=stdout or subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End one process by its id: politely, then for good."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_STOP_S)
