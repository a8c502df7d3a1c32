"""The state of a repository: who owns it, what declares its lifecycle policy, and what is in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ecr_controller.errors import UserError
from ecr_controller.lifecycle.holds import is_held
from ecr_controller.repository.ownership import (
    LOGICAL_ID,
    NATIVE_STACK_ID,
    STACK_ID,
    declares_policy_still,
    is_declared_still,
)
from ecrctl.baseline_plan import planned
from ecrctl.drifts import drifts_of
from ecrctl.inputs import policies
from ecrctl.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from ecr_controller.lifecycle.images import Image
    from ecr_controller.repository.record import Record
    from ecr_controller.stacks import Stacks
    from ecrctl.inputs.baselines import DeployedBaselines
    from ecrctl.inputs.inventory import Found
    from ecrctl.inputs.template import Template

    OwnerKind = Literal["controller", "cloudformation", "gone", "baseline", "nobody"]
    # "unknown" if a value is known only at deployment, or the template cannot be read; "" where nothing is declared.
    DriftState = Literal["none", "differs", "unknown", ""]

# By the kind of an owner, what people read.
OWNERS: dict[str, str] = {
    "controller": "stack of the controller",
    "cloudformation": "stack with AWS::ECR::Repository",
    "baseline": "baseline",
    "gone": "stack that no longer has it",
    "nobody": "nobody",
}


@dataclass(frozen=True, slots=True)
class RepositoryStatus:
    """A repository. ``owner`` names the stack and the resource. ``baseline_changes`` are the settings that the baseline
    that applies would change. Sizes are in bytes, times None where there was none.

    ``held`` are the images that are kept because they are in use.
    ``expirable`` and ``expirable_bytes`` are what the lifecycle policy that is in force would expire now.
    """

    name: str
    owner_kind: OwnerKind
    owner: str
    policy: str
    drift: DriftState
    images: int
    size: int
    expirable: int
    expirable_bytes: int
    last_push: datetime | None
    last_pull: datetime | None
    last_scan: datetime | None
    held: int = 0
    baseline_changes: Sequence[str] = ()

    @property
    def is_unmanaged(self) -> bool:
        """Whether no stack declares it."""
        return self.owner_kind in ("gone", "baseline", "nobody")


def status_of(
    found: Found,
    images: Sequence[Image],
    scanned_at: datetime | None,
    stacks: Stacks,
    template_of: Callable[[str], Template | None],
    now: datetime,
    deployed: DeployedBaselines | None = None,
) -> RepositoryStatus:
    """The state of a repository with these images, the newest of which was scanned at a time. ``template_of``
    reads the template of a stack; ``deployed`` are the baselines of the controller."""
    kind, owner = _owner(found, stacks)
    baseline_changes: tuple[str, ...] = ()
    if deployed is not None and kind in ("gone", "nobody"):
        declared, records = deployed.declared_by(found.name, stacks), deployed.records_of(found.repository)
        if declared is not None:
            kind, owner = "controller", _resource(declared)
        else:
            baseline_changes = _baseline_changes(found, deployed, stacks, records)
            applied = next((each for each, record in records.items() if record.put), None)
            if applied is not None:
                kind, owner = "baseline", _resource(applied)
    plan = _plan(found, images, now)
    return RepositoryStatus(
        found.name,
        kind,
        owner,
        _policy(found, plan, stacks),
        "" if kind == "gone" else _drift(found, template_of),
        len(images),
        sum(image.size_in_bytes for image in images),
        0 if plan is None else plan.evaluation.counts["expire"],
        0 if plan is None else plan.evaluation.bytes_freed,
        max((image.pushed_at for image in images), default=None),
        max((image.last_pulled_at for image in images if image.last_pulled_at), default=None),
        scanned_at,
        sum(is_held(image.digest, image.tags) for image in images),
        baseline_changes,
    )


def _baseline_changes(
    found: Found, deployed: DeployedBaselines, stacks: Stacks, records: Mapping[str, Record]
) -> tuple[str, ...]:
    plan = planned(found, deployed.baselines_of, stacks, records)
    return () if plan is None else tuple(dict.fromkeys(each.setting.name for each in plan.changes))


def _resource(owner: str) -> str:
    stack_id, logical_id, *_ = owner.split("|")
    return f"{stack_id.partition('stack/')[2].partition('/')[0] or stack_id}/{logical_id}"


def _owner(found: Found, stacks: Stacks) -> tuple[OwnerKind, str]:
    tags = found.repository.tags
    stack = tags.get(STACK_ID) or tags.get(NATIVE_STACK_ID)
    if stack is None:
        return "nobody", ""
    name = stack.partition("stack/")[2].partition("/")[0] or stack
    owner = f"{name}/{tags[LOGICAL_ID]}" if STACK_ID in tags and LOGICAL_ID in tags else name
    if not is_declared_still(found.repository, stacks):
        return "gone", owner
    return ("controller" if STACK_ID in tags else "cloudformation"), owner


def _drift(found: Found, template_of: Callable[[str], Template | None]) -> DriftState:
    try:
        drifts = drifts_of(found, template_of)
    except UserError:
        return "unknown"
    if any(each.changes for each in drifts):
        return "differs"
    if any(each.not_compared for each in drifts):
        return "unknown"
    return "none" if drifts else ""


def _plan(found: Found, images: Sequence[Image], now: datetime) -> Plan | None:
    text = found.repository.lifecycle_text
    if text is None:
        return None
    try:
        return Plan.of(policies.from_text(text), found.name, images, now)
    except UserError:
        return None


def _policy(found: Found, plan: Plan | None, stacks: Stacks) -> str:
    """Whether there is a lifecycle policy, and what declares it."""
    if found.repository.lifecycle_text is None:
        return "none"
    if plan is None:
        return "unreadable"
    return "declared" if declares_policy_still(found.repository, found.home, stacks) else "present"
