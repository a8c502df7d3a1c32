"""LifecycleGuard: how much a lifecycle policy may take when it is put."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_controller.lifecycle.preview import PreviewedImage

FIRST_IMAGES = 5


@dataclass(frozen=True, slots=True)
class Guard:
    """Bounds on the images that may go at once: a number, a percentage of those that are there, or both."""

    max_images: int | None = None
    max_percent: int | None = None

    @classmethod
    def declared(cls, values: Mapping[str, Any], declared: Mapping[str, Any], faults: list[Fault]) -> Guard | None:
        """The guard in the sound ``values`` of what is declared, if there is one. Faults are added to ``faults``."""
        guard = values.get("LifecycleGuard")
        if guard is None:
            return None
        if not guard:
            faults.append(Fault("LifecycleGuard", "must have MaxImages, MaxPercent or both"))
        if not declared.get("LifecycleRules") and "LifecyclePolicyText" not in declared:
            faults.append(Fault("LifecycleGuard", "goes only with LifecycleRules or LifecyclePolicyText"))
        return cls(guard.get("MaxImages"), guard.get("MaxPercent"))


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a policy would do to a repository now: images in it, those that a rule matches, and those that would go."""

    total: int
    matched: int
    going: tuple[PreviewedImage, ...]

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes of a resource with a guarded policy."""
        return {"MatchedImages": str(self.matched), "ExpiringImages": str(len(self.going))}


# The attributes where no preview ran, and of a repository that was just made.
EMPTY = Outlook(0, 0, ()).attributes
UNKNOWN = {"MatchedImages": "unknown", "ExpiringImages": "unknown"}


def refusal(guard: Guard, outlook: Outlook, repository: str) -> str | None:
    """Why the policy must not be put, for the stack event, or None where it may."""
    going = len(outlook.going)
    exceeded = []
    if guard.max_images is not None and going > guard.max_images:
        exceeded.append(f"MaxImages {guard.max_images}")
    if guard.max_percent is not None and going * 100 > guard.max_percent * outlook.total:
        exceeded.append(f"MaxPercent {guard.max_percent}")
    if not exceeded:
        return None
    by_rule = Counter(image.rule_priority for image in outlook.going)
    rules = ", ".join(f"rule {priority}: {count}" for priority, count in sorted(by_rule.items()))
    first = ", ".join(_name(image) for image in outlook.going[:FIRST_IMAGES])
    return (
        f"The lifecycle policy would expire or archive {going} of the {outlook.total} images of {repository}, more "
        f"than LifecycleGuard allows ({' and '.join(exceeded)}). Nothing was changed. By priority: {rules}. "
        f"{'The first' if going > FIRST_IMAGES else 'They are'}: {first}."
    )


def _name(image: PreviewedImage) -> str:
    return ", ".join(image.tags[:3]) or image.digest[:19]
