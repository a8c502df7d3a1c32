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
def lock(target: str, message: str, longest: float = LONGEST) -> Iterator[None]:
    """Hold the lock of a target in this block, in which the deadline of the thread is at most so many seconds away.

    The item that stands for it says until when requests of its holder may be on their way. Raises RetryableError with
    the message if the lock is not free before the deadline.
    """
    table, asked, mark = PartsTable(), time.time(), uuid.uuid4().hex
    while (until := _taken(table, target, mark, longest)) is None:
        wait_before(DEADLINE.get(asked + longest), message)
    token = DEADLINE.set(until - _IN_FLIGHT)
    try:
        yield
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
            return until if table.put_part_once(target, _OWNER, {_UNTIL: until}, {_MARK: mark}) else None
    return None
