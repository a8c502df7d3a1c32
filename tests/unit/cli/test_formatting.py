"""Numbers, lists and names as text."""

from __future__ import annotations

import pytest

from ecrctl import formatting


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1500, "1.5 kB"),
        (25_130_000, "25.1 MB"),
        (118_900_000, "119 MB"),
        (2e15, "2,000.0 TB"),
    ],
)
def test_sizes_are_in_decimal_units(number: int, text: str) -> None:
    assert formatting.size(number) == text


@pytest.mark.parametrize(("items", "text"), [([1], "1"), ([1, 2], "1 and 2"), ([1, 2, 3], "1, 2, and 3")])
def test_a_list_ends_with_and(items: list[int], text: str) -> None:
    assert formatting.and_list(items) == text
