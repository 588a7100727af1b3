"""What the screen shows beside the session itself: words, levels, questions, where a voice is from."""

from __future__ import annotations

from collections.abc import Mapping

from archive.errors import ArchiveError
from archive.store import Store
from audio.types import Word
from kiosk.extras import Cue, Extras
from kiosk.facing import Facing
from kiosk.keys import keys
from kiosk.playing import Playing
from kiosk.prompts import Prompt
from kiosk.screens.model import View
from kiosk.telling import Telling
from kiosk.texts import Texts
from kiosk.types import Session, State
from kiosk.view import view

NUDGE_S = 15.0
"""So long what to ask next stands on the screen of a teller who has a listener without a phone."""


class Looks:
    """Puts the view together; belongs to the main loop, which keeps ``captions`` and ``cues`` up to date."""

    def __init__(
        self,
        store: Store,
        telling: Telling,
        playing: Playing,
        facing: Facing,
        texts: Mapping[str, Texts],
        prompts: Mapping[str, Prompt],
    ) -> None:
        """``texts`` by language, ``prompts`` by id in their order."""
        self._store = store
        self._telling = telling
        self._playing = playing
        self._facing = facing
        self._texts = texts
        self._prompts = prompts
        self.captions: tuple[Word, ...] = ()
        """The words of the take of this visit."""
        self.cues: dict[int, Cue] = {}

    def view(self, session: Session, now: float, *, aloud: bool = False) -> View:
        """The screen of ``session`` at monotonic second ``now``; ``aloud`` in the words in which it is heard."""
        telling, playing = self._telling, self._playing
        prompt = self._prompts.get(session.prompt)
        live = session.state in {State.RECORDING, State.CONVERSATION}
        left = session.limit_at - (session.paused_at or now) if live and session.started is not None else None
        told = session.state in {State.RECORDING, State.CLOSING} or (
            session.state in {State.REVIEW, State.TRIM} and session.playing is not None
        )
        position = playing.position()
        extras = Extras(
            prompt="" if prompt is None else self._question(session, prompt),
            captions=self.captions if told else playing.words(),
            level=_voice_level(position) if position is not None and not live else telling.level,
            position=position,
            time_left=left,
            loudest=playing.loudest,
            still_left=None if session.still_there is None else max(0.0, session.still_there - now),
            waveform=playing.bars or telling.review.bars,
            origin=self._origin(session),
            cues=self.cues,
            nudge="" if prompt is None else self._nudge_here(session, prompt, now),
            qr=session.keep_code,
            digits=self._facing.digits(now),
            network=self._facing.network() if session.state is State.FACILITATOR else None,
            theme=self._theme(session),
        )
        texts = self._texts[session.language]
        return view(session, extras, texts.to_be_heard() if aloud else texts, keys(session))

    def _theme(self, session: Session) -> str:
        """What the voice on its way is about."""
        prompt = self._prompts.get(session.heard_prompt)
        return "" if prompt is None else prompt.topic(session.language)

    def _question(self, session: Session, prompt: Prompt) -> str:
        """The question on show: the prompt, and in a conversation its follow-ups and then the next prompts."""
        if session.state is not State.CONVERSATION:
            return prompt.say(session.language)
        order = list(self._prompts)
        later = [*order[order.index(prompt.id) :], *order[: order.index(prompt.id)]]
        questions = [text for name in later for text in self._prompts[name].questions(session.language)]
        return questions[session.question % len(questions)]

    def asks(self, session: Session) -> str:
        """The question a facilitator's phone shows: the group's, its first before it begins, or what to ask next."""
        prompt = self._prompts.get(session.prompt)
        if prompt is None or session.home is not State.FACILITATOR:
            return ""
        group = session.state in {State.FACILITATOR, State.AGREEMENT, State.CONVERSATION}
        return self._question(session, prompt) if group else self._nudge(session, prompt)

    def _nudge(self, session: Session, prompt: Prompt) -> str:
        """What a facilitator who listens to one teller may ask next: the prompt's follow-ups, one a press."""
        follow_ups = prompt.questions(session.language)[1:]
        if session.state is not State.RECORDING or session.home is not State.FACILITATOR or not session.question:
            return ""
        return follow_ups[(session.question - 1) % len(follow_ups)] if follow_ups else ""

    def _nudge_here(self, session: Session, prompt: Prompt, now: float) -> str:
        """The same on the teller's own screen: for some seconds, and only where no phone has it."""
        asked = session.asked_at
        fresh = asked is not None and now - asked < NUDGE_S
        return self._nudge(session, prompt) if fresh and not self._facing.phone(now) else ""

    def _origin(self, session: Session) -> str:
        """Where and when the voice that sounds was told, in the visitor's words."""
        playing, texts = session.playing, self._texts[session.language]
        if playing is None or playing.story is None:
            return ""
        try:
            story = self._store.story(playing.story)
        except ArchiveError:
            return ""
        if not story.clock_trusted:
            return texts.get("listening.origin")
        month = texts.get(f"month.{story.recorded_at.month}")
        return texts.get("listening.told", month=month)


def _voice_level(position: int) -> float:
    """A gentle swell while an earlier voice sounds; its true level is in the words that light up."""
    return 0.5 + 0.2 * ((position // 400) % 2)
