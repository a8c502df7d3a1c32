"""Plans in Markdown, for the comment of a pull request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ecr_controller.errors import count
from ecr_controller.lifecycle.describe import describe
from ecrctl import formatting, warnings
from ecrctl.plan import OVERVIEW

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ecr_controller.lifecycle.evaluation import Fate
    from ecrctl.plan import Plan, Plans

NUMERIC = frozenset({"rule", "matches", "acts on", "age", "pulled", "size", *OVERVIEW[1:]})
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~!&])")


def render(plans: Plans, limit: int) -> str:
    """All plans, each with at most ``limit`` rows of images, and what is not planned."""
    parts = list(_overview(plans)) if plans.of_registry else []
    if plans.not_planned:
        parts += ["### Not planned", _items(plans.not_planned)]
    return "\n\n".join([*parts, *(part for plan in plans.shown for part in _plan(plan, limit))])


def _overview(plans: Plans) -> Iterator[str]:
    yield f"### {plans.headline}"
    yield _table(OVERVIEW, ([_text(cell) for cell in plan.overview] for plan in plans.plans))


def _plan(plan: Plan, limit: int) -> Iterator[str]:
    yield f"### {_text(plan.headline)}"
    yield _text(plan.summary)
    if found := warnings.of(plan):
        yield _items(found)
    outcomes = {outcome.priority: outcome for outcome in plan.evaluation.rules}
    rules = []
    for rule in plan.rules:
        outcome, own = outcomes[rule.priority], f"<br>{_text(rule.description)}" if rule.description else ""
        rules.append((str(rule.priority), _text(describe(rule)) + own, f"{outcome.matched:,}", f"{outcome.acted:,}"))
    yield _table(("rule", "description", "matches", "acts on"), rules)
    if affected := plan.affected:
        yield _images(affected, plan, limit)
    if plan.differences is not None:
        yield f"Lifecycle policy preview of Amazon ECR: {count(len(plan.differences), 'difference')}."


def _images(affected: Sequence[Fate], plan: Plan, limit: int) -> str:
    rows = [_row(fate, plan) for fate in affected[:limit]]
    table = _table(("rule", "action", "image", "age", "pulled", "size"), rows)
    more = f"\n\n... and {len(affected) - limit:,} more" if len(affected) > limit else ""
    title = f"{count(len(affected), 'image')} to expire or archive"
    return f"<details><summary>{title}</summary>\n\n{table}{more}\n\n</details>"


def _row(fate: Fate, plan: Plan) -> tuple[str, ...]:
    image = fate.image
    return (
        "-" if fate.rule_priority is None else str(fate.rule_priority),
        fate.action,
        _text(formatting.image_name(image) + formatting.in_archive(image) + formatting.subject(fate)),
        formatting.age(image.pushed_at, plan.now),
        formatting.pulled(image, plan.now),
        formatting.size(image.size_in_bytes),
    )


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---:" if each in NUMERIC else "---" for each in headings], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _items(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {_text(each)}" for each in sentences)


def _text(text: str) -> str:
    """Text as it is: without formatting, and on one line."""
    escaped = _SPECIAL.sub(r"\\\1", formatting.printable(text))
    # GitHub makes mentions and references of what is left after the rendering.
    return re.sub("([@#])", r"\1<!-- -->", escaped)
