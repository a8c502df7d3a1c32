"""A lock is held by one at a time, and by none that ended."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ecr_controller import deadline
from ecr_controller.deadline import DEADLINE
from ecr_controller.errors import RetryableError
from ecr_controller.shared_documents.lock import LONGEST, lock
from ecr_controller.shared_documents.parts import PartsTable

TARGET = "in-use-lock/repository/team/app"
BUSY = "Another invocation is at it."


@pytest.fixture(autouse=True)
def without_waiting(parts: PartsTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that is not free is not waited for."""
    monkeypatch.setattr(deadline, "POLL_SECONDS", 2 * LONGEST)


def take() -> bool:
    """Whether the lock can be held now."""
    try:
        with lock(TARGET, BUSY):
            return True
    except RetryableError:
        return False


def test_it_is_held_by_one_and_then_given_back(parts: PartsTable) -> None:
    with lock(TARGET, BUSY), pytest.raises(RetryableError, match=BUSY), lock(TARGET, BUSY):
        pass
    assert take()
    assert parts.query_parts(TARGET) == ()


def test_it_is_given_back_after_an_error(parts: PartsTable) -> None:
    with pytest.raises(ValueError, match="odd"), lock(TARGET, BUSY):
        raise ValueError("odd")
    assert parts.query_parts(TARGET) == ()


def test_what_it_stands_for_is_done_by_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "POLL_SECONDS", 0.01)
    inside: list[str] = []

    def work(_number: int) -> None:
        with lock(TARGET, BUSY):
            inside.append("in")
            time.sleep(0.01)
            inside.append("out")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(12)))
    assert inside == ["in", "out"] * 12


def test_its_holder_makes_no_call_after_it_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time
    with lock(TARGET, BUSY):
        ends = DEADLINE.get()
        assert ends == pytest.approx(now() + LONGEST, abs=5)
        monkeypatch.setattr(time, "time", lambda: ends + 10)
        token = DEADLINE.set(ends + LONGEST)  # that of another one
        assert not take()  # a request that was sent in time may not have ended
        monkeypatch.setattr(time, "time", lambda: ends + 20)
        assert take()
        DEADLINE.reset(token)
    assert DEADLINE.get(None) is None


def test_it_ends_with_the_deadline_of_its_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = time.time() + 60
    token = DEADLINE.set(ends)
    with monkeypatch.context() as crashing:
        crashing.setattr(PartsTable, "delete_marked", lambda *_arguments: None)
        assert take()
    DEADLINE.reset(token)
    assert not take()
    monkeypatch.setattr(time, "time", lambda: ends + 20)
    assert take()


def test_one_that_was_lost_is_left_to_the_next_holder(parts: PartsTable) -> None:
    with lock(TARGET, BUSY):
        parts.put_part(TARGET, "holder", {"until": time.time() + 60}, {"mark": "another"})
    assert [part.marks["mark"] for part in parts.query_parts(TARGET)] == ["another"]


def test_an_answer_that_was_lost_does_not_lose_it(monkeypatch: pytest.MonkeyPatch) -> None:
    put = PartsTable.put_part_once

    def losing(self: PartsTable, *arguments: Any) -> bool:
        put(self, *arguments)
        return put(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(PartsTable, "put_part_once", losing)
        assert take()
    assert take()
