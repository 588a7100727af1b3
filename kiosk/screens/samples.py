"""Every screen with something believable on it, and all of them on one sheet: for designers, the README and the tests.

The words in the samples are invented for this purpose; nobody told them.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import resources

import pygame

from archive.types import Kind as Told
from audio.loopback import Heard as Heard_
from audio.types import Ms, TakeId, Word
from hardware.accesspoint import ADDRESS, Network
from hardware.types import CUES, Control
from kiosk.codeentry import Entry
from kiosk.extras import Cue, Extras
from kiosk.firstrun.looks import view as first_look
from kiosk.firstrun.steps import Step, Walk
from kiosk.firstrun.steps import keys as first_keys
from kiosk.fonts import Face
from kiosk.keys import keys
from kiosk.prompts import ours
from kiosk.screens.model import View
from kiosk.screens.renderer import Renderer
from kiosk.texts import Texts, shipped_languages
from kiosk.theme import DUSK, Theme
from kiosk.types import (
    About,
    Ends,
    Heard,
    Hint,
    Meaning,
    Mic,
    Mine,
    Notice,
    Page,
    Playing,
    Preface,
    Session,
    State,
    Use,
)
from kiosk.view import view

TAKE = TakeId("01J00000000000000000000000")


@cache
def said_in(language: str) -> dict[str, str]:
    """The invented words of the pictures in that language, English where there are none."""
    tables = tomllib.loads(resources.files("kiosk.screens").joinpath("samples.toml").read_text(encoding="utf-8"))
    found: dict[str, str] = tables.get(language, tables["en"])
    return found


def _words(text: str, unclear: frozenset[int]) -> tuple[Word, ...]:
    return tuple(
        Word(word, Ms(index * 400), Ms(index * 400 + 360), 0.4 if index in unclear else 0.95, index in unclear)
        for index, word in enumerate(text.split())
    )


def _wave() -> tuple[float, ...]:
    return tuple(
        max(0.02, abs(math.sin(i * 0.83) * math.sin(i * 0.171) * math.sin(i * 0.047 + 0.6))) for i in range(240)
    )


def sample_views(texts: Texts) -> dict[str, View]:
    """Every screen by name, in the language of ``texts``."""
    scenes = sample_scenes(texts)
    shown = {name: view(session, more, texts, _keys(session)) for name, (session, more) in scenes.items()}
    return shown | _set_up(texts)


def sample_scenes(texts: Texts) -> dict[str, tuple[Session, Extras]]:
    """What the screens of a box at work are made of, by name."""
    language = texts.language
    said = said_in(language)
    told, heard = _words(said["told"], frozenset({4})), _words(said["heard"], frozenset({9}))
    now = Session(
        language=language, languages=shipped_languages(), prompts=("a", "b"), prompt="a", take=TAKE,
        seconds=134.0, keep_code=said["code"], mic=Mic.OPEN, visit=3,
    )  # fmt: skip
    cues = {n: Cue(title, 30.0 + 11 * n) for n, title in enumerate(said["cues"].split("|"), start=1)}
    extras = Extras(
        prompt=said["prompt"],
        captions=told,
        level=0.62,
        time_left=203.0,
        waveform=_wave(),
        origin=said["origin"],
        cues=cues,
        theme=ours("growing-up").prompts[0].topic(language),
    )
    return _scenes(now, extras, heard) | {"out_of_service": (_trouble(now, texts), extras)}


def _set_up(texts: Texts) -> dict[str, View]:
    """A box being set up."""
    here = Walk(languages=shipped_languages(), language=texts.language)
    network = Network("wlan0", ADDRESS, "Hearth-482", "mapq-ruvx-wkeh")
    sound = replace(here, step=Step.SOUND)
    walks = {
        "set_up_language": here,
        "set_up_phone": replace(here, step=Step.PHONE),
        "set_up_sound": sound,
        **{f"set_up_sound_{heard}": replace(sound, heard=heard) for heard in Heard_},
        "set_up_other": replace(sound, heard=Heard_.NOTHING, other="USB PnP Sound Device"),
        "set_up_live": replace(here, step=Step.LIVE),
        "set_up_live_draft": replace(here, step=Step.LIVE, begins="es" if texts.language == "en" else "en"),
    }
    shown = {name: first_look(walk, texts, first_keys(walk), network, 8480, "482913") for name, walk in walks.items()}
    alone = replace(here, step=Step.PHONE)
    return shown | {"set_up_no_network": first_look(alone, texts, first_keys(alone), None, 8480, "")}


def _scenes(now: Session, extras: Extras, heard: tuple[Word, ...]) -> dict[str, tuple[Session, Extras]]:
    """Every moment worth a picture, by name."""
    heard_now = replace(extras, captions=heard, position=Ms(4700), level=0.4)
    telling = replace(now, state=State.RECORDING, started=1.0, limit_at=300.0)
    hearing = replace(now, state=State.LISTENING, playing=Playing(Heard.VOICE, 1.0, story=TAKE, started=1.0))
    return {
        "starting": (replace(now, state=State.STARTING), extras),
        "attract": (replace(now, state=State.ATTRACT), extras),
        "attract_loudest": (replace(now, state=State.ATTRACT), replace(extras, loudest=True)),
        "attract_voice": (replace(hearing, state=State.ATTRACT), heard_now),
        "languages": (replace(now, state=State.LANGUAGES, speaking=True), extras),
        "choosing": (replace(now, state=State.CHOOSING), extras),
        "consent": (replace(now, state=State.CONSENT), extras),
        "ready": (replace(now, state=State.READY, hint=Hint.GOOD), extras),
        "ready_quiet": (replace(now, state=State.READY, hint=Hint.TOO_QUIET), replace(extras, level=0.08)),
        "recording_start": (telling, replace(extras, captions=(), time_left=299.0)),
        "recording": (telling, extras),
        "recording_long": (
            replace(telling, hint=Hint.TAKE_YOUR_TIME),
            replace(extras, captions=extras.captions * 4, time_left=48.0),
        ),
        "recording_hidden": (replace(telling, captions_hidden=True), extras),
        "paused": (replace(telling, paused_at=30.0), extras),
        "stream_lost": (replace(telling, mic=Mic.LOST, lost_at=9.0), extras),
        "discard_again": (replace(telling, asked=Meaning.DISCARD), extras),
        "still_there": (replace(telling, paused_at=30.0, still_there=90.0), replace(extras, still_left=12.0)),
        "closing": (replace(now, state=State.CLOSING), extras),
        "review": (replace(now, state=State.REVIEW), extras),
        "review_hearing": (
            replace(
                now,
                state=State.REVIEW,
                seconds=9.0,
                playing=Playing(Heard.OWN, 1.0, story=TAKE, started=1.0),
                ends=Ends((Ms(0), Ms(1200)), (Ms(9000), Ms(7800))),
            ),
            heard_now,
        ),
        "review_trimmed": (replace(now, state=State.REVIEW, notice=Notice.TRIMMED), extras),
        **_trim_scenes(now, extras, heard_now),
        **_part_scenes(now, extras, heard_now),
        "sharing": (replace(now, state=State.SHARING, question=0), extras),
        "sharing_partners": (replace(now, state=State.SHARING, question=2), extras),
        "sharing_group": (replace(now, state=State.SHARING, kind=Told.CONVERSATION, question=2), extras),
        "thanks": (replace(now, state=State.THANKS), extras),
        "thanks_group": (replace(now, state=State.THANKS, keep_codes=(now.keep_code,) * 3), extras),
        "thanks_group_last": (replace(now, state=State.THANKS, keep_codes=(now.keep_code,) * 3, person=2), extras),
        "listening": (hearing, heard_now),
        **_listening_scenes(now, extras, hearing, heard_now),
        **_group_scenes(now, extras, telling),
        "recovered": (replace(now, state=State.RECOVERED), extras),
    } | {name: (session, extras) for name, session in _own_scenes(now).items()}


def _group_scenes(now: Session, extras: Extras, telling: Session) -> dict[str, tuple[Session, Extras]]:
    """The facilitator's desk, a group, and one teller with a listener."""
    group = replace(now, state=State.CONVERSATION, started=1.0, limit_at=7000.0)
    heard = replace(extras, captions=_words(said_in(now.language)["heard"], frozenset({9})), position=Ms(4700))
    silent = replace(extras, captions=())
    eight = replace(silent, cues={n: extras.cues[(n - 1) % len(extras.cues) + 1] for n in range(1, len(CUES) + 1)})
    sounds = Playing(Heard.CUE, 1.0, 2, TAKE, 1.0)
    desk = replace(now, state=State.FACILITATOR, home=State.FACILITATOR)
    return {
        "facilitator": (desk, extras),
        "facilitator_eight": (desk, eight),
        "facilitator_phone": (desk, replace(extras, digits="482\u00a0913")),
        "facilitator_network": (desk, replace(extras, digits="482\u00a0913", network=("hearth", "maple-4821"))),
        "facilitator_playing": (replace(desk, state=State.LISTENING, playing=sounds), silent),
        "facilitator_hearing": (replace(desk, state=State.LISTENING, playing=sounds), heard),
        "facilitator_told": (replace(desk, notice=Notice.NOTHING_TO_PLAY), extras),
        "agreement": (replace(now, state=State.AGREEMENT, people=3), extras),
        "conversation": (group, extras),
        "conversation_marked": (replace(group, notice=Notice.MARKED), extras),
        "conversation_eight": (group, eight),
        "conversation_hearing": (replace(group, playing=sounds), heard),
        "conversation_late": (replace(group, warned=60.0), replace(extras, time_left=48.0)),
        "recording_nudged": (
            replace(telling, home=State.FACILITATOR, question=1),
            replace(extras, nudge=extras.prompt),
        ),
        "conversation_join": (replace(group, paused_at=30.0, asked=Meaning.NEXT_PERSON), extras),
        "conversation_off_record": (replace(group, paused_at=30.0), extras),
    }


