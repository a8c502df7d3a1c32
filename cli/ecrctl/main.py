"""The command `ecrctl` and its exit codes: 0 and 2 are a command's own, every error is 1."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from ecr_controller import __version__
from ecr_controller.errors import ControllerError
from ecrctl import console, lifecycle

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def _told() -> Iterator[None]:
    """Errors go to stderr, one a line. A wrong option would end with typer's 2, which means that images would go."""
    try:
        yield
    except ControllerError as error:
        console.tell_error(error)
        raise typer.Exit(1) from None
    except typer.TyperException as error:
        error.exit_code = 1
        raise


class Group(TyperGroup):
    """The commands, with errors told in one place."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Parse what stands before the command."""
        with _told():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """Parse what stands after it, and run it."""
        with _told():
            return super().invoke(ctx)


app = typer.Typer(cls=Group, name="ecrctl", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(lifecycle.app, name="lifecycle")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ecrctl {__version__}")
        raise typer.Exit


@app.callback()
def _ecrctl(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """What Amazon ECR would do, before a stack makes it do so."""
