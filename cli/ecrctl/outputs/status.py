"""The state of repositories: as a table, as JSON, and as a page with a picture of where the bytes are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from ecr_controller.errors import count
from ecrctl import formatting
from ecrctl.formatting import printable
from ecrctl.outputs.elements import Markup, element, join
from ecrctl.outputs.html import page, table_of
from ecrctl.repository_status import OWNERS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from ecrctl.repository_status import RepositoryStatus

HEADINGS = (
    *("repository", "owner", "drift", "policy", "images", "in use"),
    *("size", "expires", "pushed", "pulled", "scanned"),
)
NUMERIC = frozenset(HEADINGS[4:])
# Of the picture.
BARS, WIDTH, LABEL, HEIGHT = 30, 640, 220, 22


def headline(found: Sequence[RepositoryStatus]) -> str:
    """``300 repositories (2.1 TB), 12 unmanaged, 3 without a lifecycle policy, 1 with drift``."""
    unmanaged = sum(each.is_unmanaged for each in found)
    bare = sum(each.policy == "none" for each in found)
    size = formatting.size(sum(each.size for each in found))
    number = count(len(found), "repository", "repositories")
    differ = sum(each.drift == "differs" for each in found)
    drift = f", {differ:,} with drift" if differ else ""
    return f"{number} ({size}), {unmanaged:,} unmanaged, {bare:,} without a lifecycle policy{drift}"


def _cells(each: RepositoryStatus, now: datetime) -> tuple[str, ...]:
    times = (each.last_push, each.last_pull, each.last_scan)
    owner = each.owner or OWNERS[each.owner_kind]
    owner = f"baseline {owner}" if each.owner_kind == "baseline" else owner
    return (
        printable(each.name),
        printable(f"{owner} (gone)" if each.owner_kind == "gone" else owner),
        each.drift,
        each.policy,
        f"{each.images:,}",
        f"{each.held:,}",
        formatting.size(each.size),
        f"{each.expirable:,}",
        *("never" if time is None else formatting.age(time, now) for time in times),
    )


def table(found: Sequence[RepositoryStatus], now: datetime) -> RenderableType:
    """A row for each repository."""
    # The name and its owner share a cell, and the rest is left to the other forms: 60 columns hold no more.
    headings = ("repository, owner", "policy", "size", "expires", "pushed")
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for heading in headings:
        is_numeric = heading in NUMERIC
        shown.add_column(heading, justify="right" if is_numeric else "left", overflow="fold", no_wrap=is_numeric)
    for each in found:
        name, owner, drift, policy, _images, held, *rest = _cells(each, now)
        named = Text.assemble(name, "\n  ", (owner, "yellow" if each.is_unmanaged else "dim"))
        if each.baseline_changes:
            named.append(f"\n  would set: {', '.join(each.baseline_changes)}", "yellow")
        if each.held:
            named.append(f"\n  {held} in use, kept", "dim")
        if drift == "differs":
            named.append("\n  differs: ecrctl drift", "red")
        shown.add_row(named, policy, *rest[:3])
    return Group(Text(headline(found), style="bold"), Text(), shown)


def as_json(found: Sequence[RepositoryStatus]) -> str:
    """A document for programs."""
    return json.dumps({"repositories": [_document(each) for each in found]}, indent=2)


def _document(each: RepositoryStatus) -> dict[str, Any]:
    times = {"lastPush": each.last_push, "lastPull": each.last_pull, "lastScan": each.last_scan}
    return {
        "repositoryName": each.name,
        "ownerKind": each.owner_kind,
        "owner": each.owner or None,
        "lifecyclePolicy": each.policy,
        "drift": each.drift or None,
        "baselineChanges": list(each.baseline_changes),
        "images": each.images,
        "imagesKeptInUse": each.held,
        "sizeInBytes": each.size,
        "expirableImages": each.expirable,
        "expirableBytes": each.expirable_bytes,
        **{name: time and time.isoformat() for name, time in times.items()},
    }


def html(found: Sequence[RepositoryStatus], now: datetime) -> str:
    """A self-contained page."""
    title = headline(found)
    headings = (*HEADINGS, "baseline would set")
    rows = ((*_cells(each, now), ", ".join(each.baseline_changes)) for each in found)
    article = element(
        "article",
        element("h1", title),
        element("p", f"At {formatting.minute(now)}.", class_="summary"),
        element("h2", "Where the bytes are"),
        element("figure", _picture(found), class_="scroll"),
        element("h2", "Repositories"),
        table_of(headings, rows, NUMERIC, frozenset({"repository", "owner"})),
    )
    return page(title, article)


def _picture(found: Sequence[RepositoryStatus]) -> Markup:
    """A bar for each of the largest repositories: what its lifecycle policy would expire, and what it keeps."""
    largest = sorted(found, key=lambda each: -each.size)[:BARS]
    most = max((each.size for each in largest), default=0) or 1
    room = WIDTH - LABEL - 90
    bars = []
    for row, each in enumerate(largest):
        top = row * HEIGHT
        expirable = room * min(each.expirable_bytes, each.size) / most
        kept = room * each.size / most - expirable
        bars += [
            element("text", _short(each.name), x=LABEL - 8, y=top + 15, text_anchor="end"),
            element("rect", class_="expire", x=LABEL, y=top + 4, width=f"{expirable:.1f}", height=14),
            element("rect", class_="keep", x=f"{LABEL + expirable:.1f}", y=top + 4, width=f"{kept:.1f}", height=14),
            element("text", formatting.size(each.size), x=f"{LABEL + expirable + kept + 6:.1f}", y=top + 15),
        ]
    legend = f"The {len(largest)} largest repositories. Red: what the lifecycle policy in force would expire now."
    height = len(largest) * HEIGHT + HEIGHT
    bars.append(element("text", legend, x=0, y=height - 6, class_="tick"))
    return element("svg", join(bars), viewBox=f"0 0 {WIDTH} {height}", role="img", aria_label=legend)


def _short(name: str) -> str:
    text = printable(name)
    return text if len(text) <= 32 else f"...{text[-29:]}"
