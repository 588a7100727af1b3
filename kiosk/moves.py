"""The moves of the session: small named steps the table puts together. Pure: a `Draft` gathers what one event changes.

Every move takes the draft and the event; none reads a clock, a file or anything but its two arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from archive.types import ASKED_USES, Form, Kind
from kiosk import types as t
from kiosk.alarms import TAKING, longest, stands, warnings
from kiosk.codeentry import Entry
from kiosk.draft import Draft
from kiosk.types import About, Ends, Hint, Meaning, Mic, Mine, Notice, Page, Preface, State

MOMENT = 0.5
"""Seconds a take goes on before it can be ended: a key held or hammered must not end it before it began."""
Move: TypeAlias = Callable[[Draft, t.Event], None]


# --- prompts and languages --------------------------------------------------------------------------------------------


def next_prompt(draft: Draft, _: t.Event) -> None:
    """Show the prompt after the one on show."""
    prompts = draft.old.prompts
    here = prompts.index(draft.old.prompt) if draft.old.prompt in prompts else -1
    draft.set(prompt=prompts[(here + 1) % len(prompts)], prompt_at=draft.at)


def offer_prompts(draft: Draft, event: t.Event) -> None:
    """Take the prompts of the day; the one on show stays if it still may."""
    if isinstance(event, t.PromptsOffered) and event.prompts:
        keep = draft.old.prompt in event.prompts or draft.old.state is not State.ATTRACT
        draft.set(prompts=event.prompts, prompt=draft.old.prompt if keep else event.prompts[0])


def offer_cues(draft: Draft, event: t.Event) -> None:
    """Take which cue buttons have something on them."""
    if isinstance(event, t.CuesOffered):
        draft.set(cues=event.cues)


def next_language(draft: Draft, _: t.Event) -> None:
    """Go on to the next language."""
    languages = draft.old.languages
    here = languages.index(draft.old.language) if draft.old.language in languages else -1
    language = languages[(here + 1) % len(languages)]
    draft.set(language=language)
    draft.do(t.SetLanguage(language))


def touch_language(draft: Draft, event: t.Event) -> None:
    """A finger on one's own language takes it: whoever finds it can read what comes next."""
    if isinstance(event, t.Touched):
        language = draft.old.languages[event.line]
        draft.set(language=language)
        draft.do(t.SetLanguage(language))


def speak_from_now(draft: Draft, _: t.Event) -> None:
    """Whoever looks for another language, or finds this key by touch, has screens read aloud until it is pressed."""
    draft.set(speaking=True)


def read_again(draft: Draft, _: t.Event) -> None:
    """What the screen shows has changed: read it, if screens are read and nothing is being recorded now."""
    off_record = draft.changes.get("paused_at", draft.old.paused_at) is not None
    if draft.old.speaking and (draft.old.state not in TAKING or off_record):
        _read(draft)


def _read(draft: Draft) -> None:
    """Read the screen; a voice that sounds makes way."""
    playing = draft.changes.get("playing", draft.old.playing)
    if isinstance(playing, t.Playing):
        draft.set(playing=None, last_activity=draft.at)
        if draft.old.state is State.LISTENING and playing.story is not None:
            draft.set(story=playing.story)
    draft.do(t.Speak(draft.old.visit))


def read_once(draft: Draft, _: t.Event) -> None:
    """Read this screen, and not those that come after it: a keep-code its teller asked for, what ails a resting box."""
    draft.do(t.Speak(draft.old.visit))


def toggle_captions(draft: Draft, _: t.Event) -> None:
    """Hide the growing words, or show them."""
    draft.set(captions_hidden=not draft.old.captions_hidden)


def toggle_speech(draft: Draft, _: t.Event) -> None:
    """Read screens aloud, or stop."""
    speaking = not draft.old.speaking
    draft.set(speaking=speaking)
    if speaking:
        _read(draft)
    else:
        draft.do(t.StopSpeaking())


def louder(draft: Draft, _: t.Event) -> None:
    """One step of volume."""
    draft.set(louder=True)
    draft.do(t.Louder())


