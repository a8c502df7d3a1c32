"""A plan for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ecr_controller.lifecycle.words import in_words
from ecrctl import formatting as units
from ecrctl import warnings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from ecr_controller.lifecycle.evaluation import Fate
    from ecr_controller.lifecycle.policy import Rule
    from ecrctl.plan import Plan
    from ecrctl.preview import Difference

COLOURS = {"expire": "red", "archive": "magenta"}


def render(plans: Sequence[Plan], limit: int) -> RenderableType:
    """All plans, one below the other, each with no more than ``limit`` rows of images."""
    return Group(*(part for plan in plans for part in _parts(plan, limit)))


def _parts(plan: Plan, limit: int) -> list[RenderableType]:
    parts: list[RenderableType] = [
        Text(units.printable(plan.headline), style="bold"),
        Text(plan.summary, style="dim"),
        Text("\nRules, in the order in which ECR applies them", style="bold"),
        _rules(plan),
    ]
    if plan.going:
        parts += [Text("\nImages that go", style="bold"), *_going(plan, limit)]
    if plan.staying:
        parts += [Text("\nImages that stay", style="bold"), Padding(Text(plan.staying), (0, 0, 0, 2))]
    parts += _warnings(plan)
    if plan.differences is not None:
        parts += [Text("\nECR's own preview", style="bold"), *_preview(plan.differences, limit)]
    return [*parts, Text()]


def _table(*columns: tuple[str, bool]) -> Table:
    """Each column with its heading and whether it holds numbers. Long words are folded, never cut."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for heading, numeric in columns:
        table.add_column(heading, justify="right" if numeric else "left", overflow="fold", no_wrap=numeric)
    return table


def _indented(table: Table) -> RenderableType:
    return Padding(table, (0, 0, 0, 2))


def _rules(plan: Plan) -> RenderableType:
    table = _table(("rule", True), ("says", False), ("matches", True), ("takes", True))
    outcomes = {outcome.priority: outcome for outcome in plan.evaluation.rules}
    for rule in plan.rules:
        outcome = outcomes[rule.priority]
        style = COLOURS["expire" if rule.action == "expire" else "archive"] if outcome.acted else ""
        taken = Text(f"{outcome.acted:,}", style=style)
        table.add_row(str(rule.priority), _said(rule), f"{outcome.matched:,}", taken)
    return _indented(table)


def _said(rule: Rule) -> Text:
    """The rule in words, and what its author says of it."""
    described = f"\n{units.printable(rule.description)}" if rule.description else ""
    return Text.assemble(units.printable(in_words(rule)), (described, "dim"))


def _going(plan: Plan, limit: int) -> list[RenderableType]:
    table = _table(("rule", True), ("action", False), ("image", False), ("age", True), ("size", True), ("pushed", True))
    going = plan.going
    for fate in going[:limit]:
        table.add_row(*_row(fate, plan))
    return [_indented(table), *_more(len(going), limit)]


def _row(fate: Fate, plan: Plan) -> tuple[str | Text, ...]:
    image = fate.image
    untagged = "" if image.tags else " untagged"
    return (
        str(fate.rule_priority),
        Text(fate.action, style=COLOURS[fate.action]),
        Text.assemble(units.name(image), (untagged, "dim")),
        units.age(image.pushed_at, plan.now),
        units.size(image.size_in_bytes),
        f"{image.pushed_at:%Y-%m-%d}",
    )


def _more(number: int, limit: int) -> list[RenderableType]:
    return [Text(f"  ... and {number - limit:,} more", style="dim")] if number > limit else []


def _warnings(plan: Plan) -> list[RenderableType]:
    table = _table(("", False), ("", False))
    table.show_header = False
    for warning in warnings.of(plan):
        table.add_row(Text("!", style="yellow"), units.printable(warning))
    return [Text("\nMind", style="bold"), _indented(table)] if table.row_count else []


def _preview(differences: Sequence[Difference], limit: int) -> list[RenderableType]:
    if not differences:
        return [Text("  It agrees on every image.", style="green")]
    table = _table(("image", False), ("we say", False), ("ECR says", False))
    for each in differences[:limit]:
        name = ", ".join(each.tags) or each.digest[: units.SHORT_DIGEST]
        ours = "not there" if each.ours is None else str(each.ours)
        table.add_row(units.printable(name), ours, str(each.theirs))
    told = Text(f"  It differs on {units.count(len(differences), 'image')}:", style="yellow")
    return [told, _indented(table), *_more(len(differences), limit)]
