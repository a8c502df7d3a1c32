"""The command line options that commands share, and the parsing and validation of their values."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand, TyperGroup

from ecr_controller.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

POLICY, IMAGES, OUTPUT = "Lifecycle policy", "Images", "Output"

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
    typer.Option(metavar="LOGICAL_ID", rich_help_panel=POLICY, help="Only this resource of the template."),
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
    typer.Option(
        metavar="NAME", rich_help_panel=IMAGES, help="Repository name. Default: the one that the template declares."
    ),
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
    Literal["table", "json", "html"],
    typer.Option(metavar="FORMAT", rich_help_panel=OUTPUT, help="table, json, or html."),
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
        help="Maximum number of images to list. Default: 50, or 1,000 in HTML.",
    ),
]


def _hide_flag_types(params: list[Any]) -> list[Any]:
    # Typer 0.29 prints <bool> beside flags in its rich help, but not in its plain one.
    for param in params:
        if getattr(param, "is_flag", False):
            param.metavar = ""
    return params


class Command(TyperCommand):
    """A command whose help shows no type beside flags."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, with that of --help."""
        return _hide_flag_types(super().get_params(ctx))


class Group(TyperGroup):
    """A group of commands whose help shows no type beside flags."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, with that of --help."""
        return _hide_flag_types(super().get_params(ctx))


def is_on_command_line(context: typer.Context, name: str) -> bool:
    """Whether the parameter was given as an option, and not by an environment variable."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def parse_time(value: str | None) -> datetime:
    """The time of --now, aware and in UTC, or the current time. Raises UserError."""
    if value is None:
        return datetime.now(UTC)
    try:
        time = datetime.fromisoformat(value)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UserError(f"--now: {value!r} is not an ISO 8601 time, such as 2026-11-01T12:00:00Z") from None


def parse_parameters(values: Sequence[str]) -> dict[str, str]:
    """The parameters of `NAME=VALUE` by name; the last value of a name counts. Raises UserError."""
    parameters = {}
    for each in values:
        name, separator, value = each.partition("=")
        if not separator:
            raise UserError(f"--parameter: {each!r} is not of the form NAME=VALUE")
        parameters[name] = value
    return parameters


def check_files(inputs: Mapping[str, str | None], output_file: str | None) -> None:
    """Check that only one input is standard input, and that the output does not overwrite an input. Raises UserError.

    ``inputs`` are paths by option.
    """
    if list(inputs.values()).count("-") > 1:
        raise UserError("only one option can read standard input (-)")
    if output_file is None or not Path(output_file).is_file():
        return
    for option, path in inputs.items():
        if path is not None and Path(path).exists() and Path(path).samefile(output_file):
            raise UserError(f"--output-file: {output_file} is the input of {option}: write to another file")