# --- recording --------------------------------------------------------------------------------------------------------


def agree(draft: Draft, event: t.Event) -> None:
    """The yes to being recorded: written first, then the microphone opens."""
    if isinstance(event, t.Press):
        old = draft.old
        draft.set(take=event.fresh, kind=Kind.STORY, people=1, mic=Mic.WAITING)
        draft.do(t.RecordDecision(event.fresh, old.language), t.OpenStream(event.fresh))


def count_person(draft: Draft, _: t.Event) -> None:
    """One more person of the group agreed; how many have is said, whether or not screens are read."""
    draft.set(people=draft.old.people + 1, shown_at=draft.at)
    draft.do(t.Speak(draft.old.visit, short=True))


def one_more(draft: Draft, _: t.Event) -> None:
    """Somebody came late and agreed, while it was off the record."""
    people = draft.old.people + 1
    draft.set(people=people, asked=None, shown_at=draft.at)
    draft.do(t.AgreeOne(draft.take, draft.old.language, people))


def gather(draft: Draft, _: t.Event) -> None:
    """Begin an agreement with nobody agreed yet; it is read aloud, whether or not screens are."""
    draft.set(people=0)
    if not draft.old.speaking:
        draft.do(t.Speak(draft.old.visit))


def agree_group(draft: Draft, event: t.Event) -> None:
    """Everybody agreed, one press each: write it, open the microphone, start at this press."""
    if isinstance(event, t.Press):
        old, take = draft.old, event.fresh
        draft.set(take=take, kind=Kind.CONVERSATION, mic=Mic.WAITING, question=0)
        draft.do(t.RecordDecision(take, old.language, old.people), t.OpenStream(take))
        start_take(draft, event)


def start_take(draft: Draft, _: t.Event) -> None:
    """Store from this press on."""
    old = draft.old
    group = draft.changes.get("kind", old.kind) is Kind.CONVERSATION
    limit = longest(old, Kind.CONVERSATION if group else Kind.STORY)
    draft.set(question=0)
    draft.set(started=draft.at, limit_at=draft.at + limit, paused_at=None, warned=None, extended=0, lost_at=None)
    draft.do(t.StartTake(draft.take, draft.at, Kind.CONVERSATION if group else Kind.STORY, old.prompt, old.language))


def first_sample(draft: Draft, event: t.Event) -> None:
    """The teller's time counts from the first sample that is really stored."""
    old = draft.old
    if isinstance(event, t.FirstSample) and old.started is not None and event.at > old.started:
        draft.set(started=event.at, limit_at=old.limit_at + event.at - old.started)


def go_on(draft: Draft, _: t.Event) -> None:
    """Go on with a recovered take: its yes is on record, and the time already told counts."""
    old = draft.old
    limit = longest(old, old.kind)
    left = max(limit - old.seconds, min(old.rules.extension, limit))
    draft.set(mic=Mic.WAITING, started=draft.at, limit_at=draft.at + left, paused_at=None, warned=None, lost_at=None)
    draft.do(t.OpenStream(draft.take), t.ContinueTake(draft.take, draft.at))


def pause(draft: Draft, event: t.Event) -> None:
    """Off the record."""
    draft.set(paused_at=draft.at, hint=None)
    draft.do(t.PauseTake(draft.take, draft.at))
    read_again(draft, event)


def resume(draft: Draft, _: t.Event) -> None:
    """On the record; the pause does not count as told time. What is being read ends first: it is not of the story."""
    old = draft.old
    draft.do(t.StopSpeaking())
    away = draft.at - (old.paused_at if old.paused_at is not None else draft.at)
    draft.set(paused_at=None, limit_at=old.limit_at + away, still_there=None)
    draft.do(t.ResumeTake(draft.take, draft.at))


def lengthen(draft: Draft, _: t.Event) -> None:
    """More time for the story."""
    old = draft.old
    draft.set(limit_at=old.limit_at + old.rules.extension, extended=old.extended + 1, warned=None)


