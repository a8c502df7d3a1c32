"""What ECR rejects in a lifecycle policy, found before ECR is called, and reported by property.

Sources: "Lifecycle policy parameters" and "Lifecycle policy evaluation rules" in the Amazon ECR user guide; the first
checks of a rule are the CDK's.
"""

from __future__ import annotations

from collections import UserDict
from typing import TYPE_CHECKING, Any

from ecr_controller.lifecycle.holds import MOST_RULES
from ecr_controller.lifecycle.policy import COUNT_PROPERTIES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ecr_controller.errors import Faults
    from ecr_controller.lifecycle.policy import LifecyclePolicy, Rule, TagStatus

# Characters that PutLifecyclePolicy accepts (service model). It requires 100 at least, which one rule has.
LONGEST_TEXT = 30_720
_LARGEST_PRIORITY = 2**31 - 1


class DeclaredRule(UserDict[str, Any]):
    """A rule with the property names of LifecycleRules, which knows where each property was declared."""

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
        """The name of a property, or of its value, in the document where the rule was declared."""
        return self._words.get(name, name)


def tag_status(rule: Mapping[str, Any]) -> TagStatus:
    """The tag status as the CDK infers it: a list of prefixes or patterns, even an empty one, means `tagged`."""
    inferred: TagStatus = "tagged" if "TagPrefixList" in rule or "TagPatternList" in rule else "any"
    given: TagStatus | None = rule.get("TagStatus")
    return given or inferred


def validate_rule(rule: DeclaredRule, faults: Faults) -> None:
    """Add the faults of one rule on its own."""
    _validate_tag_lists(rule, faults)
    given = [name for name in COUNT_PROPERTIES if name in rule]
    if len(given) != 1:
        names = ", ".join(COUNT_PROPERTIES)
        faults.add(rule.path, f"must have exactly one of {names}, but has {' and '.join(given) or 'none'}")
        return
    _validate_count(rule, given[0], faults)


def _validate_tag_lists(rule: DeclaredRule, faults: Faults) -> None:
    prefixes, patterns = rule.word("TagPrefixList"), rule.word("TagPatternList")
    lists = [name for name in ("TagPrefixList", "TagPatternList") if name in rule]
    if tag_status(rule) != "tagged":
        for name in lists:
            faults.add(rule.at(name), f"is only supported with {rule.word('TagStatus')} tagged")
    elif len(lists) == 2:
        faults.add(rule.path, f"cannot have both {prefixes} and {patterns}; remove one of them")
    elif not any(rule[name] for name in lists):
        faults.add(rule.path, f"selects tagged images, so {prefixes} or {patterns} must have entries")


def _validate_count(rule: DeclaredRule, name: str, faults: Faults) -> None:
    count_type = COUNT_PROPERTIES[name]
    if rule[name] < count_type.least:
        faults.add(rule.at(name), f"must be at least {count_type.least}")
    if rule.get("StorageClass", count_type.storage_class) != count_type.storage_class:
        faults.add(rule.at("StorageClass"), f"must be {count_type.storage_class} with {rule.word(name)}")
    if rule.get("Action", count_type.actions[0]) not in count_type.actions:
        faults.add(rule.at("Action"), f"must be {rule.word(count_type.actions[0])} with {rule.word(name)}")


def validate_policy(rules: Sequence[tuple[DeclaredRule, Rule]], faults: Faults) -> None:
    """Add the faults of rules among each other, each at the later of the two."""
    _validate_priorities(rules, faults)
    _validate_selections(rules, faults)


def _validate_priorities(rules: Sequence[tuple[DeclaredRule, Rule]], faults: Faults) -> None:
    first: dict[int, str] = {}
    for declared, rule in rules:
        if rule.priority in first:
            path = declared.at("RulePriority")
            faults.add(
                path, f"{rule.priority} is also the priority of {first[rule.priority]}; priorities must be unique"
            )
        first.setdefault(rule.priority, declared.path)
    for declared, rule in rules:
        if rule.tag_status == "any" and "RulePriority" in declared:
            _validate_place(declared, rule, rules, faults)


def _validate_place(
    declared: DeclaredRule, rule: Rule, rules: Sequence[tuple[DeclaredRule, Rule]], faults: Faults
) -> None:
    """Whether `any` comes after all other rules for its storage class. A second `any` is a fault of its selection."""
    others = [(d, r) for d, r in rules if r.tag_status != "any" and r.storage_class == rule.storage_class]
    later = [d.path for d, r in others if r.priority > rule.priority]
    unnumbered = [d.path for d, _ in others if "RulePriority" not in d]
    path, why = declared.at("RulePriority"), f"because `any` must be the last rule for {rule.storage_class} images"
    if unnumbered:
        faults.add(path, f"is only supported if {unnumbered[0]} has one too, {why}")
    elif later:
        faults.add(path, f"must be larger than that of {later[0]}, {why}")


def _validate_selections(rules: Sequence[tuple[DeclaredRule, Rule]], faults: Faults) -> None:
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
            once = f"but ECR allows one such rule for {rule.storage_class} images; combine the rules"
            faults.add(declared.path, f"{what}, as {first[key]} does, {once}")
        first.setdefault(key, declared.path)


def validate_shift(policy: LifecyclePolicy, path: str, faults: Faults) -> None:
    """Add the faults of a policy to which the rule for images in use was added."""
    if len(policy.rules) > MOST_RULES:
        faults.add(
            path,
            f"has {len(policy.rules) - 1} rules, but can have {MOST_RULES - 1} with KeepInUse, which adds a rule; "
            "remove or combine rules",
        )
    if max((rule.priority for rule in policy.rules), default=0) > _LARGEST_PRIORITY:
        faults.add(path, f"has a rule of priority {_LARGEST_PRIORITY}, which KeepInUse increases; use a lower one")


def validate_length(text: str, path: str, faults: Faults) -> None:
    """Add a fault if the text is longer than PutLifecyclePolicy accepts."""
    if len(text) > LONGEST_TEXT:
        faults.add(
            path,
            f"makes a policy of {len(text):,} characters, but ECR accepts {LONGEST_TEXT:,}; remove or combine rules",
        )
