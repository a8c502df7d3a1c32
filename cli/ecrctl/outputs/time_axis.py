"""The time axis of the picture, from the oldest image to the present."""

from __future__ import annotations

from dataclasses import dataclass
from math import log1p
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS_PER_DAY = 86_400
# Days, and their label.
TICKS = (
    (0.0, "now"),
    (1 / 24, "1 hour"),
    (0.25, "6 hours"),
    (1.0, "1 day"),
    (3.0, "3 days"),
    (7.0, "1 week"),
    (14.0, "2 weeks"),
    (30.0, "30 days"),
    (60.0, "60 days"),
    (90.0, "90 days"),
    (180.0, "180 days"),
    (365.0, "1 year"),
    (730.0, "2 years"),
    (1095.0, "3 years"),
    (1825.0, "5 years"),
    (3650.0, "10 years"),
)
MIN_TICK_GAP = 0.07


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """From ``oldest`` (in days, more than 0) at position 0 to the present at 1, linear or logarithmic."""

    oldest: float
    logarithmic: bool

    @classmethod
    def for_ages(cls, ages: Sequence[float]) -> TimeAxis:
        """The scale that places the median of the ages, in days, nearer to the middle."""
        oldest = max(1.0, *ages) * 1.02 if ages else 1.0
        middle = median(ages) if ages else 0.0
        scales = (cls(oldest, logarithmic=False), cls(oldest, logarithmic=True))
        return min(scales, key=lambda scale: abs(scale.position(middle) - 0.5))

    def position(self, days: float) -> float:
        """The position of an age in days. A negative age is the present."""
        days = max(0.0, days)
        return 1 - (log1p(days) / log1p(self.oldest) if self.logarithmic else days / self.oldest)

    def ticks(self) -> list[tuple[float, str]]:
        """Positions and labels that do not overlap, from the present to the past."""
        shown: list[tuple[float, str]] = []
        for days, name in TICKS:
            position = self.position(days)
            if days <= self.oldest and (not shown or shown[-1][0] - position >= MIN_TICK_GAP):
                shown.append((position, name))
        return shown