def warn(draft: Draft, _: t.Event) -> None:
    """Say that little time is left, once for each warning; aloud where one is read to and no earlier voice sounds."""
    due = min(seconds for seconds in warnings(draft.old) if draft.old.limit_at - draft.at <= seconds)
    draft.set(warned=due)
    draft.do(t.Warn(due, draft.old.speaking and draft.old.playing is None))


def close_take(draft: Draft, event: t.Event) -> None:
    """End the take and close the microphone; nothing is lost."""
    hush(draft, event)
    draft.set(mic=Mic.CLOSED, hint=None)
    draft.do(t.CloseTake(draft.take, draft.at), t.CloseStream())


def pair(draft: Draft, event: t.Event) -> None:
    """Offer a facilitator's phone its digits; a box listened to at the ear may have no screen, and says them."""
    draft.do(t.OfferPairing())
    if draft.old.rules.headphones:
        read_once(draft, event)
    else:
        read_again(draft, event)


def flag(draft: Draft, _: t.Event) -> None:
    """Mark this moment, and say so."""
    draft.set(notice=Notice.MARKED)
    draft.do(t.FlagMoment(draft.take, draft.at))


def unflag(draft: Draft, _: t.Event) -> None:
    """Everybody has seen that it is marked."""
    draft.set(notice=None)


def next_question(draft: Draft, _: t.Event) -> None:
    """The next guide question."""
    draft.set(question=draft.old.question + 1, asked_at=draft.at)


# --- the microphone ---------------------------------------------------------------------------------------------------


def mic_open(draft: Draft, _: t.Event) -> None:
    """The stream delivers. Where a story goes on, the voice that said what was wrong ends, or it would be recorded."""
    if draft.old.mic is Mic.LOST and draft.old.state in TAKING and draft.old.paused_at is None:
        draft.do(t.StopSpeaking())
    draft.set(mic=Mic.OPEN, lost_at=None, notice=None, shown_at=draft.at)


def mic_lost(draft: Draft, event: t.Event) -> None:
    """The stream went away: say so at once."""
    say = event.say if isinstance(event, t.StreamLost) else ""
    lost_at = draft.at if draft.old.lost_at is None else draft.old.lost_at
    draft.set(mic=Mic.LOST, lost_at=lost_at, hint=None, notice=Notice.SOUND_LOST, say=say)


def take_hint(draft: Draft, event: t.Event) -> None:
    """Show what the level, or a silence, suggests. It never ends anything."""
    if isinstance(event, t.LevelHeard):
        draft.set(hint=event.hint)
    elif isinstance(event, t.QuietFor):
        draft.set(hint=Hint.TAKE_YOUR_TIME)


def say_hint(draft: Draft, event: t.Event) -> None:
    """Say what the level suggests, too, where screens are read: only the hint, not the whole screen again."""
    if draft.old.speaking and isinstance(event, t.LevelHeard) and event.hint is not draft.old.hint:
        draft.do(t.Speak(draft.old.visit, short=True))


# --- after the take ---------------------------------------------------------------------------------------------------


def take_closed(draft: Draft, event: t.Event) -> None:
    """Remember how long the take is."""
    if isinstance(event, t.TakeClosed):
        draft.set(seconds=event.seconds, ends=event.ends, notice=draft.old.notice)


def found(draft: Draft, event: t.Event) -> None:
    """A take survived: offer it back. A group's belongs to a facilitator, who finds the desk again after it."""
    if isinstance(event, t.TakeFound):
        draft.set(take=event.take, seconds=event.seconds, kind=event.kind, prompt=event.prompt, language=event.language)
        draft.set(people=event.people)
        if event.kind is Kind.CONVERSATION:
            draft.set(home=State.FACILITATOR)


def hold(draft: Draft, _: t.Event) -> None:
    """Neither kept nor thrown away: sealed hold."""
    draft.do(t.HoldTake(draft.take))


def discard(draft: Draft, event: t.Event) -> None:
    """Thrown away by its teller, who was asked twice."""
    hush(draft, event)
    draft.do(t.DiscardTake(draft.take))
    draft.set(take=None)


