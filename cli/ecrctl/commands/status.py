"""`ecrctl status`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ecrctl.commands import options

Prefix = Annotated[
    str, typer.Option(metavar="PREFIX", help="Include only repositories whose names begin with PREFIX. Default: all.")
]
Unmanaged = Annotated[bool, typer.Option("--unmanaged", help="Include only repositories that no stack declares.")]
Controller = Annotated[
    str | None,
    typer.Option(metavar="STACK", help="Name of a controller's stack whose baselines are shown. Default: none."),
]
Output = Annotated[
    Literal["table", "json", "html"],
    typer.Option(metavar="FORMAT", rich_help_panel=options.OUTPUT, help="table, json, or html."),
]


def status(
    prefix: Prefix = "",
    unmanaged: Unmanaged = False,
    controller: Controller = None,
    region: options.Region = None,
    profile: options.Profile = None,
    output: Output = "table",
    output_file: options.OutputFile = None,
) -> None:
    """Show the owner and the content of each repository, and what declares its lifecycle policy. Makes no changes.

    The exit code is 0, or 1 if an error occurs.

    Examples:
      $ ecrctl status --prefix team/
      $ ecrctl status --unmanaged --controller ecr-controller
      $ ecrctl status --unmanaged --output html --output-file unmanaged.html
    """
    from ecrctl.status import run

    done = run(
        prefix,
        region,
        profile,
        controller=controller,
        unmanaged=unmanaged,
        output=output,
        output_file=output_file,
    )
    raise typer.Exit(done)