def _listening_scenes(
    now: Session, extras: Extras, hearing: Session, heard_now: Extras
) -> dict[str, tuple[Session, Extras]]:
    """After a voice, and what else can be done with one."""
    return {
        "listening_another": (replace(now, state=State.LISTENING, voices=1), extras),
        "listening_end": (replace(now, state=State.LISTENING, voices=2), extras),
        "listening_more": (replace(hearing, page=Page.VOICES, heard_prompt="a"), heard_now),
        "listening_more_any": (
            replace(hearing, page=Page.VOICES, heard_prompt="a", about=About.THEME, line=3),
            heard_now,
        ),
    }


def _trim_scenes(now: Session, extras: Extras, heard: Extras) -> dict[str, tuple[Session, Extras]]:
    """The own story being trimmed by its ends."""
    ends = Ends((Ms(0), Ms(9000), Ms(21_000)), (Ms(134_000), Ms(118_000)), first=1)
    trims = replace(now, state=State.TRIM, ends=ends)
    closing = replace(trims, ends=replace(ends, closing=True, last=1))
    sounds = Playing(Heard.OWN, 1.0, story=TAKE, started=1.0)
    return {
        "trim_begin": (trims, extras),
        "trim_end": (closing, extras),
        "trim_hearing": (replace(closing, playing=sounds), replace(heard, position=Ms(116_000))),
        "trim_again": (replace(closing, asked=Meaning.TRIM), extras),
        "trim_saving": (replace(closing, saving=True), extras),
    }


