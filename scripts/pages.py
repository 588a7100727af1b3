"""Writes the pages that are made from the program: docs/commands.md, docs/settings.md, docs/session.md, docs/permissions.md.

Run it with ``scripts/pages`` after changing a verb, a setting or the session's table; a test fails until it was.
"""

from __future__ import annotations

import dataclasses
import importlib
import re
import sys
from pathlib import Path
from typing import Any

import click

from kiosk import config, table
from kiosk.cli import VERBS, hearth
from kiosk.firstrun import steps

DOCS = Path(__file__).resolve().parent.parent / "docs"

COMMANDS_HEAD = """# The `hearth` command

This page is written by `scripts/pages` from the program; a test fails when the two differ.

`scripts/demo` and `scripts/test` put the program at `.venv/bin/hearth`. Every verb has `--help` with examples.

**Where things are.** `--home DIR` is the folder of tellers' data and settings. It may be empty or absent: it is made with
defaults. Without `--home` it is `HEARTH_HOME`, else `home` in `/etc/hearth/config.toml`, else `/var/lib/hearth` on the
appliance and `./hearth-data` anywhere else. The keys lie outside it: [settings.md](settings.md#around-the-settings).

**Exit codes.** 0: all done. 1: it ran, and something failed or was refused. 2: it could not start (usage, set-up,
settings). 130: interrupted.

**For programs.** With `--json` standard output is exactly one JSON object, on failure too:
`{"error": {"code", "say", "do"}}`. What was done all the same (files read, stories handed on, findings) stands beside it.
Everything else goes to standard error. Later versions may add keys; they take none away.
"""
ANSWERS = {
    "archive": "box add: `box`, `credential` (shown once); box list: `boxes` (`box`, `added_at`, `revoked_at`, `last_seen`, "
    "`last_deposit`, `pulse`), box revoke: one of them; release: `releases` (`version`, `sha256`, `size`, `ring`, `at`, `by`), `rings` (by box); person list: `people` (`name`, `roles`, `ready`, `added`, `ended`), else one of them, with `code` where one was made; visit: `at`, `kept` (receipts), `refused` (`story`, `why`), `withdrawn`; "
    "patterns: `machines`, `voices`, `snippets`, `matrix` (codes with `places`, `prompts`, `cells`, `moments`), `together`, `distinctive`, "
    "`proposed` (with `model`, `version`, `why`, `exemplars`), `themes` (with `for`, `counter`, `looked`), `missing`; counts are voices, null "
    "where held back; a moment is `story`, `start`, `end` in seconds ([patterns.md](patterns.md))",
    "backup": "`file`, `keys`, `stories`, `files`, `bytes`, `withdrawn`",
    "bench": "one number by figure; the names say what and in which unit",
    "bundle": "`bundle`, `version`, `bytes`, `files`, `wheels` (whether packages are inside), `public_key`; "
    "without a key as `hearth support`",
    "config": "`file`, `config` (settings in force by section), `not_offered` (languages left out, in sentences); "
    "with `--default`: `default`, the file as text",
    "cue": "`sheet` (its name), `cues` (`button`, `excerpt`, `story`, `start` and `end` in milliseconds, `title`)",
    "demo": "`happened`, `steps` (`step`, `seconds`, `happened`, `seen`), `stand_ins`, `reference`, `transcript`, "
    "`word_error_rate`, `latencies`, `overflows`, `places`",
    "devices": "`devices`: one entry a sound device, with `name`, `inputs`, `outputs`, `rate`",
    "doctor": "`well`, `findings` (`code`, `ok`, `say`, `do`)",
    "erase": "`erased` (`story`, and the receipt as in `story`)",
    "guardian": "`guardian` (`story`, `sealed`)",
    "hold": "`held` (`story`, `since`, `by`): all that waits; `story`, if one was named",
    "heartbeat": "`format`, `box`, `site`, `version`, `at` (to the hour), `clock_trusted`, `look` (what is not well), "
    "`failed_work`, `last_sync` (a day)",
    "lend": "`stage` (`here`, `out`, `returning`, `ready`), `since`, `say`, `do`, `sealed` and `held` (identifiers)",
    "list": "`stories` (`id`, `kind`, `recorded_at`, `clock_trusted`, `seconds`, `prompt`, `language`, `consent` by use, "
    "`sealed`, `held`) and `guests`, what an archive lends (`id`, `kind`, `recorded_at`, `seconds`, "
    "`site`, `language`, `lent_by`, `buttons`); with `--unfinished`: `unfinished` (`take`, `seconds` that can be played, `prompt`, `language`, "
    "`opened_at`, `problem`); with `--unkept`: `unkept` (the same without `problem`); with `--tombstones`: `tombstones`",
    "models": "`cache`, `models` (`model`, `here`, `languages`); verify and fetch: `model`, `folder`",
    "play": "`story`, `seconds` played, `length`",
    "prompts": "`languages`, `refused` (how many), `counts` by fault, `sets` (`set`, `prompts` with what was found)",
    "release": "`released` (`story`)",
    "restore": "`stories` and `held` (how many), `erased`, `sources`, `silent` (why the archive gave no answer), "
    "`damaged` (`what`, `subject`, `say`)",
    "retention": "`holds_ended`, `stories_ended`, `erasures_finished`, `sealed`, `loans_ended`, `cut` (back without a part there was no room to take out): identifiers",
    "screens": "`pictures`: paths",
    "search": "`results` (`story`, `start` in seconds, `text`)",
    "simulate": "`stories` (`id`, `seconds`, `sha256`, `prompt`, `language`, `transcript`, `words` with `text`, `start`, `end`, "
    "`probability`, `unclear`; `consent` by use; `keep_code`), `events` with times, `overflows`, `latencies` by step. "
    "[simulate.md](simulate.md) has the visitor's words",
    "steward": "`steward` (`key`; with STORY: `story`, `words`)",
    "story": "`story` (`id`, `seconds`, `language`, `consent` by use, `held`, `sealed`, `waits_for_guardian`, `spans_taken_back`, "
    "`copies`, `may` and more), `words` and `heard` where asked for; for a receipt: `withdrawn` (`receipt`, `at`, `erased_here`, "
    "`on_its_way`, `erased_there`)",
    "support": "`file`, `bytes`, `files` (names in it)",
    "sync": "`to`, `bags` (`story`, `bag`, `sha256`, `receipt`), `tombstones` (each says which side it came from), `waiting`, "
    "`refused` (`story`, `why`), "
    "`feed` (what came back: `sequence`, `new`, `lent`, `given_back`, `not_lent`, `cue_sheets`, `prompt_sets`, `refused`; [feed.md](feed.md)); "
    "[handing-on.md](handing-on.md) says what lies in the folder",
    "texts": "list: `languages`; show: `language`, `version`, `wording` by use; sign: `language`, `by`, `on`, `hash`",
    "transcribe": "`clips` (`file`, `text`, `words` as above, `cpu_s`, `audio_s`, `final_text_s`, or `error`), and `error` where one could not be read",
    "verify": "`sound`, `checked` (`masters`, `words`, `ledger`, `open_takes`), `damaged` (`what`, `subject`, `say`), `unread`",
    "withdraw": "`withdrawn` (`story`, `at`); with `--span`: `taken_back` (`story`, `span` in seconds, `waits_for_room`)",
    "update": "`version`, `before`, `down_seconds`; with `--look` `version` alone; with `--settle` `went_back`",
}
"""What each verb answers with ``--json``."""

