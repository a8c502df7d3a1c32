"""Requests that are delivered twice, overlap or come too late do no harm, except for what `known_limits` lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.known_limits import LIMITS, limit_of
from tests.faults.report import described
from tests.faults.runner import run_out_of_order
from tests.faults.scenarios import scenarios

if TYPE_CHECKING:
    from tests.faults.laboratory import Laboratory


@pytest.mark.parametrize("name", scenarios())
def test_requests_in_another_order_do_no_harm_beyond_the_known_limits(lab: Laboratory, name: str) -> None:
    failures = [each for each in run_out_of_order(lab, name, thorough=False) if each.broken]
    if failures:
        pytest.fail(described(failures), pytrace=False)


def test_every_known_limit_is_of_some_scenario() -> None:
    named = {limit_of(each.ordering, name) for each in LIMITS for name in scenarios()}
    assert named - {None} == set(LIMITS)
