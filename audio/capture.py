"""The capture thread: blocks from a source in; a take on disk, segments and levels out.

The source's own thread only queues. Here blocks are framed, measured, and while a take runs stored, judged and
cut, in order with the commands that begin, pause and end it. All news is announced from this thread.
"""

from __future__ import annotations

import contextlib
import logging
import math
import queue
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from audio.clock import Clock
from audio.errors import AudioError, DiskTrouble, StreamDied, WrongDevice
from audio.events import (
    CaptureEvent,
    LevelHeard,
    StreamBack,
    StreamClosed,
    StreamLost,
    StreamOpened,
    TakeFailed,
)
from audio.framing import Framer
from audio.levels import LevelMeter, has_hum, hint
from audio.pcm import to_floats
from audio.priority import hurry
from audio.segmenter import Segmenter
from audio.sources import Source
from audio.taking import Gate, Taking, Writer
from audio.types import Block, Level
from audio.vad import GATHERED, Vad

_log = logging.getLogger(__name__)

_LOOK_BACK_S: Final = 2.0
_BATCH_S: Final = 1.0
_WATCH_S: Final = 0.2
_REARM_S: Final = 0.5
_LEVEL_MS: Final = 100
_LEVELS_A_SECOND: Final = 10
_HINT_LEVELS: Final = 25
_JOIN_S: Final = 10.0
_ASKS: Final = 3
"""How often a sound server is asked at the end of a take before its silence is taken as it is."""
_CONFIRM_S: Final = 4.0
"""More than so many questions take, each cut off after half a second, twice a question."""
_BLOCK_S: Final = 0.03
"""A little more than a block lasts: one that began before the device was asked may end after."""

_Command = Callable[[], None]


