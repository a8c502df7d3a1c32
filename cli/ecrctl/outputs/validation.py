"""The faults of templates: as text, as JSON, as workflow commands of GitHub, and as SARIF."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller import __version__
from ecr_controller.errors import count
from ecrctl.formatting import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ecrctl.validation import Report, TemplateFault

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True, slots=True)
class FileReport:
    """The report on a file, and the line and the column of each fault."""

    file: str
    report: Report
    faults: Sequence[tuple[TemplateFault, tuple[int, int]]]


def text(reports: Sequence[FileReport]) -> str:
    """One line for each fault, as compilers write them, and a summary."""
    lines = [f"{each.file}:{line}:{column}: {fault}" for each in reports for fault, (line, column) in each.faults] + [
        f"{each.file}: not read: {reason}" for each in reports for reason in each.report.not_read
    ]
    return "\n".join(printable(line) for line in [*lines, _summary(reports)])


def _summary(reports: Sequence[FileReport]) -> str:
    resources = sum(each.report.resources for each in reports)
    faults = sum(len(each.faults) for each in reports)
    unknown = sum(len(each.report.unknown) for each in reports)
    open_values = f", {count(unknown, 'value')} known only at deployment" if unknown else ""
    return f"{count(resources, 'resource')}, {count(faults, 'fault')}{open_values}"


def as_json(reports: Sequence[FileReport]) -> str:
    """A document for programs."""
    return json.dumps({"files": [_file(each) for each in reports]}, indent=2)


def _file(each: FileReport) -> dict[str, Any]:
    faults = [
        {"resource": fault.resource, "path": fault.path, "message": fault.message, "line": line, "column": column}
        for fault, (line, column) in each.faults
    ]
    return {
        "file": each.file,
        "resources": each.report.resources,
        "faults": faults,
        "knownOnlyAtDeployment": list(each.report.unknown),
        "notRead": list(each.report.not_read),
    }


def github(reports: Sequence[FileReport]) -> str:
    """Workflow commands, which GitHub shows beside the lines of a pull request.

    Source: "Workflow commands for GitHub Actions" in the documentation of GitHub.
    """
    lines = [
        f"::error {_properties(file=each.file, line=line, col=column, title=f'{fault.resource}.{fault.path}')}"
        f"::{_data(fault.message)}"
        for each in reports
        for fault, (line, column) in each.faults
    ] + [
        f"::warning {_properties(file=each.file)}::{_data(f'not read: {reason}')}"
        for each in reports
        for reason in each.report.not_read
    ]
    return "\n".join([*lines, printable(_summary(reports))])


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _properties(**values: object) -> str:
    encoded = {name: _data(str(value)).replace(":", "%3A").replace(",", "%2C") for name, value in values.items()}
    return ",".join(f"{name}={value}" for name, value in encoded.items())


def sarif(reports: Sequence[FileReport]) -> str:
    """A log in the Static Analysis Results Interchange Format, version 2.1.0."""
    rules = [
        {"id": "invalid-property", "shortDescription": {"text": "A property would fail the deployment."}},
        {"id": "not-read", "shortDescription": {"text": "A part of the template isn't read."}},
    ]
    results = [
        _result("invalid-property", "error", str(fault), each.file, {"startLine": line, "startColumn": column})
        for each in reports
        for fault, (line, column) in each.faults
    ] + [
        _result("not-read", "warning", f"not read: {reason}", each.file, {"startLine": 1})
        for each in reports
        for reason in each.report.not_read
    ]
    driver = {"name": "ecrctl", "version": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "results": results}
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(rule: str, level: str, message: str, file: str, region: dict[str, int]) -> dict[str, Any]:
    location = {"artifactLocation": {"uri": file}, "region": region}
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": message},
        "locations": [{"physicalLocation": location}],
    }


RENDERERS: dict[str, Callable[[Sequence[FileReport]], str]] = {
    "text": text,
    "json": as_json,
    "github": github,
    "sarif": sarif,
}
