"""The lifecycle policies to plan for, read by the parser of the resources, so that the messages are the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller import properties
from ecr_controller.errors import Fault, InvalidProperties
from ecr_controller.lifecycle.rules import declared_policy
from ecrctl.inputs.intrinsics import Resolver
from ecrctl.inputs.values import Unresolved

if TYPE_CHECKING:
    from ecr_controller.lifecycle.policy import LifecyclePolicy


@dataclass(frozen=True, slots=True)
class DeclaredPolicy:
    """A policy, the repository that it is declared for, and the logical id of the resource, where they are known."""

    policy: LifecyclePolicy
    repository: str | None = None
    resource: str | None = None


def of_rules(rules: Any) -> DeclaredPolicy:
    """The policy of a list of LifecycleRules. Raises InvalidProperties."""
    try:
        return _checked({"LifecycleRules": Resolver({}, {}).resolve(rules, "LifecycleRules")})
    except Unresolved as error:
        raise InvalidProperties("The list of rules", error.faults) from None


def of_text(text: str) -> DeclaredPolicy:
    """The policy of ECR's own document. Raises InvalidProperties."""
    return _checked({"LifecyclePolicyText": text})


def _checked(declared: dict[str, Any]) -> DeclaredPolicy:
    values, faults = properties.check("ECRRepository", declared)
    policy = declared_policy(values, faults)
    if policy is None:
        raise InvalidProperties("The policy", faults or [Fault("LifecycleRules", "must have 1 or more entries")])
    return DeclaredPolicy(policy)
