"""Numbers, times and images as text for people."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ecr_controller.lifecycle.evaluation import Fate
    from ecr_controller.lifecycle.images import Image

SHORT_DIGEST = 19
MAX_TAGS = 4
MAX_NAMES = 5


def size(number: int) -> str:
    """Bytes in decimal units, as in the Amazon ECR console: ``25.1 MB``."""
    amount = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if amount >= 100 or unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} TB"


def age(since: datetime, now: datetime) -> str:
    """Whole days, at least 0: ``43 d``."""
    return f"{max(now - since, timedelta()).days:,} d"


def pulled(image: Image, now: datetime) -> str:
    """How long ago an image was last pulled: ``43 d``, or ``never``."""
    return "never" if image.last_pulled_at is None else age(image.last_pulled_at, now)


def in_archive(image: Image) -> str:
    """`` archived`` for an image in the storage class `archive`, otherwise nothing."""
    return " archived" if image.storage_class == "archive" else ""


def minute(time: datetime) -> str:
    """A UTC time to the minute: ``2026-11-01 12:00 UTC``."""
    return f"{time:%Y-%m-%d %H:%M} UTC"


def and_list(items: Sequence[object]) -> str:
    """``1``, ``1 and 2``, ``1, 2, and 3``."""
    *first, last = map(str, items)
    return f"{', '.join(first)}{',' if len(first) > 1 else ''} and {last}" if first else last


def tags(image: Image) -> str:
    """The first tags of an image and the number of the others, or ``untagged``."""
    more = f", and {len(image.tags) - MAX_TAGS} more" if len(image.tags) > MAX_TAGS else ""
    return ", ".join(image.tags[:MAX_TAGS]) + more or "untagged"


def image_name(image: Image) -> str:
    """The tags of an image, or its short digest."""
    return printable(tags(image) if image.tags else image.digest[:SHORT_DIGEST])


def subject(fate: Fate) -> str:
    """`` with sha256:0a0a0a0a0a0a`` for a reference artifact that goes with its subject, otherwise nothing."""
    return f" with {printable(fate.subject[:SHORT_DIGEST])}" if fate.subject else ""


def image_names(images: Sequence[Image]) -> str:
    """The names of the first images and the number of the others."""
    more = f", and {len(images) - MAX_NAMES:,} more" if len(images) > MAX_NAMES else ""
    return ", ".join(map(image_name, images[:MAX_NAMES])) + more


def printable(text: str) -> str:
    """The text with every character that could control a terminal replaced."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
