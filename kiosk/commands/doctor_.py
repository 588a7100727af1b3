"""``hearth doctor``: check the box and say what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from archive.consent import verify_chain
from archive.errors import ArchiveError
from archive.jobs import NIGHT, failed_jobs
from archive.restorehold import waits
from archive.store import Store
from archive.usage import bytes_a_day
from audio.clock import SystemClock
from audio.errors import AudioError
from audio.microphone import find_device
from hardware.findings import Finding, findings
from hardware.probe import probe
from kiosk.box import Setting, device, model_for, night_model, read_home
from kiosk.commands.common import emit, home_option, json_option


@click.command(name="doctor")
@home_option
@json_option
def command(home: Path, as_json: bool) -> int:
    """Check machine, sound, speech models, keys and store; each line says what is so and what to do.

    \b
    Examples:
      hearth doctor
      hearth doctor --home /var/lib/hearth --json
    """
    setting = read_home(home)
    clock = SystemClock()
    with Store(setting.home, clock) as store:
        health = probe(setting.home.path, clock.trusted(), bytes_a_day=bytes_a_day(store))
        found = [*findings(health), *_sound(setting), *_models(setting), _night(setting), *_store(store)]
    payload = {
        "well": all(one.ok for one in found),
        "findings": [{"code": one.code, "ok": one.ok, "say": one.say, "do": one.do} for one in found],
    }
    lines = [f"{'ok  ' if one.ok else 'LOOK'}  {one.say}{f' {one.do}' if one.do else ''}" for one in found]
    emit(payload, lambda: "\n".join(lines), as_json=as_json)
    return 0 if payload["well"] else 1


def _asked(code: str, well: str, ask: Callable[[], object]) -> Finding:
    """Turn "it works, or raises" into a finding."""
    try:
        ask()
    except (AudioError, ArchiveError) as error:
        return Finding(code, False, error.say, error.do)
    return Finding(code, True, well)


def _sound(setting: Setting) -> list[Finding]:
    sound = setting.config.sound
    return [
        _asked("microphone", "The microphone is there.", lambda: find_device(device(sound.microphone))),
        _asked("speaker", "The loudspeaker is there.", lambda: find_device(device(sound.speaker), output=True)),
    ]


def _models(setting: Setting) -> list[Finding]:
    return [
        _asked(
            f"model-{language}",
            f"A verified speech model understands '{language}'.",
            lambda language=language: model_for(setting.config, language),  # type: ignore[misc]  # mypy: default argument
        )
        for language in setting.config.site.languages
    ]


def _night(setting: Setting) -> Finding:
    """What happens by night; nothing of it is a fault."""
    night, config = setting.config.night, setting.config
    better = {code: name for code in config.site.languages if (name := night_model(config, code)) is not None}
    if not night.on:
        return Finding("night", True, "No story is gone over by night: config.toml says so.")
    if not better:
        return Finding("night", True, "No story is gone over by night: no better speech model is here.")
    told = ", ".join(f"{name} for '{code}'" for code, name in better.items())
    return Finding("night", True, f"From {night.begins} to {night.ends} o'clock unclear stories are gone over: {told}.")


def _store(store: Store) -> list[Finding]:
    broken = verify_chain(store.db.conn)
    failed = failed_jobs(store.db.conn)
    wordless = [job for job in failed if job.kind != NIGHT]
    unfinished = store.unfinished()
    held = waits(store)
    lines = [
        (
            "ledger",
            not broken,
            "The record of consents is unbroken.",
            "The record of consents was altered.",
            "Keep the box as it is and ask who looks after it.",
        ),
        (
            "jobs",
            not wordless,
            "Every story has its words.",
            f"{len(wordless)} pieces of work were given up after three tries.",
            "Look at log/transcriber.log; a missing speech model is the usual reason.",
        ),
        (
            "night-jobs",
            len(wordless) == len(failed),
            "Nothing the night took on was given up.",
            f"{len(failed) - len(wordless)} stretches could not be gone over by night; their first words stand.",
            "Look at log/transcriber.log; too little memory for the larger model is the usual reason.",
        ),
        (
            "unfinished",
            not unfinished,
            "No take is unfinished.",
            f"{len(unfinished)} takes were never finished.",
            "They are offered or held when the box starts.",
        ),
        (
            "restored",
            not held,
            "No restore waits for an answer.",
            "Every story is held since this box came out of a backup.",
            "Sync with the archive, or see: hearth restore --help",
        ),
    ]
    return [
        _asked("keys", "The keys of this box are there.", store.home.load_keys),
        *(Finding(code, ok, well if ok else ill, "" if ok else do) for code, ok, well, ill, do in lines),
    ]
