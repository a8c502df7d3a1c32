"""What ECR would refuse in a lifecycle policy, found before it is asked and told by the property at fault.

Sources: "Lifecycle policy parameters" and "Lifecycle policy evaluation rules" in the Amazon ECR user guide; the first
checks of a rule are the CDK's.
"""

from __future__ import annotations

from collections import UserDict
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import Fault
from ecr_controller.lifecycle.policy import COUNT_PROPERTIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ecr_controller.lifecycle.policy import Rule, TagStatus

# PutLifecyclePolicy takes a text of 100 to 30,720 characters (service model).
SHORTEST_TEXT, LONGEST_TEXT = 100, 30_720


class Declared(UserDict[str, Any]):
    """A rule in the words of LifecycleRules, that knows where each of its properties was written."""

    def __init__(self, rule: Mapping[str, Any], path: str, names: Mapping[str, str] | None = None) -> None:
        super().__init__(rule)
        self.path = path
        self._names = names or {}

    def at(self, name: str) -> str:
        """The path of one property."""
        return f"{self.path}.{self.name(name)}"

    def name(self, name: str) -> str:
        """What a property is called where the rule was written."""
        return self._names.get(name, name)


def tag_status(rule: Mapping[str, Any]) -> TagStatus:
    """The tag status as the CDK infers it: a list of prefixes or patterns, even an empty one, means `tagged`."""
    inferred: TagStatus = "tagged" if "TagPrefixList" in rule or "TagPatternList" in rule else "any"
    given: TagStatus | None = rule.get("TagStatus")
    return given or inferred


def rule_faults(rule: Declared) -> Iterator[Fault]:
    """The faults of one rule on its own."""
    yield from _tag_list_faults(rule)
    given = [name for name in COUNT_PROPERTIES if name in rule]
    if len(given) != 1:
        names = ", ".join(map(rule.name, COUNT_PROPERTIES))
        yield Fault(rule.path, f"must have exactly one of {names}; it has {' and '.join(given) or 'none'}")
        return
    yield from _count_faults(rule, given[0])


def _tag_list_faults(rule: Declared) -> Iterator[Fault]:
    prefixes, patterns = rule.name("TagPrefixList"), rule.name("TagPatternList")
    lists = [name for name in ("TagPrefixList", "TagPatternList") if name in rule]
    if tag_status(rule) != "tagged":
        for name in lists:
            yield Fault(rule.at(name), f"goes only with {rule.name('TagStatus')} tagged")
    elif len(lists) == 2:
        yield Fault(rule.path, f"cannot have both {prefixes} and {patterns}; keep one of the two")
    elif not any(rule[name] for name in lists):
        yield Fault(rule.path, f"selects tagged images, so it must have entries in {prefixes} or {patterns}")


def _count_faults(rule: Declared, name: str) -> Iterator[Fault]:
    count_type = COUNT_PROPERTIES[name]
    if rule[name] < count_type.least:
        yield Fault(rule.at(name), f"must be at least {count_type.least}")
    if rule.get("StorageClass", count_type.storage_class) != count_type.storage_class:
        only = f"ECR allows only {count_type.storage_class} with {rule.name(name)}"
        yield Fault(rule.at("StorageClass"), f"cannot be {rule['StorageClass']}: {only}")
    if rule.get("Action", count_type.actions[0]) not in count_type.actions:
        only = f"ECR allows only {count_type.actions[0]} with {rule.name(name)}"
        yield Fault(rule.at("Action"), f"cannot be {rule['Action']}: {only}")


def policy_faults(rules: Sequence[tuple[Declared, Rule]]) -> list[Fault]:
    """The faults of rules among each other, each told at the later of the two."""
    return [*_priority_faults(rules), *_selection_faults(rules)]


def _priority_faults(rules: Sequence[tuple[Declared, Rule]]) -> Iterator[Fault]:
    first: dict[int, str] = {}
    for declared, rule in rules:
        if rule.priority in first:
            at = declared.at("RulePriority")
            yield Fault(at, f"{rule.priority} is the priority of {first[rule.priority]} too; each rule needs its own")
        first.setdefault(rule.priority, declared.path)
    unnumbered = [
        declared.path for declared, rule in rules if "RulePriority" not in declared and rule.tag_status != "any"
    ]
    for declared, rule in rules:
        if rule.tag_status != "any":
            continue
        at = declared.at("RulePriority")
        if "RulePriority" in declared and unnumbered:
            yield Fault(at, f"cannot be given while {unnumbered[0]} has none, because `any` must come last")
        elif any(rule.priority < r.priority for _, r in rules if r.storage_class == rule.storage_class):
            yield Fault(at, f"must be the largest of the {rule.storage_class} rules, because `any` must come last")


def _selection_faults(rules: Sequence[tuple[Declared, Rule]]) -> Iterator[Fault]:
    first: dict[tuple[object, ...], str] = {}
    for declared, rule in rules:
        key: tuple[object, ...]
        if rule.tag_status != "tagged":
            key, what = (rule.storage_class, rule.tag_status), f"selects {rule.tag_status} images"
        elif rule.tag_prefixes:
            key, what = (rule.storage_class, frozenset(rule.tag_prefixes)), "selects these tag prefixes"
        else:
            continue
        if key in first:
            once = f"ECR allows it once for {rule.storage_class} images; merge the two"
            yield Fault(declared.path, f"{what}, as {first[key]} does; {once}")
        first.setdefault(key, declared.path)


def text_faults(text: str, path: str) -> list[Fault]:
    """Whether the text has a length that PutLifecyclePolicy takes."""
    if SHORTEST_TEXT <= len(text) <= LONGEST_TEXT:
        return []
    return [Fault(path, f"makes a policy of {len(text)} characters; ECR takes {SHORTEST_TEXT} to {LONGEST_TEXT}")]
