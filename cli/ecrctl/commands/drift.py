"""`ecrctl drift`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ecrctl.commands import options

Prefix = Annotated[
    str, typer.Option(metavar="PREFIX", help="Include only repositories whose names begin with PREFIX. Default: all.")
]
Output = Annotated[
    Literal["table", "json"], typer.Option(metavar="FORMAT", rich_help_panel=options.OUTPUT, help="table or json.")
]


def drift(
    prefix: Prefix = "",
    region: options.Region = None,
    profile: options.Profile = None,
    output: Output = "table",
    output_file: options.OutputFile = None,
) -> None:
    """Show where repositories differ from what their deployed stacks declare. Makes no changes.

    The exit code is 0 if no repository differs, 2 if a repository differs, 3 if something can't be compared, and 1 if
    an error occurs.

    Examples:
      $ ecrctl drift
      $ ecrctl drift --prefix team/ --output json
    """
    from ecrctl.drift import run

    raise typer.Exit(run(prefix, region, profile, output=output, output_file=output_file))
