"""The resync of one repository on moto, with the stacks that CloudFormation knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller.baselines.baseline import reader
from ecr_controller.custom_resource.request import Home
from ecr_controller.in_use.keeping import InUseFunction
from ecr_controller.resources.repository_baseline import RepositoryBaselineResource
from ecr_controller.resync import batch
from ecr_controller.resync.batch import Batch
from ecr_controller.resync.messages import Wanted
from ecr_controller.resync.repository import Resync
from ecr_controller.resync.start import ResyncFunction
from ecr_controller.stacks import StackResource, Stacks
from tests.unit.conftest import Served, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_controller.controller_events import ControllerEvent
    from ecr_controller.shared_documents.parts import PartsTable

NAME = "team/app"
HOME = Home("aws", "eu-west-1", "123456789012")


@dataclass
class KnownStacks:
    """All stacks exist and have every resource, but those that a test names."""

    gone: set[str] = field(default_factory=set)
    retained: set[str] = field(default_factory=set)  # logical IDs


@pytest.fixture(autouse=True)
def stacks(monkeypatch: pytest.MonkeyPatch) -> KnownStacks:
    known = KnownStacks()

    def has(_self: Stacks, stack_id: str, logical_id: str, _physical_id: str) -> bool:
        return stack_id not in known.gone and logical_id not in known.retained

    def describe(_self: Stacks, _stack_id: str, logical_id: str) -> StackResource:
        return StackResource("", "", "DELETE_SKIPPED" if logical_id in known.retained else "DELETE_COMPLETE")

    monkeypatch.setattr(Stacks, "tags", lambda _self, _stack_id: {})
    monkeypatch.setattr(Stacks, "exists", lambda _self, stack_id: stack_id not in known.gone)
    monkeypatch.setattr(Stacks, "is_deleted", lambda _self, stack_id: stack_id in known.gone)
    monkeypatch.setattr(Stacks, "has_resource", has)
    monkeypatch.setattr(Stacks, "may_have_resource", has)
    monkeypatch.setattr(Stacks, "describe_stack_resource", describe)
    return known


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[ControllerEvent]:
    """The events of the controller."""
    events: list[ControllerEvent] = []
    monkeypatch.setattr(batch, "emit", events.extend)
    return events


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The patterns whose resync was started."""
    patterns: list[str] = []
    monkeypatch.setattr(ResyncFunction, "start", lambda _self, pattern: patterns.append(pattern))
    return patterns


@pytest.fixture(autouse=True)
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The repositories whose images in use were looked for."""
    repositories: list[str] = []
    monkeypatch.setattr(InUseFunction, "look", lambda _self, repository, _since=None: repositories.append(repository))
    monkeypatch.setattr(InUseFunction, "start", lambda _self, _repository: None)
    return repositories


@pytest.fixture
def baseline(parts: PartsTable) -> Callable[..., str]:
    """Declares a baseline of the resource Defaults, or another one; its BaselineId."""

    def declare(logical_id: str = "Defaults", **properties: Any) -> str:
        served = Served(RepositoryBaselineResource())
        wanted = {"RepositoryName": "team/*", **properties}
        return served.create(request("Create", logical_id=logical_id, properties=wanted)).physical_id

    return declare


@pytest.fixture
def resync(parts: PartsTable) -> Callable[..., Resync]:
    """Looks at a repository, as a new invocation does."""

    def run(name: str = NAME, **wanted: Any) -> Resync:
        made = Resync(Batch(HOME, "invocation"), reader(parts.query_parts, HOME))
        made.run(Wanted(name, **wanted))
        return made

    return run
