"""From the properties of ``Custom::ECRRepository`` to what they declare, with every fault at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource import properties
from ecr_controller.errors import Fault, InvalidProperties
from ecr_controller.lifecycle.guard import Guard
from ecr_controller.lifecycle.rules import declared_policy
from ecr_controller.repository.model import Declaration, Encryption, Mutability, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ecr_controller.repository_policy.statement import Statement

TYPE = "ECRRepository"


def read(declared: Mapping[str, Any]) -> Declaration:
    """What the properties declare. Raises InvalidProperties."""
    declaration, faults = _read(declared)
    if faults:
        raise InvalidProperties(f"Custom::{TYPE}", faults)
    return declaration


def read_leniently(declared: Mapping[str, Any]) -> Declaration:
    """What can be understood of properties that may be invalid: those of a rollback or of a Delete."""
    return _read(declared)[0]


def _read(declared: Mapping[str, Any]) -> tuple[Declaration, list[Fault]]:
    given = {name: value for name, value in declared.items() if (name, value) != ("RepositoryName", "")}
    statements: tuple[Statement, ...] = ()
    if "PolicyStatements" not in given:
        values, faults = properties.check(TYPE, given)
    else:
        # Imported here: few repositories have statements, and every cold start would pay for it.
        from ecr_controller.repository_policy import user_statements as declared_statements

        given, resource_faults = declared_statements.without_resources(given)
        values, faults = properties.check(TYPE, given)
        faults += resource_faults
        statements = declared_statements.read(values, faults)
    faults += [*_mutability_faults(values, declared), *_encryption_faults(values), *_tag_faults(values)]
    policy = declared_policy(values, faults)
    settings = Settings(
        scan_on_push=values.get("ImageScanOnPush"),
        mutability=_mutability(values),
        lifecycle_policy=policy,
        tags={tag["Key"]: tag["Value"] for tag in values.get("Tags", ()) if tag},
    )
    declaration = Declaration(
        name=values.get("RepositoryName"),
        settings=settings,
        encryption=_encryption(values),
        guard=Guard.declared(values, declared, faults),
        adopt=values.get("OnExisting") == "Adopt",
        empty_on_delete=values.get("EmptyOnDelete", False),
        statements=statements,
    )
    return declaration, faults


def _mutability(values: Mapping[str, Any]) -> Mutability | None:
    if "ImageTagMutability" not in values:
        return None
    filters = values.get("ImageTagMutabilityExclusionFilters", ())
    return Mutability(values["ImageTagMutability"], tuple(each for each in filters if each))


def _mutability_faults(values: Mapping[str, Any], declared: Mapping[str, Any]) -> Iterator[Fault]:
    excludes = str(values.get("ImageTagMutability", "")).endswith("_WITH_EXCLUSION")
    filters = "ImageTagMutabilityExclusionFilters"
    if (
        filters in declared
        and not excludes
        and ("ImageTagMutability" in values or "ImageTagMutability" not in declared)
    ):
        needs = "ImageTagMutability MUTABLE_WITH_EXCLUSION or IMMUTABLE_WITH_EXCLUSION"
        yield Fault(filters, f"goes only with {needs}")
    if excludes and filters not in declared:
        yield Fault(filters, f"is required with ImageTagMutability {values['ImageTagMutability']}: 1 to 5 patterns")


def _encryption(values: Mapping[str, Any]) -> Encryption | None:
    key = values.get("EncryptionKey")
    if key is None and "Encryption" not in values:
        return None
    return Encryption(values.get("Encryption", "KMS"), key)


def _encryption_faults(values: Mapping[str, Any]) -> Iterator[Fault]:
    if "EncryptionKey" in values and values.get("Encryption") == "AES256":
        yield Fault("EncryptionKey", "goes only with Encryption KMS or KMS_DSSE")


def _tag_faults(values: Mapping[str, Any]) -> Iterator[Fault]:
    seen: set[str] = set()
    for i, tag in enumerate(values.get("Tags", ())):
        if tag and tag["Key"] in seen:
            yield Fault(f"Tags[{i}].Key", f"{tag['Key']} is given twice")
        seen.add(tag["Key"] if tag else "")
