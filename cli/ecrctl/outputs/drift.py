"""The drift of repositories, as a table and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from ecr_controller.errors import count
from ecr_controller.repository.settings import PolicyStatements
from ecrctl.formatting import printable
from ecrctl.outputs.changes import ends

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from ecrctl.drifts import Drift


def table(found: Sequence[Drift]) -> RenderableType:
    """A summary, and each repository that differs or cannot be compared."""
    return Group(Text(_summary(found), style="bold"), *(part for each in found for part in _parts(each)))


def _summary(found: Sequence[Drift]) -> str:
    numbers = {
        "differ": len({each.repository for each in found if each.changes}),
        "not or only partly compared": len({each.repository for each in found if each.not_compared}),
    }
    parts = [f"{number:,} {what}" for what, number in numbers.items() if number]
    number = count(len({each.repository for each in found}), "declared repository", "declared repositories")
    return f"{number}, {', '.join(parts) or 'no drift'}"


def _parts(drift: Drift) -> Iterator[RenderableType]:
    lines = [(f"{setting}: {actual}, declared: {declared}", "red") for setting, declared, actual in _differences(drift)]
    lines += [(f"Not compared: {reason}", "yellow") for reason in drift.not_compared]
    if not lines:
        return
    yield Text(f"\n{printable(drift.repository)} ({printable(_owner(drift))})", style="bold")
    for line, style in lines:
        yield Padding(Text(printable(line), style=style), (0, 0, 0, 2), expand=False)


def _differences(drift: Drift) -> Iterator[tuple[str, str, str]]:
    """The setting, what is declared, and what the repository has."""
    for change in drift.changes:
        actual, declared = ends(change)
        # The change has the statements that the policy lacks alone.
        is_statements = change.setting.name == PolicyStatements.name
        yield change.setting.name, declared, "missing" if is_statements else actual


def _owner(drift: Drift) -> str:
    name = drift.stack_id.partition("stack/")[2].partition("/")[0] or drift.stack_id
    return f"{name}/{drift.resource}"


def as_json(found: Sequence[Drift]) -> str:
    """A document for programs."""
    return json.dumps({"repositories": [_document(each) for each in found]}, indent=2)


def _document(drift: Drift) -> dict[str, Any]:
    return {
        "repositoryName": drift.repository,
        "stackId": drift.stack_id,
        "resource": drift.resource,
        "differences": [
            {"setting": setting, "declared": declared, "actual": actual}
            for setting, declared, actual in _differences(drift)
        ],
        "notCompared": list(drift.not_compared),
    }
