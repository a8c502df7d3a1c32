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

# Seconds. One that ended without giving the lock back keeps others waiting no longer.
LONGEST = 300.0
# Seconds that a request may still take that was sent before the deadline.
_IN_FLIGHT = 15.0
_OWNER, _UNTIL, _MARK = "holder", "until", "mark"


@contextmanager
def lock(target: str, message: str) -> Iterator[None]:
    """Hold the lock of a target in this block, in which the deadline of the thread is at most `LONGEST` seconds away.

    The item that stands for it is stored before, and says until when its holder makes AWS calls. Raises RetryableError
    with the message if the lock is not free before the deadline.
    """
    table, asked, mark = PartsTable(), time.time(), uuid.uuid4().hex
    deadline = _next_deadline()
    while not _is_taken(table, target, mark, deadline + _IN_FLIGHT):
        wait_before(DEADLINE.get(asked + LONGEST), message)
        deadline = _next_deadline()
    token = DEADLINE.set(deadline)
    try:
        yield
    finally:
        DEADLINE.reset(token)
        with suppress(ControllerError):  # it ends by itself
            table.delete_marked(target, _OWNER, {_MARK: mark})


def _next_deadline() -> float:
    return min(DEADLINE.get(float("inf")), time.time() + LONGEST)


def _is_taken(table: PartsTable, target: str, mark: str, until: float) -> bool:
    """Whether the lock is now held with this mark."""
    if table.put_part_once(target, _OWNER, {_UNTIL: until}, {_MARK: mark}):
        return True
    for holder in table.query_parts(target):
        if holder.marks[_MARK] == mark:
            return True  # the answer to an earlier attempt of this request was lost
        if time.time() > holder.content[_UNTIL]:
            table.delete_marked(target, _OWNER, {_MARK: holder.marks[_MARK]})
            return table.put_part_once(target, _OWNER, {_UNTIL: until}, {_MARK: mark})
    return False
