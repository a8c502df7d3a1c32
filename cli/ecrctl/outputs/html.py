"""Plans as one page, for a browser or a pull request: nothing in it is fetched from elsewhere, and no script runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ecr_controller import __version__
from ecr_controller.lifecycle.words import in_words
from ecrctl import formatting as units
from ecrctl import warnings
from ecrctl.outputs.elements import Markup, element, joined
from ecrctl.outputs.svg import draw

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ecr_controller.lifecycle.evaluation import Fate
    from ecr_controller.lifecycle.policy import Rule
    from ecrctl.plan import Plan
    from ecrctl.preview import Difference

STYLE = Path(__file__).with_name("html.css")
# Forbids what the page does not need, in case something in it could be taken for more than text.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
NUMERIC = frozenset({"rule", "matches", "claims", "takes", "age", "size"})


def render(plans: Sequence[Plan], limit: int) -> str:
    """All plans, one below the other, each with no more than ``limit`` rows of images."""
    head = joined(
        [
            Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
            element("title", "; ".join(plan.headline for plan in plans)),
            element("style", Markup(STYLE.read_text(encoding="utf-8"))),
        ]
    )
    made = element("footer", f"Made by ecrctl {__version__}. Nothing was changed in Amazon ECR.")
    body = element("main", *(_plan(plan, limit) for plan in plans), made)
    return Markup("<!DOCTYPE html>\n") + element("html", element("head", head), element("body", body), lang="en")


def _plan(plan: Plan, limit: int) -> Markup:
    return element(
        "article",
        element("h1", units.printable(plan.headline)),
        element("p", plan.summary, class_="summary"),
        _warnings(plan),
        element("figure", draw(plan)),
        element("h2", "Rules, in the order in which ECR applies them"),
        _rules(plan),
        *_going(plan, limit),
        *([element("h2", "Images that stay"), element("p", plan.staying)] if plan.staying else []),
        *_preview(plan.differences, limit),
    )


def _warnings(plan: Plan) -> Markup:
    told = warnings.of(plan)
    return element("ul", *(element("li", warning) for warning in told), class_="warnings") if told else Markup()


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    kinds = ["number" if heading in NUMERIC else None for heading in headings]
    head = [element("th", heading, class_=kind, scope="col") for heading, kind in zip(headings, kinds, strict=True)]
    body = [
        element("tr", *(element("td", cell, class_=kind) for cell, kind in zip(row, kinds, strict=True)))
        for row in rows
    ]
    table = element("table", element("thead", element("tr", *head)), element("tbody", *body))
    return element("div", table, class_="scroll")


def _rules(plan: Plan) -> Markup:
    outcomes = {outcome.priority: outcome for outcome in plan.evaluation.rules}
    rows = []
    for rule in plan.rules:
        outcome = outcomes[rule.priority]
        numbers = (outcome.matched, outcome.claimed, outcome.acted)
        rows.append((str(rule.priority), _said(rule), *(f"{number:,}" for number in numbers)))
    return _table(("rule", "says", "matches", "claims", "takes"), rows)


def _said(rule: Rule) -> Markup:
    described = element("small", rule.description) if rule.description else Markup()
    return joined([in_words(rule), described])


def _going(plan: Plan, limit: int) -> list[Markup]:
    going = plan.going
    if not going:
        return []
    rows = [_row(fate, plan) for fate in going[:limit]]
    headings = ("rule", "action", "tags", "digest", "age", "size", "pushed")
    return [element("h2", "Images that go"), _table(headings, rows), *_more(len(going), limit)]


def _row(fate: Fate, plan: Plan) -> tuple[str, ...]:
    image = fate.image
    return (
        str(fate.rule_priority),
        element("span", fate.action, class_=f"fate {fate.action}"),
        units.printable(units.tags(image)),
        element("code", image.digest[: units.SHORT_DIGEST], title=image.digest),
        units.age(image.pushed_at, plan.now),
        units.size(image.size_in_bytes),
        f"{image.pushed_at:%Y-%m-%d %H:%M}",
    )


def _more(number: int, limit: int) -> list[Markup]:
    return [element("p", f"... and {number - limit:,} more", class_="summary")] if number > limit else []


def _preview(differences: Sequence[Difference] | None, limit: int) -> list[Markup]:
    heading = element("h2", "ECR's own preview")
    if differences is None:
        return []
    if not differences:
        return [heading, element("p", "It agrees on every image.")]
    told = element("p", f"It differs on {units.count(len(differences), 'image')}:")
    rows = [
        (", ".join(each.tags) or "untagged", element("code", each.digest), _outcome(each), str(each.theirs))
        for each in differences[:limit]
    ]
    table = _table(("tags", "digest", "we say", "ECR says"), rows)
    return [heading, told, table, *_more(len(differences), limit)]


def _outcome(difference: Difference) -> str:
    return "not there" if difference.ours is None else str(difference.ours)
