"""Steps of a run that a person watches: each is announced, timed, and named when it fails."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())


class StepFailed(Exception):
    """A step ended in an error, which is printed already."""


@contextmanager
def step(title: str) -> Iterator[None]:
    """Show that something runs, then how long it took. An error is printed, and raises StepFailed."""
    started = time.monotonic()
    try:
        with console.status(escape(title)):
            yield
    except Exception as error:
        console.print(f"[red]✗[/] {escape(title)} [red]failed[/] after {time.monotonic() - started:.1f} s")
        console.print(escape(str(error)), style="red")
        raise StepFailed(title) from error
    console.print(f"[green]✓[/] {escape(title)} [dim]{time.monotonic() - started:.1f} s[/]")


def heading(text: str) -> None:
    """Begin a new part."""
    console.print()
    console.print(f"[bold]{escape(text)}[/]")


def say(text: str) -> None:
    """One line of explanation."""
    console.print(f"  {escape(text)}", style="dim")


def run(main: Callable[[], None]) -> int:
    """The exit code of a run: 0, 1 where a step failed, 130 where it was interrupted. SIGTERM unwinds like Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except StepFailed:
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted; what was started is stopped.")
        return 130
    except Exception as error:  # noqa: BLE001 (whoever runs a command sees a message)
        return _unexpected(error)
    return 0


def exit_code(main: Callable[[], None], *expected: type[Exception]) -> int:
    """The exit code of a command: 1, with the message on standard error, where AWS refuses or cannot be reached, or
    where one of the expected errors is raised."""
    expected = (*expected, BotoCoreError, ClientError)
    try:
        main()
    except expected as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 (whoever runs a command sees a message)
        return _unexpected(error)
    return 0


def _unexpected(error: Exception) -> int:
    """The exit code of a defect: 1, with one line on standard error. With TRACEBACK=1, the error is raised."""
    if os.environ.get("TRACEBACK"):
        raise error
    print(f"{type(error).__name__}: {error} (for a traceback, set TRACEBACK=1)", file=sys.stderr)
    return 1
