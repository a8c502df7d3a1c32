"""Plans as JSON. The members that docs/ecrctl.md lists are a contract."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ecr_controller.lifecycle.describe import describe
from ecrctl import warnings

if TYPE_CHECKING:
    from ecr_controller.lifecycle.evaluation import Fate
    from ecrctl.plan import Plan, Plans
    from ecrctl.preview import Difference, Outcome


def render(plans: Plans) -> str:
    """A plan, or several under `plans`, each with its resource and repository; and what is not planned, if anything."""
    unread = {"notPlanned": list(plans.not_planned)} if plans.not_planned else {}
    if len(plans.plans) == 1 and not plans.of_registry:
        return json.dumps(_plan(plans.plans[0]) | unread, indent=2)
    named = [
        {"resource": each.declared.resource, "repositoryName": each.repository} | _plan(each) for each in plans.plans
    ]
    return json.dumps({"plans": named} | unread, indent=2)


def _plan(plan: Plan) -> dict[str, Any]:
    document = {"images": [_image(fate) for fate in plan.evaluation.fates], "summary": _summary(plan)}
    if plan.differences is not None:
        document["preview"] = {"differences": [_difference(each) for each in plan.differences]}
    return document


def _image(fate: Fate) -> dict[str, Any]:
    image = fate.image
    return {
        "imageDigest": image.digest,
        "imageTags": list(image.tags),
        "action": fate.action,
        "rulePriority": fate.rule_priority,
        "subject": fate.subject,
        "claimedBy": fate.claimed_by,
        "imagePushedAt": image.pushed_at.isoformat(),
        "imageSizeInBytes": image.size_in_bytes,
        "lastRecordedPullTime": image.last_pulled_at and image.last_pulled_at.isoformat(),
        "storageClass": image.storage_class,
    }


def _summary(plan: Plan) -> dict[str, Any]:
    evaluation, counts, shadowing = plan.evaluation, plan.evaluation.counts, warnings.shadowing_rules(plan)
    descriptions = {rule.priority: describe(rule) for rule in plan.rules}
    rules = [
        {"rulePriority": rule.priority, "rule": descriptions[rule.priority]}
        | {name: number for name, number in asdict(rule).items() if name != "priority"}
        | {"shadowedBy": list(shadowing.get(rule.priority, ()))}
        for rule in evaluation.rules
    ]
    return {
        "now": plan.now.isoformat(),
        "images": len(evaluation.fates),
        "expire": counts["expire"],
        "archive": counts["archive"],
        "keep": counts["keep"],
        "bytesFreed": evaluation.bytes_freed,
        "rules": rules,
        "referrers": dict(evaluation.referrers),
        "otherReadings": [
            {
                "reading": other.name,
                "affected": other.affected,
                "differing": [image.digest for image in other.differing],
            }
            for other in plan.other_readings
        ],
        "warnings": warnings.of(plan),
    }


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "imageDigest": difference.digest,
        "imageTags": list(difference.tags),
        "ours": _outcome(difference.planned),
        "preview": _outcome(difference.previewed),
    }


def _outcome(outcome: Outcome | None) -> dict[str, Any] | None:
    return None if outcome is None else {"action": outcome.action, "rulePriority": outcome.rule_priority}
