"""The images on which the plan and the lifecycle policy preview of Amazon ECR differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecr_controller.lifecycle.ecr import Preview
    from ecr_controller.lifecycle.evaluation import Action, Evaluation


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happens to an image, and the priority of the rule that causes it; None if the image is kept."""

    action: Action
    rule_priority: int | None

    def __str__(self) -> str:
        return self.action if self.rule_priority is None else f"{self.action} (rule {self.rule_priority})"


@dataclass(frozen=True, slots=True)
class Difference:
    """An image with two different outcomes. ``planned`` is None for an image that only the preview has."""

    digest: str
    tags: tuple[str, ...]
    planned: Outcome | None
    previewed: Outcome


_KEPT = Outcome("keep", None)


def differences(evaluation: Evaluation, preview: Preview) -> tuple[Difference, ...]:
    """In the order of the evaluated images, then those that only the preview has. It lists no images that are kept.

    A reference artifact goes by no rule, but after its subject, so the preview is compared as if it were kept.
    """
    planned = {
        fate.image.digest: _KEPT if fate.subject else Outcome(fate.action, fate.rule_priority)
        for fate in evaluation.fates
    }
    previewed = {each.digest: Outcome(each.action, each.rule_priority) for each in preview.results}
    tags = {each.digest: each.tags for each in preview.results}
    tags = {fate.image.digest: fate.image.tags for fate in evaluation.fates} | {
        digest: its_tags for digest, its_tags in tags.items() if digest not in planned
    }
    both = ((digest, planned.get(digest), previewed.get(digest, _KEPT)) for digest in tags)
    return tuple(Difference(digest, tags[digest], ours, theirs) for digest, ours, theirs in both if ours != theirs)