def redo(draft: Draft, event: t.Event) -> None:
    """Throw this telling away and be ready for another; the same person's yes, given in this visit, covers it."""
    if isinstance(event, t.Press):
        old = draft.old
        gone = draft.take
        discard(draft, event)
        draft.set(take=event.fresh, mic=Mic.WAITING, started=None, seconds=0.0, kind=Kind.STORY)
        if old.mic is not Mic.CLOSED:
            draft.do(t.CloseStream())
        draft.do(t.RecordDecision(event.fresh, old.language, 1, gone), t.OpenStream(event.fresh))


def keep(draft: Draft, event: t.Event) -> None:
    """Pressing keep keeps. "Safe" is shown only when `Kept` comes."""
    old = draft.old
    hush(draft, event)
    draft.set(saving=True)
    draft.do(t.KeepTake(draft.take, old.kind, old.prompt, old.language, old.people, old.rules.ask_age))


def kept(draft: Draft, event: t.Event) -> None:
    """It is safe: show the code."""
    if isinstance(event, t.Kept):
        rules = draft.old.rules
        asked = (rules.ask_age, rules.ask_form, rules.embargo_years)
        switched = zip((Preface.AGE, Preface.FORM, Preface.EMBARGO), asked, strict=True)
        draft.set(saving=False, keep_code=event.code, question=0, answers=())
        draft.set(keep_codes=event.codes or (event.code,), person=0)
        draft.set(asks=tuple(ask for ask, on in switched if on), form=Form.VOICE, wait_years=0)


def next_code(draft: Draft, _: t.Event) -> None:
    """The words of the next person of a group; after the last, those of the first again."""
    old = draft.old
    person = (old.person + 1) % len(old.keep_codes)
    draft.set(person=person, keep_code=old.keep_codes[person], shown_at=draft.at)


def keep_failed(draft: Draft, event: t.Event) -> None:
    """Say why; keep can be pressed again."""
    if isinstance(event, t.KeepFailed):
        draft.set(saving=False, say=event.say, notice=Notice.NOT_KEPT, shown_at=draft.at, last_activity=draft.at)


def answer(draft: Draft, event: t.Event) -> None:
    """One use, one plain answer."""
    old = draft.old
    yes = isinstance(event, t.Press) and event.meaning is Meaning.YES
    use = ASKED_USES[old.question]
    draft.set(answers=(*old.answers, (use, yes)), question=old.question + 1, shown_at=draft.at)
    terms = (old.form, old.wait_years) if yes else (Form.VOICE, 0)
    draft.do(t.Decide(draft.take, use, yes, old.language, True, *terms))
    if old.speaking and old.question + 1 < len(ASKED_USES):
        draft.do(t.Speak(old.visit))


def no_to_rest(draft: Draft, event: t.Event) -> None:
    """No to every use not yet answered, by a press or by waiting."""
    old = draft.old
    rest = ASKED_USES[old.question :]
    pressed = isinstance(event, t.Press)
    draft.set(asks=(), answers=(*old.answers, *((use, False) for use in rest)), question=len(ASKED_USES))
    draft.do(*(t.Decide(draft.take, use, False, old.language, pressed) for use in rest))


# --- asking again, time, trouble --------------------------------------------------------------------------------------


def ask(draft: Draft, event: t.Event) -> None:
    """Ask again before the act. Whoever joins a talk late hears what is agreed to, as the others did."""
    if isinstance(event, t.Press):
        draft.set(asked=event.meaning, shown_at=draft.at)
        if event.meaning is Meaning.NEXT_PERSON:
            _read(draft)
        else:
            read_again(draft, event)


def unask(draft: Draft, event: t.Event) -> None:
    """No: go on as before."""
    draft.set(asked=None, shown_at=draft.at)
    read_again(draft, event)


def ask_still_there(draft: Draft, _: t.Event) -> None:
    """Before a time-out acts, ask."""
    draft.set(still_there=draft.at + stands(draft.old.rules))
    if draft.old.speaking:
        draft.do(t.Speak(draft.old.visit))


def here(draft: Draft, event: t.Event) -> None:
    """Somebody is: the screen returns as it was."""
    draft.set(shown_at=draft.at)
    read_again(draft, event)


