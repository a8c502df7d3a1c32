"""A burst of events with duplicates, malformed events, failing and missing targets, and invocations that crash."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from benchmarks.scan_routing import Burst, measure

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def test_of_ten_thousand_events_none_is_lost_and_none_is_delivered_twice() -> None:
    burst = Burst(10_000)
    burst.run()
    assert (burst.lost, burst.twice) == (0, 0)
    assert burst.deaths > 0
    assert len(burst.missing) > 0
    burst.redrive()
    assert (burst.missing, burst.twice) == (set(), 0)
    assert len({body for body, _ in burst.dead_letters.letters if body.startswith("poison")}) == burst.poison > 0


@pytest.mark.parametrize("routes", [10, 1_000])
def test_the_number_of_reads_depends_on_the_depth_of_the_name_alone(routes: int) -> None:
    assert measure(routes)[1] == 3  # team/app, team/*, *
