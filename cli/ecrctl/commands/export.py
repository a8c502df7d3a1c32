"""`ecrctl export`."""

from __future__ import annotations

from typing import Annotated

import typer

from ecrctl.commands import options

Prefix = Annotated[
    str, typer.Option(metavar="PREFIX", help="Include only repositories whose names begin with PREFIX. Default: all.")
]
ControllerName = Annotated[
    str, typer.Option("--controller", metavar="NAME", help="The name of the controller's stack.")
]
IncludeManaged = Annotated[
    bool, typer.Option("--include-managed", help="Include repositories whose tags name another stack as owner.")
]
OutputDirectory = Annotated[
    str | None,
    typer.Option(
        metavar="DIRECTORY",
        rich_help_panel=options.OUTPUT,
        help="Directory to write templates of up to 500 repositories to, as repositories-1.yaml and so on.",
    ),
]


def export(
    prefix: Prefix = "",
    controller: ControllerName = "ecr-controller",
    include_managed: IncludeManaged = False,
    region: options.Region = None,
    profile: options.Profile = None,
    output_file: options.OutputFile = None,
    output_directory: OutputDirectory = None,
) -> None:
    """Write a template that adopts existing repositories with their current settings. Makes no changes.

    Settings that a template can't declare are reported as notes and as comments, and aren't changed by an adoption.

    Examples:
      $ ecrctl export --prefix team/ --output-file team.yaml
      $ ecrctl export --output-directory repositories
    """
    from ecrctl.export import run

    raise typer.Exit(
        run(
            prefix,
            region,
            profile,
            controller=controller,
            include_managed=include_managed,
            output_file=output_file,
            output_directory=output_directory,
        )
    )
