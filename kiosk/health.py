"""The one list of what is so with a box, in plain words: for `hearth doctor`, the morning page and the heartbeat.

Each line says what is so and, where something is not well, what to do. Nothing that was told is in any of them: of
the last story its day, of withdrawals that they wait, of a microphone how loud it has been.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

from archive.ballast import BALLAST_BYTES, make, missing
from archive.consent import verify_chain
from archive.errors import ArchiveError
from archive.feed.hello import fingerprint_of
from archive.home import Home
from archive.jobs import NIGHT, NO_MODEL, FailedJob, failed_jobs
from archive.lately import last_story, last_visit, level_known, levels, visited, withdrawals_on_their_way
from archive.restorehold import waits
from archive.store import Store
from archive.usage import bytes_a_day
from audio.errors import AudioError
from audio.microphone import find_device
from hardware.findings import Finding, findings
from hardware.probe import probe
from kiosk.appliance.nottaken import read_note, taken_back
from kiosk.appliance.places import places
from kiosk.config import Config
from kiosk.errors import KioskError
from kiosk.lending import lending_finding
from kiosk.setting import device, model_for, night_model, settings_trouble
from kiosk.texts import own_name, shipped_languages

QUIETER_LU = 10.0
"""By so much the newest stories may be quieter than usual: more is a microphone that was moved, covered or changed."""
LISTED = 5
VISIT_DAYS = 3
"""The box tries every night; so many days without reaching the archive are worth a look."""


def box_findings(home: Home, store: Store, *, devices: bool = True) -> list[Finding]:
    """Check the box, one finding a topic, always in the same order, whatever is wrong with its settings.

    ``devices`` False leaves out what a process without sound and screen cannot judge: microphone, loudspeaker, fonts.
    Settings that cannot be read leave out what hangs on them alone, and are a finding of their own.
    """
    # Whoever has a look made has it done now, too: before the first start, or after somebody made room.
    make(home.path)
    lacking = missing(home.path)
    health = probe(home.path, store.clock.trusted(), bytes_a_day=bytes_a_day(store), owed=lacking)
    config, wrong = settings_trouble(home)
    return [
        *findings(health),
        _ballast(lacking),
        _settings(wrong),
        *(_devices(config) if config and devices else ()),
        _level(store),
        *([*_models(config), _night(config), _languages(config)] if config else ()),
        _voice(),
        *([_visit(config, home, store)] if config else ()),
        _withdrawals(store),
        _last_story(store),
        *_store(store),
        *lending_finding(home, store),
        _version(),
    ]


def wants_a_look(found: Sequence[Finding]) -> list[str]:
    """Return the codes of what is not well, sorted: all that leaves the box of a check-up. Pure."""
    return sorted(one.code for one in found if not one.ok)


def _ballast(lacking: int) -> Finding:
    """Whether a teller's no would get through on a full disk."""
    return _judged(
        "ballast",
        not lacking,
        "Space is held so that a story can be taken back on a full disk, too.",
        f"{lacking / 1e6:.0f} of {BALLAST_BYTES / 1e6:.0f} MB, held to take a story back on a full disk, are used up.",
        "They are held again within an hour once there is room. Sync the box, or remove files that are not its own.",
    )


def _asked(code: str, well: str, ask: Callable[[], object]) -> Finding:
    """Turn "it works, or raises" into a finding."""
    try:
        ask()
    except (AudioError, ArchiveError) as error:
        return Finding(code, False, error.say, error.do)
    return Finding(code, True, well)


def _judged(code: str, ok: bool, well: str, ill: str, do: str) -> Finding:
    return Finding(code, ok, well if ok else ill, "" if ok else do)


def _settings(wrong: Sequence[KioskError]) -> Finding:
    """Whether the box can do what its library wrote down: settings, words and questions, all of it at once."""
    if not wrong:
        return Finding("settings", ok=True, say="Settings, words and questions are as they should be.")
    said, done = (
        " ".join(dict.fromkeys(filter(None, parts))) for parts in zip(*((e.say, e.do) for e in wrong), strict=True)
    )
    return Finding("settings", ok=False, say=said, do=done)