SETTINGS_HEAD = """# Settings

This page is written by `scripts/pages` from the program; a test fails when the two differ.

Settings are in `HOME/config.toml`. It is made with every setting commented out, so what is not written is the default
below. `hearth config` shows what is in force, `hearth config --default` prints a fresh file. An unknown name is refused with the
nearest known one, a wrong value with what is allowed; the box does not start on a file it does not understand. It
reads the file when it starts.
"""
FIRST_RUN_HEAD = """
## Before the box is live

Setting the box up is a program of its own with a table of its own (`kiosk.firstrun.steps.ROWS`). It runs before the session and never
again: nobody in front of a live box can reach it by any key, and no state of the session changes a setting.

"""
SESSION_HEAD = """# The session, row by row

What the box does next is decided by one pure table, `kiosk.table.ROWS`; this page is written from it
(`kiosk.table.page()`), and a test fails when the two differ. The first row whose "if" holds is taken; what has no row is
ignored. An empty last column stays in the state; `home` is attract, the facilitator, or out of service when trouble was
waiting. A deliberate press comes at least `times.deliberate` seconds after its question was fully shown and after the
press before it. A time-out acts only after "Still there?" stood for `times.still_there` seconds, and is always a no.

"""
SETTINGS_FOOT = """
## Around the settings

| where | what |
|---|---|
| `HOME/texts/<language>.toml` | the library's own wording: only the lines it changes |
| `HOME/prompts/*.toml` | the library's own questions; [adding.md](adding.md#a-set-of-questions) shows the form |
| `/etc/hearth/config.toml` | `home = "/path"`: where the home of this machine is |

| variable | what |
|---|---|
| `HEARTH_HOME` | the home, where no `--home` is given |
| `HEARTH_KEYS` | the folder of the keys; default: `<home>-keys` beside the home |
| `HEARTH_CREDENTIAL` | what the archive gave this box, where no `--credential` is given |
| `HEARTH_ARCHIVE_HOME` | the folder of an archive, where `hearth archive` gets no `--home` |
| `HEARTH_CACHE` | the folder of speech models and test speech; default: inside `.venv` |
| `HEARTH_PYTHON` | the Python that `scripts/demo` and `scripts/test` build `.venv` with |
| `HEARTH_NO_APT` | set: the scripts install nothing from Debian and use the shipped stand-ins |
| `HEARTH_MIN_FREE_MB` | free space the scripts ask for before they fetch packages; default 1500 |
| `HEARTH_SOUND_NOISE` | set: what the sound system's own libraries print is shown, to look for a driver's fault |
| `HEARTH_DOOR`, `HEARTH_ACCESS_POINT` | the folders where the screen asks for the access point and where it is told of; default: `/run/hearth-door`, `/run/hearth-accesspoint` |
| `HEARTH_WIRELESS` | the folder where a page is told what came of the wireless network it asked for; default: `/run/hearth-wireless` |
| `HEARTH_ROOT` | the folder whose installation `hearth update` works on; default: this machine's own |
| `HEARTH_WIFI_PASSWORD` | the wireless password for `scripts/make-card`, so that it stands in no command line |
| `HEARTH_WALK_STEPS` | how many steps the tests' random walk through the session takes |
| `HEARTH_KILLS` | how often the tests kill an archive while it takes bags in or back |
| `HEARTH_PICTURES` | a folder: tests of pages leave their pictures there |
| `HEARTH_REMOTES` | `webdav s3`: the tests run the whole contract of ways out over these remotes too |
| `HEARTH_FUZZ` | how many odd requests the tests send to each route of an archive; set, tests that make up their inputs make up others each time |
"""


