"""The real microphone, through PortAudio. With `audio.player` the only home of ``sounddevice``.

PortAudio is asked by callback only: a blocking read hangs for ever when the device dies. The callback copies
and queues, nothing else. Faults do not announce themselves (a hung device just stops calling back, PulseAudio
moves a stream to another device without a word), so `Microphone.check` watches for missing blocks and for the
name of what answers.
"""

from __future__ import annotations

import atexit
import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from audio.blocktimer import BlockTimer, Lateness
from audio.clock import Clock
from audio.depth import WIDTHS, own_widths
from audio.errors import AudioError, NoMicrophone, NoSpeaker, StreamDied, WrongDevice
from audio.hush import hush_alsa
from audio.identity import PulseIdentity
from audio.pcm import mix_down
from audio.priority import hurry
from audio.sources import STALL_MS, Sink
from audio.types import AudioFormat, Block

if TYPE_CHECKING:
    import sounddevice

_PREFERRED_RATE: Final = 48_000
_BLOCK_MS: Final = 20
_LATENCY_S: Final = 0.2
"""What the device may hold while the callback waits; blocks carry their time, so nothing else is late by it."""
_OLDEST_S: Final = 60.0
_HANG_S: Final = 4.0
_LONGEST_HANG_S: Final = 60.0
_LONGEST_SILENCE_S: Final = 16.0
_GO_ON_S: Final = 0.3
_IDENTITY_S: Final = 0.25
_FRESH_S: Final = 0.1
_ATTEMPT_S: Final = 1.5
_SHUT_S: Final = 2.0

_before_reset: list[Callable[[], None]] = []
_portaudio = threading.RLock()


def portaudio() -> Any:
    """Import and return ``sounddevice``.

    Raises:
        NoMicrophone: the PortAudio library is not installed.
    """
    try:
        import sounddevice as loaded
    except OSError as error:
        raise NoMicrophone(
            "The sound library PortAudio is not installed.", "Install it with: apt-get install libportaudio2"
        ) from error
    hush_alsa()
    # At the end of the program it would wait for every stream, and one on a dead sound server never ends.
    atexit.unregister(loaded._exit_handler)  # noqa: SLF001  there is no public way
    return loaded


def before_reset(close_streams: Callable[[], None]) -> None:
    """Register what must close its streams before PortAudio is restarted (it would free them underneath)."""
    _before_reset.append(close_streams)


@contextlib.contextmanager
def holding_portaudio(refuse: type[AudioError], patience_s: float = math.inf) -> Iterator[None]:
    """Keep PortAudio from being restarted meanwhile: whoever opens or closes a stream or asks for devices holds it.

    Taken before any lock of the caller's own, for a restart holds it while every stream is closed. May be taken again
    by who holds it. Raises ``refuse`` when it is not free within ``patience_s``: a sound server hangs.
    """
    if not _portaudio.acquire(timeout=-1 if math.isinf(patience_s) else patience_s):
        raise refuse("The sound system does not answer.", "Wait a moment. If it goes on, start the box again.")
    try:
        yield
    finally:
        _portaudio.release()


def close_stream(stream: Any) -> None:
    """Close a stream of PortAudio's at once. Waits for the sound server, for ever where it hangs."""
    with _portaudio, contextlib.suppress(portaudio().PortAudioError):
        stream.abort()
        stream.close()


def reset_portaudio() -> None:
    """Restart PortAudio, the only way it finds a device that came back. Every stream of this process ends."""
    with _portaudio:
        for close_streams in _before_reset:
            close_streams()
        sd = portaudio()
        sd._terminate()  # noqa: SLF001  there is no public way to list devices anew
        sd._initialize()  # noqa: SLF001


@dataclass(frozen=True, slots=True)
class SoundDevice:
    """A device as PortAudio lists it; ``rate`` in Hz, ``inputs`` and ``outputs`` are channel counts."""

    index: int
    name: str
    host: str
    inputs: int
    outputs: int
    rate: int
    default_input: bool
    default_output: bool


