"""The moment (``time.time()``) after which the work of this thread may call AWS no more."""

from __future__ import annotations

from contextvars import ContextVar

DEADLINE: ContextVar[float] = ContextVar("DEADLINE")
