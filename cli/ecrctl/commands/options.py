"""The options that commands share."""

from __future__ import annotations

from inspect import cleandoc
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand, TyperGroup

POLICY, IMAGES, OUTPUT = "Lifecycle policy", "Images", "Output"

Templates = Annotated[
    list[str], typer.Argument(metavar="FILE", help="CloudFormation or SAM templates, in YAML or JSON.")
]
TemplateParameters = Annotated[
    list[str] | None, typer.Option("--parameter", metavar="NAME=VALUE", help="Template parameter. Can be repeated.")
]
ControllerParameters = Annotated[
    list[str] | None,
    typer.Option(
        "--controller-parameter",
        metavar="NAME=VALUE",
        help="Parameter of the controller's stack, such as GranteeAccounts. Can be repeated.",
    ),
]
Template = Annotated[
    str | None,
    typer.Option(metavar="FILE", rich_help_panel=POLICY, help="CloudFormation or SAM template, in YAML or JSON."),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter", metavar="NAME=VALUE", rich_help_panel=POLICY, help="Template parameter. Can be repeated."
    ),
]
Resource = Annotated[
    str | None,
    typer.Option(metavar="LOGICAL_ID", rich_help_panel=POLICY, help="Plan only this resource of the template."),
]
RulesFile = Annotated[
    str | None,
    typer.Option(metavar="FILE", rich_help_panel=POLICY, help="List of LifecycleRules, in YAML or JSON."),
]
PolicyFile = Annotated[
    str | None,
    typer.Option(metavar="FILE", rich_help_panel=POLICY, help="Lifecycle policy document of Amazon ECR, in JSON."),
]
Repository = Annotated[
    str | None,
    typer.Option(metavar="NAME", rich_help_panel=IMAGES, help="Repository name. Default: the name in the template."),
]
AllRepositories = Annotated[
    bool, typer.Option("--all", rich_help_panel=IMAGES, help="All repositories of the registry.")
]
Prefix = Annotated[
    str | None,
    typer.Option(metavar="PREFIX", rich_help_panel=IMAGES, help="Repositories whose names begin with PREFIX."),
]
ImagesFile = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        rich_help_panel=IMAGES,
        help="Output of `aws ecr describe-images`, in JSON, to read instead of calling AWS.",
    ),
]
Region = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", rich_help_panel=IMAGES, envvar=["AWS_REGION", "AWS_DEFAULT_REGION"], help="AWS Region."
    ),
]
Profile = Annotated[
    str | None, typer.Option(metavar="NAME", rich_help_panel=IMAGES, help="Profile of your AWS configuration.")
]
Preview = Annotated[
    bool,
    typer.Option("--preview", rich_help_panel=IMAGES, help="Compare with the lifecycle policy preview of Amazon ECR."),
]
Now = Annotated[
    str | None, typer.Option(metavar="TIME", help="Evaluate at this time, in ISO 8601. Default: the current time.")
]
Output = Annotated[
    Literal["table", "json", "html", "markdown"],
    typer.Option(metavar="FORMAT", rich_help_panel=OUTPUT, help="table, json, html, or markdown."),
]
OutputFile = Annotated[
    str | None,
    typer.Option(metavar="FILE", rich_help_panel=OUTPUT, help="File to write. Default: standard output."),
]
Limit = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="NUMBER",
        rich_help_panel=OUTPUT,
        help="Maximum number of images to list. Default: 50 in a table, otherwise 1,000.",
    ),
]


def _without_types(params: list[Any]) -> list[Any]:
    # Typer 0.29 prints <bool> beside flags and <str> beside arguments in its rich help, but not in its plain one.
    for param in params:
        if getattr(param, "is_flag", False):
            param.metavar = ""
        if param.param_type_name == "argument":
            param.display_type_rich = lambda ctx: None  # noqa: ARG005
    return params


def _joined(text: str | None) -> str | None:
    """Help whose paragraphs are single lines, for Typer joins only the first one. Examples keep their lines."""
    if text is None:
        return None
    paragraphs = cleandoc(text).split("\n\n")
    return "\n\n".join(each if "$ " in each else each.replace("\n", " ") for each in paragraphs)


class Command(TyperCommand):
    """A command whose help reads well."""

    def __init__(self, *args: Any, help: str | None = None, **kwargs: Any) -> None:  # noqa: A002
        super().__init__(*args, help=_joined(help), **kwargs)

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, with that of --help."""
        return _without_types(super().get_params(ctx))


class Group(TyperGroup):
    """A group of commands whose help reads well."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, with that of --help."""
        return _without_types(super().get_params(ctx))


def is_on_command_line(context: typer.Context, name: str) -> bool:
    """Whether the parameter was given as an option, and not by an environment variable."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