def list_devices() -> list[SoundDevice]:
    """List every sound device, in PortAudio's order.

    Raises:
        NoMicrophone: the PortAudio library is not installed.
    """
    with _portaudio:
        return _devices()


def _devices() -> list[SoundDevice]:
    sd = portaudio()
    hosts = [str(host["name"]) for host in sd.query_hostapis()]
    default_in, default_out = sd.default.device[0], sd.default.device[1]
    return [
        SoundDevice(
            index,
            str(device["name"]),
            hosts[device["hostapi"]],
            int(device["max_input_channels"]),
            int(device["max_output_channels"]),
            int(device["default_samplerate"]),
            index == default_in,
            index == default_out,
        )
        for index, device in enumerate(sd.query_devices())
    ]


def find_device(name: str, *, output: bool = False) -> SoundDevice:
    """Find the device called ``name`` (whole, or a part that fits exactly one); empty means the system's default.

    Raises:
        NoMicrophone: no input fits, or several do. `NoSpeaker` likewise for an output.
    """
    refuse: type[AudioError] = NoSpeaker if output else NoMicrophone
    kind = "loudspeaker" if output else "microphone"
    try:
        devices = list_devices()
    except NoMicrophone as error:
        raise refuse(error.say, error.do) from error
    except portaudio().PortAudioError as error:
        raise refuse(f"The sound system does not say which {kind} there is: {error.args[0]}.", "Try again.") from error
    usable = [device for device in devices if (device.outputs if output else device.inputs)]
    if not name:
        fitting = [device for device in usable if (device.default_output if output else device.default_input)]
    else:
        fitting = [device for device in usable if device.name == name]
        fitting = fitting or [device for device in usable if name.casefold() in device.name.casefold()]
    known = ", ".join(device.name for device in usable) or "none"
    if not fitting:
        raise refuse(f"The {kind} {name or '(default)'} is not there.", f"Plug it in. What is there: {known}.")
    if len(fitting) > 1 and fitting[0].name != name:
        names = ", ".join(device.name for device in fitting)
        raise refuse(f"Several devices are called like the {kind} {name}: {names}.", "Give the whole name.")
    return fitting[0]


