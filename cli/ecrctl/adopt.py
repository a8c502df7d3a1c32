"""What `ecrctl adopt --dry-run` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller.errors import Faults, InvalidProperties, UserError
from ecrctl import arguments, concurrency, console
from ecrctl.adoption import Adoption, adopt, declared_name
from ecrctl.controller import Controller
from ecrctl.inputs import ecr, files
from ecrctl.inputs.inventory import Inventory
from ecrctl.inputs.template import Template
from ecrctl.outputs import adoptions as outputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_ecr import ECRClient

    from ecr_controller.errors import Fault
    from ecr_controller.lifecycle.images import Image
    from ecrctl.inputs.template import Declaration


def run(
    templates: Sequence[str],
    parameters: Sequence[str],
    controller_parameters: Sequence[str],
    region: str | None,
    profile: str | None,
    *,
    output: str,
    output_file: str | None,
    limit: int | None,
) -> int:
    """Write what the adoptions would change. Returns the exit code. Raises UserError and RetryableError."""
    arguments.check_files({f"FILE {i}": path for i, path in enumerate(templates, start=1)}, output_file)
    controller = Controller(arguments.parse_parameters(controller_parameters, "--controller-parameter"))
    controller.check()
    declared: dict[str, Declaration] = {}
    for path in templates:
        _read(path, arguments.parse_parameters(parameters), declared)
    if not declared:
        raise UserError("no template has a Custom::ECRRepository with OnExisting: Adopt and a RepositoryName")
    with ecr.translated_errors():
        adoptions = _adoptions(declared, ecr.client(region, profile), controller, arguments.parse_time(None))
    rows = 50 if limit is None else limit
    if output == "json":
        console.write(outputs.as_json(adoptions), output_file)
    else:
        console.show(outputs.table(adoptions, rows), output_file)
    if any(each.refusals for each in adoptions):
        return 1
    return 2 if any(each.changes or not each.exists for each in adoptions) else 0


def _read(path: str, parameters: dict[str, str], declared: dict[str, Declaration]) -> None:
    """Add the resources of a file that adopt, by the names of their repositories."""
    with files.errors_in(path):
        faults = Faults()
        for each in Template.read(files.read_yaml(path), parameters).declarations:
            name = declared_name(each)
            if name is not None and declared.setdefault(name, each) is not each:
                other = declared[name].name
                faults.add(f"{each.name}.RepositoryName", f"{other} declares {name} as well; keep one of them")
        faults.raise_if_any("The template")


def _adoptions(
    declared: Mapping[str, Declaration], client: ECRClient, controller: Controller, now: datetime
) -> list[Adoption]:
    inventory = Inventory(client)

    def images(name: str) -> Sequence[Image]:
        return ecr.Images(client).read(name, lambda _status: None) or ()

    def adoption(name: str) -> Adoption | Sequence[Fault]:
        declaration, found = declared[name], inventory.read(name)
        if found is None:
            return Adoption(declaration.name, name, exists=False)
        try:
            return adopt(declaration, found, controller, images, now)
        except InvalidProperties as error:
            return error.faults

    results = concurrency.of_each(list(declared), adoption, "Comparing")
    faults = [fault for each in results if not isinstance(each, Adoption) for fault in each]
    if faults:
        raise InvalidProperties("The template", faults)
    return [each for each in results if isinstance(each, Adoption)]
