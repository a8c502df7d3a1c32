"""Whatever happens to an AWS call, CloudFormation gets one answer, and what it does then ends in the state it expects.

Here every call meets the four worst faults. `make faults` runs all of them, and repeats a case by its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.faults import WORST
from tests.faults.report import described
from tests.faults.runner import run
from tests.faults.scenarios import scenarios

if TYPE_CHECKING:
    from tests.faults.laboratory import Laboratory


@pytest.mark.parametrize("name", scenarios())
def test_a_fault_at_any_call_leaves_what_cloudformation_expects(lab: Laboratory, name: str) -> None:
    outcomes = list(run(lab, name, WORST))
    failures = [each for each in outcomes if each.broken]
    if failures:
        pytest.fail(f"{len(failures)} of {len(outcomes)} cases failed.\n{described(failures)}", pytrace=False)
