"""One statement of a repository policy, as a part declares it: without Resource, which ECR does not take."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ecr_controller.repository_policy import access

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Of every Sid that is ours. A statement with another Sid, or none, is foreign and never touched.
PREFIX = "EcrController"
EVERYONE = ("AWS", "*")


@dataclass(frozen=True, slots=True)
class Statement:
    """``principals`` are pairs such as ("AWS", an ARN) or ("Service", a name); ``label`` is the Sid of the user."""

    principals: tuple[tuple[str, str], ...]
    actions: tuple[str, ...]
    conditions: Mapping[str, Any] = field(default_factory=dict)
    effect: str = "Allow"
    label: str = ""

    @property
    def sid(self) -> str:
        """The Sid in the policy: the same for statements that differ only in their principals, which merge."""
        # Everyone would swallow the principals that it is merged with.
        key = [self.effect, self.actions, self.conditions, self.label, EVERYONE in self.principals]
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        return PREFIX + (self.label or access.name_of(self.actions)) + digest[:8]

    def content(self) -> dict[str, Any]:
        """The statement as a policy holds it, under the user's Sid."""
        return _as_json(self, self.label, self.principals)

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Statement:
        """The statement of `content`, or one that a user wrote: a single value stands for a list of it."""
        given = content["Principal"]
        named = {"AWS": given} if isinstance(given, str) else given
        return cls(
            principals=tuple(sorted({(kind, each) for kind, ids in named.items() for each in as_list(ids)})),
            actions=tuple(as_list(content["Action"])),
            conditions=content.get("Condition", {}),
            effect=content.get("Effect", "Allow"),
            label=content.get("Sid", ""),
        )


def merged(statements: Iterable[Statement]) -> dict[str, dict[str, Any]]:
    """The statements as the policy holds them, by their Sids: one for all that differ only in their principals."""
    groups: dict[str, list[Statement]] = {}
    for statement in statements:
        groups.setdefault(statement.sid, []).append(statement)
    return {
        sid: _as_json(group[0], sid, {principal for each in group for principal in each.principals})
        for sid, group in sorted(groups.items())
    }


def as_list(value: Any) -> list[Any]:
    """The list that a single value stands for in a policy."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _as_json(statement: Statement, sid: str, principals: Iterable[tuple[str, str]]) -> dict[str, Any]:
    named: dict[str, list[str]] = {}
    for kind, each in sorted(principals):
        named.setdefault(kind, []).append(each)
    return {
        **({"Sid": sid} if sid else {}),
        "Effect": statement.effect,
        "Principal": {kind: ids[0] if len(ids) == 1 else ids for kind, ids in named.items()},
        "Action": list(statement.actions),
        **({"Condition": dict(statement.conditions)} if statement.conditions else {}),
    }
