"""One laboratory for the tests of a module: it takes seconds to make, and each case sets it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.laboratory import Laboratory

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def lab() -> Iterator[Laboratory]:
    with Laboratory() as laboratory:
        yield laboratory
