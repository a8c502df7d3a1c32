"""A plan as a picture: images along the time of their push, a lane for each rule that claims some, coloured by fate.

Images of one lane and one stretch of time are stacked. Where a stack would grow too high, all stacks become bars.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecr_controller.lifecycle.words import in_words
from ecrctl import formatting as units
from ecrctl.outputs import image_marks as marks
from ecrctl.outputs.elements import Markup, element, joined
from ecrctl.outputs.image_marks import STEP
from ecrctl.outputs.time_axis import DAY, Timeline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ecr_controller.lifecycle.evaluation import Fate
    from ecr_controller.lifecycle.policy import Rule
    from ecrctl.plan import Plan

COLUMNS = 85
SIDE = 12
WIDTH = COLUMNS * STEP + 2 * SIDE
LEGEND, LABEL, GAP, AXIS = 40, 24, 16, 30
LONGEST_LABEL = 100
HIGHEST_STACK = 12


@dataclass(frozen=True, slots=True)
class Lane:
    """The images that one rule claims, or that none does, by column. ``limit`` is the age at which they are taken."""

    label: str
    stacks: Mapping[int, Sequence[Fate]]
    limit: int | None
    claims: bool = True

    @property
    def fates(self) -> list[Fate]:
        """All of them."""
        return [fate for stack in self.stacks.values() for fate in stack]

    @property
    def highest(self) -> int:
        """The number of images in its highest stack."""
        return max(map(len, self.stacks.values()))


def draw(plan: Plan) -> Markup:
    """The picture, as an SVG element that is styled by the page. A repository without images has none."""
    ages = [_age(fate, plan) for fate in plan.evaluation.fates]
    if not ages:
        return Markup()
    timeline = Timeline.of(ages)
    lanes = _lanes(plan, timeline)
    highest = max(lane.highest for lane in lanes)
    scale = marks.Scale(highest, bars=highest > HIGHEST_STACK)
    drawn: list[Markup] = []
    top = float(LEGEND)
    for lane in lanes:
        base = top + LABEL + scale.height(lane.highest)
        drawn.append(_lane(lane, timeline, scale, (top, base), plan))
        top = base + GAP
    what = element("title", f"{plan.headline}. Images by the time of their push, a lane for each rule.")
    axis = _axis(timeline, top)
    legend = _legend(plan, scale, timeline, any(lane.limit for lane in lanes))
    height = top + AXIS
    box = f"0 0 {WIDTH} {height:.0f}"
    return element("svg", what, legend, axis, *drawn, viewBox=box, width=WIDTH, height=f"{height:.0f}", role="img")


def _age(fate: Fate, plan: Plan) -> float:
    """Days since the push, or since the image came back from the archive, as rules count them."""
    return (plan.now - fate.image.available_since).total_seconds() / DAY


def _x(position: float) -> float:
    return SIDE + position * COLUMNS * STEP


def _lanes(plan: Plan, timeline: Timeline) -> list[Lane]:
    by_rule: defaultdict[int | None, defaultdict[int, list[Fate]]] = defaultdict(lambda: defaultdict(list))
    for fate in sorted(plan.evaluation.fates, key=lambda fate: marks.ACTIONS.index(fate.action)):
        column = int(timeline.position(_age(fate, plan)) * COLUMNS)
        by_rule[fate.claimed_by][min(column, COLUMNS - 1)].append(fate)
    claiming = [rule for rule in plan.rules if rule.priority in by_rule]
    lanes = [
        Lane(f"Rule {rule.priority}: {in_words(rule)}", by_rule[rule.priority], _limit(rule, timeline))
        for rule in claiming
    ]
    return [*lanes, Lane("No rule matches", by_rule[None], None, claims=False)] if None in by_rule else lanes


def _limit(rule: Rule, timeline: Timeline) -> int | None:
    by_age = rule.count_type == "sinceImagePushed" and rule.count_number < timeline.oldest
    return rule.count_number if by_age else None


def _lane(lane: Lane, timeline: Timeline, scale: marks.Scale, span: tuple[float, float], plan: Plan) -> Markup:
    top, base = span
    label = lane.label if len(lane.label) <= LONGEST_LABEL else lane.label[: LONGEST_LABEL - 1] + "…"
    going = sum(fate.action != "keep" for fate in lane.fates)
    total = units.count(len(lane.fates), "image")
    numbers = f"takes {going:,} of {total}" if lane.claims else total
    parts = [
        element("text", element("title", lane.label), units.printable(label), x=SIDE, y=top + 12, class_="lane"),
        element("text", numbers, x=WIDTH - SIDE, y=top + 12, class_="numbers"),
        element("line", x1=SIDE, x2=WIDTH - SIDE, y1=base + 2, y2=base + 2, class_="base"),
    ]
    if lane.limit is not None:
        x = f"{_x(timeline.position(lane.limit)):.1f}"
        told = element("title", units.count(lane.limit, "day"))
        parts.append(element("line", told, x1=x, x2=x, y1=top + LABEL - 4, y2=base + 6, class_="limit"))
    for column, stack in sorted(lane.stacks.items()):
        parts.append(marks.stack(stack, SIDE + column * STEP, base, scale, plan.now))
    return element("g", *parts)


def _axis(timeline: Timeline, bottom: float) -> Markup:
    parts = []
    for position, name in timeline.ticks():
        x = f"{_x(position):.1f}"
        anchor = "end" if position > 0.97 else "start" if position < 0.03 else "middle"
        parts += [
            element("line", x1=x, x2=x, y1=LEGEND, y2=bottom, class_="grid"),
            element("text", name, x=x, y=bottom + 16, class_="tick", text_anchor=anchor),
        ]
    return element("g", *parts)


def _legend(plan: Plan, scale: marks.Scale, timeline: Timeline, limits: bool) -> Markup:
    counts = Counter(fate.action for fate in plan.evaluation.fates)
    shown = [action for action in marks.ACTIONS if counts[action]]
    parts = []
    for i, action in enumerate(shown):
        parts += [
            marks.one(action, SIDE + 5 + 120 * i, 12, scale),
            element("text", f"{action} ({counts[action]:,})", x=SIDE + 15 + 120 * i, y=16, class_="tick"),
        ]
    if limits:
        x = SIDE + 5 + 120 * len(shown)
        parts += [
            element("line", x1=x, x2=x, y1=5, y2=19, class_="limit"),
            element("text", "the age that a rule allows", x=x + 9, y=16, class_="tick"),
        ]
    scaled = ", logarithmic" if timeline.logarithmic else ""
    parts.append(element("text", f"time since the push{scaled} →", x=WIDTH - SIDE, y=16, class_="numbers"))
    return element("g", joined(parts))
