"""`ecrctl validate`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ecrctl.commands import options

Region = Annotated[str | None, typer.Option(metavar="NAME", help="The Region of the stack.")]
Output = Annotated[
    Literal["text", "json", "github", "sarif"], typer.Option(metavar="FORMAT", help="text, json, github, or sarif.")
]


def validate(
    templates: options.Templates,
    parameters: options.TemplateParameters = None,
    controller_parameters: options.ControllerParameters = None,
    region: Region = None,
    output: Output = "text",
    output_file: options.OutputFile = None,
) -> None:
    """Report all faults of the controller's resources in templates, without calling AWS.

    The messages are the same as in a deployment. Values that are known only at deployment aren't validated.

    The exit code is 0 if the templates are valid, 2 if they have faults, 3 if a part of them can't be read, and 1 if an
    error occurs.

    Examples:
      $ ecrctl validate template.yaml --region eu-west-1
      $ ecrctl validate stacks/*.yaml --output github
    """
    from ecrctl.validate import run

    raise typer.Exit(run(templates, parameters or (), controller_parameters or (), region, output, output_file))