class Capture:
    """Turns one source into takes. Commands return at once; what became of them is announced.

    In ``ready`` the stream runs and its samples are measured and dropped; the last 2 s stay in memory only, so
    that a take can begin with the very sample captured when the button went down though its block came before
    the command. Nothing from before that sample is ever stored.
    """

    def __init__(self, source: Source, vad: Vad, clock: Clock, announce: Callable[[CaptureEvent], None]) -> None:
        """Prepare; nothing is opened. ``announce`` must neither block nor raise."""
        self._source = source
        self._vad = vad
        self._clock = clock
        self._announce = announce
        self._queue: queue.SimpleQueue[Block | _Command] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._running = False
        self._blocks = 0
        self._prepare()

    def _prepare(self) -> None:
        self._framer = Framer(self._source.format, _LEVEL_MS)
        self._meter = LevelMeter(self._source.format)
        self._levels: deque[Level] = deque(maxlen=_HINT_LEVELS)
        self._second: deque[bytes] = deque(maxlen=_LEVELS_A_SECOND)
        self._hum = False
        self._told = 0
        self._recent: deque[Block] = deque()
        self._taking: Taking | None = None
        self._lost = False
        self._lost_from = 0.0
        # Times from which, and until which, blocks are another device's, or of a stream nobody can be asked about.
        self._strange = (math.inf, -math.inf)
        self._back_at: float | None = None
        self._heard_until = 0.0
        self._watched_at = 0.0
        self._rearmed_at = 0.0

    @property
    def blocks(self) -> int:
        """How many blocks were handled since this object was made."""
        return self._blocks

    # -- commands, from any thread ------------------------------------------------------------------------------

    def open(self) -> None:
        """Open the stream and start the thread. Harmless when it is open.

        Raises:
            NoMicrophone: the source does not open.
        """
        if self._thread is not None:
            return
        self._prepare()
        self._heard_until = self._watched_at = self._clock.monotonic()
        self._queue = queue.SimpleQueue()
        self._source.start(self._queue.put)
        self._announce(StreamOpened(self._source.name, self._source.format))
        self._running = True
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    def begin(self, writer: Writer, at: float, *, segmenter: Segmenter | None = None) -> None:
        """Begin a take with the first sample captured at or after ``at``; a take still running is closed first.

        ``segmenter`` replaces the one with the usual rules.
        """
        self._queue.put(lambda: self._begin(writer, at, segmenter))

    def pause(self, at: float | None = None) -> None:
        """Store nothing captured at or after ``at`` (default: now) until `resume`. Earlier blocks still count."""
        self._gate(Gate(self._clock.monotonic() if at is None else at, on=False))

    def resume(self, at: float | None = None) -> None:
        """Store again, from the first sample captured at or after ``at`` (default: now)."""
        self._gate(Gate(self._clock.monotonic() if at is None else at, on=True))

    def finish(self, at: float) -> None:
        """End the take with the last sample captured before ``at``: tail segment, then `TakeClosed`.

        The source may deliver that sample only later; the take is closed when it did, or when the stream is lost.
        Exact as long as the command comes within 150 ms of ``at`` in sound; the same holds for `pause`.
        """
        self._gate(Gate(at, on=False, last=True))

    def abandon(self) -> None:
        """Destroy the running take; nothing is announced but a failure to do so."""
        self._queue.put(self._abandon)

    def drain(self) -> None:
        """Return when everything delivered and commanded before this call is handled and announced."""
        if self._thread is None or not self._thread.is_alive():
            return
        handled = threading.Event()

        def reached() -> None:
            # Whatever goes wrong here, whoever waits must not wait for ever.
            try:
                if self._taking is not None:
                    self._taking.store()
                self._watch()
            finally:
                handled.set()

        self._queue.put(reached)
        handled.wait()

    def close(self) -> None:
        """Close the stream and end the thread; a take still running is closed with what was captured."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._confirm_last()
        self._source.stop()
        self._queue.put(self._end)
        thread.join(_JOIN_S)
        self._announce(StreamClosed(self._source.name))

    def _confirm_last(self) -> None:
        """Before the stream closes: what came last is let go of if another device is known to have given it.

        A server that still says nothing when asked again hangs or is dead, and neither moves a stream to another
        device nor hands on what that one hears: what came before it fell silent is the teller's last word, and stays.
        """
        if self._taking is None:
            return
        asked = threading.Event()

        def confirm() -> None:
            try:
                if self._taking is not None and not self._lost:
                    self._ask_again()
                    self._taking.sure_until = math.inf
            except StreamDied as error:
                self._lose(error)
            finally:
                asked.set()

        self._queue.put(confirm)
        asked.wait(_CONFIRM_S)

    def _ask_again(self) -> None:
        """Ask until somebody says whose the last sound was, a few times. Raises `StreamDied`."""
        for _ in range(_ASKS):
            self._source.confirm()
            if self._source.sure_until >= self._heard_until - _BLOCK_S:
                return
        _log.warning("the sound server does not say which device gave the last sound; it is kept")

    # -- the thread ---------------------------------------------------------------------------------------------

    def _gate(self, gate: Gate) -> None:
        def apply() -> None:
            if self._taking is None:
                return
            passed = self._taking.gate(gate)
            if gate.last and self._lost and not passed:
                self._taking.lost()
            if passed or (gate.last and self._lost):
                self._close_take()

        self._queue.put(apply)

    def _run(self) -> None:
        # It writes and judges, so it must not be able to starve the machine: more urgent, but not real-time.
        hurry(real_time=False)
        held: Block | _Command | None = None
        while self._running:
            try:
                item = held if held is not None else self._queue.get(timeout=_WATCH_S)
            except queue.Empty:
                self._guarded(self._watch)
                continue
            held = None
            if isinstance(item, Block):
                batch, held = self._gather(item)
                self._guarded(partial(self._hear, batch))
            else:
                self._guarded(item)

    def _gather(self, first: Block) -> tuple[list[Block], Block | _Command | None]:
        """Take what else is queued, up to a second: much sound at once costs far less than piece by piece."""
        batch = [first]
        size = len(first.pcm)
        limit = self._source.format.rate * self._source.format.frame_bytes * _BATCH_S
        while size < limit:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if not isinstance(item, Block):
                return batch, item
            batch.append(item)
            size += len(item.pcm)
        return batch, None

    def _guarded(self, work: _Command) -> None:
        try:
            work()
        except AudioError as error:
            self._fail(error)
        except OSError as error:
            self._fail(DiskTrouble(f"The disk refused to store the recording: {error.strerror}.", "Free some space."))
        except Exception:  # noqa: BLE001  see below
            # The thread must outlive any mistake in it: the box would be deaf and show that it listens.
            _log.exception("capture went wrong")
            self._fail(AudioError("The recording broke off by a mistake in the program.", "Please tell the library."))

    def _fail(self, error: AudioError) -> None:
        taking, self._taking = self._taking, None
        if taking is None:
            _log.error("%s: %s", error.code, error.say)
            return
        # The disk may refuse this too; what it has is kept for recovery either way.
        with contextlib.suppress(OSError, AudioError):
            taking.writer.leave()
        self._announce(TakeFailed(taking.writer.take, error))

    def _hear(self, batch: list[Block]) -> None:
        for block in batch:
            self._blocks += 1
            if self._strange[0] <= block.at < self._strange[1]:
                continue
            if self._lost and self._back_at is None:
                self._back_at = block.at
            self._measure(block)
            self._remember(block)
            if self._taking is not None:
                self._taking.sure_until = self._sure_until
                if self._taking.push(block):
                    self._close_take()
        if self._taking is not None:
            self._taking.store(GATHERED)
        if self._lost or self._clock.monotonic() - self._watched_at >= _WATCH_S:
            self._watch()

    def _remember(self, block: Block) -> None:
        fmt = self._source.format
        self._heard_until = block.at + len(block.pcm) / (fmt.rate * fmt.frame_bytes)
        self._recent.append(block)
        while self._recent[0].at < self._heard_until - _LOOK_BACK_S:
            self._recent.popleft()

    def _measure(self, block: Block) -> None:
        """Announce levels: ten times a second is as fast as an eye follows a bar, and cheap."""
        fmt = self._source.format
        for frame in self._framer.push(block):
            level = self._meter.push(frame)
            self._levels.append(level)
            self._second.append(frame.pcm)
            self._told += 1
            if self._told % _LEVELS_A_SECOND == 0:
                self._hum = has_hum(to_floats(b"".join(self._second), fmt), fmt.rate)
            known = hint(self._levels, hum=self._hum) if len(self._levels) >= _LEVELS_A_SECOND else None
            self._announce(LevelHeard(level, frame.at + _LEVEL_MS / 1000, known))

    def _begin(self, writer: Writer, at: float, segmenter: Segmenter | None) -> None:
        self._close_take()
        self._taking = taking = Taking(writer, at, self._vad, self._announce, segmenter)
        taking.sure_until = self._sure_until
        for block in self._recent:
            taking.push(block)
        taking.store()

    def _close_take(self) -> None:
        if self._taking is not None:
            self._taking.close()
            self._taking = None

    def _abandon(self) -> None:
        taking, self._taking = self._taking, None
        if taking is not None:
            try:
                taking.writer.abandon()
            except (AudioError, OSError) as error:
                trouble = error if isinstance(error, AudioError) else DiskTrouble(str(error))
                self._announce(TakeFailed(taking.writer.take, trouble))

    def _end(self) -> None:
        self._running = False
        self._close_take()

    # -- the watchdog -------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Look whether the stream lives and is the right one; say so once when not, and try to get it back."""
        self._watched_at = self._clock.monotonic()
        try:
            self._source.check()
        except StreamDied as error:
            if not self._lost:
                self._lose(error)
            elif isinstance(error, WrongDevice):
                self._distrust(math.inf)
            now = self._clock.monotonic()
            if now - self._rearmed_at < _REARM_S and self._rearmed_at <= now:
                return
            self._rearmed_at = now
            if self._source.rearm():
                # An open stream is not yet a living one: only its first block is believed.
                self._back_at = None
                self._distrust(self._source.opened_at)
            return
        if self._lost and self._strange[1] == math.inf:
            # The server moved the stream back by itself.
            self._strange = (self._strange[0], self._clock.monotonic())
        if self._lost and self._back_at is not None:
            self._lost = False
            self._announce(StreamBack(max(0.0, self._back_at - self._lost_from)))
        self._settle()

    def _settle(self) -> None:
        """Close a take whose end was told long ago though nobody says whose its last sound was.

        A server too busy to answer would keep its teller waiting for good; see `_confirm_last` why the sound stays.
        """
        taking = self._taking
        if taking is None or self._lost or self._clock.monotonic() - taking.ends_at < _CONFIRM_S:
            return
        _log.warning("the sound server does not say which device gave the end of the take; it is kept")
        if taking.settle():
            self._close_take()

    def _lose(self, error: StreamDied) -> None:
        self._lost = True
        self._lost_from = self._heard_until
        self._back_at = None
        self._rearmed_at = float("-inf")
        self._announce(StreamLost(error.say, error.do))
        if isinstance(error, WrongDevice):
            # What it gives until the right one is back goes nowhere, also what waits in the queue already.
            self._distrust(math.inf)
        if self._taking is not None and self._taking.ending:
            # Nothing more is coming: what was captured is the take.
            self._taking.lost()
            self._close_take()

    @property
    def _sure_until(self) -> float:
        return self._source.sure_until - _BLOCK_S

    def _distrust(self, until: float) -> None:
        """Let go of what came after the last sure moment and before ``until``: nobody can be asked about it later."""
        since = self._strange[0] if self._strange[1] == math.inf else self._sure_until
        self._strange = (since, until)
        self._recent = deque(block for block in self._recent if block.at < since)
        if self._taking is not None:
            self._taking.sure_until = since
            self._taking.drop_unsure()
