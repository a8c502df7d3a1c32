"""`converge` as an algorithm: in every interleaving, the last write is of the newest parts.

Two writers are explored in full: a read may lag by two versions, and a crash may come at any step, twice where reads do
not lag. Three writers are bounded: reads lag by one version, or there is one crash. This is 840,000 states in all. With
both at once, which is 1,250,000 more, three writers were explored by hand, and that holds too.
"""

from __future__ import annotations

import inspect
import time
from itertools import combinations
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from ecr_controller.errors import RetryableError
from ecr_controller.shared_documents import converge
from tests.unit.shared_documents.scheduler import FOREIGN, LATE, TARGET, Action, Scheduler, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.shared_documents.scheduler import ReplayedDocument, ReplayedParts, Statements

    Step = Callable[[ModuleType], Action]

FIRST, LAST = (FOREIGN, "first"), (FOREIGN, "last")
PARTS: Statements = (("a", 1), ("r", 1))
DOCUMENT: Statements = (FIRST, ("a", 1), LAST, ("r", 1))


def declares(owner: str, value: int) -> Step:
    def step(code: ModuleType) -> Action:
        def action(store: ReplayedParts, document: ReplayedDocument, again: bool) -> None:
            code.declare(store, TARGET, owner, {"value": value}, document)

        return action

    return step


def withdraws(owner: str) -> Step:
    def step(code: ModuleType) -> Action:
        def action(store: ReplayedParts, document: ReplayedDocument, again: bool) -> None:
            code.withdraw(store, TARGET, owner, document)

        return action

    return step


def resyncs(code: ModuleType) -> Action:
    def action(store: ReplayedParts, document: ReplayedDocument, again: bool) -> None:
        code.converge(store, TARGET, document, changed=again)

    return action


# A rollback takes back a create or an update that was carried out a moment before.
WRITERS: dict[str, tuple[Step, ...]] = {
    "adds b": (declares("b", 1),),
    "adds c": (declares("c", 1),),
    "changes a": (declares("a", 2),),
    "changes a, rolls back": (declares("a", 2), declares("a", 1)),
    "adds b, rolls back": (declares("b", 1), withdraws("b")),
    "removes r": (withdraws("r"),),
    "deletes b": (withdraws("b"),),
    "resyncs": (resyncs,),
}
PAIRS = list(combinations(WRITERS, 2))
TRIPLES = [
    (("adds b", "changes a", "removes r"), 1, 0),
    (("adds b", "changes a", "removes r"), 0, 1),
    (("adds b", "adds c", "resyncs"), 1, 0),
    (("adds b", "adds c", "resyncs"), 0, 1),
    (("adds b", "deletes b", "changes a"), 1, 0),
]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def finals(
    code: ModuleType,
    names: tuple[str, ...],
    *,
    lag: int = 0,
    crashes: int = 0,
    edits: int = 0,
    document: Statements = DOCUMENT,
) -> set[World]:
    """How all ends, in every interleaving. A resync repairs what a crashed writer left, when reads no longer lag."""
    scheduler = Scheduler([[step(code) for step in WRITERS[name]] for name in names], lag)
    states, ends = scheduler.explore(PARTS, document, crashes=crashes, edits=edits)
    print(f"{states:,} states of {' | '.join(names)}, lag {lag}, crashes {crashes}")
    return {_healed(code, end) if end.died else end for end in ends}


def _healed(code: ModuleType, world: World) -> World:
    _states, (end,) = Scheduler([[resyncs(code)]]).explore(world.parts, world.document)
    return end._replace(raced=world.raced)


def assert_agreed(ends: set[World]) -> None:
    """The parts of the store, each once, and what is foreign as it was."""
    for end in ends:
        assert sorted(each for each in end.document if each[0] != FOREIGN) == sorted(end.parts)
        assert [each for each in end.document if each[0] == FOREIGN] == [FIRST, LAST]


@pytest.mark.parametrize(("lag", "crashes"), [(0, 0), (2, 0), (0, 2), (2, 1)])
@pytest.mark.parametrize("names", PAIRS, ids=" | ".join)
def test_two_writers_always_end_with_the_parts_of_the_store(names: tuple[str, ...], lag: int, crashes: int) -> None:
    assert_agreed(finals(converge, names, lag=lag, crashes=crashes))


@pytest.mark.parametrize(("names", "lag", "crashes"), TRIPLES, ids=str)
def test_three_writers_always_end_with_the_parts_of_the_store(names: tuple[str, ...], lag: int, crashes: int) -> None:
    assert_agreed(finals(converge, names, lag=lag, crashes=crashes))


def test_what_a_crashed_writer_left_needs_repair() -> None:
    scheduler = Scheduler([[step(converge) for step in WRITERS["removes r"]]])
    _states, ends = scheduler.explore(PARTS, DOCUMENT, crashes=1)
    assert {("r", 1) in end.document for end in ends if end.died and ("r", 1) not in end.parts} == {True, False}


@pytest.mark.parametrize("name", WRITERS)
def test_a_document_that_an_earlier_crash_left_behind_is_repaired(name: str) -> None:
    assert_agreed(finals(converge, (name,), lag=2, document=(FIRST, ("a", 7), ("gone", 1), LAST)))


def test_a_writer_needs_at_most_one_round_more_than_another_makes_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converge, "ROUNDS", 2)
    ends = finals(converge, ("adds b", "changes a"), lag=2)
    assert_agreed(ends)
    assert {end.parts for end in ends} == {(("a", 2), ("b", 1), ("r", 1))}


@pytest.mark.parametrize("names", PAIRS, ids=" | ".join)
def test_a_foreign_statement_is_kept_unless_it_is_added_between_a_read_and_its_write(names: tuple[str, ...]) -> None:
    ends = finals(converge, names, edits=1)
    assert {LATE in end.document for end in ends if not end.raced} == {True}


def mutant(old: str, new: str) -> ModuleType:
    """The module with one change of its source."""
    source = inspect.getsource(converge)
    assert source.count(old) == 1
    code = ModuleType(converge.__name__)
    exec(source.replace(old, new), vars(code))
    return code


@pytest.mark.parametrize(
    ("old", "new", "names", "lag"),
    [
        pytest.param("store.query_parts(target) == parts", "True", ("adds b", "changes a"), 0, id="no re-read"),
        pytest.param("range(ROUNDS)", "range(1)", ("adds b", "changes a"), 0, id="one round"),
        pytest.param(
            "document.write(wanted)",
            "parts = store.query_parts(target); document.write(wanted)",
            ("adds b", "changes a"),
            0,
            id="re-read before the write",
        ),
        pytest.param("changed or wanted", "wanted", ("adds b, rolls back", "resyncs"), 1, id="compares after a change"),
        pytest.param(
            "            changed = True\n", "", ("adds b, rolls back", "resyncs"), 1, id="compares after a write"
        ),
    ],
)
def test_the_scheduler_finds_what_is_wrong_with(old: str, new: str, names: tuple[str, ...], lag: int) -> None:
    wrong = mutant(old, new)
    with pytest.raises((AssertionError, RetryableError)):
        assert_agreed(finals(wrong, names, lag=lag))


def test_the_scheduler_finds_that_a_foreign_statement_is_lost_without_a_new_read() -> None:
    wrong = mutant("current = document.read()", "current = wanted if number else document.read()")
    ends = finals(wrong, ("adds b", "changes a"), edits=1)
    assert {LATE in end.document for end in ends if not end.raced} == {True, False}
