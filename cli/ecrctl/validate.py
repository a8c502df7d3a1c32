"""What `ecrctl validate` does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecr_controller.errors import InvalidProperties, UserError
from ecrctl import arguments, console
from ecrctl.controller import Controller
from ecrctl.inputs import files
from ecrctl.inputs.parameters import declared_parameters
from ecrctl.inputs.positions import Positions
from ecrctl.inputs.template import Template
from ecrctl.outputs import validation as outputs
from ecrctl.validation import Report, TemplateFault, validate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(slots=True)
class _Parameters:
    """The parameters of the command line, and those of them that a template has."""

    given: Mapping[str, str]
    used: set[str] = field(default_factory=set)

    def of(self, declared: Mapping[str, object]) -> dict[str, str]:
        found = {name: value for name, value in self.given.items() if name in declared or name.startswith("AWS::")}
        self.used |= found.keys()
        return found

    def check(self) -> None:
        if unused := [name for name in self.given if name not in self.used]:
            raise UserError(f"--parameter: no template has a parameter {', '.join(unused)}")


def run(
    templates: Sequence[str],
    parameters: Sequence[str],
    controller_parameters: Sequence[str],
    region: str | None,
    output: str,
    output_file: str | None,
) -> int:
    """Validate the templates and write the reports. Returns the exit code. Raises UserError."""
    arguments.check_files({f"FILE {i}": path for i, path in enumerate(templates, start=1)}, output_file)
    given = _Parameters(({} if region is None else {"AWS::Region": region}) | arguments.parse_parameters(parameters))
    controller = Controller(arguments.parse_parameters(controller_parameters, "--controller-parameter"))
    controller.check()
    reports = [_report(path, given, controller) for path in templates]
    given.check()
    console.write(outputs.RENDERERS[output](reports), output_file)
    if any(each.report.faults for each in reports):
        return 2
    return 3 if any(each.report.not_read for each in reports) else 0


def _report(path: str, given: _Parameters, controller: Controller) -> outputs.FileReport:
    """The report on one file. Raises UserError if it is no template."""
    with files.errors_in(path):
        text = files.read_text(path)
        document = files.parse_yaml(text, path)
        declared = declared_parameters(document) if isinstance(document, dict) else {}
        try:
            report = validate(Template.read(document, given.of(declared)), controller)
        except InvalidProperties as error:
            report = Report(_faults_of_parameters(error), 0, (), ())
    positions = Positions(text) if report.faults else None
    found = [(fault, positions.find(fault.location)) for fault in report.faults if positions is not None]
    return outputs.FileReport("standard input" if path == "-" else path, report, found)


def _faults_of_parameters(error: InvalidProperties) -> Sequence[TemplateFault]:
    names = [(each.path.partition(".")[2], each.message) for each in error.faults]
    return [TemplateFault("Parameters", ("Parameters",), name, message) for name, message in names]
