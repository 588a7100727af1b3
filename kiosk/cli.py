"""The ``hearth`` command: one verb a file in `kiosk.commands`, loaded only when it is called.

Exit codes: 0 all done; 1 it ran and something failed or was refused; 2 it could not start (usage, set-up,
config); 130 interrupted. With ``--json`` standard output is exactly one JSON object, on failure too; everything
else goes to standard error.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click

from archive.errors import ArchiveError, HomeTrouble
from audio.errors import AudioError, NoModel
from audio.leaving import leave
from hardware.errors import HardwareError
from kiosk.commands.terminal import plain_json
from kiosk.commands.terminal import say as write
from kiosk.errors import KioskError

VERBS: dict[str, str] = {
    "accesspoint": "Hold the box's own access point open while the screen asks for it.",
    "archive": "Run a community archive, and let boxes hand on to it.",
    "backup": "Copy the whole box into one file, and its keys into another.",
    "bench": "Measure words, sound and cost on this machine.",
    "bundle": "Make a signed release for boxes to take.",
    "config": "Show or check the settings.",
    "cue": "Put excerpts on the cue buttons, or look at them.",
    "demo": "Show the box at work, with a window or a simulated visitor.",
    "devices": "List microphones and loudspeakers by name.",
    "doctor": "Check the box and say what to do.",
    "erase": "Erase a story for good, as the steward.",
    "guardian": "Note a guardian's consent for a young teller.",
    "heartbeat": "Say how the box is, without a word of what it keeps.",
    "hold": "Take a story out of every use, or see what waits.",
    "lend": "Lend the box, or put it away between borrowers.",
    "list": "List stories, or takes that were never finished.",
    "models": "Find, verify and fetch speech models.",
    "play": "Play a story through the loudspeaker.",
    "portal": "Offer the pages for tellers and for a facilitator's phone.",
    "release": "Put a held story back into use.",
    "restore": "Put a box out of a backup into a fresh home, without what was taken back.",
    "prompts": "Check a set of prompts before people meet it.",
    "retention": "Erase what is due and finish interrupted erasures.",
    "run": "Run the box.",
    "screens": "Make pictures of every screen.",
    "search": "Find words in the stories this box may search.",
    "simulate": "Let a simulated visitor use the real box.",
    "steward": "Make a steward's own key, or open with it what the library's wording allows.",
    "story": "Show a story to its teller, by its keep-code.",
    "support": "Write a bundle for whoever helps, without any content.",
    "sync": "Hand on what tellers allowed, withdrawals first.",
    "texts": "Look at the languages of the box, and sign a draft.",
    "transcribe": "Write down the words of sound files.",
    "transcriber": "Turn recorded speech into words, as a service.",
    "update": "Put a newer release into service, and take it back if it fails.",
    "verify": "Look at everything that is kept, byte by byte, and name what is damaged.",
    "wireless": "Tell NetworkManager of the wireless network that was entered on the box's page.",
    "withdraw": "Take a story back, by its keep-code.",
}
COULD_NOT_START = (HomeTrouble, NoModel)
_NAMES = ("ENOENT", "EACCES", "EPERM", "ENOTDIR", "EISDIR", "EROFS", "EEXIST", "ELOOP")
_MENDABLE = {getattr(errno, name) for name in _NAMES}


class Verbs(click.Group):
    """Finds a verb by name and imports only its module: ``hearth --help`` needs neither model nor sound."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return every verb, sorted."""
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module and return its command."""
        if cmd_name not in VERBS:
            ctx.fail(f"There is no verb '{cmd_name}'. The verbs are: {', '.join(sorted(VERBS))}.")
        module = importlib.import_module(f"kiosk.commands.{cmd_name}_")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing any of them."""
        with formatter.section("Verbs"):
            formatter.write_dl(sorted(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="digital-hearth", prog_name="hearth")
def hearth() -> None:
    """Digital Hearth: a box that asks, listens, keeps what its tellers allow, and plays earlier voices.

    \b
    Examples:
      hearth demo                     see it at work
      hearth run --home ./my-box      run the box
      hearth list --home ./my-box     what it keeps
      hearth VERB --help              examples of a verb
    """


def _report(say: str, do: str, code: str, *, as_json: bool) -> None:
    """Tell a program and a person. One who has gone, or has no room, keeps the other from nothing."""
    if as_json:
        try:
            write(plain_json(json.dumps({"error": {"code": code, "say": say, "do": do}}, ensure_ascii=False)))
        except OSError:
            _forget_output()
    with suppress(OSError):
        write(f"{say} {do}".strip(), err=True)


def _command(wrong: click.ClickException) -> str:
    """The command whose help says how it is meant."""
    context = wrong.ctx if isinstance(wrong, click.UsageError) else None
    return "hearth" if context is None else context.command_path


def _forget_output() -> None:
    """Let what is still to be written go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refused_by_system(error: OSError) -> tuple[str, str, str, int] | None:
    """What a refusal means that a person can mend (code, say, do, exit code); None where only a programmer can."""
    why = error.strerror or str(error)
    if error.errno == errno.ENAMETOOLONG:
        return "usage", "A name in this command is longer than a file's may be.", "Check it.", 2
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "disk-full", f"The system refused this: {why}.", "Make room on the disk, then try again.", 1
    if error.errno in _MENDABLE and error.filename:
        name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else str(error.filename)
        return "no-access", f"{name}: {why}.", "Check the name, and that this user may use it.", 1
    return None


def _unexpected(surprise: Exception, *, as_json: bool) -> int:
    known = _refused_by_system(surprise) if isinstance(surprise, OSError) else None
    if known is None:
        with suppress(OSError):
            write("".join(traceback.format_exception(surprise)).rstrip(), err=True)
        say = f"This stopped with an error nobody expected ({type(surprise).__name__})."
        if isinstance(surprise, OSError):
            say = f"The system refused this: {surprise.strerror or surprise}."
        known = ("unexpected", say, "Is there room on the disk? If so, report the lines above.", 1)
    code, say, do, exit_code = known
    _report(say, do, code, as_json=as_json)
    return exit_code


def run(arguments: Sequence[str]) -> int:  # noqa: PLR0911 (one return an exit code and its reason)
    """Run one command line and return its exit code."""
    as_json = "--json" in arguments
    try:
        result: Any = hearth.main(args=list(arguments), prog_name="hearth", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as wrong:
        _report(wrong.format_message(), f"See: {_command(wrong)} --help", "usage", as_json=as_json)
        return 2
    except (KeyboardInterrupt, click.Abort):
        _report("Interrupted.", "", "interrupted", as_json=as_json)
        return 130
    except (AudioError, ArchiveError, HardwareError, KioskError) as trouble:
        _report(trouble.say, trouble.do, trouble.code, as_json=as_json)
        could_not_start = isinstance(trouble, COULD_NOT_START) or getattr(trouble, "could_not_start", False)
        return 2 if could_not_start else 1
    except BrokenPipeError:
        # Whoever read our output has gone (| head): not an error of ours, and Python must not complain at exit.
        _forget_output()
        return 0
    except Exception as surprise:  # noqa: BLE001 (whoever reads our answer gets one, whatever happened)
        return _unexpected(surprise, as_json=as_json)
    return result if isinstance(result, int) else 0


def main() -> None:
    """Entry point of the ``hearth`` script."""
    leave(run(sys.argv[1:]))