PERMISSIONS_HEAD = """# Who may do what at an archive

Made by `scripts/pages` from `archive/people/roles.py`. A person may have several roles and may do what any of them
may. Whether a story may be used at all is another question, which no role gets past: its teller's consent
([privacy.md](privacy.md)). `own` is the front page and one's own account; what the other words mean stands in that file.
"""


def commands_page() -> str:
    """Return docs/commands.md."""
    rows = [f"| [{verb}](#hearth-{verb}) | {what} |" for verb, what in sorted(VERBS.items())]
    parts = [COMMANDS_HEAD, "| verb | what it does |\n|---|---|\n" + "\n".join(rows) + "\n"]
    return "\n".join([*parts, *(_verb(verb) for verb in sorted(VERBS))])


def _verb(verb: str) -> str:
    command = command_of(verb)
    about, examples = help_of(command)
    told = f"\nWith `--json`: {ANSWERS[verb]}.\n" if verb in ANSWERS else ""
    parts = [f"## hearth {verb}\n\n{about}\n"]
    if isinstance(command, click.Group):
        parts += [
            f"{help_of(sub)[0]}\n\n{_usage(f'{verb} {name}', sub)}" for name, sub in sorted(command.commands.items())
        ]
    else:
        parts.append(_usage(verb, command))
    return "\n".join(parts) + f"{told}\n```\n{examples}\n```\n"