def _part_scenes(now: Session, extras: Extras, heard: Extras) -> dict[str, tuple[Session, Extras]]:
    """A part of the own story being taken out."""
    ends = Ends((Ms(0), Ms(38_000), Ms(61_000)), (Ms(52_000), Ms(74_000), Ms(134_000)), first=1, goes=True)
    marks = replace(now, state=State.PART, story=TAKE, ends=ends, mine=Mine((), 134.0))
    closing = replace(marks, ends=replace(ends, closing=True, last=1))
    sounds = Playing(Heard.OWN, 1.0, story=TAKE, started=1.0)
    return {
        "part_begin": (marks, extras),
        "part_hearing": (replace(marks, playing=sounds), replace(heard, position=Ms(44_000))),
        "part_end": (closing, extras),
        "part_end_hearing": (replace(closing, playing=sounds), replace(heard, position=Ms(60_000))),
        "part_again": (replace(closing, asked=Meaning.PART), extras),
        "part_again_hearing": (
            replace(closing, asked=Meaning.PART, playing=sounds),
            replace(heard, position=Ms(44_000)),
        ),
        "part_looking": (replace(marks, saving=True, ends=Ends(goes=True)), extras),
        "part_saving": (replace(closing, saving=True), extras),
        "part_gone": (replace(marks, state=State.MY_STORY, notice=Notice.PART_GONE), extras),
        "part_waits": (replace(marks, state=State.MY_STORY, notice=Notice.PART_WAITS), extras),
    }


