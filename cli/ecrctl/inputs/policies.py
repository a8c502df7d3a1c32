"""The lifecycle policies to plan, validated like the properties of the custom resources, with the same messages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource import properties
from ecr_controller.errors import Fault, Faults, InvalidProperties, UserError
from ecr_controller.lifecycle.rules import parse_policy
from ecrctl.inputs.intrinsics import Resolver
from ecrctl.inputs.values import Unresolved

if TYPE_CHECKING:
    from ecr_controller.lifecycle.keep_in_use import KeepInUse
    from ecr_controller.lifecycle.policy import LifecyclePolicy

TEXT = "LifecyclePolicyText"
_RESPONSE_MEMBER = "lifecyclePolicyText"


@dataclass(frozen=True, slots=True)
class DeclaredPolicy:
    """A policy, with the repository and the logical ID of the resource that declares it, where they are known, and what
    the resource says of images in use."""

    policy: LifecyclePolicy
    repository: str | None = None
    resource: str | None = None
    keep_in_use: KeepInUse | None = None


def from_rules(rules: Any) -> DeclaredPolicy:
    """The policy of a list of LifecycleRules. Raises InvalidProperties."""
    try:
        return _validate({"LifecycleRules": Resolver({}, {}).resolve(rules, "LifecycleRules")})
    except Unresolved as error:
        raise InvalidProperties("The list of rules", error.faults) from None


def from_text(text: str) -> DeclaredPolicy:
    """The policy of a lifecycle policy document of Amazon ECR. Raises InvalidProperties."""
    try:
        return _validate({TEXT: _document(text)})
    except InvalidProperties as error:
        raise InvalidProperties("The policy", [_in_document(fault) for fault in error.faults]) from None


def _document(text: str) -> str:
    """The policy document itself, also of the response of GetLifecyclePolicy. Raises UserError for a list of rules."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(read, list):
        raise UserError('must be a policy document of the form {"rules": [...]}, not a list of rules')
    response = read.get(_RESPONSE_MEMBER) if isinstance(read, dict) else None
    return response if isinstance(response, str) else text


def _validate(declared: dict[str, Any]) -> DeclaredPolicy:
    faults = Faults()
    policy = parse_policy(properties.check("ECRRepository", declared, faults), faults)
    if policy is None:
        raise InvalidProperties("The policy", faults or [Fault("LifecycleRules", "must have at least 1 entry")])
    return DeclaredPolicy(policy)


def _in_document(fault: Fault) -> Fault:
    """The fault with paths that begin at the document, not at the property that would hold it."""
    return Fault(fault.path.removeprefix(TEXT).removeprefix("."), fault.message.replace(f"{TEXT}.", ""))
