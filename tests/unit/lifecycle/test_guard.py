"""LifecycleGuard: what it allows, what it rejects, and its messages."""

from __future__ import annotations

import pytest

from ecr_controller.lifecycle.ecr import PreviewedImage
from ecr_controller.lifecycle.guard import Guard, PreviewSummary, applies, ceiling, refusal


def summary(total: int, going: int) -> PreviewSummary:
    images = tuple(
        PreviewedImage(f"sha256:{n:064d}", (f"v{n}",) if n % 2 == 0 else (), "expire", 1 + n % 2) for n in range(going)
    )
    return PreviewSummary(total, total, images)


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
    assert (refusal(guard, summary(total, going), "team/app") is not None) == refused


def test_a_refusal_names_the_count_the_bounds_the_rules_and_the_first_images() -> None:
    reason = refusal(Guard(max_images=2, max_percent=10), summary(20, 7), "team/app")
    assert reason == (
        "The lifecycle policy would expire or archive 7 of 20 images in team/app, which exceeds LifecycleGuard "
        "(MaxImages 2 and MaxPercent 10). Nothing was changed. By rule priority: rule 1: 4, rule 2: 3. "
        "Images: v0, sha256:000000000000, v2, sha256:000000000000, v4 and 2 more."
    )


@pytest.mark.parametrize(
    ("guard", "limits", "exceeded"),
    [
        (Guard(), Guard(max_images=2), "the parameters of the controller's stack (LifecycleMaxImages 2)"),
        (Guard(9, 90), Guard(max_percent=10), "the parameters of the controller's stack (LifecycleMaxPercent 10)"),
        (
            Guard(max_images=1),
            Guard(2, 50),
            "LifecycleGuard (MaxImages 1) and the parameters of the controller's stack (LifecycleMaxImages 2)",
        ),
    ],
)
def test_a_refusal_by_the_ceiling_names_it_and_what_to_do(guard: Guard, limits: Guard, exceeded: str) -> None:
    assert refusal(guard, summary(20, 3), "team/app", limits) == (
        f"The lifecycle policy would expire or archive 3 of 20 images in team/app, which exceeds {exceeded}. Nothing "
        "was changed. A LifecycleGuard cannot allow more. Change the rules in several deployments, or have the "
        "parameters raised. By rule priority: rule 1: 2, rule 2: 1. Images: v0, sha256:000000000000, v2."
    )


@pytest.mark.parametrize("limits", [Guard(), Guard(5, 50), Guard(3, 15)])
def test_a_guard_can_be_narrower_than_the_ceiling(limits: Guard) -> None:
    reason = refusal(Guard(max_images=2), summary(20, 3), "team/app", limits)
    assert reason is not None
    assert "which exceeds LifecycleGuard (MaxImages 2). Nothing was changed. By rule" in reason
    assert refusal(Guard(max_images=3), summary(20, 3), "team/app", limits) is None


@pytest.mark.parametrize(
    ("images", "percent", "expected"),
    [("", "", None), ("5", "", Guard(5)), ("", "0", Guard(None, 0)), ("0", "100", Guard(0, 100))],
)
def test_the_ceiling_is_that_of_the_parameters(
    monkeypatch: pytest.MonkeyPatch, images: str, percent: str, expected: Guard | None
) -> None:
    monkeypatch.setenv("LIFECYCLE_MAX_IMAGES", images)
    monkeypatch.setenv("LIFECYCLE_MAX_PERCENT", percent)
    assert ceiling() == expected
    assert applies(None) == (expected is not None)
    assert applies(Guard(1))


def test_few_images_are_named_all() -> None:
    reason = refusal(Guard(max_images=0), summary(20, 1), "team/app")
    assert reason is not None
    assert reason.endswith("Images: v0.")
