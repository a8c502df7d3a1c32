"""Which images the selection of a lifecycle rule matches, whatever its count or age."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_controller.lifecycle.images import Image, ImageClass
    from ecr_controller.lifecycle.policy import Rule, StorageClass, TagStatus


class ImageIndex:
    """Positions of images by storage class and tag status, and by tag.

    Tags are kept in alphabetical order, so that those that begin alike lie side by side, and as one text with a
    newline before each, so that a pattern is one search and not one for each tag. No tag contains a newline.
    """

    def __init__(self, images: Sequence[Image]) -> None:
        self._by_status: defaultdict[tuple[ImageClass, TagStatus], set[int]] = defaultdict(set)
        for position, image in enumerate(images):
            self._by_status[image.storage_class, "tagged" if image.tags else "untagged"].add(position)
        classes: tuple[StorageClass, ...] = ("standard", "archive")
        for stored in classes:
            self._by_status[stored, "any"] = self._by_status[stored, "tagged"] | self._by_status[stored, "untagged"]
        tags = [tag for image in images for tag in image.tags]
        carriers = [position for position, image in enumerate(images) for _ in image.tags]
        order = sorted(range(len(tags)), key=tags.__getitem__)
        self._tags = [tags[i] for i in order]
        self._carriers = [carriers[i] for i in order]
        self._text = "\n" + "\n".join(self._tags)
        self._starts = [0, *accumulate(len(tag) + 1 for tag in self._tags)]

    def selected_by(self, rule: Rule) -> set[int]:
        """Positions of the images that match. Every entry of the rule's lists must match some tag."""
        carriers = [self._carriers[self._starting(prefix)] for prefix in rule.tag_prefixes]
        carriers += map(self._carriers_of, rule.tag_patterns)
        return self._by_status[rule.storage_class, rule.tag_status].intersection(*carriers)

    def _starting(self, head: str) -> slice:
        low = bisect_left(self._tags, head)
        return slice(low, bisect_right(self._tags, head, lo=low, key=lambda tag: tag[: len(head)]))

    def _carriers_of(self, pattern: str) -> list[int]:
        pattern = re.sub(r"\*+", "*", pattern)
        head, *rest = pattern.split("*")
        within = self._starting(head)
        if rest == [""]:
            return self._carriers[within]
        lines = re.compile(_line(pattern), re.MULTILINE)
        found = lines.finditer(self._text, self._starts[within.start], self._starts[within.stop])
        return [self._carriers[bisect_right(self._starts, match.start()) - 1] for match in found]


def _line(pattern: str) -> str:
    """The expression for a tag on its line; ``*`` is any run of characters. Its groups are atomic, so that no pattern
    backtracks for long."""
    start, *runs = map(re.escape, pattern.split("*"))
    if runs and not start:
        start, *runs = runs  # anything may precede it, and a search that begins with plain text is fast
    else:
        start = rf"\n{start}"
    end = rf"[^\n]*{runs.pop()}$" if runs else "$"
    return start + "".join(rf"(?>[^\n]*?{run})" for run in runs) + end
