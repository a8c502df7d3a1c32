"""Where a value stands in a file in YAML or JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def steps(path: str) -> list[str | int]:
    """The steps of a path of a fault: ``LifecycleRules[0].MaxImageCount``."""
    return [int(index) if index else name for index, name in _STEP.findall(path)]


class Positions:
    """The positions in a text that is valid YAML or JSON."""

    def __init__(self, text: str) -> None:
        # A tab in JSON is white space, and in YAML it is not; both take one column.
        is_json = text.lstrip().startswith(("{", "["))
        try:
            self._root = yaml.compose(text.replace("\t", " ") if is_json else text, Loader=yaml.SafeLoader)
        except RecursionError:  # JSON can be read at a depth at which YAML cannot
            self._root = None

    def find(self, path: Sequence[str | int]) -> tuple[int, int]:
        """The line and the column, from 1, of the key or the entry at a path, or of the last one before it that exists.

        A function in the place of a map or a list is such a last one.
        """
        if self._root is None:
            return 1, 1
        node, mark = self._root, self._root.start_mark
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            node, mark = found
        return mark.line + 1, mark.column + 1


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Mark] | None:
    if isinstance(node, yaml.SequenceNode):
        is_entry = isinstance(step, int) and step < len(node.value)
        return (node.value[int(step)], node.value[int(step)].start_mark) if is_entry else None
    if not isinstance(node, yaml.MappingNode):
        return None
    found = next(((value, key.start_mark) for key, value in node.value if key.value == str(step)), None)
    return found or next((each for value in _merged(node) if (each := _child(value, step))), None)


def _merged(node: yaml.MappingNode) -> Iterable[yaml.Node]:
    """The maps that a map takes in with `<<`."""
    for key, value in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            yield from value.value if isinstance(value, yaml.SequenceNode) else [value]
