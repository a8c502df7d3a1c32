"""From what a person declares, LifecycleRules or LifecyclePolicyText, to a lifecycle policy that ECR accepts.

Priorities, the inferred tag status and the place of `any` are the CDK's (``aws-cdk-lib/aws-ecr``, LifecycleRule). A
text is read into the same form, so that both meet the same checks and the same messages.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import Fault
from ecr_controller.lifecycle import validation as checks
from ecr_controller.lifecycle import policy_text as text
from ecr_controller.lifecycle.validation import tag_status
from ecr_controller.lifecycle.policy import COUNT_PROPERTIES, LifecyclePolicy, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ecr_controller.lifecycle.validation import Declared


def declared_policy(declared: Mapping[str, Any], faults: list[Fault]) -> LifecyclePolicy | None:
    """The policy that checked properties declare, or None where they declare none, or one that has faults.

    Faults are added to ``faults``.
    """
    rules, policy_text = declared.get("LifecycleRules"), declared.get("LifecyclePolicyText")
    if rules and policy_text is not None:
        faults.append(Fault("LifecyclePolicyText", "cannot be given together with LifecycleRules: keep one of the two"))
        return None
    before = len(faults)
    if policy_text is not None:
        policy = _policy(text.read(policy_text, "LifecyclePolicyText", faults), "LifecyclePolicyText", faults)
    else:
        policy = policy_from_rules(rules, faults) if rules else None
    return policy if len(faults) == before else None


def is_policy(text: str | None, policy: LifecyclePolicy) -> bool:
    """Whether the text says what the policy says. A text beyond our grammar never does."""
    read = None if text is None else declared_policy({"LifecyclePolicyText": text}, [])
    return read is not None and read.means(policy)


def policy_from_rules(rules: Sequence[Mapping[str, Any] | None], faults: list[Fault]) -> LifecyclePolicy | None:
    """The policy of checked LifecycleRules, in the CDK's order; None is an entry whose faults are already told."""
    declared = [None if rule is None else checks.Declared(rule, f"LifecycleRules[{i}]") for i, rule in enumerate(rules)]
    return _policy(declared, "LifecycleRules", faults)


def _policy(declared: Sequence[Declared | None], path: str, faults: list[Fault]) -> LifecyclePolicy | None:
    """What the sound rules make; their faults among each other stay, whatever becomes of the other rules."""
    told = [(rule, list(checks.rule_faults(rule))) for rule in declared if rule is not None]
    faults += [fault for _, found in told for fault in found]
    numbered = _numbered([rule for rule, found in told if not found])
    policy = LifecyclePolicy(tuple(rule for _, rule in numbered))
    faults += checks.policy_faults(numbered) or checks.text_faults(policy.text(), path)
    return policy if policy.rules and len(policy.rules) == len(declared) else None


def _numbered(declared: Sequence[Declared]) -> list[tuple[Declared, Rule]]:
    """Rules with a priority, then those without, then `any`; each without one gets the next after the largest."""
    following = count(1 + max((rule["RulePriority"] for rule in declared if "RulePriority" in rule), default=0))
    return [
        (rule, _rule(rule, rule["RulePriority"] if "RulePriority" in rule else next(following)))
        for rule in sorted(declared, key=lambda rule: (tag_status(rule) == "any", "RulePriority" not in rule))
    ]


def _rule(declared: Declared, priority: int) -> Rule:
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
