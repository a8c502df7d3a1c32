"""Images in use, as a table and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from ecr_controller.errors import count
from ecr_controller.in_use.planning import own_tags
from ecrctl.formatting import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from ecrctl.usages import UsedImage


def table(found: Sequence[UsedImage], not_read: Sequence[str]) -> RenderableType:
    """A summary, and a row for each image."""
    expiring = sum(each.expires_by is not None for each in found)
    missing = sum(each.is_missing for each in found)
    parts = [f"{count(len(found), 'image')} in use", f"{expiring:,} of them would be expired or archived"]
    parts += [f"{missing:,} missing"] if missing else []
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for heading in ("image, in use by", "lifecycle policy"):
        shown.add_column(heading, overflow="fold")
    for each in found:
        named = Text.assemble(printable(f"{each.repository}{_image(each)}"), "\n  ", (printable(each.user), "dim"))
        shown.add_row(named, _effect(each))
    notes = (Text(f"Not read: {printable(each)}", style="yellow") for each in not_read)
    rows: list[RenderableType] = [Text(), shown] if found else []
    return Group(Text(", ".join(parts), style="bold"), *notes, *rows)


def _image(used: UsedImage) -> str:
    if isinstance(used.image, str):
        return f"@{used.image[:19]}" if used.image.startswith("sha256:") else f":{used.image}"
    tags = own_tags(used.image)
    return f":{', '.join(tags[:3])}" if tags else f"@{used.image.digest[:19]}"


def _effect(used: UsedImage) -> Text:
    if used.is_missing:
        return Text("missing in the repository", "red")
    if used.expires_by is not None:
        return Text(f"expires, rule {used.expires_by}", "red")
    return Text("kept in use" if used.is_held else "kept")


def as_json(found: Sequence[UsedImage], not_read: Sequence[str]) -> str:
    """A document for programs."""
    return json.dumps({"images": [_document(each) for each in found], "notRead": list(not_read)}, indent=2)


def _document(used: UsedImage) -> dict[str, Any]:
    image = used.image
    found = {"reference": image} if isinstance(image, str) else {"digest": image.digest, "tags": list(own_tags(image))}
    return {
        "repositoryName": used.repository,
        **found,
        "inUseBy": used.user,
        "isMissing": used.is_missing,
        "isKeptInUse": used.is_held,
        "expiresByRule": used.expires_by,
    }
