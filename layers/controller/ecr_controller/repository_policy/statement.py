"""One statement of a repository policy. It has no Resource element, which ECR does not support there."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ecr_controller.config import config
from ecr_controller.repository_policy import access

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Every Sid of a controller begins with it.
PREFIX = "EcrController"
EVERYONE = ("AWS", "*")


@dataclass(frozen=True, slots=True)
class Statement:
    """``principals`` are pairs such as ("AWS", ARN) or ("Service", name); ``label`` is the Sid in the template."""

    principals: tuple[tuple[str, str], ...]
    actions: tuple[str, ...]
    conditions: Mapping[str, Any] = field(default_factory=dict)
    effect: str = "Allow"
    label: str = ""

    @property
    def sid(self) -> str:
        """The Sid in the policy: equal for statements that differ only in their principals, which are merged."""
        # Merged with everyone, other principals would be lost.
        key = [self.effect, self.actions, self.conditions, self.label, EVERYONE in self.principals]
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        return prefix() + (self.label or access.name_of(self.actions)) + digest[:8]

    def content(self) -> dict[str, Any]:
        """The statement as JSON, with the Sid that the user declared."""
        return _as_json(self, self.label, self.principals)

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Statement:
        """The statement of `content`, or one that a user wrote, in which a single value stands for a list of one."""
        given = content["Principal"]
        named = {"AWS": given} if isinstance(given, str) else given
        return cls(
            principals=tuple(sorted({(kind, each) for kind, ids in named.items() for each in as_list(ids)})),
            actions=tuple(as_list(content["Action"])),
            conditions=content.get("Condition", {}),
            effect=content.get("Effect", "Allow"),
            label=content.get("Sid", ""),
        )


def prefix() -> str:
    """What every Sid of this controller begins with. A statement with another Sid, or none, is foreign and never
    changed.

    Six digits tell the controllers of an account and Region apart: each has a table of its own.
    """
    return PREFIX + hashlib.sha256(config().parts_table.encode()).hexdigest()[:6]


def merged(statements: Iterable[Statement]) -> dict[str, dict[str, Any]]:
    """The statements as JSON, by their Sids in the policy: one for all that differ only in their principals."""
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
