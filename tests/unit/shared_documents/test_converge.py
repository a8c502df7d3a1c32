"""What `declare`, `withdraw` and `converge` do to the store and the document, operation by operation."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller.errors import RetryableError
from ecr_controller.shared_documents.converge import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    ROUNDS,
    Part,
    converge,
    declare,
    withdraw,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TARGET = "repository-policy:team/app"
OTHER = Part("other", {"Effect": "Allow"})
FOREIGN = "a person's own"

Statements = list[Part | str]


def ignore(operation: str) -> None:
    """Nothing happens before the operation."""


@dataclass
class Shared:
    """A store and a document in memory, with a record of the operations on them."""

    parts: dict[str, Part] = field(default_factory=lambda: {OTHER.owner: OTHER})
    statements: Statements = field(default_factory=lambda: [FOREIGN, OTHER])
    done: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    before: Callable[[str], None] = ignore

    def do(self, operation: str) -> None:
        self.before(operation)
        self.done.append(operation)


@dataclass
class Store:
    shared: Shared

    def put_part(self, target: str, owner: str, content: Mapping[str, Any]) -> None:
        self.shared.do(f"put in {target}")
        self.shared.parts[owner] = Part(owner, content)

    def delete_part(self, target: str, owner: str) -> None:
        self.shared.do(f"remove from {target}")
        self.shared.parts.pop(owner, None)

    def query_parts(self, target: str) -> tuple[Part, ...]:
        self.shared.do("parts")
        return tuple(self.shared.parts[owner] for owner in sorted(self.shared.parts))


@dataclass
class Document:
    shared: Shared

    def read(self) -> Statements:
        self.shared.do("read")
        return list(self.shared.statements)

    def write(self, document: Statements) -> None:
        self.shared.do("write")
        self.shared.statements = document

    def render(self, current: Statements, parts: Sequence[Part]) -> Statements:
        return [each for each in current if not isinstance(each, Part)] + list(parts)


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Shared:
    made = Shared()
    monkeypatch.setattr(time, "sleep", made.pauses.append)
    return made


def test_a_declaration_is_stored_written_and_read_again(shared: Shared) -> None:
    declare(Store(shared), TARGET, "mine", {"Effect": "Deny"}, Document(shared))
    assert shared.done == [f"put in {TARGET}", "parts", "read", "write", "parts"]
    assert shared.statements == [FOREIGN, Part("mine", {"Effect": "Deny"}), OTHER]
    assert shared.pauses == []


def test_a_withdrawal_takes_out_its_own_part_alone(shared: Shared) -> None:
    declare(Store(shared), TARGET, "mine", {"Effect": "Deny"}, Document(shared))
    shared.done.clear()
    withdraw(Store(shared), TARGET, "mine", Document(shared))
    assert shared.done == [f"remove from {TARGET}", "parts", "read", "write", "parts"]
    assert shared.statements == [FOREIGN, OTHER]


def test_a_part_that_two_owners_declare_alike_stays_for_the_one_that_is_left(shared: Shared) -> None:
    declare(Store(shared), TARGET, "mine", OTHER.content, Document(shared))
    withdraw(Store(shared), TARGET, OTHER.owner, Document(shared))
    assert shared.statements == [FOREIGN, Part("mine", OTHER.content)]


def test_nothing_is_written_when_nothing_differs(shared: Shared) -> None:
    converge(Store(shared), TARGET, Document(shared))
    assert shared.done == ["parts", "read", "parts"]


@pytest.mark.parametrize("statements", [[FOREIGN], [FOREIGN, OTHER, Part("gone", {})]], ids=["missing", "too many"])
def test_a_document_that_drifted_is_repaired(shared: Shared, statements: Statements) -> None:
    shared.statements = statements
    converge(Store(shared), TARGET, Document(shared))
    assert shared.done.count("write") == 1
    assert shared.statements == [FOREIGN, OTHER]


def test_whoever_changed_a_part_writes_even_what_seems_to_agree(shared: Shared) -> None:
    declare(Store(shared), TARGET, OTHER.owner, OTHER.content, Document(shared))
    assert "write" in shared.done


@pytest.mark.parametrize("stage", ["put", "parts", "read", "write"])
def test_a_declaration_that_failed_at_any_operation_is_repaired_by_repeating_it(shared: Shared, stage: str) -> None:
    def fail_once(operation: str) -> None:
        if operation.startswith(stage):
            shared.before = ignore
            raise RetryableError("A throttle.")

    shared.before = fail_once
    with pytest.raises(RetryableError, match="throttle"):
        declare(Store(shared), TARGET, "mine", {}, Document(shared))
    declare(Store(shared), TARGET, "mine", {}, Document(shared))
    assert shared.statements == [FOREIGN, Part("mine", {}), OTHER]


def test_an_edit_by_others_between_two_rounds_is_kept(shared: Shared) -> None:
    def interfere(operation: str) -> None:
        if shared.done[-1:] == ["write"]:
            shared.parts["late"] = Part("late", {})
            shared.statements = [*shared.statements, "another's own"]
            shared.before = ignore

    shared.before = interfere
    converge(Store(shared), TARGET, Document(shared), changed=True)
    assert shared.done == ["parts", "read", "write", "parts"] * 2
    assert shared.statements == [FOREIGN, "another's own", Part("late", {}), OTHER]


@pytest.fixture
def restless(shared: Shared) -> Shared:
    """One whose parts differ each time they are read."""

    def change(operation: str) -> None:
        if operation == "parts":
            shared.parts["busy"] = Part("busy", {"version": len(shared.done)})

    shared.before = change
    return shared


def test_parts_that_never_settle_are_a_retryable_error_after_a_bounded_number_of_rounds(restless: Shared) -> None:
    with pytest.raises(RetryableError, match=f"{TARGET} could not be updated"):
        declare(Store(restless), TARGET, "mine", {}, Document(restless))
    assert restless.done == [f"put in {TARGET}", *["parts", "read", "write", "parts"] * ROUNDS]


def test_pauses_between_rounds_grow_to_a_bound_and_are_never_short(restless: Shared) -> None:
    with pytest.raises(RetryableError):
        converge(Store(restless), TARGET, Document(restless))
    longest = [min(LONGEST_PAUSE, FIRST_PAUSE * 2**n) for n in range(ROUNDS - 1)]
    assert all(bound / 2 <= pause <= bound for pause, bound in zip(restless.pauses, longest, strict=True))
