"""What `ecrctl status` does."""

from __future__ import annotations

from ecrctl import arguments, concurrency, console
from ecrctl.inputs import ecr
from ecrctl.inputs.baselines import DeployedBaselines
from ecrctl.inputs.deployed import KnownStacks, template_reader
from ecrctl.inputs.inventory import Inventory
from ecrctl.outputs import status as outputs
from ecrctl.repository_status import RepositoryStatus, status_of


def run(
    prefix: str,
    region: str | None,
    profile: str | None,
    *,
    controller: str | None,
    unmanaged: bool,
    output: str,
    output_file: str | None,
) -> int:
    """Write the state of the repositories. Returns the exit code. Raises UserError and RetryableError."""
    with ecr.translated_errors():
        found = _read(prefix, region, profile, controller)
    shown = [each for each in found if each.is_unmanaged] if unmanaged else found
    now = arguments.parse_time(None)
    match output:
        case "json":
            console.write(outputs.as_json(shown), output_file)
        case "html":
            console.write(outputs.html(shown, now), output_file)
        case _:
            console.show(outputs.table(shown, now), output_file)
    return 0


def _read(prefix: str, region: str | None, profile: str | None, controller: str | None) -> list[RepositoryStatus]:
    client, now = ecr.client(region, profile), arguments.parse_time(None)
    cloudformation = ecr.client_of("cloudformation", region, profile)
    inventory, reader = Inventory(client), ecr.Images(client)
    stacks, template_of = KnownStacks(cloudformation), template_reader(cloudformation)
    deployed = None
    if controller is not None:
        deployed = DeployedBaselines(controller, cloudformation, ecr.client_of("dynamodb", region, profile))

    def read(name: str) -> RepositoryStatus | None:
        found = inventory.read(name)
        images = None if found is None else reader.read(name, lambda _status: None)
        if found is None or images is None:
            return None
        return status_of(found, images, reader.scanned_at(name, images), stacks, template_of, now, deployed)

    names = ecr.Registry(client).names(prefix)
    return [each for each in concurrency.of_each(names, read, "Reading") if each is not None]
