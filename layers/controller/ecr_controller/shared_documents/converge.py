"""Documents with many owners: each owner stores its own part of a target, then makes the target's document agree.

ECR and IAM have no conditional write, and CloudFormation runs resources in parallel. So nobody edits the document:
whoever changed a part writes all parts into it, until the parts read after the write are the parts written.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ecr_controller.errors import RetryableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

D = TypeVar("D")

ROUNDS = 8
# The pause before the second round in seconds; it doubles each round. Its lesser half is sure, the rest is by chance.
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 4.0


@dataclass(frozen=True, slots=True)
class Part:
    """What one owner declares of a target: JSON-able, compared by value."""

    owner: str
    content: Mapping[str, Any]


class Parts(Protocol):
    """The store of all parts. What was put or removed shows in the next read."""

    def put(self, target: str, owner: str, content: Mapping[str, Any]) -> None:
        """Store the part, in the place of the one that the owner had."""

    def remove(self, target: str, owner: str) -> None:
        """Remove the part, or do nothing where there is none."""

    def read(self, target: str) -> tuple[Part, ...]:
        """All parts of the target, sorted by owner."""


class Document(Protocol[D]):
    """What the parts of a target make up. Documents are compared by ``==``."""

    def read(self) -> D:
        """The document as it is, or as it was a moment ago."""

    def write(self, document: D) -> None:
        """Replace the document, also by itself."""

    def render(self, current: D, parts: Sequence[Part]) -> D:
        """What is foreign in ``current``, untouched, and the parts; pure. A part keeps its place if it has one, so that
        a document which holds just these parts is rendered as it is.
        """


def declare(store: Parts, target: str, owner: str, content: Mapping[str, Any], document: Document[Any]) -> None:
    """Put the owner's part and converge. To be repeated whole after a crash or a RetryableError."""
    store.put(target, owner, content)
    converge(store, target, document, changed=True)


def withdraw(store: Parts, target: str, owner: str, document: Document[Any]) -> None:
    """Remove the owner's part and converge. To be repeated whole after a crash or a RetryableError."""
    store.remove(target, owner)
    converge(store, target, document, changed=True)


def converge(store: Parts, target: str, document: Document[Any], *, changed: bool = False) -> None:
    """Make the document hold the parts of the target and no other part. Raises RetryableError after ROUNDS rounds.

    Whoever writes last has then read the very parts it wrote, and who changes a part later writes later: so the last
    write is of the newest parts. It needs a write from whoever ``changed`` a part, and another from whoever wrote too
    early. Both write without comparing, as the document may be read as it was before the last write. Without a change,
    in a resync or an update that changes nothing, a document that agrees is not written. If such a one failed half-way,
    it is repeated as if ``changed``, or when reads lag no more.

    Only what is foreign is taken from the document, and anew in each round: others may have edited it since. The pause
    is there for this read too, which would undo an edit that it does not show yet. An edit made between a read and its
    write is lost: neither ECR nor IAM can prevent it.
    """
    for number in range(ROUNDS):
        if number:
            _pause(number)
        parts = store.read(target)
        current = document.read()
        wanted = document.render(current, parts)
        if changed or wanted != current:
            document.write(wanted)
            changed = True
        if store.read(target) == parts:
            return
    raise RetryableError(f"{target} did not settle: others changed their parts of it in each of {ROUNDS} rounds.")


def _pause(number: int) -> None:
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (number - 1))
    time.sleep(random.uniform(longest / 2, longest))
