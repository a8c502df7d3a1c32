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

ROUNDS = 12
# The pause before the second round in seconds, at most; it doubles each round.
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0


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


def converge(store: Parts, target: str, document: Document[D], *, changed: bool = False) -> None:
    """Make the document hold the parts of the target and no other part. Raises RetryableError after ROUNDS rounds.

    Whoever writes last has then read the very parts it wrote, and who changes a part later writes later: the last write
    is of the newest parts. That needs a write from whoever ``changed`` a part, and from whoever wrote others' parts too
    early. Both write without comparing, as the document may be read as it was before the last write. Without a change,
    in a resync or an update that changes nothing, what agrees already is not written.
    """
    last: tuple[D, tuple[Part, ...]] | None = None
    for number in range(ROUNDS):
        if number:
            time.sleep(random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (number - 1))))  # noqa: S311
        parts = store.read(target)
        current = _freshest(document, document.read(), parts, last)
        wanted = document.render(current, parts)
        if changed or last is not None or wanted != current:
            document.write(wanted)
            last = wanted, parts
        if store.read(target) == parts:
            return
    raise RetryableError(f"{target} did not settle: others changed their parts of it in each of {ROUNDS} rounds.")


def _freshest(document: Document[D], seen: D, parts: Sequence[Part], last: tuple[D, tuple[Part, ...]] | None) -> D:
    """The document to take what is foreign from, the only thing that is ever taken from a document.

    After a write of ours, a read that holds neither the parts we wrote nor those there are now is taken for one from
    before that write: what it lacks or has beside the parts is older than what we wrote.
    """
    if last is None:
        return seen
    written, rendered = last
    return seen if any(document.render(seen, known) == seen for known in (rendered, parts)) else written
