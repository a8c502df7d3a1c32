"""The values of command line options, parsed and validated."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_controller.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def parse_time(value: str | None) -> datetime:
    """The time of --now, aware and in UTC, or the current time. Raises UserError."""
    if value is None:
        return datetime.now(UTC)
    try:
        time = datetime.fromisoformat(value)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UserError(f"--now: {value!r} is not an ISO 8601 time, such as 2026-11-01T12:00:00Z") from None


def parse_parameters(values: Sequence[str], option: str = "--parameter") -> dict[str, str]:
    """The parameters of `NAME=VALUE` by name; the last value of a name counts. Raises UserError."""
    parameters = {}
    for each in values:
        name, separator, value = each.partition("=")
        if not separator:
            raise UserError(f"{option}: {each!r} is not of the form NAME=VALUE")
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
