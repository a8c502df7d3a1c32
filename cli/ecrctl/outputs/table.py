"""Plans as tables for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ecr_controller.errors import count
from ecr_controller.lifecycle.describe import describe
from ecrctl import formatting, warnings
from ecrctl.plan import OVERVIEW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from ecr_controller.lifecycle.evaluation import Fate
    from ecr_controller.lifecycle.policy import Rule
    from ecrctl.plan import Plan, Plans
    from ecrctl.preview import Difference

STYLES = {"expire": "red", "transition": "magenta", "archive": "magenta"}
INDENT = 2


def render(plans: Plans, limit: int) -> RenderableType:
    """All plans, each with at most ``limit`` rows of images, and what is not planned. Of a registry, a table of all
    repositories and the plans that have an effect."""
    parts = [part for plan in plans.shown for part in _plan(plan, limit)]
    if plans.of_registry:
        parts = [Text(plans.headline, style="bold"), Text(), _overview(plans.plans), Text(), *parts]
    if plans.not_planned:
        parts += [Text("Not planned", style="bold yellow"), _warnings(plans.not_planned), Text()]
    return Group(*parts)


def _overview(plans: Sequence[Plan]) -> RenderableType:
    table = _table(*OVERVIEW, numeric=frozenset(OVERVIEW[1:]))
    for plan in plans:
        styles = [
            "" if cell == "0" else STYLES.get(name, "") for name, cell in zip(OVERVIEW, plan.overview, strict=True)
        ]
        cells = zip(plan.overview, styles, strict=True)
        table.add_row(*(Text(formatting.printable(cell), style=style) for cell, style in cells))
    return _indented(table)


def _plan(plan: Plan, limit: int) -> list[RenderableType]:
    parts: list[RenderableType] = [
        Text(formatting.printable(plan.headline), style="bold"),
        Text(plan.summary, style="dim"),
        _heading("Rules, in order of priority"),
        _rules(plan),
    ]
    if affected := plan.affected:
        parts += [_heading("Images to expire or archive"), *_affected(affected, plan, limit)]
    if plan.kept:
        parts += [_heading("Images to keep"), _indented(Text(plan.kept))]
    if found := warnings.of(plan):
        parts += [_heading("Warnings"), _warnings(found)]
    if plan.differences is not None:
        parts += [_heading("Lifecycle policy preview of Amazon ECR"), *_preview(plan.differences, limit)]
    return [*parts, Text()]


def _heading(text: str) -> Text:
    return Text(f"\n{text}", style="bold")


def _indented(content: RenderableType) -> RenderableType:
    return Padding(content, (0, 0, 0, INDENT), expand=False)


def _table(*columns: str, numeric: frozenset[str] = frozenset()) -> Table:
    """A table whose long words are folded, never cut."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False, show_header=any(columns))
    for heading in columns:
        is_numeric = heading in numeric
        table.add_column(heading, justify="right" if is_numeric else "left", overflow="fold", no_wrap=is_numeric)
    return table


def _rules(plan: Plan) -> RenderableType:
    table = _table("rule", "description", "matches", "acts on", numeric=frozenset({"rule", "matches", "acts on"}))
    outcomes = {outcome.priority: outcome for outcome in plan.evaluation.rules}
    for rule in plan.rules:
        outcome = outcomes[rule.priority]
        acted = Text(f"{outcome.acted:,}", style=STYLES[rule.action] if outcome.acted else "")
        table.add_row(str(rule.priority), _description(rule), f"{outcome.matched:,}", acted)
    return _indented(table)


def _description(rule: Rule) -> Text:
    """What the rule does, and the description that its author gave."""
    own = f"\n{formatting.printable(rule.description)}" if rule.description else ""
    return Text.assemble(formatting.printable(describe(rule)), (own, "dim"))


def _affected(affected: Sequence[Fate], plan: Plan, limit: int) -> list[RenderableType]:
    numeric = frozenset({"rule", "age", "pulled", "size"})
    table = _table("rule", "action", "image", "age", "pulled", "size", numeric=numeric)
    for fate in affected[:limit]:
        table.add_row(*_row(fate, plan))
    return [_indented(table), *_more(len(affected), limit)]


def _row(fate: Fate, plan: Plan) -> tuple[str | Text, ...]:
    image = fate.image
    untagged, subject = "" if image.tags else " untagged", formatting.subject(fate)
    return (
        "-" if fate.rule_priority is None else str(fate.rule_priority),
        Text(fate.action, style=STYLES[fate.action]),
        Text.assemble(formatting.image_name(image), (f"{untagged}{formatting.in_archive(image)}{subject}", "dim")),
        formatting.age(image.pushed_at, plan.now),
        formatting.pulled(image, plan.now),
        formatting.size(image.size_in_bytes),
    )


def _more(number: int, limit: int) -> list[RenderableType]:
    return [Text(f"  ... and {number - limit:,} more", style="dim")] if number > limit else []


def _warnings(sentences: Sequence[str]) -> RenderableType:
    table = _table("", "")
    for sentence in sentences:
        table.add_row(Text("!", style="yellow"), formatting.printable(sentence))
    return _indented(table)


def _preview(differences: Sequence[Difference], limit: int) -> list[RenderableType]:
    if not differences:
        return [_indented(Text("No differences.", style="green"))]
    table = _table("image", "plan", "preview")
    for each in differences[:limit]:
        name = ", ".join(each.tags) or each.digest[: formatting.SHORT_DIGEST]
        planned = "not found" if each.planned is None else str(each.planned)
        table.add_row(formatting.printable(name), planned, str(each.previewed))
    heading = Text(f"{count(len(differences), 'difference')}:", style="yellow")
    return [_indented(heading), _indented(table), *_more(len(differences), limit)]
