"""Changes of the settings of repositories, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller.errors import Faults
from ecr_controller.lifecycle.describe import describe
from ecr_controller.lifecycle.rules import parse_policy
from ecr_controller.repository.settings import LifecyclePolicyText

if TYPE_CHECKING:
    from ecr_controller.repository.changes import Change


def ends(change: Change[Any]) -> tuple[str, str]:
    """The old and the new value."""
    if change.setting.name == LifecyclePolicyText.name:
        return _rules(change.old), _rules(change.new)
    return change.setting.describe(change.old), change.setting.describe(change.new)


def _rules(text: str | None) -> str:
    policy = None if text is None else parse_policy({"LifecyclePolicyText": text}, Faults())
    if policy is None:
        return "none" if text is None else "a policy that can't be read"
    return "; ".join(describe(rule) for rule in policy.rules)
