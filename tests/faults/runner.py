"""Runs cases, and says what failed."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.faults import cases
from tests.faults.cases import Case, CaseId
from tests.faults.functions import Broken
from tests.faults.scenarios import scenarios

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.laboratory import Laboratory


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case: nothing ``broken`` if it passed."""

    case: CaseId
    call: str = ""
    broken: str = ""
    details: tuple[str, ...] = ()
    log: tuple[str, ...] = ()


def run(lab: Laboratory, name: str, kinds: tuple[str, ...], wanted: Callable[[CaseId], bool] = lambda _: True) -> list[Outcome]:
    """All cases of a scenario with faults of these kinds."""
    nothing = CaseId(name, "none", 0, cases.ROLLED_BACK)
    try:
        prepared = cases.prepare(lab, scenarios()[name])
    except Broken as broken:
        return [_failed(lab, nothing, "", broken)]
    return [_run(lab, prepared, each) for each in cases.cases(prepared, kinds) if wanted(each)]


def _run(lab: Laboratory, prepared: cases.Prepared, case: CaseId) -> Outcome:
    call = prepared.calls[case.number - 1] if case.number else ""
    try:
        Case(lab, prepared, case).run()
    except Broken as broken:
        return _failed(lab, case, call, broken)
    except Exception as error:  # noqa: BLE001 - of the test itself, which then names the case
        return _failed(lab, case, call, Broken(f"The test failed: {error!r}", *traceback.format_exc().splitlines()[-6:]))
    return Outcome(case, call)


def _failed(lab: Laboratory, case: CaseId, call: str, broken: Broken) -> Outcome:
    return Outcome(case, call, str(broken), broken.details, tuple(lab.log))
