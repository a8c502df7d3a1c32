"""What baselines would change of a repository, by the plan that the controller makes itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from ecr_controller.baselines import baseline as baselines
from ecr_controller.baselines import planning
from ecr_controller.custom_resource import properties
from ecr_controller.custom_resource.boundaries import Boundaries
from ecr_controller.custom_resource.request import Home
from ecr_controller.repository import ownership
from ecr_controller.repository.settings import settings
from ecrctl.comparison import without_present
from ecrctl.controller import UNBOUNDED
from ecrctl.inputs.values import as_sent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ecr_controller.baselines.baseline import Baseline
    from ecr_controller.custom_resource.request import Request
    from ecr_controller.errors import Faults
    from ecr_controller.repository.changes import Change
    from ecr_controller.repository.record import Record
    from ecr_controller.stacks import Stacks
    from ecrctl.inputs.inventory import Found

# The stack is not deployed yet, so that no boundary names it.
_STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/template/0"


@dataclass(frozen=True, slots=True)
class PlannedRepository:
    """A repository, the logical ID and the mode of its baseline, and what it would change."""

    repository: str
    resource: str
    mode: str
    changes: Sequence[Change[Any]]


def baseline_of(name: str, values: Mapping[str, Any], faults: Faults) -> Baseline | None:
    """The baseline of a resource of a template."""
    with UNBOUNDED.configured():
        checked = properties.check(baselines.TYPE, as_sent(values), faults)
        found = baselines.parse_baseline(checked, faults, Home.of(_STACK))
    return None if found is None else replace(found, owner=f"{_STACK}|{name}")


def planned(
    found: Found,
    baselines_of: Callable[[str], Iterable[Baseline]],
    stacks: Stacks,
    records: Mapping[str, Record] | None = None,
) -> PlannedRepository | None:
    """What the baseline that applies would change; None if none does, or a stack declares the repository.

    ``records`` are what baselines put there before, by their owners. Raises UserError and RetryableError.
    """
    if ownership.is_declared_still(found.repository, stacks):
        return None
    baseline = baselines.applying(found.name, baselines_of, Boundaries("*"))
    if baseline is None:
        return None
    mode = baselines.ENFORCE if baseline.mode == baselines.REPORT else baseline.mode
    every = settings(cast("Request[Any]", None))
    has_owner = ownership.declares_policy_still(found.repository, found.home, stacks)
    record = (records or {}).get(baseline.owner)
    plan = planning.plan(found.repository, baseline.spec, mode, record, every, without_policy=has_owner)
    changes = [change for each in plan.changes if (change := without_present(each, found)) is not None]
    return PlannedRepository(found.name, baseline.logical_id, baseline.mode, changes)
