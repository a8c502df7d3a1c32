"""A lifecycle policy's own JSON text, read into the words of LifecycleRules."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ecr_controller import properties
from ecr_controller.errors import Fault
from ecr_controller.lifecycle import checks
from ecr_controller.lifecycle.policy import COUNT_PROPERTIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAMES = {
    "RulePriority": "rulePriority",
    "Description": "description",
    "TagStatus": "selection.tagStatus",
    "TagPrefixList": "selection.tagPrefixList",
    "TagPatternList": "selection.tagPatternList",
    "StorageClass": "selection.storageClass",
    "Action": "action.type",
} | dict.fromkeys(COUNT_PROPERTIES, "selection.countNumber")
_PROPERTY_OF_COUNT_TYPE = {count_type.name: name for name, count_type in COUNT_PROPERTIES.items()}


def read(text: str, path: str, faults: list[Fault]) -> list[checks.Declared | None]:
    """The rules of a policy text, or none where the text itself has faults, which are added to ``faults``."""
    try:
        document = json.loads(text)
    except ValueError as error:
        faults.append(Fault(path, f"is not JSON: {error}"))
        return []
    found = checks.text_faults(text, path) + properties.check_document("LifecyclePolicyText", document, path)
    if not found:
        found = [f for i, rule in enumerate(document["rules"]) for f in _unit_faults(rule, f"{path}.rules[{i}]")]
    faults += found
    return [] if found else [_declared(rule, f"{path}.rules[{i}]") for i, rule in enumerate(document["rules"])]


def _unit_faults(rule: Mapping[str, Any], path: str) -> Iterator[Fault]:
    """The two members that another one demands or forbids."""
    counts, unit = rule["selection"]["countType"] == "imageCountMoreThan", "countUnit" in rule["selection"]
    if counts and unit:
        yield Fault(f"{path}.selection.countUnit", "does not go with countType imageCountMoreThan")
    if not counts and not unit:
        yield Fault(f"{path}.selection.countUnit", f"must be days with countType {rule['selection']['countType']}")
    transition, target = rule["action"]["type"] == "transition", "targetStorageClass" in rule["action"]
    if transition != target:
        word = "must be archive with" if transition else "goes only with"
        yield Fault(f"{path}.action.targetStorageClass", f"{word} type transition")


def _declared(rule: Mapping[str, Any], path: str) -> checks.Declared:
    selection = rule["selection"]
    declared = {
        "RulePriority": rule["rulePriority"],
        "Description": rule.get("description"),
        "TagStatus": selection["tagStatus"],
        "TagPrefixList": selection.get("tagPrefixList"),
        "TagPatternList": selection.get("tagPatternList"),
        # ECR's own default, where a declared rule would have it inferred.
        "StorageClass": selection.get("storageClass", "standard"),
        "Action": {"expire": "expire", "transition": "archive"}[rule["action"]["type"]],
        _PROPERTY_OF_COUNT_TYPE[selection["countType"]]: selection["countNumber"],
    }
    return checks.Declared({name: value for name, value in declared.items() if value is not None}, path, _NAMES)
