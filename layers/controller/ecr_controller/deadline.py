"""Until when (``time.time()``) the work of this thread makes AWS calls, and until when its undo does."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE: ContextVar[float] = ContextVar("DEADLINE")
UNDO_DEADLINE: ContextVar[float] = ContextVar("UNDO_DEADLINE")


@contextmanager
def undoing() -> Iterator[None]:
    """In this block, the later deadline of the undo holds."""
    now = DEADLINE.get(float("inf"))
    token = DEADLINE.set(UNDO_DEADLINE.get(now))
    try:
        yield
    finally:
        DEADLINE.reset(token)
