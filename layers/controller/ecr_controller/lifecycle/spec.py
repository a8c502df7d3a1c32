"""What the properties of ``Custom::ECRLifecyclePolicy`` declare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecr_controller.lifecycle.guard import Guard, parse_guard
from ecr_controller.lifecycle.keep_in_use import KeepInUse, parse_keep_in_use
from ecr_controller.lifecycle.rules import TEXT, parse_policy

if TYPE_CHECKING:
    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.errors import Faults
    from ecr_controller.lifecycle.policy import LifecyclePolicy


@dataclass(frozen=True, slots=True)
class LifecyclePolicySpec:
    """The lifecycle policy of one repository. ``replaces``: OnExisting is Replace. ``restores_drift``: OnDrift is
    Restore."""

    repository: str
    policy: LifecyclePolicy
    guard: Guard | None = None
    replaces: bool = False
    restores_drift: bool = False
    keep_in_use: KeepInUse | None = None


def parse_lifecycle_policy(values: Values, faults: Faults) -> LifecyclePolicySpec | None:
    """The policy that the properties declare."""
    policy, guard = parse_policy(values, faults), parse_guard(values, faults)
    keep_in_use = parse_keep_in_use(values, faults)
    if not values.get("LifecycleRules") and not values.is_invalid("LifecycleRules") and not values.declares(TEXT):
        faults.add("LifecycleRules", "is required with at least one rule, unless LifecyclePolicyText is declared")
    if policy is None or "RepositoryName" not in values:
        return None
    return LifecyclePolicySpec(
        values["RepositoryName"],
        policy,
        guard,
        values.get("OnExisting") == "Replace",
        values.get("OnDrift") == "Restore",
        keep_in_use,
    )
