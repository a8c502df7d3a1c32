"""Whatever happens to an AWS call, CloudFormation gets one answer, and what it does then ends in the state it expects.

Here every call meets the four worst faults. `make faults` runs all of them, and repeats a case by its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.faults import WORST
from tests.faults.known_limits import LIMITS, limit_of
from tests.faults.report import described
from tests.faults.runner import run, run_out_of_order
from tests.faults.scenarios import scenarios

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.faults.laboratory import Laboratory
    from tests.faults.runner import Outcome


@pytest.mark.parametrize("name", scenarios())
def test_a_fault_at_any_call_leaves_what_cloudformation_expects(lab: Laboratory, name: str) -> None:
    _must_pass(run(lab, name, WORST))


@pytest.mark.parametrize("name", scenarios())
def test_requests_in_another_order_do_no_harm_beyond_the_known_limits(lab: Laboratory, name: str) -> None:
    _must_pass(run_out_of_order(lab, name, thorough=False))


def test_every_known_limit_is_of_some_scenario() -> None:
    named = {limit_of(each.what, name) for each in LIMITS for name in scenarios()}
    assert named - {None} == set(LIMITS)


def _must_pass(outcomes: Iterable[Outcome]) -> None:
    found = list(outcomes)
    failures = [each for each in found if each.broken]
    if failures:
        pytest.fail(f"{len(failures)} of {len(found)} cases failed.\n{described(failures)}", pytrace=False)
