"""The time (``time.time()``) after which the work of this thread makes no further AWS call."""

from __future__ import annotations

from contextvars import ContextVar

DEADLINE: ContextVar[float] = ContextVar("DEADLINE")
