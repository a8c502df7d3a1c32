"""What a process does that runs scenarios, one after the other."""

from __future__ import annotations

import os
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.faults import KINDS
from tests.faults.laboratory import Laboratory
from tests.faults.runner import Outcome, run, run_out_of_order

if TYPE_CHECKING:
    from tests.faults.cases import CaseId

_lab: list[Laboratory] = []


def begin() -> None:
    """Make the laboratory of this process."""
    # For as long as the process lives; the functions write logs and metrics.
    stack = ExitStack()
    nowhere = stack.enter_context(Path(os.devnull).open("w"))
    stack.enter_context(redirect_stdout(nowhere))
    _lab.append(stack.enter_context(Laboratory()))


def run_all(name: str, only: str) -> tuple[str, int, list[Outcome]]:
    """The name of a scenario, the number of its cases, and those that failed."""

    def wanted(case: CaseId) -> bool:
        return only in str(case)

    outcomes = list(run(_lab[0], name, KINDS, wanted))
    outcomes += run_out_of_order(_lab[0], name, thorough=True, wanted=wanted)
    return name, len(outcomes), [each for each in outcomes if each.broken]
