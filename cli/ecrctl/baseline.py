"""What `ecrctl baseline plan` does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ecr_controller.baselines.baseline import TYPE, Baseline
from ecr_controller.errors import Fault, Faults, InvalidProperties, UserError
from ecr_controller.patterns import matches
from ecrctl import arguments, concurrency, console
from ecrctl.baseline_plan import PlannedRepository, baseline_of, planned
from ecrctl.inputs import ecr, files
from ecrctl.inputs.deployed import KnownStacks
from ecrctl.inputs.inventory import Inventory
from ecrctl.inputs.template import Template
from ecrctl.inputs.values import NO_VALUE, Unresolved
from ecrctl.outputs import baseline as outputs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ecrctl.inputs.template import Declaration


def run(
    path: str,
    parameters: Sequence[str],
    prefix: str,
    region: str | None,
    profile: str | None,
    *,
    output: str,
    output_file: str | None,
) -> int:
    """Write what the baselines would change. Returns the exit code. Raises UserError and RetryableError."""
    arguments.check_files({"--template": path}, output_file)
    template = Template.read(files.read_yaml(path), arguments.parse_parameters(parameters))
    baselines = _baselines(template)
    with ecr.translated_errors():
        found = _plan(baselines, prefix, region, profile)
    if output == "json":
        console.write(outputs.as_json(found, template.not_read), output_file)
    else:
        console.show(outputs.table(found, template.not_read), output_file)
    if any(each.changes for each in found):
        return 2
    return 3 if template.not_read else 0


def _baselines(template: Template) -> list[Baseline]:
    """Those of the template. Raises InvalidProperties with the faults of all of them, and UserError."""
    faults, found = Faults(), []
    for declaration in template.declarations:
        if declaration.type_name == TYPE:
            found += _read(declaration, faults)
    if faults:
        raise InvalidProperties("The template", faults)
    patterns = [each.pattern for each in found]
    if len(set(patterns)) < len(patterns):
        raise UserError("the template has more than one baseline of the same RepositoryName: remove one")
    if not found:
        raise UserError(f"the template has no resource of type Custom::{TYPE} whose condition is true")
    return found


def _read(declaration: Declaration, faults: Faults) -> list[Baseline]:
    name, own = declaration.name, Faults()
    if not isinstance(declaration.properties, Mapping):
        faults.add(f"{name}.Properties", "must be a map of properties")
        return []
    values: dict[str, Any] = {}
    try:
        if declaration.is_excluded():
            return []
        for key, node in declaration.properties.items():
            if key != "ServiceToken":
                value = declaration.resolver.resolve(node, key)
                values |= {} if value is NO_VALUE else {key: value}
    except Unresolved as error:
        faults += error.faults
        return []
    found = baseline_of(name, values, own)
    faults += [Fault(f"{name}.{each.path}", each.message) for each in own]
    return [] if found is None else [found]


def _plan(
    baselines: Sequence[Baseline], prefix: str, region: str | None, profile: str | None
) -> list[PlannedRepository]:
    client = ecr.client(region, profile)
    stacks = KnownStacks(ecr.client_of("cloudformation", region, profile))
    inventory, by_pattern = Inventory(client), {each.pattern: (each,) for each in baselines}

    def plan(name: str) -> PlannedRepository | None:
        found = inventory.read(name)
        return None if found is None else planned(found, lambda pattern: by_pattern.get(pattern, ()), stacks)

    names = ecr.Registry(client).names(prefix)
    wanted = [name for name in names if any(matches(each.pattern, name) for each in baselines)]
    return [each for each in concurrency.of_each(wanted, plan, "Planning") if each is not None]
