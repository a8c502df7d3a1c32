"""Steps of a run that a person watches: each is announced, timed, and named when it fails."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import FunctionType

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


def run(main: Callable[[], None], *, takes_arguments: bool = False) -> int:
    """The exit code of a run: 0, 1 where it failed, 130 where it was interrupted. SIGTERM unwinds like Ctrl-C.

    Where it takes no arguments, `--help` prints what its module says.
    """
    if not takes_arguments:
        known = cast("FunctionType", main).__globals__
        argparse.ArgumentParser(prog=f"python -m {name_of(known)}", description=known["__doc__"]).parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return exit_code(main)


def name_of(module: Mapping[str, Any]) -> str:
    """What to type after `python -m` for a module, by its globals."""
    return str(module["__spec__"].name).removesuffix(".__main__")


def exit_code(main: Callable[[], None], *expected: type[Exception]) -> int:
    """The exit code of a command: 0, 130 where it was interrupted, and 1 with the message on standard error where AWS
    refuses or cannot be reached, or where one of the expected errors is raised.

    Any other error is a defect. It is one line, too; `python -X dev -m local.…` shows its traceback.
    """
    try:
        main()
        sys.stdout.flush()
    except StepFailed:
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted; what was started is stopped.")
        return 130
    except BrokenPipeError:  # whoever reads it, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except Exception as error:
        is_expected = isinstance(error, (*expected, BotoCoreError, ClientError))
        if sys.flags.dev_mode and not is_expected:
            raise
        print(error if is_expected else f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0
