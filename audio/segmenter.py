"""Where to cut a story into segments while it is being told. Pure: fed with spans and verdicts, never with a clock.

Every cut costs words (a model hears less of the sentence) and every late cut costs waiting. So a segment is closed
at a pause, once enough is collected; the longer it grows the shorter a pause will do; and with no pause at all it is
cut where it was quietest lately. A silence cuts a segment, it never ends a story.
"""

from __future__ import annotations

from dataclasses import dataclass

from audio.types import CutReason, MarkKind, Ms, Segment, SpeechMark, TakeId, Tentative

_STEP = 100
"""Longer spans are taken in steps of this many milliseconds, so that no cut is coarser."""


@dataclass(frozen=True, slots=True)
class CutStep:
    """Once ``after`` ms are collected, a pause of ``pause`` ms closes the segment."""

    after: Ms
    pause: Ms


_HALF_A_SECOND = CutStep(Ms(9000), Ms(500))
_LIMIT, _LOOK_BACK, _QUIET, _LEAD, _MARK_PAUSE, _BEGIN = Ms(24000), Ms(6000), Ms(100), Ms(250), Ms(500), Ms(0)
_HINTS = (CutStep(Ms(3500), Ms(190)), CutStep(Ms(5000), Ms(125)))
"""Six and four windows of the voice detector, a millisecond or two less than they last."""
_HINT_LEAD = Ms(100)
_HINT_LIMIT, _HINT_LOOK_BACK = Ms(6000), Ms(1500)


@dataclass(frozen=True, slots=True)
class SegmentRules:
    """When to cut. All in milliseconds.

    ``cuts`` in rising order of ``after`` and falling order of ``pause``. A segment that reaches ``limit`` is cut at
    the quietest ``quiet`` of its last ``look_back``. ``lead`` of the pause is left to the next segment, so that a soft
    first sound stays whole. ``mark_pause`` of silence is announced as a pause. ``hints``, ordered as ``cuts``, say what
    pause makes a `Tentative`, after how much new speech; without any there are none. So much as ``hint_limit`` of new
    speech makes one without a pause, up to the quietest ``quiet`` of the last ``hint_look_back``.
    """

    cuts: tuple[CutStep, ...] = (_HALF_A_SECOND,)
    limit: Ms = _LIMIT
    look_back: Ms = _LOOK_BACK
    quiet: Ms = _QUIET
    lead: Ms = _LEAD
    mark_pause: Ms = _MARK_PAUSE
    hints: tuple[CutStep, ...] = _HINTS
    hint_limit: Ms = _HINT_LIMIT
    hint_look_back: Ms = _HINT_LOOK_BACK

    def __post_init__(self) -> None:
        """Refuse rules that could not be followed."""
        for steps in (self.cuts, self.hints):
            afters = [step.after for step in steps]
            pauses = [step.pause for step in steps]
            if afters != sorted(afters) or pauses != sorted(pauses, reverse=True) or min(pauses, default=1) <= 0:
                msg = "cuts and hints must ask for shorter pauses, above zero, the more is collected"
                raise ValueError(msg)
        looks = ((self.look_back, self.limit), (self.hint_look_back, self.hint_limit))
        if not all(0 < self.quiet <= back < most for back, most in looks):
            msg = "0 < quiet <= look_back < limit must hold, for segments and for hints"
            raise ValueError(msg)

    def pause_for(self, collected: int) -> int | None:
        """Return the pause that closes a segment of ``collected`` ms; None while none does."""
        return _asked(self.cuts, collected)

    def hint_for(self, voiced: int) -> int | None:
        """Return the pause that makes a `Tentative` of ``voiced`` ms of new speech; None while none does."""
        return _asked(self.hints, voiced)


def _asked(steps: tuple[CutStep, ...], collected: int) -> int | None:
    fitting = [step.pause for step in steps if step.after <= collected]
    return fitting[-1] if fitting else None


STEADY = SegmentRules()
"""One rule: half a second of pause after nine seconds."""
ADAPTIVE = SegmentRules(cuts=(_HALF_A_SECOND, CutStep(Ms(12000), Ms(350)), CutStep(Ms(15000), Ms(200))))
"""Asks for less of a pause the longer the segment grows: less is left to transcribe when the story ends."""


News = SpeechMark | Segment | Tentative
"""What a span of sound may bring about."""


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int
    speech: bool
    rms: float