def _devices(config: Config) -> list[Finding]:
    from kiosk.fonts import Fonts  # only here: it opens the window library

    sound = config.sound
    notice = next((found for code in config.site.languages if (found := Fonts(code).notice)), "")
    return [
        _asked("microphone", "The microphone is there.", lambda: find_device(device(sound.microphone))),
        _asked("speaker", "The loudspeaker is there.", lambda: find_device(device(sound.speaker), output=True)),
        # The plainer font is a matter of looks: worth a line, no fault.
        Finding("fonts", ok=True, say=notice or "The fonts of every language are here."),
    ]


def _level(store: Store) -> Finding:
    """Judge how loud the newest stories are against those before."""
    found = levels(store)
    if found is None or not level_known(store):
        return Finding("level", ok=True, say="Too few stories were told to know how loud the microphone usually is.")
    newest, usual = found
    say = f"The newest stories are at {newest:.0f} LUFS; usual here is {usual:.0f}."
    if newest < usual - QUIETER_LU:
        do = "Look whether the microphone is covered, turned away or unplugged, and tell it something."
        return Finding("level", ok=False, say=f"{say} That is much quieter.", do=do)
    return Finding("level", ok=True, say=say)


def _models(config: Config) -> list[Finding]:
    return [
        _asked(
            f"model-{language}",
            f"A verified speech model understands '{language}'.",
            lambda language=language: model_for(config, language),  # type: ignore[misc]  # mypy: default argument
        )
        for language in config.site.languages
    ]


def _night(config: Config) -> Finding:
    """What happens by night; nothing of it is a fault."""
    night = config.night
    better = {code: name for code in config.site.languages if (name := night_model(config, code)) is not None}
    if not night.on:
        return Finding("night", True, "No story is gone over by night: config.toml says so.")
    if not better:
        return Finding("night", True, "No story is gone over by night: no better speech model is here.")
    told = ", ".join(f"{name} for '{code}'" for code, name in better.items())
    return Finding("night", True, f"From {night.begins} to {night.ends} o'clock unclear stories are gone over: {told}.")


def _languages(config: Config) -> Finding:
    """Which languages were wished for; what keeps one from being offered stands with the settings."""
    known = shipped_languages()
    named = ", ".join(own_name(code) if code in known else code for code in config.site.languages)
    return Finding("languages", ok=True, say=f"The languages of the settings: {named}.")


def _voice() -> Finding:
    return _judged(
        "voice",
        shutil.which("espeak-ng") is not None,
        "Every screen can be read aloud.",
        "Screens are read aloud only where the library has recorded them: the machine's voice is missing.",
        "Install it: sudo apt install espeak-ng",
    )


def _withdrawals(store: Store) -> Finding:
    """Whether something taken back still has to get to the archive."""
    waiting = withdrawals_on_their_way(store)
    what = "withdrawal has" if waiting == 1 else "withdrawals have"
    return _judged(
        "withdrawals",
        not waiting,
        "Every withdrawal has arrived wherever the story was.",
        f"{waiting} {what} not reached the archive yet.",
        "They go before anything else. Sync the box today: hearth sync",
    )


def _visit(config: Config, home: Home, store: Store) -> Finding:
    """When the archive was last reached."""
    if not config.archive.sync_to:
        return Finding("sync", ok=True, say="Stories stay here: no archive is set.")
    at = last_visit(home)
    do = "Nothing is lost, and the box goes on without it. Check the network (or put the stick in), then: hearth sync"
    if at is None and visited(home):
        return Finding("sync", ok=True, say="The archive was reached, on a day no clock could confirm.")
    if at is None:
        say = "The archive has not been reached yet."
        if config.archive.sync_to.startswith("https://") and not home.credential.is_file():
            say = f"{say} It takes nothing without the credential it has for this box."
            do = "Whoever looks after it lets the box in and is shown it: it belongs on the phone's page of settings."
        return Finding("sync", ok=False, say=say, do=do)
    say = f"The archive was last reached on {at.date()}."
    now = store.now()
    if now is not None and (days := (now - at).days) >= VISIT_DAYS:
        return Finding("sync", ok=False, say=f"{say} That is {days} days ago.", do=do)
    return Finding("sync", ok=True, say=say)


