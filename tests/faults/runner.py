"""Runs cases, and says what failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.faults import cases
from tests.faults.cases import Case, CaseId
from tests.faults.functions import Broken, Severe
from tests.faults.known_limits import limit_of
from tests.faults.orderings import orderings, run_ordering
from tests.faults.scenarios import scenarios

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.cases import Prepared
    from tests.faults.laboratory import Laboratory


OUT_OF_ORDER = "out-of-order"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case: nothing ``broken`` if it passed."""

    case: CaseId
    call: str = ""
    broken: str = ""
    details: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    is_severe: bool = False


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


def _all_of(name: str) -> CaseId:
    """A case that is wanted where all those of the scenario are."""
    return CaseId(name, "", 0, "")


def _limited(what: str, found: list[Outcome], *, whole: bool) -> Iterator[Outcome]:
    """The outcomes. Where a known limit is named they pass, but for severe ones, and one of the ``whole`` must fail."""
    limit = limit_of(what, found[0].case.scenario) if found else None
    if limit is None:
        yield from found
        return
    yield from (each if each.is_severe else Outcome(each.case, each.call) for each in found)
    if whole and not any(each.broken for each in found):
        stale = f"A known limit is none: it does not leave {limit.left}"
        yield Outcome(CaseId(found[0].case.scenario, what, 0, "known-limit"), broken=stale)


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


def run_out_of_order(
    lab: Laboratory, name: str, *, thorough: bool, wanted: Callable[[CaseId], bool] = lambda _: True
) -> Iterator[Outcome]:
    """The orderings of a scenario."""
    try:
        prepared = cases.prepare(lab, scenarios()[name])
    except Broken:
        return  # `run` reports it
    for ordering, numbers in orderings(prepared, thorough=thorough):
        ids = [CaseId(name, ordering, number, OUT_OF_ORDER) for number in numbers]
        found = [_run_ordering(lab, prepared, each) for each in ids if wanted(each)]
        yield from _limited(ordering, found, whole=wanted(_all_of(name)))


def _run_ordering(lab: Laboratory, prepared: Prepared, case: CaseId) -> Outcome:
    call = prepared.calls[case.number - 1] if case.number else ""
    try:
        run_ordering(lab, prepared, case.kind, case.number)
    except Broken as broken:
        return _failed(lab, case, call, broken)
    return Outcome(case, call)


def _failed(lab: Laboratory, case: CaseId, call: str, broken: Broken) -> Outcome:
    return Outcome(case, call, str(broken), broken.details, tuple(lab.log), isinstance(broken, Severe))
