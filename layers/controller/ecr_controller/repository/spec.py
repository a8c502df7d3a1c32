"""What the properties of ``Custom::ECRRepository`` declare."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecr_controller.lifecycle.guard import Guard, parse_guard
from ecr_controller.lifecycle.keep_in_use import KeepInUse, parse_keep_in_use
from ecr_controller.lifecycle.rules import parse_policy
from ecr_controller.repository.model import Encryption, Mutability

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Home
    from ecr_controller.errors import Faults
    from ecr_controller.lifecycle.policy import LifecyclePolicy
    from ecr_controller.repository_policy.statement import Statement


@dataclass(frozen=True, slots=True)
class RepositorySpec:
    """A declared repository. None: not declared, and the controller leaves it alone.

    Without a name, one is generated. ``tags`` are those that are declared, and in a request our own as well.
    """

    name: str | None = None
    scan_on_push: bool | None = None
    mutability: Mutability | None = None
    lifecycle_policy: LifecyclePolicy | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    encryption: Encryption | None = None
    guard: Guard | None = None
    adopt: bool = False
    empty_on_delete: bool = False
    allows_lifecycle_policies: bool = False
    statements: tuple[Statement, ...] = ()
    takes_stack_tags: bool = True
    restores_drift: bool = False
    keep_in_use: KeepInUse | None = None


def parse_repository(values: Values, faults: Faults, home: Home) -> RepositorySpec:
    """The repository that the properties declare."""
    return RepositorySpec(
        name=values.get("RepositoryName"),
        scan_on_push=values.get("ImageScanOnPush"),
        mutability=_mutability(values, faults),
        encryption=_encryption(values, faults, home),
        tags=_tags(values, faults),
        lifecycle_policy=parse_policy(values, faults),
        guard=parse_guard(values, faults),
        statements=_statements(values, faults, home),
        adopt=values.get("OnExisting") == "Adopt",
        empty_on_delete=values.get("EmptyOnDelete", False),
        allows_lifecycle_policies=values.get("AllowLifecyclePolicies", False),
        takes_stack_tags=values.get("StackTags", True),
        restores_drift=values.get("OnDrift") == "Restore",
        keep_in_use=parse_keep_in_use(values, faults),
    )


def _mutability(values: Values, faults: Faults) -> Mutability | None:
    mutability, filters = "ImageTagMutability", "ImageTagMutabilityExclusionFilters"
    declared = values.get(mutability)
    excludes = str(declared).endswith("_WITH_EXCLUSION")
    if values.declares(filters) and not excludes and (declared is not None or not values.declares(mutability)):
        needed = "MUTABLE_WITH_EXCLUSION or IMMUTABLE_WITH_EXCLUSION"
        faults.add(filters, f"is only supported with {mutability} {needed}")
    if excludes and not values.declares(filters):
        faults.add(filters, f"is required with {mutability} {declared}: 1 to 5 patterns")
    if declared is None:
        return None
    return Mutability(declared, tuple(each for each in values.get(filters, ()) if each))


def _encryption(values: Values, faults: Faults, home: Home) -> Encryption | None:
    key = values.get("EncryptionKey")
    if key is not None and values.get("Encryption") == "AES256":
        faults.add("EncryptionKey", "is only supported with Encryption KMS or KMS_DSSE")
    if key is None and "Encryption" not in values:
        return None
    if key is not None and not key.startswith(("arn:", "alias/")):
        key = f"arn:{home.partition}:kms:{home.region}:{home.account}:key/{key}"
    return Encryption(values.get("Encryption", "KMS"), key)


def _tags(values: Values, faults: Faults) -> dict[str, str]:
    tags: dict[str, str] = {}
    for i, tag in enumerate(values.get("Tags", ())):
        if tag and tag["Key"] in tags:
            faults.add(f"Tags[{i}].Key", f"{tag['Key']} is used by more than one tag")
        if tag:
            tags[tag["Key"]] = tag["Value"]
    return tags


def _statements(values: Values, faults: Faults, home: Home) -> tuple[Statement, ...]:
    if "PolicyStatements" not in values:
        return ()
    # Few repositories have statements, and every cold start would pay for this import.
    from ecr_controller.repository_policy import user_statements

    return user_statements.parse(values, faults, home)
