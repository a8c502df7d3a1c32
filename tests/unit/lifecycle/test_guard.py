"""LifecycleGuard: what it allows, what it refuses, and in which words."""

from __future__ import annotations

import pytest

from ecr_controller.lifecycle.guard import Guard, Outlook, refusal
from ecr_controller.lifecycle.preview import PreviewedImage


def outlook(total: int, going: int) -> Outlook:
    images = tuple(
        PreviewedImage(f"sha256:{n:064d}", (f"v{n}",) if n % 2 == 0 else (), "expire", 1 + n % 2) for n in range(going)
    )
    return Outlook(total, total, images)


@pytest.mark.parametrize(
    ("guard", "total", "going", "refused"),
    [
        (Guard(max_images=3), 10, 3, False),
        (Guard(max_images=3), 10, 4, True),
        (Guard(max_images=0), 10, 0, False),
        (Guard(max_images=0), 10, 1, True),
        (Guard(max_percent=30), 10, 3, False),
        (Guard(max_percent=30), 10, 4, True),
        (Guard(max_percent=33), 3, 1, True),
        (Guard(max_percent=34), 3, 1, False),
        (Guard(max_percent=0), 0, 0, False),
        (Guard(max_percent=100), 10, 10, False),
        (Guard(max_images=100, max_percent=10), 10, 2, True),
        (Guard(max_images=1, max_percent=100), 10, 2, True),
    ],
)
def test_a_bound_is_what_may_still_go(guard: Guard, total: int, going: int, refused: bool) -> None:
    assert (refusal(guard, outlook(total, going), "team/app") is not None) == refused


def test_a_refusal_names_the_count_the_bounds_the_rules_and_the_first_images() -> None:
    reason = refusal(Guard(max_images=2, max_percent=10), outlook(20, 7), "team/app")
    assert reason == (
        "The lifecycle policy would expire or archive 7 of the 20 images of team/app, more than LifecycleGuard allows "
        "(MaxImages 2 and MaxPercent 10). Nothing was changed. By priority: rule 1: 4, rule 2: 3. "
        "The first: v0, sha256:000000000000, v2, sha256:000000000000, v4."
    )


def test_few_images_are_named_all() -> None:
    reason = refusal(Guard(max_images=0), outlook(20, 1), "team/app")
    assert reason is not None
    assert reason.endswith("They are: v0.")
