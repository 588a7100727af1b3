"""What the verbs share: where the home is, and how an answer is given to a person or to a program."""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from archive.errors import HomeTrouble
from archive.home import may_be_home
from kiosk.commands.terminal import plain_json, say
from kiosk.rights import become_owner_of

Function = TypeVar("Function", bound=Callable[..., Any])

HOME_VARIABLE = "HEARTH_HOME"
CREDENTIAL_VARIABLE = "HEARTH_CREDENTIAL"
MACHINE_CONFIG = Path("/etc/hearth/config.toml")
APPLIANCE_PREFIX = Path("/opt/hearth")
APPLIANCE_HOME = Path("/var/lib/hearth")
DESK_HOME = Path("hearth-data")


def default_home() -> Path:
    """Where the home is unless ``--home`` says so: ``HEARTH_HOME``, the machine's config, appliance, this folder."""
    given = os.environ.get(HOME_VARIABLE)
    if given:
        return Path(given)
    try:
        home = tomllib.loads(MACHINE_CONFIG.read_text(encoding="utf-8")).get("home")
    except (OSError, tomllib.TOMLDecodeError):
        home = None
    if isinstance(home, str):
        return Path(home)
    return APPLIANCE_HOME if Path(sys.prefix).is_relative_to(APPLIANCE_PREFIX) else DESK_HOME


def as_its_owner(_context: click.Context, _parameter: click.Parameter, home: Path) -> Path:
    """Let a verb that works on ``home`` go on as its owner: what root left there the box could not read."""
    name = become_owner_of(home)
    if name:
        note(f"Going on as {name}, to whom {home} belongs: files are read and written with that user's rights.")
    return home


def home_option(function: Function) -> Function:
    """Add ``--home DIR``; the verb receives a path, and root goes on as the user to whom it belongs."""
    return _home_option("Folder of tellers' data and settings; made with defaults when it is not there.")(function)


def home_there_option(function: Function) -> Function:
    """Add ``--home DIR`` as `home_option` does, for verbs whose answer about a new home would calm or deny without a
    reason: that nothing waits, that a code opens nothing.

    A slip in its name, or a disk that is not mounted, would make one there. The verb raises `HomeTrouble` then.
    """

    @functools.wraps(function)
    def command(*words: Any, home: Path, **options: Any) -> Any:
        must_be_box(home)
        return function(*words, home=home, **options)

    return _home_option("Folder of tellers' data and settings.")(cast("Function", command))


def must_be_box(home: Path) -> None:
    """Raise `HomeTrouble` where no box was ever opened, so that none is made there."""
    if not may_be_home(home):
        raise HomeTrouble(f"There is no box in {home}.", "Give its folder with --home; see that its disk is there.")


def _home_option(told: str) -> Callable[[Function], Function]:
    return click.option(
        "--home",
        type=click.Path(path_type=Path),
        default=default_home,
        callback=as_its_owner,
        show_default="./hearth-data, on the appliance /var/lib/hearth",
        help=told,
    )


def json_option(function: Function) -> Function:
    """Add ``--json``; the verb receives ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON object on standard output.")(
        function
    )


def emit(payload: Mapping[str, Any], human: Callable[[], str], *, as_json: bool) -> None:
    """Print ``payload`` for a program or ``human()`` for a person."""
    text = plain_json(json.dumps(payload, ensure_ascii=False)) if as_json else human()
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        # A file's name need not be text, and not every terminal knows every letter.
        text = json.dumps(payload) if as_json else text.encode(encoding, "backslashreplace").decode(encoding)
    say(text)


def answer(
    payload: Mapping[str, Any], human: Callable[[], str], failed: tuple[str, str, str] | None, *, as_json: bool
) -> int:
    """Print as `emit` does and return the exit code: 1 with ``failed`` (code, say, do), else 0.

    What was done is told all the same; a program finds what failed where every failure is, under ``error``.
    """
    error = {} if failed is None else {"error": dict(zip(("code", "say", "do"), failed, strict=True))}
    emit({**payload, **error}, human, as_json=as_json)
    return 0 if failed is None else 1


def note(sentence: str) -> None:
    """Say something that is not the answer: to standard error."""
    say(sentence, err=True)


@contextmanager
def put_away_when_told() -> Iterator[None]:
    """Let SIGTERM end the block as an error would (exit code 143): what it began is put away or taken back first."""
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def seconds(milliseconds: float) -> float:
    """Turn milliseconds into the seconds programs read, to the millisecond."""
    return round(milliseconds / 1000, 3)
