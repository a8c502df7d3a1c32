"""From the properties of ``Custom::ECRLifecyclePolicy`` to what they declare, with every fault at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource import properties
from ecr_controller.errors import Fault, InvalidProperties
from ecr_controller.lifecycle.guard import Guard
from ecr_controller.lifecycle.rules import declared_policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_controller.lifecycle.policy import LifecyclePolicy

TYPE = "ECRLifecyclePolicy"


@dataclass(frozen=True, slots=True)
class Declaration:
    """The lifecycle policy of one repository."""

    repository: str
    policy: LifecyclePolicy
    guard: Guard | None = None
    replaces: bool = False


def read(declared: Mapping[str, Any]) -> Declaration:
    """What the properties declare. Raises InvalidProperties."""
    values, faults = properties.check(TYPE, declared)
    policy, guard = declared_policy(values, faults), Guard.declared(values, declared, faults)
    if policy is None and not faults:
        faults = [Fault("LifecycleRules", "is required, with at least one rule, or LifecyclePolicyText in its place")]
    if policy is None or faults:
        raise InvalidProperties(f"Custom::{TYPE}", faults)
    return Declaration(values["RepositoryName"], policy, guard, values.get("OnExisting") == "Replace")


def read_policy_leniently(declared: Mapping[str, Any]) -> LifecyclePolicy | None:
    """The policy in properties that may be invalid: those of a rollback or of a Delete."""
    return declared_policy(properties.check(TYPE, declared)[0], [])