def _usage(words: str, command: click.Command) -> str:
    with click.Context(command, info_name=f"hearth {words}", parent=click.Context(hearth)) as context:
        usage = " ".join([f"hearth {words}", *command.collect_usage_pieces(context)])
        options = [record for param in command.params if (record := param.get_help_record(context)) and record[1]]
    rows = "".join(f"| `{_cell(names)}` | {_cell(what)} |\n" for names, what in options)
    return f"```\n{usage}\n```\n" + (f"\n| option | what |\n|---|---|\n{rows}" if rows else "")


def command_of(verb: str) -> click.Command:
    """Return the verb's command."""
    command = importlib.import_module(f"kiosk.commands.{verb}_").command
    assert isinstance(command, click.Command)
    return command


def help_of(command: click.Command) -> tuple[str, str]:
    """Return what a verb says of itself, and its examples."""
    about, _, examples = (command.help or "").partition("\b")
    paragraphs = [" ".join(paragraph.split()) for paragraph in about.strip().split("\n\n")]
    lines = [line.strip() for line in examples.strip().splitlines()[1:]]
    return "\n\n".join(paragraphs), "\n".join(lines)


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def settings_page() -> str:
    """Return docs/settings.md."""
    parts = [SETTINGS_HEAD]
    for name, kind in config.SECTIONS.items():
        rows = [_setting(item) for item in dataclasses.fields(kind)]
        head = "| setting | default | allowed | what it is |\n|---|---|---|---|"
        parts.append("\n".join([f"## [{name}]\n\n{kind.__doc__}\n", head, *rows, ""]))
    names = ", ".join(f"`{name}`" for name in config.PIN_NAMES)
    parts.append(
        "## [pins]\n\nBCM numbers, 0 to 27, by name, where the wiring differs from [hardware.md](hardware.md#wiring). Each pin "
        f"once. Names: {names}.\n"
    )
    return "\n".join(parts) + SETTINGS_FOOT


def _setting(item: dataclasses.Field[Any]) -> str:
    default = config._toml(item.default)  # noqa: SLF001  the page shows what the file shows
    allowed = config._allowed(item)  # noqa: SLF001
    return f"| `{item.name}` | `{default}` | {allowed.rstrip('.')} | {_cell(item.metadata['about'])} |"


def session_page() -> str:
    """Return docs/session.md."""
    return SESSION_HEAD + table.page() + FIRST_RUN_HEAD + steps.page()


def permissions_page() -> str:
    """Return docs/permissions.md."""
    from archive.people.roles import Permission, Role, roles_for

    head = f"| | {' | '.join(role.words for role in Role)} |\n|---|{'---|' * len(Role)}"
    rows = [
        f"| {permission.value} | {' | '.join('yes' if role in roles_for(permission) else '' for role in Role)} |"
        for permission in Permission
        if permission is not Permission.ANYBODY
    ]
    return f"{PERMISSIONS_HEAD}\n{head}\n" + "\n".join(rows) + "\n"


PAGES = {
    "commands.md": commands_page,
    "settings.md": settings_page,
    "session.md": session_page,
    "permissions.md": permissions_page,
}
"""Every page made from the program, by its name under docs/."""


def main() -> int:
    """Write what differs."""
    for name, make in PAGES.items():
        path, page = DOCS / name, make()
        if not path.exists() or path.read_text(encoding="utf-8") != page:
            path.write_text(page, encoding="utf-8")
            print(f"wrote docs/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
