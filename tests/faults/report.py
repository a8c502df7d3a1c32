"""What failed, for people: alike failures together, with the command that repeats one of them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.faults.runner import Outcome

SHOWN = 240  # characters of a line


def described(failures: Iterable[Outcome]) -> str:
    """The failures, those that look alike under one heading."""
    alike: dict[tuple[str, ...], list[Outcome]] = defaultdict(list)
    for each in failures:
        alike[_look(each)].append(each)
    groups = sorted(alike.values(), key=len, reverse=True)
    return "\n".join(line for group in groups for line in _group(group))


def in_full(outcome: Outcome) -> str:
    """One failure, with every request, answer and call."""
    lines = [f"{outcome.case} (at {outcome.call or 'no call'})", f"  {outcome.broken}"]
    return "\n".join([*lines, *(f"    {line}" for line in outcome.details), *(f"  . {line}" for line in outcome.log)])


def _look(outcome: Outcome) -> tuple[str, ...]:
    """The invariant, and the kinds of what is left, missing or changed."""
    return (outcome.broken, *sorted({" ".join(line.split(" ")[:2]) for line in outcome.details}))


def _group(group: list[Outcome]) -> Iterator[str]:
    first = group[0]
    yield f"{len(group)} x {first.broken}."
    yield from (f"      {line[:SHOWN]}" for line in first.details)
    for each in group[:3]:
        yield f"    make faults ONLY={each.case}    # {each.call or 'no call'}"
    if len(group) > 3:
        scenarios = sorted({each.case.scenario for each in group})
        yield f"    and {len(group) - 3} more, in {', '.join(scenarios)}"
