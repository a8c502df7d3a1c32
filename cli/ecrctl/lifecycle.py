"""The options of `ecrctl lifecycle plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ecrctl import console
from ecrctl.options import Request, plans_of
from ecrctl.outputs import html as as_html
from ecrctl.outputs import json as as_json
from ecrctl.outputs import table as as_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecrctl.plan import Plan

TABLE_ROWS, PAGE_ROWS = 50, 1000
RULES, IMAGES, OUTPUT = "Rules, from one of", "Images, from Amazon ECR or from a file", "Result"

app = typer.Typer(no_args_is_help=True, help="What lifecycle policies do.")


@app.callback()
def _lifecycle() -> None:
    """What lifecycle policies do."""


@app.command()
def plan(
    template: Annotated[
        str | None,
        typer.Option(metavar="FILE", rich_help_panel=RULES, help="A CloudFormation or SAM template, YAML or JSON."),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", rich_help_panel=RULES, help="A parameter of the template; repeat for more."),
    ] = None,
    resource: Annotated[
        str | None,
        typer.Option(metavar="NAME", rich_help_panel=RULES, help="Only this resource of the template. Default: all."),
    ] = None,
    rules_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", rich_help_panel=RULES, help="A list of LifecycleRules, YAML or JSON."),
    ] = None,
    policy_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", rich_help_panel=RULES, help="ECR's own lifecycle policy document."),
    ] = None,
    repository: Annotated[
        str | None,
        typer.Option(metavar="NAME", rich_help_panel=IMAGES, help="Default: what the template declares."),
    ] = None,
    images_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", rich_help_panel=IMAGES, help="The JSON answer of DescribeImages. Asks no AWS."),
    ] = None,
    region: Annotated[
        str | None, typer.Option(metavar="NAME", rich_help_panel=IMAGES, envvar=["AWS_REGION", "AWS_DEFAULT_REGION"])
    ] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="NAME", rich_help_panel=IMAGES, help="Of your AWS configuration.")
    ] = None,
    preview: Annotated[
        bool,
        typer.Option("--preview", rich_help_panel=IMAGES, help="Also ask ECR's own preview, and show differences."),
    ] = False,
    now: Annotated[
        str | None,
        typer.Option(metavar="TIME", rich_help_panel=OUTPUT, help="Plan for this time, ISO 8601. Default: now."),
    ] = None,
    output: Annotated[Literal["table", "json", "html"], typer.Option(rich_help_panel=OUTPUT)] = "table",
    output_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", rich_help_panel=OUTPUT, help="Write there. Default: standard output."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="NUMBER",
            rich_help_panel=OUTPUT,
            help="Images to list. Default: 50, and 1,000 in HTML.",
        ),
    ] = None,
) -> None:
    """Show what a lifecycle policy would delete or archive, image by image, before anything does.

    A FILE may be - for standard input. The exit code is 0 where nothing would go, 2 where something would, 1 on errors.
    """
    plans = plans_of(
        Request(
            template=template,
            parameters=parameter or (),
            resource=resource,
            rules_file=rules_file,
            policy_file=policy_file,
            repository=repository,
            images_file=images_file,
            region=region,
            profile=profile,
            now=now,
            preview=preview,
        )
    )
    _show(plans, output, output_file, limit)
    if any(each.takes_images for each in plans):
        raise typer.Exit(2)


def _show(plans: Sequence[Plan], output: str, path: str | None, limit: int | None) -> None:
    match output:
        case "json":
            console.write(as_json.render(plans), path)
        case "html":
            console.write(as_html.render(plans, PAGE_ROWS if limit is None else limit), path)
        case _:
            console.show(as_table.render(plans, TABLE_ROWS if limit is None else limit), path)
