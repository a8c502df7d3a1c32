"""The command `ecrctl`. Exit codes 0 and 2 belong to the commands; every error is 1."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ecr_controller import __version__
from ecr_controller.errors import ControllerError
from ecrctl.commands.adopt import adopt
from ecrctl.commands.baseline import app as baseline
from ecrctl.commands.drift import drift
from ecrctl.commands.export import export
from ecrctl.commands.findings import findings
from ecrctl.commands.in_use import in_use
from ecrctl.commands.lifecycle import app as lifecycle
from ecrctl.commands.options import Command, Group
from ecrctl.commands.status import status
from ecrctl.commands.validate import validate

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def _reporting_errors() -> Iterator[None]:
    """Report errors on stderr and exit with 1, also where typer exits with 2."""
    try:
        yield
    except ControllerError as error:
        from ecrctl import console

        console.report_error(error)
        raise typer.Exit(1) from None
    except typer.TyperException as error:
        error.exit_code = 1
        raise
    except BrokenPipeError:
        raise  # typer exits silently
    except OSError as error:
        from ecrctl import console

        console.report_os_error(error)
        raise typer.Exit(1) from None


class RootGroup(Group):
    """Reports the errors of all commands."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Parse the options before the command."""
        with _reporting_errors():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """Parse the options after the command, and run it."""
        with _reporting_errors():
            return super().invoke(ctx)


app = typer.Typer(cls=RootGroup, name="ecrctl", no_args_is_help=True, pretty_exceptions_enable=False)
app.command(cls=Command)(validate)
app.add_typer(lifecycle, name="lifecycle")
app.command(cls=Command)(in_use)
app.command(cls=Command)(findings)
app.command(cls=Command)(status)
app.command(cls=Command)(drift)
app.add_typer(baseline, name="baseline")
app.command(cls=Command)(export)
app.command(cls=Command)(adopt)


def _show_version(requested: bool) -> None:
    if requested:
        typer.echo(f"ecrctl {__version__}")
        raise typer.Exit


@app.callback()
def _ecrctl(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Validate templates, show what they would change in Amazon ECR, and evaluate the findings of images."""
