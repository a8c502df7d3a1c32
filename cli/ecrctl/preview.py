"""Our evaluation and ECR's own preview, image by image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecr_controller.lifecycle.evaluation import Action, Evaluation
    from ecr_controller.lifecycle.preview import Preview


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happens to an image, and the rule by which it does; no rule keeps an image."""

    action: Action
    rule_priority: int | None

    def __str__(self) -> str:
        return self.action if self.rule_priority is None else f"{self.action} by rule {self.rule_priority}"


@dataclass(frozen=True, slots=True)
class Difference:
    """One image on which we and ECR do not agree. ``ours`` is None for an image that only ECR knows."""

    digest: str
    tags: tuple[str, ...]
    ours: Outcome | None
    theirs: Outcome


_KEPT = Outcome("keep", None)


def differences(evaluation: Evaluation, preview: Preview) -> tuple[Difference, ...]:
    """In the order of our images, then those that only ECR knows. What the preview does not list is kept by it."""
    ours = {fate.image.digest: Outcome(fate.action, fate.rule_priority) for fate in evaluation.fates}
    theirs = {each.digest: Outcome(each.action, each.rule_priority) for each in preview.results}
    tags = {fate.image.digest: fate.image.tags for fate in evaluation.fates}
    tags = tags | {each.digest: each.tags for each in preview.results if each.digest not in tags}
    said = ((digest, ours.get(digest), theirs.get(digest, _KEPT)) for digest in tags)
    return tuple(Difference(digest, tags[digest], our, their) for digest, our, their in said if our != their)
