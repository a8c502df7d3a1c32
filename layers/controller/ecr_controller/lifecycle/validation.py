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

# The characters that PutLifecyclePolicy takes (service model). It wants 100 at least, which one rule makes up.
LONGEST_TEXT = 30_720


class Declared(UserDict[str, Any]):
    """A rule in the words of LifecycleRules, that knows where each of its properties was written."""

    def __init__(
        self,
        rule: Mapping[str, Any],
        path: str,
        places: Mapping[str, str] | None = None,
        words: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(rule)
        self.path = path
        self._places, self._words = places or {}, words or {}

    def at(self, name: str) -> str:
        """The path of one property."""
        return f"{self.path}.{self._places.get(name, name)}"

    def word(self, name: str) -> str:
        """What a property, or its value, is called where the rule was written."""
        return self._words.get(name, name)


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
        names = ", ".join(COUNT_PROPERTIES)
        yield Fault(rule.path, f"must have exactly one of {names}, but has {' and '.join(given) or 'none'}")
        return
    yield from _count_faults(rule, given[0])


def _tag_list_faults(rule: Declared) -> Iterator[Fault]:
    prefixes, patterns = rule.word("TagPrefixList"), rule.word("TagPatternList")
    lists = [name for name in ("TagPrefixList", "TagPatternList") if name in rule]
    if tag_status(rule) != "tagged":
        for name in lists:
            yield Fault(rule.at(name), f"goes only with {rule.word('TagStatus')} tagged")
    elif len(lists) == 2:
        yield Fault(rule.path, f"cannot have both {prefixes} and {patterns}: keep one of the two")
    elif not any(rule[name] for name in lists):
        yield Fault(rule.path, f"selects tagged images, so it must have entries in {prefixes} or {patterns}")


def _count_faults(rule: Declared, name: str) -> Iterator[Fault]:
    count_type = COUNT_PROPERTIES[name]
    if rule[name] < count_type.least:
        yield Fault(rule.at(name), f"must be at least {count_type.least}")
    if rule.get("StorageClass", count_type.storage_class) != count_type.storage_class:
        yield Fault(rule.at("StorageClass"), f"can only be {count_type.storage_class} with {rule.word(name)}")
    if rule.get("Action", count_type.actions[0]) not in count_type.actions:
        yield Fault(rule.at("Action"), f"can only be {rule.word(count_type.actions[0])} with {rule.word(name)}")


def policy_faults(rules: Sequence[tuple[Declared, Rule]]) -> list[Fault]:
    """The faults of rules among each other, each told at the later of the two."""
    return [*_priority_faults(rules), *_selection_faults(rules)]


def _priority_faults(rules: Sequence[tuple[Declared, Rule]]) -> Iterator[Fault]:
    first: dict[int, str] = {}
    for declared, rule in rules:
        if rule.priority in first:
            at = declared.at("RulePriority")
            yield Fault(
                at, f"{rule.priority} is the priority of {first[rule.priority]} too, but each rule needs its own"
            )
        first.setdefault(rule.priority, declared.path)
    for declared, rule in rules:
        if rule.tag_status == "any" and "RulePriority" in declared:
            yield from _place_faults(declared, rule, rules)


def _place_faults(declared: Declared, rule: Rule, rules: Sequence[tuple[Declared, Rule]]) -> Iterator[Fault]:
    """Whether `any` comes after all other rules for its storage class. A second `any` is told by its selection."""
    others = [(d, r) for d, r in rules if r.tag_status != "any" and r.storage_class == rule.storage_class]
    later = [d.path for d, r in others if r.priority > rule.priority]
    unnumbered = [d.path for d, _ in others if "RulePriority" not in d]
    at, why = declared.at("RulePriority"), f"because `any` must come last of the rules for {rule.storage_class} images"
    if unnumbered:
        yield Fault(at, f"cannot be given while {unnumbered[0]} has none and would come later, {why}")
    elif later:
        yield Fault(at, f"must be larger than that of {later[0]}, {why}")


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
            once = f"but ECR allows that to one rule for {rule.storage_class} images"
            yield Fault(declared.path, f"{what}, as {first[key]} does, {once}")
        first.setdefault(key, declared.path)


def text_faults(text: str, path: str) -> list[Fault]:
    """Whether the text has a length that PutLifecyclePolicy takes."""
    if len(text) <= LONGEST_TEXT:
        return []
    return [Fault(path, f"makes a policy of {len(text):,} characters, but ECR takes no more than {LONGEST_TEXT:,}")]
