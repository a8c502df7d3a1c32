"""A repository policy: foreign statements, unchanged and in place, and ours, which come from the parts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import UserError
from ecr_controller.repository_policy.statement import Statement, as_list, merged, prefix

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from ecr_controller.shared_documents.converge import Part

MAX_LENGTH = 10_240  # characters, fixed by ECR
_LARGEST = 5


@dataclass(frozen=True, slots=True)
class Policy:
    """The statements in order, and the other members of the document, such as Version and Id."""

    statements: tuple[Mapping[str, Any], ...] = ()
    frame: Mapping[str, Any] = field(default_factory=lambda: {"Version": "2012-10-17"})

    @classmethod
    def parse(cls, text: str) -> Policy:
        """The policy in a document. A single statement stands for a list of one."""
        document = json.loads(text)
        statements = as_list(document.pop("Statement", []))
        return cls(tuple(_canonical(each) if is_ours(each) else each for each in statements), document)

    def text(self) -> str:
        """The document."""
        return json.dumps({**self.frame, "Statement": list(self.statements)}, separators=(",", ":"))

    def principals(self, *, ours: bool | None = None) -> set[str]:
        """The AWS principals in all statements, in ours, or in the foreign ones."""
        chosen = (each for each in self.statements if ours is None or is_ours(each) == ours)
        return {principal for statement in chosen for principal in _aws(statement)}

    def without(self, gone: AbstractSet[str]) -> Policy:
        """The policy without these AWS principals, and without the statements that name no other principal."""
        if not gone:
            return self
        kept = (_without(each, gone) if gone & set(_aws(each)) else each for each in self.statements)
        return replace(self, statements=tuple(each for each in kept if each is not None))


def is_ours(statement: Mapping[str, Any]) -> bool:
    """Whether this controller made the statement."""
    return str(statement.get("Sid", "")).startswith(prefix())


def render(current: Policy, parts: Sequence[Part]) -> Policy:
    """The foreign statements of ``current``, and the statements of the parts, each in its place if it has one."""
    wanted = merged(statement for part in parts for statement in statements_of(part))
    kept = [wanted.pop(each["Sid"], None) if is_ours(each) else each for each in current.statements]
    return replace(current, statements=(*(each for each in kept if each is not None), *wanted.values()))


def holds(current: Policy, part: Part) -> bool:
    """Whether the policy has all statements of the part, for all their principals."""
    shown = {each["Sid"]: Statement.from_content(each) for each in current.statements if is_ours(each)}
    declared = [(each.sid, set(each.principals)) for each in statements_of(part)]
    return all(sid in shown and principals <= set(shown[sid].principals) for sid, principals in declared)


def statements_of(part: Part) -> Iterable[Statement]:
    """What one part declares of a repository policy."""
    return map(Statement.from_content, part.content["statements"])


def refuse_too_long(repository: str, policy: Policy, parts: Sequence[Part]) -> None:
    """Raise UserError if the policy is longer than ECR accepts. The message names the largest grants."""
    length = len(policy.text())
    if length <= MAX_LENGTH:
        return
    sizes = {part.resource: sum(len(json.dumps(each.content())) for each in statements_of(part)) for part in parts}
    largest = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:_LARGEST]
    named = ", ".join(f"{resource} ({size:,})" for resource, size in largest)
    foreign = sum(len(json.dumps(each)) for each in policy.statements if not is_ours(each))
    raise UserError(
        f"The policy of the repository {repository} would have {length:,} characters. ECR accepts {MAX_LENGTH:,}. "
        f"Largest grants: {named}; statements that the controller does not manage: {foreign:,}. Grant access to an "
        "account or an organization instead of many roles, or use the same access and conditions, so that the grants "
        "share one statement."
    )


def _canonical(statement: Mapping[str, Any]) -> Mapping[str, Any]:
    """A statement of ours as `render` writes it; unchanged if it is not a statement that we can have written."""
    if not {"Principal", "Action"} <= statement.keys() or not isinstance(statement["Principal"], (str, dict)):
        return statement
    [written] = merged([Statement.from_content(statement)]).values()
    return written | {"Sid": statement["Sid"]}


def _aws(statement: Mapping[str, Any]) -> list[str]:
    principal = statement.get("Principal", {})
    return as_list(principal.get("AWS", [])) if isinstance(principal, dict) else []


def _without(statement: Mapping[str, Any], gone: AbstractSet[str]) -> Mapping[str, Any] | None:
    named = {kind: [each for each in as_list(ids) if each not in gone] for kind, ids in statement["Principal"].items()}
    left = {kind: ids[0] if len(ids) == 1 else ids for kind, ids in named.items() if ids}
    return {**statement, "Principal": left} if left else None
