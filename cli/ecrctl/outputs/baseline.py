"""What baselines would change, as a table and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from ecr_controller.errors import count
from ecrctl.formatting import printable
from ecrctl.outputs.changes import ends

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from ecrctl.baseline_plan import PlannedRepository


def table(found: Sequence[PlannedRepository], not_read: Sequence[str]) -> RenderableType:
    """A summary, and each repository that would change."""
    number = count(len(found), "repository", "repositories")
    changed = sum(bool(each.changes) for each in found)
    summary = Text(f"{number} with a baseline, {changed:,} would change", style="bold")
    missing = (Text(f"Not read: {printable(each)}", style="yellow") for each in not_read)
    return Group(summary, *missing, *(part for each in found if each.changes for part in _parts(each)))


def _parts(planned: PlannedRepository) -> Iterator[RenderableType]:
    yield Text(f"\n{printable(planned.repository)} ({planned.resource}, {planned.mode})", style="bold")
    for change in planned.changes:
        has, wanted = ends(change)
        yield Padding(Text(printable(f"{change.setting.name}: {has} -> {wanted}")), (0, 0, 0, 2), expand=False)


def as_json(found: Sequence[PlannedRepository], not_read: Sequence[str]) -> str:
    """A document for programs."""
    return json.dumps({"repositories": [_document(each) for each in found], "notRead": list(not_read)}, indent=2)


def _document(planned: PlannedRepository) -> dict[str, Any]:
    changes = [(change.setting.name, *ends(change)) for change in planned.changes]
    return {
        "repositoryName": planned.repository,
        "resource": planned.resource,
        "mode": planned.mode,
        "changes": [{"setting": setting, "actual": has, "declared": wanted} for setting, has, wanted in changes],
    }
