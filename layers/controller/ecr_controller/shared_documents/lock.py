"""A lock in the table of parts: what it stands for is done by one invocation at a time."""

from __future__ import annotations

import time
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ecr_controller.deadline import DEADLINE, wait_before
from ecr_controller.errors import ControllerError
from ecr_controller.shared_documents.parts import PartsTable

if TYPE_CHECKING:
    from collections.abc import Iterator

# Seconds. After an invocation that crashed, others wait no longer than for this, and for a request that it had sent.
LONGEST = 300.0
_IN_FLIGHT = 15.0
_OWNER, _UNTIL, _MARK = "holder", "until", "mark"


@contextmanager
def lock(target: str, message: str) -> Iterator[None]:
    """Hold the lock of a target in this block, in which the deadline of the thread is at most `LONGEST` seconds away.

    Raises RetryableError with the message if the lock is not free before the deadline.
    """
    asked = time.time()
    while True:
        with lock_if_free(target) as is_held:
            if is_held:
                yield
                return
        wait_before(DEADLINE.get(asked + LONGEST), message)


@contextmanager
def lock_if_free(target: str, longest: float = LONGEST) -> Iterator[bool]:
    """Hold the lock in this block, unless another invocation does; whether it is held.

    The item that stands for it says until when requests of its holder may be on their way.
    """
    table, mark = PartsTable(), uuid.uuid4().hex
    until = _taken(table, target, mark, longest)
    if until is None:
        yield False
        return
    token = DEADLINE.set(until - _IN_FLIGHT)
    try:
        yield True
    finally:
        DEADLINE.reset(token)
        with suppress(ControllerError):  # it ends by itself
            table.delete_marked(target, _OWNER, {_MARK: mark})


def _taken(table: PartsTable, target: str, mark: str, longest: float) -> float | None:
    """Until when the lock is held with this mark, or None if another one holds it."""
    until = min(DEADLINE.get(float("inf")), time.time() + longest) + _IN_FLIGHT
    if table.put_part_once(target, _OWNER, {_UNTIL: until}, {_MARK: mark}):
        return until
    for holder in table.query_parts(target):
        if holder.marks[_MARK] == mark:
            return float(holder.content[_UNTIL])  # the answer to an earlier attempt of the request was lost
        if time.time() > holder.content[_UNTIL]:
            table.delete_marked(target, _OWNER, {_MARK: holder.marks[_MARK]})
            return _taken(table, target, mark, longest)
    return None
