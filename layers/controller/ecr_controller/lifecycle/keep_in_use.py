"""What the property KeepInUse declares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller.lifecycle.rules import declares_policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.errors import Faults

PROPERTY = "KeepInUse"
ECS, LAMBDA, INSPECTOR = "ECS", "Lambda", "Inspector"
SOURCES = (ECS, LAMBDA, INSPECTOR)
_GRACE_DAYS = 7


@dataclass(frozen=True, slots=True)
class KeepInUse:
    """Where images in use are looked for, of SOURCES, and how long they are kept. The numbers are days."""

    sources: tuple[str, ...] = ()
    pulled_within: int | None = None
    grace: int = _GRACE_DAYS

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> KeepInUse:
        """As it is stored."""
        return cls(tuple(content["sources"]), content["pulledWithin"], content["grace"])

    def content(self) -> dict[str, Any]:
        """As it is stored."""
        return {"sources": list(self.sources), "pulledWithin": self.pulled_within, "grace": self.grace}


def parse_keep_in_use(values: Values, faults: Faults) -> KeepInUse | None:
    """What the properties declare, if anything."""
    given = values.get(PROPERTY)
    if given is None:
        return None
    sources, pulled_within = tuple(dict.fromkeys(given.get("Sources", ()))), given.get("PulledWithinDays")
    if not sources and pulled_within is None:
        faults.add(PROPERTY, "must have Sources, PulledWithinDays or both")
    if not declares_policy(values):
        faults.add(PROPERTY, "is only supported with LifecycleRules or LifecyclePolicyText")
    return KeepInUse(tuple(each for each in sources if each), pulled_within, given.get("GraceDays", _GRACE_DAYS))


def combined(keeps: Iterable[KeepInUse]) -> KeepInUse:
    """What keeps an image if one of several does."""
    found = tuple(keeps)
    days = [each.pulled_within for each in found if each.pulled_within is not None]
    return KeepInUse(
        tuple(each for each in SOURCES if any(each in keep.sources for keep in found)),
        max(days, default=None),
        max((each.grace for each in found), default=0),
    )
