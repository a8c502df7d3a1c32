"""Until when (``time.time()``) the work of this thread makes AWS calls, and until when its undo does."""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from ecr_controller.errors import RetryableError, TooLateError

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE: ContextVar[float] = ContextVar("DEADLINE")
UNDO_DEADLINE: ContextVar[float] = ContextVar("UNDO_DEADLINE")
POLL_SECONDS = 1.0


@contextmanager
def undoing() -> Iterator[None]:
    """In this block, the later deadline of the undo holds."""
    now = DEADLINE.get(float("inf"))
    token = DEADLINE.set(UNDO_DEADLINE.get(now))
    try:
        yield
    finally:
        DEADLINE.reset(token)


def refuse_after_deadline(delay: float = 0.0) -> None:
    """Raise TooLateError if AWS calls in some seconds from now are not made any more.

    By then the request is answered FAILED, so nothing may change any more.
    """
    if time.time() + delay > DEADLINE.get(float("inf")):
        raise TooLateError("The controller makes no AWS calls after its deadline.")


def wait_before(until: float, message: str) -> None:
    """Wait a moment before AWS is asked again. Raises RetryableError with the message if that would be too late."""
    if time.time() + POLL_SECONDS >= until:
        raise RetryableError(message)
    time.sleep(POLL_SECONDS)
