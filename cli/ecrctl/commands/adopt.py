"""`ecrctl adopt`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ecr_controller.errors import UserError
from ecrctl.commands import options

DryRun = Annotated[bool, typer.Option("--dry-run", help="Required, because only a deployment can adopt repositories.")]
Output = Annotated[
    Literal["table", "json"], typer.Option(metavar="FORMAT", rich_help_panel=options.OUTPUT, help="table or json.")
]


def adopt(
    templates: options.Templates,
    dry_run: DryRun = False,
    parameters: options.TemplateParameters = None,
    controller_parameters: options.ControllerParameters = None,
    region: options.Region = None,
    profile: options.Profile = None,
    output: Output = "table",
    output_file: options.OutputFile = None,
    limit: options.Limit = None,
) -> None:
    """Show what deploying the templates would change in the repositories that they adopt. Makes no changes.

    The exit code is 0 if nothing would change, 2 if something would change, and 1 if an error occurs or the deployment
    would fail.

    Examples:
      $ ecrctl adopt --dry-run team.yaml
      $ ecrctl adopt --dry-run repositories/*.yaml --output json
    """
    if not dry_run:
        raise UserError("specify --dry-run; to adopt the repositories, deploy the template: aws cloudformation deploy")
    from ecrctl.adopt import run

    raise typer.Exit(
        run(
            templates,
            parameters or (),
            controller_parameters or (),
            region,
            profile,
            output=output,
            output_file=output_file,
            limit=limit,
        )
    )
