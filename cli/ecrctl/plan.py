"""A plan: one lifecycle policy, the images of one repository, and what becomes of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecr_controller.lifecycle.evaluation import evaluate
from ecrctl import formatting as units
from ecrctl.preview import Difference, differences

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ecr_controller.lifecycle.evaluation import Evaluation, Fate
    from ecr_controller.lifecycle.images import Image
    from ecr_controller.lifecycle.policy import Rule
    from ecr_controller.lifecycle.preview import Preview
    from ecrctl.inputs.policies import DeclaredPolicy


@dataclass(frozen=True, slots=True)
class Plan:
    """What the declared policy does to the images at the time ``now``, and ECR's preview of it, if it was asked."""

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
        """Evaluate the policy."""
        return cls(declared, repository, now, evaluate(declared.policy, images, now), preview)

    @property
    def title(self) -> str:
        """The resource and the repository, as far as they are known: ``Policy of team/app: ``."""
        names = [name for name in (self.declared.resource, self.repository) if name]
        return " of ".join(names) + ": " if names else ""

    @property
    def headline(self) -> str:
        """``team/app: 12 of 40 images go, which frees at most 1.2 GB``."""
        total, going = len(self.evaluation.fates), len(self.going)
        if not total:
            return f"{self.title}there are no images"
        if not going:
            return f"{self.title}none of {units.count(total, 'image')} goes"
        verb = "goes" if going == 1 else "go"
        freed = units.size(self.evaluation.bytes_freed)
        return f"{self.title}{going:,} of {units.count(total, 'image')} {verb}, which frees at most {freed}"

    @property
    def summary(self) -> str:
        """The numbers behind the headline, and the time they hold for."""
        counts = self.evaluation.counts
        archived = f", {counts['archive']:,} archived" if counts["archive"] else ""
        return f"{counts['expire']:,} expired{archived}, {counts['keep']:,} kept, at {units.moment(self.now)}"

    @property
    def rules(self) -> list[Rule]:
        """The rules in the order in which ECR applies them."""
        return sorted(self.declared.policy.rules, key=lambda rule: rule.priority)

    @property
    def going(self) -> list[Fate]:
        """What is expired or archived: by rule, the oldest first."""
        return sorted(
            (fate for fate in self.evaluation.fates if fate.action != "keep"),
            key=lambda fate: (fate.rule_priority, fate.image.available_since),
        )

    @property
    def staying(self) -> str:
        """Why images are kept: ``5 claimed by rule 1, 11 claimed by rule 6, 2 matched by no rule``."""
        kept = Counter(fate.claimed_by for fate in self.evaluation.fates if fate.action == "keep")
        reasons = [(kept[rule.priority], f"claimed by rule {rule.priority}") for rule in self.rules]
        reasons.append((kept[None], "matched by no rule"))
        return ", ".join(f"{number:,} {why}" for number, why in reasons if number)

    @property
    def differences(self) -> tuple[Difference, ...] | None:
        """Where ECR's preview says otherwise, or None where it was not asked."""
        return None if self.preview is None else differences(self.evaluation, self.preview)

    @property
    def takes_images(self) -> bool:
        """Whether anything would go, by us or by ECR's preview."""
        return bool(self.going or (self.preview and self.preview.results))