class Microphone:
    """One named input device. Passes the contract suite of `audio.sources.Source`."""

    def __init__(
        self, device: str, clock: Clock, rate: int | None = None, width: int = 0, *, stall_ms: int = STALL_MS
    ) -> None:
        """Find ``device`` and settle its format: mono, ``rate`` Hz (default: 48 kHz, else its own).

        ``width`` is bytes a sample; 0 takes the device's own depth (`audio.depth`).

        Raises:
            NoMicrophone: not there, or it cannot do this rate and width.
        """
        self.stall_ms = stall_ms
        self._clock = clock
        self._wanted = device
        found = find_device(device)
        self.name = found.name
        self._identity = PulseIdentity()
        widths = (width,) if width else own_widths(found.name, self._identity)
        with _portaudio:
            self._channels, self.format = self._settle(found, rate, widths)
        self._stream: sounddevice.RawInputStream | None = None
        self._sink: Sink | None = None
        self._timer, self._lateness = BlockTimer(self.format.rate), Lateness()
        self._last_block = 0.0
        self._answers: str | None = None
        self.sure_until = math.inf
        self.opened_at = -math.inf
        self._given_until = 0.0
        self._looked_at = 0.0
        self._attempt: threading.Thread | None = None
        self._armed = False
        self._live = False
        self._hurried = self._given = False
        self._in_vain = 0

    def _settle(self, found: SoundDevice, rate: int | None, widths: tuple[int, ...]) -> tuple[int, AudioFormat]:
        """Choose depth, channel count and rate which the device takes; several channels are averaged later."""
        sd = portaudio()
        rates = [rate] if rate else list(dict.fromkeys((_PREFERRED_RATE, found.rate)))
        for width in (one for one in widths if one in WIDTHS):
            for channels in dict.fromkeys((1, min(2, found.inputs))):
                for hertz in rates:
                    with contextlib.suppress(sd.PortAudioError):
                        sd.check_input_settings(found.index, channels, _kind(width), samplerate=hertz)
                        return channels, AudioFormat(hertz, 1, width)
        wish = f"{rate} Hz" if rate else "any usual rate"
        depths = " or ".join(str(8 * width) for width in widths)
        raise NoMicrophone(
            f"The microphone {found.name} cannot record {depths} bit at {wish}.", "Choose another rate or width."
        )

    def start(self, sink: Sink) -> None:
        """Open the stream. `NoMicrophone` when the device is not there or does not open."""
        self.stop()
        self._sink = sink
        self._live = True
        self._open()

    def _open(self) -> None:
        with _portaudio:
            found = find_device(self.name)
            if found.name != self.name:
                raise NoMicrophone(f"The microphone {self.name} is not there.", "Plug it in again.")
            sd = portaudio()
            self._timer, self._lateness = BlockTimer(self.format.rate), Lateness()
            self.opened_at = self._last_block = self._looked_at = self._clock.monotonic()
            self._hurried = self._given = False
            self._identity.forget()
            try:
                self._stream = sd.RawInputStream(
                    device=found.index,
                    samplerate=self.format.rate,
                    channels=self._channels,
                    dtype=_kind(self.format.width),
                    blocksize=self.format.rate * _BLOCK_MS // 1000,
                    latency=_LATENCY_S,
                    callback=self._heard,
                )
                self._stream.start()
                # Where the machine has too much to do, opening alone takes longer than a stream may be silent.
                self._last_block = self._clock.monotonic()
            except sd.PortAudioError as error:
                self._stream = None
                raise NoMicrophone(
                    f"The microphone {self.name} does not open: {error.args[0]}.", "Unplug it and plug it in again."
                ) from error

    def _heard(self, data: Any, frames: int, times: Any, status: Any) -> None:
        """PortAudio's callback: copy, stamp, queue."""
        sink = self._sink
        if sink is None:
            return
        if not self._hurried:
            self._hurried = True
            hurry(real_time=True)
        now = self._last_block = self._clock.monotonic()
        self._given = True
        # Kept waiting for the interpreter it is no later captured: taken for later, it would look like a gap, and the
        # end of the take would be cut off by as much.
        now -= self._lateness.push(now, times.currentTime)
        # PortAudio's clock differs from ours by a constant nobody tells, so only its age of the block is used.
        age = times.currentTime - times.inputBufferAdcTime if times.inputBufferAdcTime else frames / self.format.rate
        # After a hang that age is as long as the hang: what was held back comes in a burst, complete and in order.
        lost = bool(status.input_overflow)
        at = self._timer.push(now - max(0.0, min(age, _OLDEST_S)), frames, lost=lost)
        pcm = bytes(data)
        if self._channels > 1:
            pcm = mix_down(pcm, AudioFormat(self.format.rate, self._channels, self.format.width))
        self._given_until = at + frames / self.format.rate
        sink(Block(pcm, at, lost))

    def stop(self) -> None:
        """Close the stream. When the sound server hangs, the stream is cut off here and closed when it answers."""
        self._live = False
        self._sink = None
        if self._attempt is not None:
            self._attempt.join(_SHUT_S)
        self._shut()

    def _shut(self) -> None:
        stream, self._stream = self._stream, None
        if stream is None:
            return
        # Closing waits for the sound server; one that hangs must not hang the box.
        closer = threading.Thread(target=close_stream, args=(stream,), name="close-microphone", daemon=True)
        closer.start()
        closer.join(_SHUT_S)

    def check(self) -> None:
        """Raise `StreamDied` when no block came for ``stall_ms``, the stream ended, or another device answers.

        Which device answers is asked four times a second, only where PulseAudio or PipeWire can tell.
        """
        stream = self._stream
        if stream is None:
            raise StreamDied(f"The microphone {self.name} is gone.", "Plug it in again.")
        now = self._clock.monotonic()
        if now - self._last_block > self.stall_ms / 1000:
            raise StreamDied(f"The microphone {self.name} has stopped answering.", "Plug it in again.")
        if now - self._looked_at < _IDENTITY_S or now - self._last_block > _FRESH_S:
            # Without new sound there is nothing to be sure of, and a hung server must not be asked again and again.
            return
        self.confirm()

    def confirm(self) -> None:
        """Ask now which device answers. Raises `WrongDevice`."""
        # What had been given before the question is the right device's if the answer is right. The time now would not
        # do: a stream that was moved goes on late, and its blocks bear times up to a quarter of a second too early.
        self._looked_at, given = self._clock.monotonic(), self._given_until
        answers = self._identity.source()
        if answers is None:
            if self._answers is None:
                # Nobody can tell: there is no sound server that could put another device in its place.
                self.sure_until = math.inf
            # A server that told before and is silent now may be moving the stream: what comes meanwhile waits.
            return
        self._answers = self._answers or answers
        if answers != self._answers:
            self._looked_at = 0.0
            raise WrongDevice(f"Another device answers in place of the microphone {self.name}.", "Plug it in again.")
        self.sure_until = given

    def rearm(self) -> bool:
        """Try once to open the same device again, unless it only hangs: what a hung one holds back would be lost.

        One attempt at a time; when the sound server hangs it outlasts this call, and the next call asks after it.
        """
        if self._attempt is None:
            if self._may_go_on():
                return False
            self._armed = False
            self._attempt = threading.Thread(target=self._try_again, name="rearm-microphone", daemon=True)
            self._attempt.start()
        self._attempt.join(_ATTEMPT_S)
        if self._attempt.is_alive():
            return False
        self._attempt = None
        return self._armed

    def _may_go_on(self) -> bool:
        """Whether it is too early to give the open stream up: it is alive, and silent for a short while only.

        One that never gave a block gets longer each time: where opening takes seconds, the first block does, too.
        """
        patience = min(_HANG_S * 2**self._in_vain, _LONGEST_SILENCE_S)
        return self._is_silent() and self._silent_s < patience

    def _hangs(self) -> bool:
        """Whether the open stream may still go on by itself: its server does not answer. Takes seconds."""
        if not self._is_silent() or self._silent_s >= _LONGEST_HANG_S:
            return False
        if self._identity.hangs():
            return True
        # A server that hung until just now gives what it held back in a moment; a stream closed now would lose it.
        time.sleep(_GO_ON_S)
        return self._silent_s <= self.stall_ms / 1000

    def _is_silent(self) -> bool:
        """Whether the stream is open and gives nothing; one that gives another device's sound is not silent."""
        stream = self._stream
        return stream is not None and bool(stream.active) and self._silent_s > self.stall_ms / 1000

    @property
    def _silent_s(self) -> float:
        return self._clock.monotonic() - self._last_block

    def _try_again(self) -> None:
        if self._hangs() or not self._live:
            return
        self._in_vain = self._in_vain + 1 if self._stream is not None and not self._given else 0
        sink = self._sink
        self._sink = None
        self._shut()
        self._sink = sink
        try:
            reset_portaudio()
            self._open()
        except AudioError:
            return
        answers = self._identity.source()
        wrong = self._answers is not None and answers is not None and answers != self._answers
        if wrong or not self._live:
            self._shut()
            return
        self._armed = True


def _kind(width: int) -> str:
    return "int16" if width == 2 else "int24"  # noqa: PLR2004  bytes a sample, see AudioFormat