def _own_scenes(now: Session) -> dict[str, Session]:
    """A teller who comes back, and what is asked before the uses."""
    entering = replace(now, state=State.CODE_ENTRY, keep_code="")
    number, *words = now.keep_code.split("-")
    word = Entry(number, numbered=True)
    uses = (Use.PLAY_HERE, Use.ARCHIVE)
    mine = replace(
        now, state=State.MY_STORY, story=TAKE, mine=Mine(uses, 134.0, (("folder:/srv/archive", "there"),), 0)
    )
    rules = replace(now.rules, ask_age=16, ask_form=True, embargo_years=10)
    asking = replace(now, state=State.SHARING, rules=rules)
    gone = replace(mine, story=None, receipt=TAKE, mine=Mine(copies=(("folder:/srv/archive", "leaving"),)))
    return {
        "code_number": replace(entering, entry=Entry("417"[:1], line=7)),
        "code_number_over": replace(entering, entry=Entry(number)),
        "code_word": replace(entering, entry=replace(word, words=tuple(words[:1]), line=2)),
        "code_typed": replace(entering, entry=replace(word, typed="ca")),
        "code_ready": replace(entering, entry=replace(word, words=tuple(words))),
        "code_wrong": replace(entering, entry=replace(word, words=tuple(words)), notice=Notice.CODE_REFUSED),
        "code_checking": replace(entering, entry=replace(word, words=tuple(words)), saving=True),
        "my_story": mine,
        "my_story_narrowed": replace(mine, notice=Notice.NARROWED, line=1),
        "my_story_uses": replace(mine, page=Page.USES),
        "my_story_no_uses": replace(mine, page=Page.USES, mine=Mine()),
        "my_story_gone_to": replace(mine, page=Page.RECEIPTS),
        "my_story_only_me": replace(mine, page=Page.USES, asked=Meaning.NARROW),
        "my_story_erase": replace(mine, asked=Meaning.WITHDRAW),
        "my_story_erase_group": replace(mine, asked=Meaning.WITHDRAW, mine=replace(mine.mine, people=3)),
        "my_story_erased": gone,
        "sharing_age_group": replace(asking, asks=(Preface.AGE, Preface.FORM), kind=Told.CONVERSATION),
        "sharing_age": replace(asking, asks=(Preface.AGE, Preface.FORM, Preface.EMBARGO)),
        "sharing_form": replace(asking, asks=(Preface.FORM, Preface.EMBARGO)),
        "sharing_embargo": replace(asking, asks=(Preface.EMBARGO,)),
    }


def _keys(session: Session) -> Mapping[Control, Meaning]:
    return keys(session)


def _trouble(now: Session, texts: Texts) -> Session:
    say, do = texts.trouble("no-microphone", "")
    return replace(now, state=State.OUT_OF_SERVICE, say=say, do=do)


def contact_sheet(
    views: Mapping[str, View], size: tuple[int, int], *, theme: Theme = DUSK, columns: int = 4, width: int = 1600
) -> pygame.Surface:
    """All views side by side, ``columns`` a row, on a sheet ``width`` px wide. ``size`` is the panel's."""
    gap = width // 80
    tile = (width - gap * (columns + 1)) // columns
    tall = tile * size[1] // size[0]
    rows = -(-len(views) // columns)
    renderer = Renderer(theme, size)
    label = max(12, gap * 3 // 4)
    row_height = tall + gap + label
    sheet = pygame.Surface((width, gap + rows * row_height))
    sheet.fill((0x0B, 0x08, 0x06))
    for index, (name, shown) in enumerate(views.items()):
        row, column = divmod(index, columns)
        left, top = gap + column * (tile + gap), gap + row * row_height
        picture = warm_picture(renderer, shown)
        sheet.blit(pygame.transform.smoothscale(picture, (tile, tall)), (left, top))
        word = renderer.fonts(shown.language).render(Face.SANS, label, name.replace("_", " "), theme.note)
        sheet.blit(word, (left, top + tall + 1))
    return sheet


def warm_picture(renderer: Renderer, shown: View) -> pygame.Surface:
    """A picture as it is after some seconds of a voice, so that the live bars are there."""
    surface = pygame.Surface((renderer.panel.width, renderer.panel.height))
    wave = _wave()
    for tick in range(110):
        level = min(1.0, 0.15 + wave[(tick * 3) % len(wave)]) if shown.level > 0 else 0.0
        renderer.draw(surface, replace(shown, level=level), tick / 8)
    renderer.draw(surface, shown, 14.0)
    return surface