def screen_shown(draft: Draft, _: t.Event) -> None:
    """A yes counts from here."""
    draft.set(shown_at=draft.at)


def sound_made(draft: Draft, _: t.Event) -> None:
    """Time-outs count from the last sound, too."""
    if draft.old.still_there is None:
        draft.set(last_activity=draft.at)


def note_trouble(draft: Draft, event: t.Event) -> None:
    """Remember the trouble until the visit is over."""
    match event:
        case t.Trouble():
            draft.set(trouble=event)
        case t.SpaceLow(say=say) | t.TakeFailed(say=say):
            draft.set(trouble=t.Trouble(say, "", draft.at))
        case _:
            draft.set(trouble=t.Trouble("", "", draft.at), notice=Notice.STUCK)


def remember_trouble(draft: Draft, _: t.Event) -> None:
    """Somebody comes for a story of theirs while the box is out of service: afterwards it is so again."""
    draft.set(trouble=t.Trouble(draft.old.say, draft.old.do, draft.at))


def show_trouble(draft: Draft, event: t.Event) -> None:
    """Out of service already: show the newest sentence."""
    if isinstance(event, t.Trouble):
        draft.set(say=event.say, do=event.do)


def early(draft: Draft, _: t.Event) -> None:
    """The review will say that the box ended the story, not the teller."""
    draft.set(notice=Notice.CLOSED_EARLY)


def time_up(draft: Draft, _: t.Event) -> None:
    """The review will say that the time was full."""
    draft.set(notice=Notice.TIME_UP)


def look(draft: Draft, _: t.Event) -> None:
    """Look whether the trouble has gone."""
    draft.set(last_activity=draft.at)
    draft.do(t.AskTrouble())


def prepare(draft: Draft, _: t.Event) -> None:
    """Begin anew."""
    draft.do(t.Prepare())


def chair(draft: Draft, _: t.Event) -> None:
    """Visits go back to the facilitator from now on."""
    draft.set(home=State.FACILITATOR)


def unchair(draft: Draft, _: t.Event) -> None:
    """The facilitator left."""
    draft.set(home=State.ATTRACT)


def leave(draft: Draft, event: t.Event) -> None:
    """The visit is over: everything of it is forgotten, whatever it was."""
    old = draft.old
    hush(draft, event)
    if old.speaking:
        draft.do(t.StopSpeaking())
    if draft.changes.get("mic", old.mic) is not Mic.CLOSED:
        draft.do(t.CloseStream())
    if draft.changes.get("take", old.take) is not None:
        draft.do(t.EndReview(draft.take))
    sits = draft.changes.get("home", old.home) is State.FACILITATOR
    draft.do(t.ForgetVisit(old.visit, same_people=sits))
    if not sits:
        draft.set(speaking=False, louder=False, language=old.languages[0])
        if old.language != old.languages[0]:
            draft.do(t.SetLanguage(old.languages[0]))
    draft.set(visit=old.visit + 1, take=None, story=None, kind=Kind.STORY, seconds=0.0, started=None, limit_at=0.0)
    draft.set(paused_at=None, warned=None, extended=0, lost_at=None, mic=Mic.CLOSED, hint=None, people=1, saving=False)
    draft.set(captions_hidden=False)
    draft.set(question=0, answers=(), keep_code="", keep_codes=(), person=0)
    draft.set(
        playing=None, prompt_at=draft.at, ends=Ends(), voices=0, heard_prompt="", about=About.ANY, about_prompt=""
    )
    draft.set(asks=(), form=Form.VOICE, wait_years=0, entry=Entry(), page=Page.MENU, line=0, mine=Mine(), receipt=None)
    draft.changes.setdefault("notice", None)
    draft.changes.setdefault("say", "")


def stop(draft: Draft, _: t.Event) -> None:
    """Silence."""
    draft.set(playing=None)
    draft.do(t.StopPlaying())


def hush(draft: Draft, event: t.Event) -> None:
    """Silence, if a voice was asked for."""
    if draft.changes.get("playing", draft.old.playing) is not None:
        stop(draft, event)
