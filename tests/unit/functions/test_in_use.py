"""The function in-use: until when it looks, and what it returns."""

from __future__ import annotations

import importlib.util
import time
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller.deadline import DEADLINE
from ecr_controller.errors import ControllerError, RetryableError, UserError
from ecr_controller.in_use.look import Look
from local import ROOT
from local.invoke.invocation import load
from tests.unit.custom_resource.stand_ins import LambdaContext

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

EVENT = load("in_use/task-runs")


@pytest.fixture
def in_use() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("in_use", ROOT / "functions" / "in_use" / "app.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    before = DEADLINE.set(float("inf"))
    yield loaded
    DEADLINE.reset(before)


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> list[ControllerError]:
    """What every look cannot do."""
    found: list[ControllerError] = []
    for name in ("at", "at_all", "at_uses"):
        monkeypatch.setattr(Look, name, lambda look, *_arguments: look.faults.extend(found))
    return found


@pytest.mark.parametrize(
    ("found", "answer"),
    [
        ([], {"faults": [], "isWorthARetry": False}),
        ([RetryableError("A throttle.")], {"faults": ["A throttle."], "isWorthARetry": True}),
        (
            [RetryableError("A throttle."), UserError("An image is full.")],
            {"faults": ["A throttle.", "An image is full."], "isWorthARetry": False},
        ),
    ],
)
@pytest.mark.parametrize("event", [{}, {"RepositoryName": "team/app", "Since": 1.5}])
def test_a_look_returns_what_it_could_not_do(
    in_use: ModuleType, faults: list[ControllerError], event: Any, found: list[ControllerError], answer: Any
) -> None:
    faults.extend(found)
    assert in_use.handler(event, LambdaContext()) == answer | {"imagesInUse": 0}


def test_an_event_that_may_succeed_later_fails_so_that_lambda_tries_again(
    in_use: ModuleType, faults: list[ControllerError]
) -> None:
    faults.append(RetryableError("A throttle."))
    with pytest.raises(RetryableError, match="A throttle"):
        in_use.handler(EVENT, LambdaContext())
    faults.append(UserError("An image is full."))
    assert in_use.handler(EVENT, LambdaContext())["faults"] == ["A throttle.", "An image is full."]


def test_a_look_ends_before_its_time_and_before_that_of_who_asked(
    in_use: ModuleType, faults: list[ControllerError]
) -> None:
    in_use.handler({"RepositoryName": "team/app"}, LambdaContext(60))
    assert DEADLINE.get() == pytest.approx(time.time() + 55, abs=2)
    until = time.time() + 20
    in_use.handler({"RepositoryName": "team/app", "Until": until}, LambdaContext(60))
    assert DEADLINE.get() == until
