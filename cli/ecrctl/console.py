"""What is written where: results on stdout or in a file, all else on stderr. Nothing is read as rich's markup."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.text import Text

from ecr_controller.errors import ControllerError, InvalidProperties, UserError
from ecrctl import formatting as units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import RenderableType


def _console(file: TextIO | None = None, *, stderr: bool = False) -> Console:
    return Console(file=file, stderr=stderr, markup=False, emoji=False, highlight=False)


def show(shown: RenderableType, path: str | None) -> None:
    """Print for people: to the terminal, or as plain text to a file."""
    if path is None:
        _console().print(shown)
        return
    with _opened(path) as file:
        _console(file).print(shown)


def write(text: str, path: str | None) -> None:
    """Write for machines, as it is."""
    if path is None:
        print(text)
        return
    with _opened(path) as file:
        file.write(text + "\n")


@contextmanager
def _opened(path: str) -> Iterator[TextIO]:
    try:
        with Path(path).open("w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None
    _console(stderr=True).print(f"Written to {path}.", soft_wrap=True)


def tell_error(error: ControllerError) -> None:
    """All faults, one a line."""
    for fault in error.faults if isinstance(error, InvalidProperties) else (error,):
        message = units.printable(" ".join(str(fault).splitlines()))
        _console(stderr=True).print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)


def tell_note(message: str) -> None:
    """What a person should know about the result."""
    _console(stderr=True).print(Text.assemble(("note: ", "bold yellow"), message), soft_wrap=True)


@contextmanager
def progress(title: str) -> Iterator[Callable[[str], None]]:
    """What goes on while it takes its time, on a terminal only. What it gives takes how far it is."""
    stderr = _console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as shown:
        task = shown.add_task(title)
        yield lambda how_far: shown.update(task, description=f"{title}: {how_far}")
