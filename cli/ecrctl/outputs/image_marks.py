"""The marks for images in the picture: a dot for each image, or bars for many. Shape and color show the action."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from ecr_controller.errors import count
from ecrctl import formatting
from ecrctl.outputs.elements import Markup, element, join

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from ecr_controller.lifecycle.evaluation import Action, Fate

# From the bottom of a stack to its top.
ACTIONS: tuple[Action, ...] = ("expire", "archive", "keep")
STEP = 11
MAX_BAR_HEIGHT = 110.0
MIN_BAR_HEIGHT = 2.0


@dataclass(frozen=True, slots=True)
class Scale:
    """The height of stacks, as dots or as bars. ``max_images`` is the number of images in the highest stack."""

    max_images: int
    bars: bool

    def height(self, images: int) -> float:
        """In units of the picture."""
        if not self.bars:
            return float(STEP * images)
        return max(MIN_BAR_HEIGHT, MAX_BAR_HEIGHT * images / self.max_images)


def draw_stack(fates: Sequence[Fate], left: float, base: float, scale: Scale, now: datetime) -> Markup:
    """A stack of images that stands on ``base``. The fates are in the order of ACTIONS."""
    return join(_bars(fates, left, base, scale) if scale.bars else _dots(fates, left, base, scale, now))


def draw_mark(action: Action, x: float, y: float, scale: Scale, title: str | None = None) -> Markup:
    """One mark around a point."""
    content = () if title is None else (element("title", title),)
    if scale.bars or action == "archive":
        return element("rect", *content, x=f"{x - 3.8:.1f}", y=f"{y - 3.8:.1f}", width=7.6, height=7.6, class_=action)
    radius = 4.4 if action == "expire" else 3.7
    return element("circle", *content, cx=f"{x:.1f}", cy=f"{y:.1f}", r=radius, class_=action)


def _dots(fates: Sequence[Fate], left: float, base: float, scale: Scale, now: datetime) -> Iterator[Markup]:
    for place, fate in enumerate(fates):
        yield draw_mark(fate.action, left + STEP / 2, base - STEP * (place + 0.5), scale, _title(fate, now))


def _bars(fates: Sequence[Fate], left: float, base: float, scale: Scale) -> Iterator[Markup]:
    for action, group in groupby(fates, key=lambda fate: fate.action):
        images = [fate.image for fate in group]
        height = scale.height(len(images))
        base -= height
        days = sorted(f"{image.available_since:%Y-%m-%d}" for image in images)
        pushed = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
        title = element("title", f"{action}: {count(len(images), 'image')}, pushed {pushed}")
        yield element("rect", title, x=left, y=f"{base:.1f}", width=STEP - 1, height=f"{height:.1f}", class_=action)


def _title(fate: Fate, now: datetime) -> str:
    image = fate.image
    rule = f" (rule {fate.rule_priority})" if fate.rule_priority is not None else formatting.subject(fate)
    pushed = f"pushed {image.pushed_at:%Y-%m-%d}, {formatting.age(image.pushed_at, now)} ago"
    return f"{formatting.image_name(image)}: {fate.action}{rule}, {pushed}, {formatting.size(image.size_in_bytes)}"
