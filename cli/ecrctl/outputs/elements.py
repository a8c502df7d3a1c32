"""HTML and SVG elements. Everything but Markup is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Markup(str):
    """Markup, which is not escaped again."""

    __slots__ = ()


def element(name: str, *content: str, **attributes: object) -> Markup:
    """An element. ``class_`` and ``text_anchor`` are the attributes `class` and `text-anchor`; None omits one."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{written}>{join(content)}</{name}>")


def join(content: Iterable[str]) -> Markup:
    """The concatenation."""
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in content))