def _last_story(store: Store) -> Finding:
    """When, never what and never how many."""
    day, later = last_story(store)
    if later:
        since = f"since {day}" if day else "here"
        return Finding("story", ok=True, say=f"Something was told {since}, on a day no clock could confirm.")
    return Finding("story", ok=True, say=f"The last story was told on {day}." if day else "No story was told yet.")


def _store(store: Store) -> list[Finding]:
    broken = verify_chain(store.db.conn)
    unfinished = store.unfinished()
    return [
        _keys(store),
        _judged(
            "ledger",
            not broken,
            "The record of consents is unbroken.",
            "The record of consents was altered.",
            "Keep the box as it is and ask who looks after it.",
        ),
        *_work(failed_jobs(store.db.conn)),
        _judged(
            "unfinished",
            not unfinished,
            "No take is unfinished.",
            "A take was never finished." if len(unfinished) == 1 else f"{len(unfinished)} takes were never finished.",
            "The box offers or holds it when it starts.",
        ),
        _judged(
            "restored",
            not waits(store),
            "No restore waits for an answer.",
            "Every story is held since this box came out of a backup.",
            "Sync with the archive, or see: hearth restore --help",
        ),
    ]


def _keys(store: Store) -> Finding:
    """Whether they are there, and what an archive that is visited by stick knows the box by: no secret."""
    try:
        letters = fingerprint_of(store.home.load_keys())
    except ArchiveError as error:
        return Finding("keys", False, error.say, error.do)
    return Finding("keys", True, f"The keys of this box are there. On a stick an archive knows it by {letters}.")


def _work(failed: Sequence[FailedJob]) -> list[Finding]:
    """What machines gave up, by the stories concerned: whoever looks after the box can have it tried again."""
    waiting = [job for job in failed if job.why == NO_MODEL]
    by_night = [job for job in failed if job.kind == NIGHT]
    lost = [job for job in failed if job not in waiting and job not in by_night]
    again = f"Look at {_log()}, then have it tried again: hearth transcriber --retry"
    return [
        _judged(
            "jobs",
            not lost,
            "No work on a story was given up.",
            f"Given up after three tries: {_listed(lost)}.",
            again,
        ),
        _judged(
            "model-jobs",
            not waiting,
            "No story waits for a speech model.",
            f"Without words, for want of a speech model that understands them: {_listed(waiting)}.",
            "Fetch one (hearth models fetch base); the words are made by themselves then.",
        ),
        _judged(
            "night-jobs",
            not by_night,
            "Nothing the night took on was given up.",
            f"Not gone over by night, their first words stand: {_listed(by_night)}.",
            f"Too little memory for the larger model is the usual reason. {again}",
        ),
    ]


def _listed(jobs: Sequence[FailedJob]) -> str:
    """Name the first of them: a line of a check-up is read on a small screen."""
    more = f", and {len(jobs) - LISTED} more" if len(jobs) > LISTED else ""
    return ", ".join(job.text() for job in jobs[:LISTED]) + more


def _log() -> str:
    """Where the transcriber's own sentences are: as a service it writes into the journal."""
    if Path(sys.prefix).is_relative_to(places().prefix):
        return "journalctl -u hearth-transcriber"
    return "log/transcriber.log"


def _version() -> Finding:
    """Which version runs, and whether a newer one could not be taken, or was tried and taken back."""
    running = metadata.version("digital-hearth")
    say = f"This is version {running}."
    if (left := read_note(places(), running)) is not None:
        say = f"{say} Version {left.version} lies ready and could not be taken. {left.say}"
        return Finding("version", ok=False, say=say, do=left.do)
    if back := taken_back(places(), running):
        say = f"{say} Version {back} was tried and did not start; the box went back by itself."
        return Finding("version", ok=False, say=say, do="Tell whoever makes the releases; a newer one will be taken.")
    return Finding("version", ok=True, say=say)
