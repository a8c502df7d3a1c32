"""A lifecycle policy's own JSON text, read into the words of LifecycleRules."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource import properties
from ecr_controller.errors import Fault
from ecr_controller.lifecycle import validation as checks
from ecr_controller.lifecycle.policy import COUNT_PROPERTIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PLACES = {
    "RulePriority": "rulePriority",
    "Description": "description",
    "TagStatus": "selection.tagStatus",
    "TagPrefixList": "selection.tagPrefixList",
    "TagPatternList": "selection.tagPatternList",
    "StorageClass": "selection.storageClass",
    "Action": "action.type",
} | dict.fromkeys(COUNT_PROPERTIES, "selection.countNumber")
_WORDS = {
    "TagStatus": "tagStatus",
    "TagPrefixList": "tagPrefixList",
    "TagPatternList": "tagPatternList",
    "archive": "transition",
} | {name: f"countType {count_type.name}" for name, count_type in COUNT_PROPERTIES.items()}
_PROPERTY_OF_COUNT_TYPE = {count_type.name: name for name, count_type in COUNT_PROPERTIES.items()}


def read(text: str, path: str, faults: list[Fault]) -> list[checks.Declared | None]:
    """The rules of a policy text, with None for one that has faults. Faults are added to ``faults``."""
    try:
        document, found = properties.check_document("LifecyclePolicyText", json.loads(text), path)
    except (ValueError, RecursionError) as error:
        faults.append(Fault(path, f"cannot be read as JSON: {error}"))
        return []
    faults += found
    rules = enumerate((document or {}).get("rules", ()))
    return [None if rule is None else _declared(rule, f"{path}.rules[{i}]", faults) for i, rule in rules]


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


def _declared(rule: Mapping[str, Any], path: str, faults: list[Fault]) -> checks.Declared | None:
    found = list(_unit_faults(rule, path))
    faults += found
    if found:
        return None
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
    given = {name: value for name, value in declared.items() if value is not None}
    return checks.Declared(given, path, _PLACES, _WORDS)
