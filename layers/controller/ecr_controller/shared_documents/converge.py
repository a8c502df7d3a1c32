"""Convergence of documents with many owners: each owner stores its part of a target, then writes the whole document.

ECR and IAM have no conditional write, and CloudFormation runs resources in parallel, so an owner does not edit the
document: it writes all parts into it, until the parts that it reads after a write are those that it wrote.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ecr_controller.errors import RetryableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

D = TypeVar("D")

ROUNDS = 8
# Seconds before the second round; doubled each round. At least half of it is waited, the rest is random.
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 4.0


@dataclass(frozen=True, slots=True)
class Part:
    """What one owner declares of a target: JSON values, compared by value.

    ``marks`` say who stored it and when, and have no effect on the document.
    """

    owner: str
    content: Mapping[str, Any]
    marks: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def stack_id(self) -> str:
        """The stack of the owner."""
        return self.owner.split("|")[0]

    @property
    def since(self) -> float:
        """When it was stored: a ``time.time()``, in whole seconds."""
        return float(self.marks.get("since", 0))

    @property
    def resource(self) -> str:
        """``Images in the stack shop``: the owner, for a message."""
        _, logical_id, *_ = self.owner.split("|")
        return f"{logical_id} in the stack {self.stack_id.split('/')[1] if '/' in self.stack_id else self.stack_id}"


class Parts(Protocol):
    """The store of all parts. A read shows every write before it."""

    def put_part(self, target: str, owner: str, content: Mapping[str, Any]) -> None:
        """Store the part; it replaces the one that the owner had."""

    def delete_part(self, target: str, owner: str) -> None:
        """Delete the part, or do nothing if there is none."""

    def query_parts(self, target: str) -> tuple[Part, ...]:
        """The parts of the target that are not withdrawn, sorted by owner."""


class Document(Protocol[D]):
    """The document of a target, made of its parts. Documents are compared by ``==``."""

    def read(self) -> D:
        """The document as it is, or, as AWS reads may lag, as it was before."""

    def write(self, document: D) -> None:
        """Replace the document, even by an equal one."""

    def render(self, current: D, parts: Sequence[Part]) -> D:
        """What is foreign in ``current``, unchanged, and the parts. A part keeps its place if it has one, so that a
        document that holds exactly these parts is rendered as it is.
        """


def declare(store: Parts, target: str, owner: str, content: Mapping[str, Any], document: Document[Any]) -> None:
    """Store the owner's part and converge. Repeat all of it after a crash or a RetryableError."""
    store.put_part(target, owner, content)
    converge(store, target, document, changed=True)


def withdraw(store: Parts, target: str, owner: str, document: Document[Any]) -> None:
    """Delete the owner's part and converge. Repeat all of it after a crash or a RetryableError."""
    store.delete_part(target, owner)
    converge(store, target, document, changed=True)


def converge(store: Parts, target: str, document: Document[Any], *, changed: bool = False) -> bool:
    """Make the document hold the parts of the target and no others; whether that took a write.

    Raises RetryableError after ROUNDS rounds.

    The last writer has read, after its write, the parts that it wrote, and an owner that changes a part later writes
    later: so the last write is of the newest parts. This needs a write by every owner that ``changed`` a part, and
    another by one that wrote too early. Both write without comparing, because a read of the document may lag its last
    write. Without a change, as in a resync or an update that changes nothing, a document that agrees is not written. If
    such a call fails after its write, repeat it as ``changed``, or when reads no longer lag.

    Only what is foreign is taken from the document, and again in each round, because others may have edited it. The
    pause also serves this read, which would otherwise undo an edit that it does not show yet. An edit between a read
    and its write is lost: neither ECR nor IAM can prevent that.
    """
    for number in range(ROUNDS):
        if number:
            _pause(number)
        parts = store.query_parts(target)
        current = document.read()
        wanted = document.render(current, parts)
        if changed or wanted != current:
            document.write(wanted)
            changed = True
        if store.query_parts(target) == parts:
            return changed
    raise RetryableError(f"{target} could not be updated: other resources changed it in each of {ROUNDS} attempts.")


def _pause(number: int) -> None:
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (number - 1))
    time.sleep(random.uniform(longest / 2, longest))
