"""`ecrctl in-use`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

import typer

from ecrctl.commands import options

Prefix = Annotated[
    str, typer.Option(metavar="PREFIX", help="Include only repositories whose names begin with PREFIX. Default: all.")
]


class Source(StrEnum):
    """Typer takes no list of literals."""

    ECS = "ECS"
    LAMBDA = "Lambda"
    INSPECTOR = "Inspector"


Sources = Annotated[
    list[Source] | None,
    typer.Option(
        "--source", metavar="SOURCE", help="ECS, Lambda, or Inspector. Can be repeated. Default: ECS and Lambda."
    ),
]
PulledWithinDays = Annotated[
    int | None, typer.Option(metavar="DAYS", min=2, help="Include images that were pulled within DAYS.")
]
Output = Annotated[
    Literal["table", "json"], typer.Option(metavar="FORMAT", rich_help_panel=options.OUTPUT, help="table or json.")
]


def in_use(
    prefix: Prefix = "",
    sources: Sources = None,
    pulled_within_days: PulledWithinDays = None,
    region: options.Region = None,
    profile: options.Profile = None,
    output: Output = "table",
    output_file: options.OutputFile = None,
) -> None:
    """List the images in use, what uses them, and which of them their lifecycle policies would expire now.

    KeepInUse keeps the same images. The command makes no changes, and doesn't require a controller.

    The exit code is 0 if no image in use would be expired or archived, 2 if an image in use would be, 3 if a source
    can't be read, and 1 if an error occurs.

    Examples:
      $ ecrctl in-use --prefix team/
      $ ecrctl in-use --source ECS --source Inspector --pulled-within-days 30 --output json
    """
    from ecrctl.in_use import run

    raise typer.Exit(
        run(prefix, [each.value for each in sources or ()], pulled_within_days, region, profile, output, output_file)
    )
