"""What a process does that runs scenarios, one after the other."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.faults.cases import CaseId
from tests.faults.faults import KINDS
from tests.faults.laboratory import Laboratory
from tests.faults.runner import Outcome, run, run_out_of_order

_lab: list[Laboratory] = []


def begin() -> None:
    """Make the laboratory of this process."""
    sys.stdout = Path(os.devnull).open("w")  # the logs and metrics of the functions
    _lab.append(Laboratory().__enter__())


def run_all(name: str, only: str) -> tuple[str, int, list[Outcome]]:
    """The name of a scenario, the number of its cases, and those that failed."""

    def wanted(case: CaseId) -> bool:
        return only in str(case)

    outcomes = list(run(_lab[0], name, KINDS, wanted))
    outcomes += run_out_of_order(_lab[0], name, thorough=True, wanted=wanted)
    return name, len(outcomes), [each for each in outcomes if each.broken]
