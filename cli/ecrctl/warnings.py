"""What a person would want to know about a plan beside its result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller.lifecycle.selection import ImageIndex
from ecrctl import formatting as units

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ecr_controller.lifecycle.images import Image
    from ecrctl.plan import Plan

MOST_NAMES = 5


def of(plan: Plan) -> list[str]:
    """One sentence each."""
    return [*_idle_rules(plan), *_held_images(plan), *_artifacts(plan), *_unknown_children(plan)]


def shadows(plan: Plan) -> dict[int, tuple[int, ...]]:
    """By shadowed rule, the rules that claim all images that it matches."""
    shadowed = plan.evaluation.shadowed_rules
    if not shadowed:
        return {}
    fates = plan.evaluation.fates
    index = ImageIndex([fate.image for fate in fates])
    claimed_by = {
        rule.priority: {fates[position].claimed_by for position in index.selected_by(rule)}
        for rule in plan.rules
        if rule.priority in shadowed
    }
    return {rule: tuple(sorted(each for each in by if each is not None)) for rule, by in claimed_by.items()}


def _idle_rules(plan: Plan) -> Iterator[str]:
    shadowed_by = shadows(plan)
    for rule in plan.evaluation.rules:
        if not rule.matched:
            yield f"Rule {rule.priority} matches no image."
        elif rule.shadowed:
            by = shadowed_by[rule.priority]
            who = f"rule {by[0]} claims" if len(by) == 1 else f"rules {' and '.join(map(str, by))} claim"
            matched = units.count(rule.matched, "image")
            yield f"Rule {rule.priority} is shadowed: {who} all of the {matched} that it matches, so it takes none."


def _held_images(plan: Plan) -> Iterator[str]:
    for rule in plan.evaluation.rules:
        held = rule.marked - rule.acted
        if held:
            stay = "stays" if held == 1 else "stay"
            of_rule = f"{units.count(held, 'image')} that rule {rule.priority} marks"
            yield f"{of_rule} {stay}, because a manifest list that is kept refers to {'it' if held == 1 else 'them'}."


def _artifacts(plan: Plan) -> Iterator[str]:
    orphaned = plan.evaluation.orphaned_artifacts
    if orphaned:
        what = units.count(len(orphaned), "reference artifact")
        go = "goes with its subject" if len(orphaned) == 1 else "go with their subjects"
        yield f"{what} that no rule takes {go}, within 24 hours: {_names(orphaned)}."


def _unknown_children(plan: Plan) -> Iterator[str]:
    images = (fate.image for fate in plan.evaluation.fates)
    lists = [
        each for each in images if each.is_manifest_list and not each.children and each.storage_class == "standard"
    ]
    if lists:
        what = units.count(len(lists), "manifest list")
        come = "comes without its children" if len(lists) == 1 else "come without their children"
        yield f"{what} {come}, so images that ECR protects may be shown as going: {_names(lists)}."


def _names(images: Sequence[Image]) -> str:
    more = f", and {len(images) - MOST_NAMES:,} more" if len(images) > MOST_NAMES else ""
    return ", ".join(map(units.name, images[:MOST_NAMES])) + more
