"""A plan: what one lifecycle policy does to the images of one repository."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ecr_controller.errors import count
from ecr_controller.lifecycle.evaluation import Reading, evaluate
from ecr_controller.lifecycle.holds import is_rule
from ecrctl import formatting
from ecrctl.preview import Difference, differences

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ecr_controller.lifecycle.ecr import Preview
    from ecr_controller.lifecycle.evaluation import Evaluation, Fate
    from ecr_controller.lifecycle.images import Image
    from ecr_controller.lifecycle.policy import Rule
    from ecrctl.inputs.policies import DeclaredPolicy


# By their names in JSON: the readings of the documentation that differ from the one of the plan.
READINGS = {
    "imagesOfIndexesAreNotCounted": Reading(ranks_children=False),
    "untaggedArtifactsFollowTheirSubjectOnly": Reading(untagged_takes_referrers=False),
}


OVERVIEW = ("repository", "images", "expire", "archive", "frees")


@dataclass(frozen=True, slots=True)
class OtherReading:
    """How many images are expired or archived with another reading, and those on which the two differ."""

    name: str
    affected: int
    differing: tuple[Image, ...]


@dataclass(frozen=True)
class Plan:
    """The evaluation of a policy at the time ``now``, and the preview of Amazon ECR if it was requested."""

    declared: DeclaredPolicy
    repository: str | None
    now: datetime
    evaluation: Evaluation
    preview: Preview | None = None

    @classmethod
    def of(
        cls,
        declared: DeclaredPolicy,
        repository: str | None,
        images: Sequence[Image],
        now: datetime,
        preview: Preview | None = None,
    ) -> Plan:
        """Evaluate the policy. ``now`` is aware."""
        return cls(declared, repository, now, evaluate(declared.policy, images, now), preview)

    @property
    def title(self) -> str:
        """The resource and the repository, where they are known: ``Policy (team/app): ``."""
        resource, repository = self.declared.resource, self.repository
        if resource and repository:
            return f"{resource} ({repository}): "
        return f"{resource or repository}: " if resource or repository else ""

    @property
    def headline(self) -> str:
        """``team/app: 40 images, 12 to expire, 3 to archive, 25 to keep``."""
        if not self.evaluation.fates:
            return f"{self.title}no images"
        counts = self.evaluation.counts
        parts = [f"{number:,} to {action}" for action, number in counts.items() if number]
        if not self.evaluation.affected:
            parts = ["none to expire or archive"]
        parts += [
            f"{count(number, 'reference artifact')} to {action}"
            for action, number in self.evaluation.referrers.items()
            if number
        ]
        return f"{self.title}{count(len(self.evaluation.fates), 'image')}, {', '.join(parts)}"

    @property
    def summary(self) -> str:
        """``Evaluated at 2026-11-01 12:00 UTC. Frees up to 1.2 GB.``"""
        freed = self.evaluation.bytes_freed
        frees = f" Frees up to {formatting.size(freed)}." if freed else ""
        return f"Evaluated at {formatting.minute(self.now)}.{frees}"

    @property
    def overview(self) -> tuple[str, ...]:
        """The cells of the plan in an overview of repositories: see `OVERVIEW`."""
        counts, number = self.evaluation.counts, len(self.evaluation.fates)
        freed = formatting.size(self.evaluation.bytes_freed)
        return self.repository or "", f"{number:,}", f"{counts['expire']:,}", f"{counts['archive']:,}", freed

    @property
    def rules(self) -> list[Rule]:
        """The rules by priority, which is the order in which Amazon ECR evaluates them."""
        return sorted(self.declared.policy.rules, key=lambda rule: rule.priority)

    @property
    def affected(self) -> list[Fate]:
        """The images to expire or archive: by rule, the oldest first, and then those that go with their subject."""
        return sorted(
            (fate for fate in self.evaluation.fates if fate.action != "keep"),
            key=lambda fate: (fate.subject is not None, fate.rule_priority or 0, fate.image.available_since),
        )

    @cached_property
    def other_readings(self) -> list[OtherReading]:
        """What changes if Amazon ECR does what its documentation leaves open; those with which nothing changes are left
        out."""
        policy, images = self.declared.policy, [fate.image for fate in self.evaluation.fates]
        others = []
        for name, reading in READINGS.items():
            fates = evaluate(policy, images, self.now, reading).fates
            pairs = zip(self.evaluation.fates, fates, strict=True)
            differing = tuple(fate.image for fate, other in pairs if fate.action != other.action)
            if differing:
                others.append(OtherReading(name, sum(fate.action != "keep" for fate in fates), differing))
        return others

    @property
    def kept(self) -> str:
        """Why images are kept: ``5 claimed by rule 1, 11 claimed by rule 6, 2 not matched by any rule``."""
        kept = Counter(fate.claimed_by for fate in self.evaluation.fates if fate.action == "keep")
        reasons = [
            (kept[rule.priority], f"{'in use, ' if is_rule(rule) else ''}claimed by rule {rule.priority}")
            for rule in self.rules
        ]
        reasons.append((kept[None], "not matched by any rule"))
        return ", ".join(f"{number:,} {why}" for number, why in reasons if number)

    @property
    def differences(self) -> tuple[Difference, ...] | None:
        """The differences from the preview, or None if it was not requested."""
        return None if self.preview is None else differences(self.evaluation, self.preview)

    @property
    def has_effect(self) -> bool:
        """Whether any image is expired or archived, by the plan or by the preview."""
        return self.evaluation.affected > 0 or bool(self.preview and self.preview.results)


@dataclass(frozen=True)
class Plans:
    """The plans of one command, and what is not planned, with the reasons.

    ``of_registry``: they are of the repositories of a registry, and not of what a template declares.
    """

    plans: Sequence[Plan]
    not_planned: Sequence[str] = ()
    of_registry: bool = False

    @property
    def shown(self) -> Sequence[Plan]:
        """Those to show in full: of a registry, the ones that expire or archive images."""
        return [plan for plan in self.plans if plan.has_effect] if self.of_registry else self.plans

    @property
    def exit_code(self) -> int:
        """3 if a part is not planned, 2 if images would be expired or archived, otherwise 0."""
        if self.not_planned:
            return 3
        return 2 if any(plan.has_effect for plan in self.plans) else 0

    @property
    def headline(self) -> str:
        """``300 repositories, 12 of which have images to expire or archive``."""
        number = sum(plan.has_effect for plan in self.plans)
        effect = "none of which has" if not number else f"{number:,} of which {'has' if number == 1 else 'have'}"
        return f"{count(len(self.plans), 'repository', 'repositories')}, {effect} images to expire or archive"
