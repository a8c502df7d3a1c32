"""`ecrctl baseline`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ecrctl.commands import options

app = typer.Typer(cls=options.Group, no_args_is_help=True)

Template = Annotated[
    str, typer.Option(metavar="FILE", help="CloudFormation or SAM template with the baselines, in YAML or JSON.")
]
Prefix = Annotated[
    str, typer.Option(metavar="PREFIX", help="Include only repositories whose names begin with PREFIX. Default: all.")
]
Output = Annotated[
    Literal["table", "json"], typer.Option(metavar="FORMAT", rich_help_panel=options.OUTPUT, help="table or json.")
]


@app.callback()
def _baseline() -> None:
    """Preview baselines."""


@app.command(cls=options.Command)
def plan(
    template: Template,
    parameters: options.TemplateParameters = None,
    prefix: Prefix = "",
    region: options.Region = None,
    profile: options.Profile = None,
    output: Output = "table",
    output_file: options.OutputFile = None,
) -> None:
    """Show what baselines would change in the repositories that no stack declares. Makes no changes.

    A baseline in the mode Report is shown as Enforce. The exit code is 0 if nothing would change, 2 if something would
    change, 3 if a part of the template can't be read, and 1 if an error occurs.

    Examples:
      $ ecrctl baseline plan --template baselines.yaml
      $ ecrctl baseline plan --template baselines.yaml --prefix team/ --output json
    """
    from ecrctl.baseline import run

    raise typer.Exit(run(template, parameters or (), prefix, region, profile, output=output, output_file=output_file))
