"""Sources are read once for many looks, and one that fails is named."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from ecr_controller import deadline
from ecr_controller.errors import RetryableError, UserError
from ecr_controller.in_use import sources
from ecr_controller.in_use.sources import SNAPSHOTS, read_usage
from ecr_controller.in_use.usage import Usage, Use
from ecr_controller.shared_documents.lock import lock
from tests.unit.in_use.conftest import HOME, NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_controller.custom_resource.request import Home
    from ecr_controller.shared_documents.parts import PartsTable

USE = Use(NAME, f"sha256:{'a' * 64}", "ECS", "a task")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch, parts: PartsTable) -> list[str]:
    """The sources that were read."""
    found: list[str] = []

    def read(source: str, _home: Home) -> tuple[Use, ...]:
        found.append(source)
        return (USE,) if source == "ECS" else ()

    monkeypatch.setattr(sources, "read", read)
    monkeypatch.setattr(deadline, "POLL_SECONDS", 0.01)
    return found


def test_what_was_read_is_shared_with_looks_that_it_is_late_enough_for(reads: list[str]) -> None:
    began = time.time()
    for _ in range(3):
        assert read_usage(["ECS"], HOME, began).uses == (USE,)
    assert reads == ["ECS"]
    assert read_usage(["ECS"], HOME, time.time()).uses == (USE,)
    assert reads == ["ECS", "ECS"]


def test_looks_at_the_same_time_wait_for_the_one_that_reads(reads: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    read = sources.read

    def slowly(source: str, home: Home) -> tuple[Use, ...]:
        time.sleep(0.3)
        return read(source, home)

    monkeypatch.setattr(sources, "read", slowly)
    together = Barrier(8)

    def look(_number: int) -> Usage:
        together.wait()
        return read_usage(["ECS"], HOME, time.time())

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(look, range(8)))
    assert {usage.uses for usage in found} == {(USE,)}
    # The first read, and one for those that asked after it began.
    assert len(reads) <= 2


def test_what_was_read_is_used_while_another_look_reads(reads: list[str]) -> None:
    began = time.time()
    read_usage(["ECS"], HOME, began)
    with lock("in-use-lock/source/ECS", ""):
        assert read_usage(["ECS"], HOME, began).uses == (USE,)
    assert reads == ["ECS"]


@pytest.mark.parametrize("error", [UserError("AWS rejected ListClusters."), RetryableError("A throttle.")])
def test_a_source_that_fails_is_named_and_the_others_are_read(
    reads: list[str], parts: PartsTable, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    read: Callable[[str, Home], tuple[Use, ...]] = sources.read

    def failing(source: str, home: Home) -> tuple[Use, ...]:
        if source == "Lambda":
            raise error
        return read(source, home)

    monkeypatch.setattr(sources, "read", failing)
    usage = read_usage(["ECS", "Lambda"], HOME, time.time())
    assert (usage.uses, usage.sources) == ((USE,), frozenset({"ECS"}))
    assert usage.unread["Lambda"] is error
    # The next look reads it again at once.
    assert [part.owner for part in parts.query_parts(SNAPSHOTS)] == ["ECS"]


def test_what_is_too_large_for_an_item_is_not_shared(
    reads: list[str], parts: PartsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_LONGEST", 10)
    assert read_usage(["ECS"], HOME, time.time()).uses == (USE,)
    assert parts.query_parts(SNAPSHOTS) == ()
