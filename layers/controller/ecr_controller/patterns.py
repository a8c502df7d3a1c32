"""Patterns of names, in which ``*`` stands for any characters: of repositories, image tags and stacks."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """The expression whose `fullmatch` matches what the pattern does.

    Its groups are atomic, so that no pattern backtracks: a match takes time in proportion to the text.
    """
    start, *runs = map(re.escape, pattern.split("*"))
    end = f".*{runs.pop()}" if runs else ""
    return re.compile(start + "".join(f"(?>.*?{run})" for run in runs) + end, re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern matches the whole text. A pattern as ``text`` matches if all that it matches does."""
    return compiled(pattern).fullmatch(text) is not None


def patterns_matching(repository: str) -> tuple[str, ...]:
    """The patterns that match a repository, from its own name to ``*``: one more than the name has levels.

    What is about no repository is matched by ``*`` alone.
    """
    if not repository:
        return ("*",)
    levels = repository.split("/")
    above = ("/".join(levels[:depth]) + "/*" for depth in range(len(levels) - 1, 0, -1))
    return (repository, *above, "*")
