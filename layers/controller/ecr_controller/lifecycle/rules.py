"""From LifecycleRules or LifecyclePolicyText to a lifecycle policy that ECR accepts.

Priorities, the inferred tag status and the place of `any` are the CDK's (``aws-cdk-lib/aws-ecr``, LifecycleRule). A
text is read into the same form, so that both have the same checks and the same messages.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import Faults
from ecr_controller.lifecycle import holds, policy_text, validation
from ecr_controller.lifecycle.policy import COUNT_PROPERTIES, LifecyclePolicy, Rule
from ecr_controller.lifecycle.validation import DeclaredRule, tag_status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ecr_controller.custom_resource.properties import Values

RULES, TEXT = "LifecycleRules", "LifecyclePolicyText"
_KEEP_IN_USE = "KeepInUse"


def declares_policy(values: Values) -> bool:
    """Whether the properties declare a lifecycle policy, be it an invalid one, or that of a source."""
    has_rules = values.declares(RULES) and values.get(RULES) != []
    return has_rules or values.declares(TEXT) or bool(values.get("LikeSource"))


def parse_policy(values: Mapping[str, Any], faults: Faults) -> LifecyclePolicy | None:
    """The policy that validated properties declare, or None if they declare none, or one that has faults.

    With KeepInUse, it has the rule that keeps images in use.
    """
    rules, text = values.get(RULES), values.get(TEXT)
    if rules and text is not None:
        faults.add("LifecyclePolicyText", "cannot be combined with LifecycleRules; remove one of them")
        return None
    before = len(faults)
    keeps = bool(values.get(_KEEP_IN_USE))
    if text is not None:
        policy = _policy(policy_text.parse(text, TEXT, faults), TEXT, faults, keeps=keeps)
    else:
        policy = policy_from_rules(rules, faults, keeps=keeps) if rules else None
    return policy if len(faults) == before else None


def is_policy(text: str | None, policy: LifecyclePolicy) -> bool:
    """Whether the text is equivalent to the policy. A text that is not valid never is."""
    read = None if text is None else parse_policy({"LifecyclePolicyText": text}, Faults())
    return read is not None and read.is_equivalent_to(policy)


def is_text(text: str, other: str) -> bool:
    """Whether two texts are equivalent policies. Texts that are not valid are equivalent if they are equal."""
    read = parse_policy({"LifecyclePolicyText": other}, Faults())
    return text == other if read is None else is_policy(text, read)


def policy_from_rules(
    rules: Sequence[Mapping[str, Any] | None], faults: Faults, *, keeps: bool = False
) -> LifecyclePolicy | None:
    """The policy of validated LifecycleRules, in the CDK's order; None is an entry whose faults are reported."""
    declared = [None if rule is None else DeclaredRule(rule, f"LifecycleRules[{i}]") for i, rule in enumerate(rules)]
    return _policy(declared, "LifecycleRules", faults, keeps=keeps)


def _policy(
    declared: Sequence[DeclaredRule | None], path: str, faults: Faults, *, keeps: bool
) -> LifecyclePolicy | None:
    """The policy of the valid rules. Their faults among each other are found even if other rules are invalid."""
    valid: list[DeclaredRule] = []
    for rule in declared:
        before = len(faults)
        if rule is not None:
            validation.validate_rule(rule, faults)
            valid += [rule] if len(faults) == before else []
    numbered = _numbered(valid)
    policy = LifecyclePolicy(tuple(rule for _, rule in numbered))
    before = len(faults)
    validation.validate_policy(numbered, faults)
    is_whole = policy.rules and len(policy.rules) == len(declared)
    if keeps:
        policy = holds.holding(policy)
        validation.validate_shift(policy, path, faults)
    if len(faults) == before:
        validation.validate_length(policy.text(), path, faults)
    return policy if is_whole else None


def _numbered(declared: Sequence[DeclaredRule]) -> list[tuple[DeclaredRule, Rule]]:
    """Rules with a priority, then those without, then `any`; each without one gets the next after the largest."""
    following = count(1 + max((rule["RulePriority"] for rule in declared if "RulePriority" in rule), default=0))
    return [
        (rule, _rule(rule, rule["RulePriority"] if "RulePriority" in rule else next(following)))
        for rule in sorted(declared, key=lambda rule: (tag_status(rule) == "any", "RulePriority" not in rule))
    ]


def _rule(declared: DeclaredRule, priority: int) -> Rule:
    count_property = next(name for name in COUNT_PROPERTIES if name in declared)
    count_type = COUNT_PROPERTIES[count_property]
    return Rule(
        priority=priority,
        tag_status=tag_status(declared),
        count_type=count_type.name,
        count_number=declared[count_property],
        action=count_type.action(declared.get("Action")),
        storage_class=declared.get("StorageClass", count_type.storage_class),
        tag_prefixes=tuple(declared.get("TagPrefixList", ())),
        tag_patterns=tuple(declared.get("TagPatternList", ())),
        description=declared.get("Description"),
    )
