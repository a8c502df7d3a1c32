"""How many images a lifecycle policy may expire or archive when it is put: LifecycleGuard of the resource, and the
ceiling of the controller's stack. The smaller bound counts."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ecr_controller.config import config
from ecr_controller.errors import UserError, count, listed
from ecr_controller.lifecycle.rules import declares_policy

if TYPE_CHECKING:
    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Request
    from ecr_controller.errors import Faults
    from ecr_controller.lifecycle.ecr import PreviewedImage
    from ecr_controller.lifecycle.policy import LifecyclePolicy

logger = logging.getLogger(__name__)

FIRST_IMAGES = 5


@dataclass(frozen=True, slots=True)
class Guard:
    """Bounds on the images that a policy may expire or archive at once: a number, a percentage of all, or both."""

    max_images: int | None = None
    max_percent: int | None = None

    def exceeded_by(self, summary: PreviewSummary, prefix: str = "") -> list[str]:
        """The bounds that a policy with this preview exceeds: ``MaxImages 5``, with the prefix of their names."""
        affected, exceeded = len(summary.affected), []
        if self.max_images is not None and affected > self.max_images:
            exceeded.append(f"{prefix}MaxImages {self.max_images}")
        if self.max_percent is not None and affected * 100 > self.max_percent * summary.total:
            exceeded.append(f"{prefix}MaxPercent {self.max_percent}")
        return exceeded


def ceiling() -> Guard | None:
    """The bounds of the parameters of the controller's stack, if there are any."""
    images, percent = config().lifecycle_max_images, config().lifecycle_max_percent
    return Guard(int(images) if images else None, int(percent) if percent else None) if images or percent else None


def applies(guard: Guard | None) -> bool:
    """Whether a change of a lifecycle policy is bounded: by this guard, or by the ceiling."""
    return guard is not None or ceiling() is not None


def parse_guard(values: Values, faults: Faults) -> Guard | None:
    """The guard that the properties declare, if any."""
    guard = values.get("LifecycleGuard")
    if guard is None:
        return None
    if not guard:
        faults.add("LifecycleGuard", "must have MaxImages, MaxPercent or both")
    if not declares_policy(values):
        faults.add("LifecycleGuard", "is only supported with LifecycleRules or LifecyclePolicyText")
    return Guard(guard.get("MaxImages"), guard.get("MaxPercent"))


@dataclass(frozen=True, slots=True)
class PreviewSummary:
    """What a policy would do to a repository now: all images, those that a rule matches, and those affected."""

    total: int
    matched: int
    affected: tuple[PreviewedImage, ...]

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes of a resource with a guarded policy."""
        return {"MatchedImages": str(self.matched), "ExpiringImages": str(len(self.affected))}


# The attributes of a repository that was just created, and where no preview ran.
NO_IMAGES = PreviewSummary(0, 0, ()).attributes
NO_PREVIEW = {"MatchedImages": "unknown", "ExpiringImages": "unknown"}


def enforce(request: Request[Any], repository: str, policy: LifecyclePolicy, guard: Guard | None) -> PreviewSummary:
    """What the policy would do now, by ECR's preview. Raises UserError if it exceeds the guard or the ceiling, and
    RetryableError.

    During a rollback neither is enforced, and a warning is logged instead. Calls those of `preview`, and DescribeStacks
    if a bound is exceeded.
    """
    # Few policies have bounds, and every cold start would pay for this import.
    from ecr_controller.stacks import Stacks

    summary = preview(repository, policy, request.deadline)
    reason = refusal(guard or Guard(), summary, repository, ceiling() or Guard())
    if reason and Stacks().is_rolling_back(request.stack_id):
        logger.warning("Guards are not enforced during a rollback: %s", reason)
    elif reason:
        request.note("GuardRefused", repository)
        raise UserError(reason)
    return summary


def preview(repository: str, policy: LifecyclePolicy, deadline: float) -> PreviewSummary:
    """What the policy would do now, by ECR's preview, until a ``time.time()``. Raises UserError and RetryableError.

    Calls StartLifecyclePolicyPreview, GetLifecyclePolicyPreview and DescribeImages.
    """
    # Few policies have bounds, and every cold start would pay for these imports.
    from ecr_controller.lifecycle.ecr import LifecyclePolicies, Previews
    from ecr_controller.lifecycle.evaluation import evaluate

    affected = Previews().preview(repository, policy.text(), deadline).results
    images = LifecyclePolicies().describe_images(repository)
    fates = evaluate(policy, images, datetime.now(UTC)).fates
    matched = sum(fate.claimed_by is not None for fate in fates)
    summary = PreviewSummary(len(images), matched, affected)
    logger.info(
        "The policy of %s matches %d of %s and affects %d",
        repository,
        matched,
        count(len(images), "image"),
        len(affected),
    )
    if not matched:
        logger.warning("The lifecycle policy of %s has no effect: it matches none of the images", repository)
    return summary


def refusal(guard: Guard, summary: PreviewSummary, repository: str, limits: Guard = Guard()) -> str | None:
    """Why the policy must not be put, for the stack event, or None if it may be. ``limits`` are the ceiling."""
    own, theirs = guard.exceeded_by(summary), limits.exceeded_by(summary, "Lifecycle")
    affected = len(summary.affected)
    by_rule = Counter(image.rule_priority for image in summary.affected)
    rules = ", ".join(f"rule {priority}: {number}" for priority, number in sorted(by_rule.items()))
    images = listed([_name(image) for image in summary.affected[:FIRST_IMAGES]], affected)
    effect = (
        f"The lifecycle policy would expire or archive {affected} of {count(summary.total, 'image')} in {repository}"
    )
    if theirs:
        also = f"LifecycleGuard ({' and '.join(own)}) and " if own else ""
        return (
            f"{effect}, which exceeds {also}the parameters of the controller's stack ({' and '.join(theirs)}). Nothing "
            "was changed. A LifecycleGuard cannot allow more. Change the rules in several deployments, or have the "
            f"parameters raised. By rule priority: {rules}. Images: {images}."
        )
    if own:
        return (
            f"{effect}, which exceeds LifecycleGuard ({' and '.join(own)}). Nothing was changed. By rule priority: "
            f"{rules}. Images: {images}."
        )
    return None


def _name(image: PreviewedImage) -> str:
    return ", ".join(image.tags[:3]) or image.digest[:19]
