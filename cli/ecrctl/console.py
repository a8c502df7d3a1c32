"""Standard output, standard error and output files. Text is never interpreted as rich's markup."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.text import Text

from ecr_controller.errors import ControllerError, InvalidProperties, UserError
from ecrctl import formatting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import RenderableType


def _console(file: TextIO | None = None, *, stderr: bool = False) -> Console:
    return Console(file=file, stderr=stderr, markup=False, emoji=False, highlight=False)


def show(renderable: RenderableType, path: str | None) -> None:
    """Print to standard output, or write plain text to the file at ``path``. Raises UserError and OSError."""
    if path is None:
        _console().print(renderable)
        return
    with _output_file(path) as file:
        _console(file).print(renderable)


def write(text: str, path: str | None) -> None:
    """Write text in UTF-8 to standard output or to the file at ``path``. Raises UserError and OSError."""
    data = f"{text}\n".encode("utf-8", "replace")  # JSON inputs can have lone surrogates
    if path is None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    with _output_file(path) as file:
        file.buffer.write(data)


@contextmanager
def _output_file(path: str) -> Iterator[TextIO]:
    try:
        with Path(path).open("w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None
    _console(stderr=True).print(f"Output written to {path}.", soft_wrap=True)


def report_error(error: ControllerError) -> None:
    """Print an error, or each fault of an InvalidProperties, on one line of stderr."""
    for fault in error.faults if isinstance(error, InvalidProperties) else (error,):
        _print_labelled("error: ", "bold red", " ".join(str(fault).splitlines()))


def report_os_error(error: OSError) -> None:
    """Report an error of standard output, whose buffered content is then discarded, or of the file that it names."""
    if error.filename is not None:
        report_error(UserError(f"{error.filename}: {error.strerror}"))
        return
    with suppress(OSError):  # a replaced standard output can have no descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    report_error(UserError(f"standard output: cannot be written: {error.strerror}"))


def print_note(message: str) -> None:
    """Print a note about the result on stderr."""
    _print_labelled("note: ", "bold yellow", message)


def _print_labelled(label: str, style: str, message: str) -> None:
    text = Text.assemble((label, style), formatting.printable(message))
    _console(stderr=True).print(text, soft_wrap=True)


@contextmanager
def progress(title: str) -> Iterator[Callable[[str], None]]:
    """Show on a terminal what is in progress. The yielded function updates the status."""
    stderr = _console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as shown:
        task = shown.add_task(title)
        yield lambda status: shown.update(task, description=f"{title}: {status}")
