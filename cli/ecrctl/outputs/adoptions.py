"""What adoptions would change, as a table and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from ecr_controller.errors import count
from ecrctl.formatting import printable
from ecrctl.outputs import json as plans_as_json
from ecrctl.outputs import table as plans_as_table
from ecrctl.outputs.changes import ends
from ecrctl.plan import Plans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from ecrctl.adoption import Adoption


def table(adoptions: Sequence[Adoption], limit: int) -> RenderableType:
    """A summary, and each adoption that changes something or has anything to say, with ``limit`` rows of images."""
    return Group(Text(_summary(adoptions), style="bold"), *(part for each in adoptions for part in _parts(each, limit)))


def _summary(adoptions: Sequence[Adoption]) -> str:
    numbers = {
        "to change": sum(bool(each.changes) for each in adoptions),
        "to create": sum(not each.exists for each in adoptions),
        "refused": sum(bool(each.refusals) for each in adoptions),
    }
    parts = [f"{number:,} {what}" for what, number in numbers.items() if number]
    return f"{count(len(adoptions), 'repository', 'repositories')}, {', '.join(parts) or 'nothing to change'}"


def _parts(adoption: Adoption, limit: int) -> Iterator[RenderableType]:
    lines = [
        (f"{change.setting.name}: {old} -> {new}", "") for change in adoption.changes for old, new in [ends(change)]
    ]
    lines += [] if adoption.exists else [("The repository doesn't exist, and is created.", "yellow")]
    lines += [(f"Refused: {refusal}", "red") for refusal in adoption.refusals]
    lines += [(warning, "yellow") for warning in adoption.warnings]
    if not lines:
        return
    yield Text(f"\n{printable(adoption.resource)} ({printable(adoption.repository)})", style="bold")
    for line, style in lines:
        yield Padding(Text(printable(line), style=style), (0, 0, 0, 2), expand=False)
    if adoption.plan is not None:
        yield Padding(plans_as_table.render(Plans([adoption.plan]), limit), (1, 0, 0, 2), expand=False)


def as_json(adoptions: Sequence[Adoption]) -> str:
    """A document for programs."""
    return json.dumps({"adoptions": [_adoption(each) for each in adoptions]}, indent=2)


def _adoption(adoption: Adoption) -> dict[str, Any]:
    return {
        "resource": adoption.resource,
        "repositoryName": adoption.repository,
        "exists": adoption.exists,
        "changes": [
            {"setting": change.setting.name, "from": old, "to": new}
            for change in adoption.changes
            for old, new in [ends(change)]
        ],
        "plan": None if adoption.plan is None else json.loads(plans_as_json.render(Plans([adoption.plan]))),
        "refusals": list(adoption.refusals),
        "warnings": list(adoption.warnings),
    }
