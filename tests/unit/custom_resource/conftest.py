"""A server that takes answers, no long pauses between tries, and every log record there is."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

import pytest

from tests.unit.custom_resource.response_server import ResponseServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[ResponseServer]:
    with ResponseServer() as running:
        yield running


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest pauses that jitter allows, at a hundredth of their length."""
    monkeypatch.setattr(random, "uniform", lambda _low, high: high / 100)


@pytest.fixture
def logs(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """All records of all loggers, from DEBUG on."""
    for name in ("", "ecr_controller", "http.client", "urllib3", "botocore"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog
