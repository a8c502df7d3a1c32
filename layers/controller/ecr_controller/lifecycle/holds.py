"""The rule that keeps the images in use from all other rules of a lifecycle policy.

Amazon ECR has no action that retains an image. But an image that a rule matches is never expired or archived by a rule
of lower priority ("Lifecycle policy evaluation rules" in the Amazon ECR user guide). So images in use have a tag that
the first rule matches, and there are never as many as its count.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ecr_controller.lifecycle.policy import LifecyclePolicy, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable

TAG_PREFIX = "ecr-controller-in-use-"
# Of Amazon ECR: rules of a policy.
MOST_RULES = 50
# A repository has 100,000 images at most, unless its quota is raised.
_RULE = Rule(
    priority=1,
    tag_status="tagged",
    count_type="imageCountMoreThan",
    count_number=99_999,
    tag_patterns=(f"{TAG_PREFIX}*",),
    description="Images in use, which no other rule expires",
)


def tag_of(digest: str) -> str:
    """The tag that holds the image with this digest, ``sha256:`` and 64 hexadecimal digits."""
    return f"{TAG_PREFIX}{digest.removeprefix('sha256:')[:12]}"


def is_held(digest: str, tags: Iterable[str]) -> bool:
    """Whether an image with these tags is held."""
    return tag_of(digest) in tags


def is_rule(rule: Rule) -> bool:
    """Whether it is the rule that keeps images in use, with any priority and description."""
    return replace(rule, priority=1, description=None) == replace(_RULE, description=None)


def holds(policy: LifecyclePolicy) -> bool:
    """Whether the policy keeps images in use: its first rule is the one that does."""
    first = min(policy.rules, key=lambda rule: rule.priority, default=None)
    return first is not None and is_rule(first)


def holding(policy: LifecyclePolicy) -> LifecyclePolicy:
    """The policy with the rule before its own ones, whose priorities increase by one, unless it has it already."""
    if holds(policy):
        return policy
    return LifecyclePolicy((_RULE, *(replace(rule, priority=rule.priority + 1) for rule in policy.rules)))
