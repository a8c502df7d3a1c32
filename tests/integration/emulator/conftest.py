"""The embedded AWS with the extension, and without it.

A test that uses `cloud` fails without the extension. If it passes there (XPASS), MiniStack has learned what the test is
about: the piece of the extension can go.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from local.emulator.process import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

FAILURES = (AssertionError, ClientError, pytest.fail.Exception)
LACKS = pytest.mark.xfail(raises=FAILURES, strict=True, reason="MiniStack lacks it")


@pytest.fixture(scope="session")
def plain() -> Iterator[Emulator]:
    with Emulator.start(extended=False) as emulator:
        yield emulator


@pytest.fixture(scope="session", params=["aws", pytest.param("plain", marks=LACKS)])
def cloud(request: pytest.FixtureRequest) -> Emulator:
    """The emulator with the extension, and the plain one, on which the test must fail."""
    emulator: Emulator = request.getfixturevalue(request.param)
    return emulator


@pytest.fixture
def repository(cloud: Emulator) -> str:
    """The name of a repository of the test."""
    name = f"app-{uuid.uuid4().hex[:8]}"
    cloud.client("ecr").create_repository(repositoryName=name)
    return name
