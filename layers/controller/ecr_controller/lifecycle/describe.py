"""Descriptions of lifecycle rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller.errors import count
from ecr_controller.lifecycle.holds import is_rule

if TYPE_CHECKING:
    from ecr_controller.lifecycle.policy import Rule

_CLOCKS = {
    "sinceImagePushed": "pushed",
    "sinceImagePulled": "pulled (or pushed, if never pulled)",
    "sinceImageTransitioned": "archived",
}


def describe(rule: Rule) -> str:
    """``expire images tagged prod*, keeping the 10 most recent``; of images in use, what their rule is for."""
    if is_rule(rule):
        return "keep images in use"
    verb = "expire" if rule.action == "expire" else "archive"
    if rule.count_type == "imageCountMoreThan":
        kept = "most recent" if rule.count_number == 1 else f"{rule.count_number:,} most recent"
        return f"{verb} {_selection(rule)}, keeping the {kept}"
    return f"{verb} {_selection(rule)} {_CLOCKS[rule.count_type]} more than {count(rule.count_number, 'day')} ago"


def _selection(rule: Rule) -> str:
    if rule.tag_status == "any":
        return "all images"
    if rule.tag_status == "untagged":
        return "untagged images"
    tags = rule.tag_patterns or tuple(f"{prefix}*" for prefix in rule.tag_prefixes)
    return f"images tagged {' and '.join(tags)}"
