"""What `ecrctl drift` does."""

from __future__ import annotations

from ecrctl import concurrency, console
from ecrctl.drifts import Drift, drifts_of
from ecrctl.inputs import ecr
from ecrctl.inputs.deployed import template_reader
from ecrctl.inputs.inventory import Inventory
from ecrctl.outputs import drift as outputs


def run(prefix: str, region: str | None, profile: str | None, *, output: str, output_file: str | None) -> int:
    """Write the drift of the repositories. Returns the exit code. Raises UserError and RetryableError."""
    with ecr.translated_errors():
        found = _read(prefix, region, profile)
    if output == "json":
        console.write(outputs.as_json(found), output_file)
    else:
        console.show(outputs.table(found), output_file)
    if any(each.changes for each in found):
        return 2
    return 3 if any(each.not_compared for each in found) else 0


def _read(prefix: str, region: str | None, profile: str | None) -> list[Drift]:
    client = ecr.client(region, profile)
    inventory, template_of = Inventory(client), template_reader(ecr.client_of("cloudformation", region, profile))

    def read(name: str) -> list[Drift]:
        found = inventory.read(name)
        return [] if found is None else drifts_of(found, template_of)

    names = ecr.Registry(client).names(prefix)
    return [drift for each in concurrency.of_each(names, read, "Comparing") for drift in each]
