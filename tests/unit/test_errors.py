"""The texts of errors."""

from __future__ import annotations

import pytest

from ecr_controller.errors import Fault, Faults, InvalidProperties, count


@pytest.mark.parametrize(
    ("number", "forms", "text"),
    [
        (0, ("image",), "0 images"),
        (1, ("image",), "1 image"),
        (1234, ("image",), "1,234 images"),
        (1, ("entry", "entries"), "1 entry"),
        (2, ("entry", "entries"), "2 entries"),
    ],
)
def test_a_number_decides_between_singular_and_count(number: int, forms: tuple[str, ...], text: str) -> None:
    assert count(number, *forms) == text


@pytest.mark.parametrize(("faults", "words"), [(1, "1 invalid property"), (2, "2 invalid properties")])
def test_all_faults_are_in_one_message(faults: int, words: str) -> None:
    found = Faults()
    for i in range(faults):
        found.add(f"Tags[{i}].Key", "is required")
    with pytest.raises(InvalidProperties) as raised:
        found.raise_if_any("Custom::ECRRepository")
    listed = "; ".join(f"Tags[{i}].Key: is required" for i in range(faults))
    assert str(raised.value) == f"Custom::ECRRepository has {words}. {listed}"
    assert raised.value.faults == tuple(Fault(f"Tags[{i}].Key", "is required") for i in range(faults))


def test_no_faults_are_no_error() -> None:
    Faults().raise_if_any("Custom::ECRRepository")
