"""The marks of the picture: a dot for each image, or bars where there are too many. Shape and colour tell the fate."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from ecrctl import formatting as units
from ecrctl.outputs.elements import Markup, element, joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from ecr_controller.lifecycle.evaluation import Action, Fate

# From the bottom of a stack to its top.
ACTIONS: tuple[Action, ...] = ("expire", "archive", "keep")
STEP = 11
HIGHEST_BAR = 110.0
LOWEST_BAR = 2.0


@dataclass(frozen=True, slots=True)
class Scale:
    """How high a stack is: of dots, or as a bar, the highest of which has ``highest`` images."""

    highest: int
    bars: bool

    def height(self, images: int) -> float:
        """In units of the picture."""
        return max(LOWEST_BAR, HIGHEST_BAR * images / self.highest) if self.bars else float(STEP * images)


def stack(fates: Sequence[Fate], left: float, base: float, scale: Scale, now: datetime) -> Markup:
    """One stack, which stands on ``base``. The fates are in the order of ACTIONS."""
    return joined(_bars(fates, left, base, scale) if scale.bars else _dots(fates, left, base, scale, now))


def one(action: Action, x: float, y: float, scale: Scale, told: str | None = None) -> Markup:
    """One mark around a point, as in the legend."""
    title = () if told is None else (element("title", told),)
    if scale.bars or action == "archive":
        return element("rect", *title, x=f"{x - 3.8:.1f}", y=f"{y - 3.8:.1f}", width=7.6, height=7.6, class_=action)
    return element("circle", *title, cx=f"{x:.1f}", cy=f"{y:.1f}", r=4.4 if action == "expire" else 3.7, class_=action)


def _dots(fates: Sequence[Fate], left: float, base: float, scale: Scale, now: datetime) -> Iterator[Markup]:
    for place, fate in enumerate(fates):
        yield one(fate.action, left + STEP / 2, base - STEP * (place + 0.5), scale, _told(fate, now))


def _bars(fates: Sequence[Fate], left: float, base: float, scale: Scale) -> Iterator[Markup]:
    for action, group in groupby(fates, key=lambda fate: fate.action):
        images = [fate.image for fate in group]
        height = scale.height(len(images))
        base -= height
        days = sorted(f"{image.available_since:%Y-%m-%d}" for image in images)
        pushed = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
        told = element("title", f"{action} {units.count(len(images), 'image')}, pushed {pushed}")
        yield element("rect", told, x=left, y=f"{base:.1f}", width=STEP - 1, height=f"{height:.1f}", class_=action)


def _told(fate: Fate, now: datetime) -> str:
    image = fate.image
    by = f" by rule {fate.rule_priority}" if fate.rule_priority is not None else ""
    pushed = f"pushed {image.pushed_at:%Y-%m-%d}, {units.age(image.pushed_at, now)} ago"
    return f"{units.name(image)}: {fate.action}{by}, {pushed}, {units.size(image.size_in_bytes)}"
