"""The moves of listening: voices by rotation, alike, by cue or one's own, and at rest. Pure."""

from __future__ import annotations

from dataclasses import replace

from kiosk import types as t
from kiosk.draft import Draft
from kiosk.moves import read_again
from kiosk.types import CUE_MEANINGS, About, Heard, Meaning, Notice, Page, State


def play_next(draft: Draft, _: t.Event) -> None:
    """A voice by rotation: any, or one that answers the same question or theme as the voice it was asked at."""
    old = draft.old
    about, like = draft.changes.get("about", old.about), draft.changes.get("about_prompt", old.about_prompt)
    draft.set(play=old.play + 1, playing=t.Playing(Heard.VOICE, draft.at), page=Page.MENU, line=0)
    draft.do(t.PlayNext(old.play + 1, About(str(about)), str(like)))


def play_softly(draft: Draft, _: t.Event) -> None:
    """At rest: a voice by rotation, quietly."""
    play = draft.old.play + 1
    draft.set(play=play, playing=t.Playing(Heard.VOICE, draft.at))
    draft.do(t.PlayNext(play, softly=True))


def rest(draft: Draft, _: t.Event) -> None:
    """No voice at rest, or it has ended: silence for a while, and nothing to say about it."""
    draft.set(playing=None, last_activity=draft.at)


def more(draft: Draft, event: t.Event) -> None:
    """What else can be done with this voice; it goes on meanwhile."""
    draft.set(page=Page.VOICES, line=0, shown_at=draft.at)
    read_again(draft, event)


def less(draft: Draft, event: t.Event) -> None:
    """Back to the voice."""
    draft.set(page=Page.MENU, line=0, shown_at=draft.at)
    if draft.old.playing is None:
        read_again(draft, event)


def choose_about(draft: Draft, event: t.Event) -> None:
    """From here on voices that answer the same question, the same theme, or any."""
    chosen = {Meaning.SAME_QUESTION: About.QUESTION, Meaning.SAME_THEME: About.THEME, Meaning.ANY_VOICE: About.ANY}
    if isinstance(event, t.Press):
        about = chosen[event.meaning]
        draft.set(about=about, about_prompt="" if about is About.ANY else draft.old.heard_prompt)


def answer_too(draft: Draft, _: t.Event) -> None:
    """Whoever tells after listening is asked what the voice just heard was asked, where the box still asks that."""
    if draft.old.heard_prompt in draft.old.prompts:
        draft.set(prompt=draft.old.heard_prompt)


def play_cue(draft: Draft, event: t.Event) -> None:
    """The voice on this button."""
    if isinstance(event, t.Press):
        cue = CUE_MEANINGS.index(event.meaning) + 1
        play = draft.old.play + 1
        draft.set(play=play, playing=t.Playing(Heard.CUE, draft.at, cue))
        draft.do(t.PlayCue(play, cue))


def play_own(draft: Draft, _: t.Event) -> None:
    """The teller's own take, or the story a code opened."""
    old = draft.old
    story = old.story if old.state is State.MY_STORY else old.take
    if story is not None:
        draft.set(play=old.play + 1, playing=t.Playing(Heard.OWN, draft.at, 0, story))
        draft.do(t.PlayOwn(old.play + 1, story))


def chosen(draft: Draft, event: t.Event) -> None:
    """Which story it is."""
    playing = draft.old.playing
    if isinstance(event, t.StoryChosen) and playing is not None:
        draft.set(playing=replace(playing, story=event.story), heard_prompt=event.prompt)


def heard(draft: Draft, _: t.Event) -> None:
    """It sounds."""
    playing = draft.old.playing
    if playing is not None:
        draft.set(playing=replace(playing, started=draft.at))
        if draft.old.state is State.LISTENING:
            draft.set(voices=draft.old.voices + 1)


def ended(draft: Draft, _: t.Event) -> None:
    """It came to its end: time-outs count from here."""
    story = draft.old.playing.story if draft.old.playing is not None else None
    draft.set(playing=None, last_activity=draft.at, shown_at=draft.at)
    if draft.old.state is State.LISTENING:
        draft.set(story=story)


def unplayable(draft: Draft, event: t.Event) -> None:
    """Nothing sounds, and the screen says why."""
    why = event.why if isinstance(event, t.Refused) else ""
    nothing = Notice.NO_MORE_LIKE_IT if draft.old.about is not About.ANY else Notice.NOTHING_TO_PLAY
    draft.set(playing=None, last_activity=draft.at, say=why, notice=None if why else nothing)
    draft.set(about=About.ANY, about_prompt="")


def tell_librarian(draft: Draft, _: t.Event) -> None:
    """Put the voice just heard before a librarian."""
    old = draft.old
    story = old.playing.story if old.playing is not None else old.story
    if story is not None:
        draft.do(t.TellLibrarian(story))
    draft.set(asked=None, notice=Notice.TOLD_LIBRARIAN, page=Page.MENU, line=0)
