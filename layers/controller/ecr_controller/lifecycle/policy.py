"""A lifecycle policy as ECR understands it, and its text.

Source: "Lifecycle policy parameters" in the Amazon ECR user guide. Optional members are left out when unset, because
ECR's own schema rejects nulls. Member order is the CDK's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Literal

TagStatus = Literal["any", "tagged", "untagged"]
StorageClass = Literal["standard", "archive"]
CountType = Literal["imageCountMoreThan", "sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned"]
ActionType = Literal["expire", "transition"]


@dataclass(frozen=True, slots=True)
class Count:
    """One way to count. ECR allows it with one storage class and with these actions, the first being the default."""

    name: CountType
    actions: tuple[Literal["expire", "archive"], ...]
    storage_class: StorageClass = "standard"
    least: int = 1

    def action(self, declared: str | None) -> ActionType:
        """What ECR calls the declared action, or the default one."""
        return "expire" if (declared or self.actions[0]) == "expire" else "transition"


# The property of a lifecycle rule that stands for each count type.
COUNT_PROPERTIES: dict[str, Count] = {
    "MaxImageCount": Count("imageCountMoreThan", ("expire", "archive")),
    "MaxImageAge": Count("sinceImagePushed", ("expire", "archive")),
    "MaxDaysSincePull": Count("sinceImagePulled", ("archive",)),
    "MaxDaysSinceArchived": Count("sinceImageTransitioned", ("expire",), "archive", 90),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule with its final priority. ``count_number`` is images for ``imageCountMoreThan``, else days."""

    priority: int
    tag_status: TagStatus
    count_type: CountType
    count_number: int
    action: ActionType = "expire"
    storage_class: StorageClass = "standard"
    tag_prefixes: tuple[str, ...] = ()
    tag_patterns: tuple[str, ...] = ()
    description: str | None = None

    def document(self) -> dict[str, Any]:
        """The rule as ECR's JSON."""
        selection: dict[str, Any] = {"tagStatus": self.tag_status}
        if self.tag_prefixes:
            selection["tagPrefixList"] = list(self.tag_prefixes)
        if self.tag_patterns:
            selection["tagPatternList"] = list(self.tag_patterns)
        if self.storage_class != "standard":
            selection["storageClass"] = self.storage_class
        selection |= {"countType": self.count_type, "countNumber": self.count_number}
        if self.count_type != "imageCountMoreThan":
            selection["countUnit"] = "days"
        action: dict[str, str] = {"type": self.action}
        if self.action == "transition":
            action["targetStorageClass"] = "archive"
        described = {} if self.description is None else {"description": self.description}
        return {"rulePriority": self.priority, **described, "selection": selection, "action": action}


@dataclass(frozen=True, slots=True)
class LifecyclePolicy:
    """Rules in the order in which they were declared. ECR applies them by ``priority``, lowest first."""

    rules: tuple[Rule, ...]

    def text(self) -> str:
        """The document as PutLifecyclePolicy takes it, with its rules by priority."""
        rules = sorted(self.rules, key=lambda rule: rule.priority)
        return json.dumps({"rules": [rule.document() for rule in rules]}, separators=(",", ":"), ensure_ascii=False)

    def is_equivalent_to(self, other: LifecyclePolicy) -> bool:
        """Whether both have the same effect. ECR may sort rules, and the lists of a selection have no order."""
        return _normalized(self) == _normalized(other)


def _normalized(policy: LifecyclePolicy) -> list[Rule]:
    unordered = (
        replace(rule, tag_prefixes=tuple(sorted(rule.tag_prefixes)), tag_patterns=tuple(sorted(rule.tag_patterns)))
        for rule in policy.rules
    )
    return sorted(unordered, key=lambda rule: rule.priority)
