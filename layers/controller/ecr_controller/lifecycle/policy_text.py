"""The JSON text of a lifecycle policy, read into the form of LifecycleRules."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource import properties
from ecr_controller.lifecycle.policy import COUNT_PROPERTIES
from ecr_controller.lifecycle.validation import DeclaredRule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_controller.errors import Faults

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


def parse(text: str, path: str, faults: Faults) -> list[DeclaredRule | None]:
    """The rules of a policy text, with None for an invalid one."""
    repeated: list[str] = []

    def once(members: list[tuple[str, Any]]) -> dict[str, Any]:
        seen = Counter(name for name, _ in members)
        repeated.extend(name for name, times in seen.items() if times > 1)
        return dict(members)

    try:
        read = json.loads(text, object_pairs_hook=once)
        document = properties.check_document("LifecyclePolicyText", read, path, faults)
    except (ValueError, RecursionError) as error:
        faults.add(path, f"is not valid JSON: {error}")
        return []
    # JSON readers differ in which value counts.
    for name in dict.fromkeys(repeated):
        faults.add(path, f"has the member {name} more than once in one object; remove one of them")
    rules = enumerate((document or {}).get("rules", ()))
    return [None if rule is None else _declared(rule, f"{path}.rules[{i}]", faults) for i, rule in rules]


def _validate_units(rule: Mapping[str, Any], path: str, faults: Faults) -> None:
    """Add the faults of the two members that another one requires or excludes."""
    counts, unit = rule["selection"]["countType"] == "imageCountMoreThan", "countUnit" in rule["selection"]
    if counts and unit:
        faults.add(f"{path}.selection.countUnit", "is not supported with countType imageCountMoreThan")
    if not counts and not unit:
        faults.add(f"{path}.selection.countUnit", f"must be days with countType {rule['selection']['countType']}")
    transition, target = rule["action"]["type"] == "transition", "targetStorageClass" in rule["action"]
    if transition != target:
        requirement = "must be archive with" if transition else "is only supported with"
        faults.add(f"{path}.action.targetStorageClass", f"{requirement} type transition")


def _declared(rule: Mapping[str, Any], path: str, faults: Faults) -> DeclaredRule | None:
    before = len(faults)
    _validate_units(rule, path, faults)
    if len(faults) > before:
        return None
    selection = rule["selection"]
    declared = {
        "RulePriority": rule["rulePriority"],
        "Description": rule.get("description"),
        "TagStatus": selection["tagStatus"],
        "TagPrefixList": selection.get("tagPrefixList"),
        "TagPatternList": selection.get("tagPatternList"),
        # ECR's own default; a declared rule would have it inferred.
        "StorageClass": selection.get("storageClass", "standard"),
        "Action": {"expire": "expire", "transition": "archive"}[rule["action"]["type"]],
        _PROPERTY_OF_COUNT_TYPE[selection["countType"]]: selection["countNumber"],
    }
    given = {name: value for name, value in declared.items() if value is not None}
    return DeclaredRule(given, path, _PLACES, _WORDS)
