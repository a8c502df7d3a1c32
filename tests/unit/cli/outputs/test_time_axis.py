"""The time axis of the picture."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ecrctl.outputs.time_axis import TimeAxis


@pytest.mark.parametrize(
    ("ages", "logarithmic"), [([0.1, 1, 2, 3, 700], True), ([0, 350, 360, 365, 700], False), ([], False)]
)
def test_the_scale_is_the_one_that_spreads_the_images(ages: list[float], logarithmic: bool) -> None:
    assert TimeAxis.for_ages(ages).logarithmic is logarithmic


@pytest.mark.parametrize("ages", [[0.0], [-3.0], [0.01, 0.02], [5000.0, 1.0], [90.0, 80.0, 2.0]])
def test_every_age_has_a_place_and_now_is_at_the_end(ages: list[float]) -> None:
    scale = TimeAxis.for_ages(ages)
    assert all(0 <= scale.position(age) <= 1 for age in ages)
    assert scale.position(0) == 1
    assert scale.ticks()[0] == (1.0, "now")
    positions = [position for position, _ in scale.ticks()]
    assert all(before - after > 0.06 for before, after in pairwise(positions))
