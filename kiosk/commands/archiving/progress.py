"""How far a long piece of work is, on the terminal: a bar where a person looks on, nothing where a program reads."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kiosk.commands.terminal import plain


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """Give a function that takes what is being done, how much of it is done, and of how much (0: not known)."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda what, done, whole: bar.update(
            task, description=escape(plain(what)), completed=done, total=whole or None
        )
