"""What a process does that runs scenarios, one after the other."""

from __future__ import annotations

import io
from contextlib import ExitStack, redirect_stdout
from typing import TYPE_CHECKING

from tests.faults.faults import KINDS
from tests.faults.laboratory import Laboratory
from tests.faults.runner import Outcome, run, run_out_of_order

if TYPE_CHECKING:
    from tests.faults.cases import CaseId

_lab: list[Laboratory] = []


class _Nowhere(io.TextIOBase):
    """Where the functions write their logs and metrics."""

    def write(self, text: str) -> int:
        return len(text)


def begin() -> None:
    """Make the laboratory of this process."""
    stack = ExitStack()  # for as long as the process lives
    stack.enter_context(redirect_stdout(_Nowhere()))
    _lab.append(stack.enter_context(Laboratory()))


def run_all(name: str, only: str) -> tuple[str, int, list[Outcome]]:
    """The name of a scenario, the number of its cases, and those that failed."""

    def wanted(case: CaseId) -> bool:
        return only in str(case)

    outcomes = list(run(_lab[0], name, KINDS, wanted))
    outcomes += run_out_of_order(_lab[0], name, thorough=True, wanted=wanted)
    return name, len(outcomes), [each for each in outcomes if each.broken]
