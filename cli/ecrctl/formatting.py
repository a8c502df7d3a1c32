"""Sizes, ages, times and numbers of things as a person reads them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from ecr_controller.lifecycle.images import Image

SHORT_DIGEST = 19
MOST_TAGS = 4


def size(number: int) -> str:
    """Bytes in decimal units, as the console of ECR has them: ``25.1 MB``."""
    amount = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if amount >= 100 or unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} TB"


def age(since: datetime, now: datetime) -> str:
    """Whole days: ``43 d``; nothing is younger than 0."""
    return f"{max(now - since, timedelta()).days:,} d"


def moment(time: datetime) -> str:
    """A time in UTC to the minute."""
    return f"{time:%Y-%m-%d %H:%M} UTC"


def count(number: int, thing: str) -> str:
    """``1 image``, ``1,234 images``."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def tags(image: Image) -> str:
    """The first tags of an image and how many more there are, or that it has none."""
    more = f", and {len(image.tags) - MOST_TAGS} more" if len(image.tags) > MOST_TAGS else ""
    return ", ".join(image.tags[:MOST_TAGS]) + more or "untagged"


def name(image: Image) -> str:
    """What a person calls the image: its tags, or its short digest."""
    return printable(tags(image) if image.tags else image.digest[:SHORT_DIGEST])


def printable(text: str) -> str:
    """The text without what would move a terminal's cursor."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
