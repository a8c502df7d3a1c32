"""Warnings about a plan: rules without effect, and images with an unexpected or unknown fate."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ecr_controller.errors import count
from ecr_controller.lifecycle.selection import ImageIndex
from ecrctl.formatting import and_list, image_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecrctl.plan import Plan


def of(plan: Plan) -> list[str]:
    """One sentence each."""
    sources = (_idle_rules, _protected_images, _other_readings, _unknown_states, _unknown_children)
    return [sentence for source in sources for sentence in source(plan)]


def shadowing_rules(plan: Plan) -> dict[int, tuple[int, ...]]:
    """By the priority of each shadowed rule, the priorities of the rules that claim all images that it matches."""
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
    shadowed_by = shadowing_rules(plan)
    for rule in plan.evaluation.rules:
        if not rule.matched:
            yield f"Rule {rule.priority} doesn't match any image." + _all_must_match(plan, rule.priority)
        elif rule.shadowed:
            by = shadowed_by[rule.priority]
            rules = f"{'rule' if len(by) == 1 else 'rules'} {and_list(by)}"
            matched = count(rule.matched, "image that it matches is", "images that it matches are")
            yield f"Rule {rule.priority} has no effect: the {matched} already claimed by {rules}."


def _all_must_match(plan: Plan, priority: int) -> str:
    """What to write instead, if each entry of a list matches images, but no image matches all of them."""
    rule = next(each for each in plan.rules if each.priority == priority)
    entries = rule.tag_patterns or rule.tag_prefixes
    index = ImageIndex([fate.image for fate in plan.evaluation.fates])
    alone = [
        entry
        for entry in entries
        if index.selected_by(
            replace(rule, tag_patterns=(entry,)) if rule.tag_patterns else replace(rule, tag_prefixes=(entry,))
        )
    ]
    if len(entries) < 2 or not alone:
        return ""
    return (
        f" An image must match all entries of its list: {and_list(entries)}. To match any of them, declare a rule for"
        " each."
    )


def _protected_images(plan: Plan) -> Iterator[str]:
    for rule in plan.evaluation.rules:
        if protected := rule.marked - rule.acted:
            images = count(protected, "image that is", "images that are")
            yield f"Rule {rule.priority} keeps {images} past its limit but referenced by a kept manifest list."


_QUESTIONS = {
    "imagesOfIndexesAreNotCounted": "whether the images of an image index count among the images that a rule keeps",
    "untaggedArtifactsFollowTheirSubjectOnly": "whether a rule for untagged images matches the reference artifacts of "
    "images that are kept",
}


def _other_readings(plan: Plan) -> Iterator[str]:
    for other in plan.other_readings:
        differ = count(len(other.differing), "image differs", "images differ")
        yield (
            f"Amazon ECR doesn't document {_QUESTIONS[other.name]}. {plan.evaluation.affected:,} or "
            f"{count(other.affected, 'image')} can be expired or archived; {differ}: {image_names(other.differing)}."
        )


def _unknown_states(plan: Plan) -> Iterator[str]:
    unknown = [fate.image for fate in plan.evaluation.fates if fate.image.storage_class == "unknown"]
    if unknown:
        kept = count(len(unknown), "image is", "images are")
        yield f"{kept} counted as kept, because the status in Amazon ECR isn't known: {image_names(unknown)}."


def _unknown_children(plan: Plan) -> Iterator[str]:
    images = (fate.image for fate in plan.evaluation.fates)
    lists = [
        each for each in images if each.is_manifest_list and not each.children and each.storage_class == "standard"
    ]
    if lists:
        manifest_lists = count(len(lists), "manifest list")
        yield (
            f"The children of {manifest_lists} are not known, so images that Amazon ECR keeps can be listed"
            f" to expire or archive: {image_names(lists)}."
        )
