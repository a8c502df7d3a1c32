"""A plan as a picture: images along the time of their push, in one lane for each rule, colored by action.

Images of one lane and one column are stacked. If a stack would be too high, all stacks are bars.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecr_controller.errors import count
from ecr_controller.lifecycle.describe import describe
from ecrctl import formatting
from ecrctl.outputs.elements import Markup, element, join
from ecrctl.outputs.image_marks import ACTIONS, STEP, Scale, draw_mark, draw_stack
from ecrctl.outputs.time_axis import SECONDS_PER_DAY, TimeAxis

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ecr_controller.lifecycle.evaluation import Fate
    from ecr_controller.lifecycle.policy import Rule
    from ecrctl.plan import Plan

COLUMNS = 85
MARGIN = 12
WIDTH = COLUMNS * STEP + 2 * MARGIN
LEGEND_HEIGHT, LABEL_HEIGHT, LANE_GAP, AXIS_HEIGHT = 40, 24, 16, 30
LEGEND_STEP = 120
MAX_LABEL_LENGTH = 100
MAX_STACK_OF_DOTS = 12


@dataclass(frozen=True, slots=True)
class Lane:
    """The images that one rule claims, or that no rule matches, by column.

    ``age_limit`` is in days. ``verb`` says what the rule does to images; it is None for those that no rule matches.
    """

    label: str
    stacks: Mapping[int, Sequence[Fate]]
    age_limit: int | None = None
    verb: str | None = None

    @property
    def fates(self) -> list[Fate]:
        """Those of all stacks."""
        return [fate for stack in self.stacks.values() for fate in stack]

    @property
    def max_images(self) -> int:
        """The number of images in the highest stack."""
        return max(map(len, self.stacks.values()))

    @property
    def summary(self) -> str:
        """``expires 3 of 8 images``."""
        total = count(len(self.fates), "image")
        if self.verb is None:
            return total
        return f"{self.verb} {sum(fate.action != 'keep' for fate in self.fates):,} of {total}"


def draw(plan: Plan) -> Markup:
    """An SVG element, which the style sheet of the page colors, or nothing if there are no images."""
    ages = [_age(fate, plan) for fate in plan.evaluation.fates]
    if not ages:
        return Markup()
    axis = TimeAxis.for_ages(ages)
    lanes = _lanes(plan, axis)
    max_images = max(lane.max_images for lane in lanes)
    scale = Scale(max_images, bars=max_images > MAX_STACK_OF_DOTS)
    drawn: list[Markup] = []
    top = float(LEGEND_HEIGHT)
    for lane in lanes:
        base = top + LABEL_HEIGHT + scale.height(lane.max_images)
        drawn.append(_draw_lane(lane, axis, scale, (top, base), plan))
        top = base + LANE_GAP
    title = element("title", f"{plan.headline}. Images by push time, in one lane for each rule.")
    legend = _draw_legend(plan, scale, axis, any(lane.age_limit for lane in lanes))
    height = f"{top + AXIS_HEIGHT:.0f}"
    box = f"0 0 {WIDTH} {height}"
    return element(
        "svg", title, legend, _draw_axis(axis, top), *drawn, viewBox=box, width=WIDTH, height=height, role="img"
    )


def _age(fate: Fate, plan: Plan) -> float:
    """Days since the push, or since the image was restored from the archive, as rules count them."""
    return (plan.now - fate.image.available_since).total_seconds() / SECONDS_PER_DAY


def _x(position: float) -> float:
    return MARGIN + position * COLUMNS * STEP


def _lanes(plan: Plan, axis: TimeAxis) -> list[Lane]:
    by_rule: defaultdict[int | None, defaultdict[int, list[Fate]]] = defaultdict(lambda: defaultdict(list))
    for fate in sorted(plan.evaluation.fates, key=lambda fate: ACTIONS.index(fate.action)):
        column = int(axis.position(_age(fate, plan)) * COLUMNS)
        by_rule[fate.claimed_by][min(column, COLUMNS - 1)].append(fate)
    lanes = [
        Lane(
            f"Rule {rule.priority}: {describe(rule)}",
            by_rule[rule.priority],
            age_limit=_age_limit(rule, axis),
            verb="expires" if rule.action == "expire" else "archives",
        )
        for rule in plan.rules
        if rule.priority in by_rule
    ]
    return [*lanes, Lane("Not matched by any rule", by_rule[None])] if None in by_rule else lanes


def _age_limit(rule: Rule, axis: TimeAxis) -> int | None:
    by_age = rule.count_type == "sinceImagePushed" and rule.count_number < axis.oldest
    return rule.count_number if by_age else None


def _draw_lane(lane: Lane, axis: TimeAxis, scale: Scale, span: tuple[float, float], plan: Plan) -> Markup:
    """``span`` is from the top of the label to the base of the stacks."""
    top, base = span
    label = lane.label if len(lane.label) <= MAX_LABEL_LENGTH else lane.label[: MAX_LABEL_LENGTH - 1] + "…"
    parts = [
        element("text", element("title", lane.label), formatting.printable(label), x=MARGIN, y=top + 12, class_="lane"),
        element("text", lane.summary, x=WIDTH - MARGIN, y=top + 12, class_="numbers"),
        element("line", x1=MARGIN, x2=WIDTH - MARGIN, y1=base + 2, y2=base + 2, class_="base"),
    ]
    if lane.age_limit is not None:
        x = f"{_x(axis.position(lane.age_limit)):.1f}"
        title = element("title", count(lane.age_limit, "day"))
        parts.append(element("line", title, x1=x, x2=x, y1=top + LABEL_HEIGHT - 4, y2=base + 6, class_="limit"))
    for column, stack in sorted(lane.stacks.items()):
        parts.append(draw_stack(stack, MARGIN + column * STEP, base, scale, plan.now))
    return element("g", *parts)


def _draw_axis(axis: TimeAxis, bottom: float) -> Markup:
    parts = []
    for position, name in axis.ticks():
        x = f"{_x(position):.1f}"
        anchor = "end" if position > 0.97 else "start" if position < 0.03 else "middle"
        parts += [
            element("line", x1=x, x2=x, y1=LEGEND_HEIGHT, y2=bottom, class_="grid"),
            element("text", name, x=x, y=bottom + 16, class_="tick", text_anchor=anchor),
        ]
    return element("g", *parts)


def _draw_legend(plan: Plan, scale: Scale, axis: TimeAxis, has_age_limits: bool) -> Markup:
    counts = Counter(fate.action for fate in plan.evaluation.fates)
    actions = [action for action in ACTIONS if counts[action]]
    parts = []
    x = MARGIN + 5
    for action in actions:
        parts += [
            draw_mark(action, x, 12, scale),
            element("text", f"{action} ({counts[action]:,})", x=x + 10, y=16, class_="tick"),
        ]
        x += LEGEND_STEP
    if has_age_limits:
        parts += [
            element("line", x1=x, x2=x, y1=5, y2=19, class_="limit"),
            element("text", "age limit of the rule", x=x + 9, y=16, class_="tick"),
        ]
    scaled = " (logarithmic)" if axis.logarithmic else ""
    parts.append(element("text", f"time since push{scaled} →", x=WIDTH - MARGIN, y=16, class_="numbers"))
    return element("g", join(parts))
