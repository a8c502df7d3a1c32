"""Runs cases, and says what failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.faults import cases
from tests.faults.cases import Case, CaseId
from tests.faults.functions import Broken
from tests.faults.scenarios import scenarios

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.cases import Prepared
    from tests.faults.laboratory import Laboratory


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case: nothing ``broken`` if it passed."""

    case: CaseId
    call: str = ""
    broken: str = ""
    details: tuple[str, ...] = ()
    log: tuple[str, ...] = ()


def run(
    lab: Laboratory, name: str, kinds: tuple[str, ...], wanted: Callable[[CaseId], bool] = lambda _: True
) -> Iterator[Outcome]:
    """All cases of a scenario with faults of these kinds."""
    try:
        prepared = cases.prepare(lab, scenarios()[name])
    except Broken as broken:
        yield _failed(lab, CaseId(name, "none", 0, cases.ROLLED_BACK), "", broken)
        return
    for kind, number in cases.faults(prepared, kinds):
        ids = [CaseId(name, kind, number, ending) for ending in cases.endings(prepared.scenario, kind)]
        for again in (False, True):
            chosen = [each for each in ids if wanted(each) and (each.ending == cases.AGAIN) is again]
            if chosen:
                yield from _run(lab, prepared, chosen, again=again)


def _run(lab: Laboratory, prepared: Prepared, ids: list[CaseId], *, again: bool) -> Iterator[Outcome]:
    """Cases that differ only in how they go on."""
    kind, number = ids[0].kind, ids[0].number
    call = prepared.calls[number - 1] if number else ""
    case = Case(lab, prepared, kind, number)
    try:
        reached = case.reach(again=again)
    except Broken as broken:
        yield from (_failed(lab, each, call, broken) for each in ids)
        return
    for each in ids:
        try:
            case.follow(reached, each.ending)
        except Broken as broken:
            yield _failed(lab, each, call, broken)
        else:
            yield Outcome(each, call)


def _failed(lab: Laboratory, case: CaseId, call: str, broken: Broken) -> Outcome:
    return Outcome(case, call, str(broken), broken.details, tuple(lab.log))