class Segmenter:
    """Cuts one take. The segments it gives tile it: no gap, no overlap, from ``start`` to the end given to `finish`."""

    def __init__(self, take: TakeId, rules: SegmentRules = STEADY, *, first: int = 0, start: Ms = _BEGIN) -> None:
        """Start at the first stored sample; a take that goes on starts at ``start`` with segment number ``first``."""
        self._take = take
        self._rules = rules
        self._index = first
        self._start: int = start
        self._hinted: int = start
        self._fresh: int = 0
        """Measured speech since the last hint, ms."""
        self._now: int = start
        self._spans: list[_Span] = []
        self._silent_since: int | None = start
        self._speaking = False
        self._finished = False

    @property
    def position(self) -> Ms:
        """Up to where sound was judged."""
        return Ms(self._now)

    @property
    def voiced(self) -> Ms:
        """Measured speech in the segment that is still open."""
        return Ms(sum(span.end - span.start for span in self._spans if span.speech))

    def push(self, ms: Ms, speech: bool, rms: float) -> list[News]:
        """Take in the verdict over the span from the last call's ``ms`` (at first the start) up to ``ms``.

        ``rms`` is the span's loudness on any rising scale (linear or dBFS). Returns what this span brought about, in
        order of time. A span that does not go forward is ignored.
        """
        if self._finished:
            msg = "this take's segments are finished"
            raise ValueError(msg)
        news: list[News] = []
        while self._now < ms:
            step_end = min(self._now + _STEP, ms)
            news += self._step(_Span(self._now, step_end, speech, rms))
        return news

    def finish(self, at: Ms) -> Segment | None:
        """Close the last segment at ``at``, the end of the take; None when nothing is left of it.

        ``at`` may lie before what was judged (the press comes between two verdicts) or a little after it (the detector
        was still filling its window: that rest counts as not voiced).
        """
        self._finished = True
        if at <= self._start:
            return None
        return self._segment(at, CutReason.END)

    def _step(self, span: _Span) -> list[News]:
        news: list[News] = []
        if span.end - self._start > self._rules.limit:
            news.append(self._segment(self._quietest(self._rules.look_back), CutReason.FULL))
        self._spans.append(span)
        self._now = span.end
        if span.speech:
            self._fresh += span.end - span.start
            self._silent_since = None
            if not self._speaking:
                self._speaking = True
                news.append(SpeechMark(MarkKind.STARTED, Ms(span.start)))
            return news + self._hint(0)
        if self._silent_since is None:
            self._silent_since = span.start
        silence = self._now - self._silent_since
        if self._speaking and silence >= self._rules.mark_pause:
            self._speaking = False
            news.append(SpeechMark(MarkKind.PAUSED, Ms(self._silent_since)))
        needed = self._rules.pause_for(self._now - self._start)
        # Silence from before this segment counts too, but the cut must leave something on both sides.
        if needed is not None and silence >= needed:
            lead = min(self._rules.lead, needed // 2)
            # What was tried out in this very pause holds only if the segment takes in all of it.
            end = max(self._boundary(self._now - lead), self._hinted)
            news.append(self._segment(end, CutReason.PAUSE))
        else:
            news += self._hint(silence)
        return news

    def _hint(self, silence: int) -> list[News]:
        needed = self._rules.hint_for(self._fresh)
        if needed is None:
            return []
        if silence >= needed:
            end = self._boundary(self._now - min(_HINT_LEAD, silence // 2))
        elif self._fresh >= self._rules.hint_limit:
            # Somebody who does not pause at all would otherwise have all of it decoded after the last press.
            end = self._quietest(self._rules.hint_look_back)
        else:
            return []
        voiced, self._fresh = self._fresh, self._spoken(end)
        start, self._hinted = self._hinted, end
        return [Tentative(self._take, self._index, Ms(start), Ms(end), Ms(voiced - self._fresh))]

    def _spoken(self, since: int) -> int:
        return sum(span.end - max(span.start, since) for span in self._spans if span.speech and span.end > since)

    def _boundary(self, near: int) -> int:
        """Return the span end closest to ``near``; there is at least one span."""
        return min((span.end for span in self._spans), key=lambda end: abs(end - near))

    def _quietest(self, look_back: int) -> int:
        """Return the middle of the quietest stretch of the last ``look_back``: the end of a span."""
        spans = [span for span in self._spans if span.start >= self._now - look_back]
        best = spans[-1].end
        best_loudness = float("inf")
        first, total = 0, 0.0
        for last, span in enumerate(spans):
            total += span.rms * (span.end - span.start)
            while span.end - spans[first + 1].start >= self._rules.quiet if first < last else False:
                total -= spans[first].rms * (spans[first].end - spans[first].start)
                first += 1
            length = span.end - spans[first].start
            if length >= self._rules.quiet and total / length < best_loudness:
                best_loudness = total / length
                best = self._boundary((spans[first].start + span.end) // 2)
        return best

    def _segment(self, end: int, reason: CutReason) -> Segment:
        voiced = sum(max(0, min(span.end, end) - span.start) for span in self._spans if span.speech)
        segment = Segment(self._take, self._index, Ms(self._start), Ms(end), Ms(voiced), reason)
        self._spans = [span for span in self._spans if span.end > end]
        self._index += 1
        self._start = self._hinted = end
        self._fresh = self._spoken(end)
        return segment
