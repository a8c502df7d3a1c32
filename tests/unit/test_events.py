"""Each event that `make invoke` offers is answered as its name promises. It runs in this process, on moto."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller import aws
from ecr_controller.stacks import Stacks
from local.invoke.invocation import addressed_to
from tests.unit.protocol.response_server import ResponseServer
from tests.unit.protocol.stand_ins import MARKER, ROOT, LambdaContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_ecr import ECRClient

    from ecr_controller.parts import PartsTable

EVENTS = sorted(f"{path.parent.name}/{path.stem}" for path in ROOT.glob("events/*/*.json"))
FUNCTIONS = {path.parent.name for path in ROOT.glob("functions/*/app.py")}
FAILED_CREATE = f"{MARKER}5e2c1a34-8e3b-4a5e-9f42-6d1f0c7b8a90"
REPOSITORY_FAULTS = (
    "ImageTagMutabilty: is not a known property (did you mean ImageTagMutability?)",
    "ImageScanOnPush: must be true or false",
    "LifecycleRules[2].MaxImageCount: must be at least 1",
)
POLICY_FAULTS = (
    "RepositoryName: is required",
    "LifecycleRules[0].MaxImageCount: must be at least 1",
    "LifecycleRules[1].TagPrefixList: goes only with TagStatus tagged",
    "LifecycleGuard.MaxPercent: must be at most 100",
)


@dataclass(frozen=True, slots=True)
class World:
    """An AWS account that functions have events in."""

    ecr: ECRClient
    server: ResponseServer
    load: Callable[[str], Any]

    def answer_to(self, name: str) -> dict[str, Any]:
        """What the function answers to its event, by ``function/event``."""
        function, _ = name.split("/")
        event = json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
        self.server.taken.clear()
        self.load(function).handler(addressed_to(self.server.url, event), LambdaContext())
        return self.server.only()

    def scanned_on_push(self) -> dict[str, bool]:
        """The repositories that there are, and whether each is scanned on push."""
        repositories = self.ecr.describe_repositories()["repositories"]
        return {each["repositoryName"]: each["imageScanningConfiguration"]["scanOnPush"] for each in repositories}


def after(*names: str) -> Callable[[World], object]:
    """What there is before an event: the outcome of others."""
    return lambda world: [world.answer_to(name) for name in names]


def an_orphan(world: World) -> object:
    """What there is before an event: a repository that no stack owns, empty."""
    return world.ecr.create_repository(repositoryName="team/app")


def with_a_policy_of_another(world: World) -> object:
    """What there is before an event: an orphan with a lifecycle policy."""
    an_orphan(world)
    rule = {"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 9}}
    text = json.dumps({"rules": [rule | {"action": {"type": "expire"}}]})
    return world.ecr.put_lifecycle_policy(repositoryName="team/app", lifecyclePolicyText=text)


def with_a_policy(world: World) -> object:
    """What there is before an event: an orphan with the policy of the resource."""
    return an_orphan(world), world.answer_to("lifecycle_policy/create")


NOTHING, CREATED = after(), after("repository/create")
ORPHAN = {"team/app": False}


@dataclass(frozen=True, slots=True)
class Promise:
    """What an event's answer is, and which repositories there are then, scanned on push or not."""

    status: str
    physical_id: str
    repositories: dict[str, bool]
    before: Callable[[World], object] = NOTHING
    reasons: tuple[str, ...] = ()


PROMISES = {
    "repository/create": Promise("SUCCESS", "team/app", {"team/app": True}),
    "repository/update": Promise("SUCCESS", "team/app", {"team/app": False}, CREATED),
    "repository/replace": Promise("SUCCESS", "team/new-app", {"team/app": True, "team/new-app": True}, CREATED),
    "repository/delete": Promise("SUCCESS", "team/app", {}, CREATED),
    "repository/adopt": Promise("SUCCESS", "team/app", {"team/app": True}, an_orphan),
    "repository/bad-properties": Promise("FAILED", FAILED_CREATE, {}, reasons=REPOSITORY_FAULTS),
    "repository/delete-of-a-failed-create": Promise("SUCCESS", FAILED_CREATE, {}, CREATED),
    "lifecycle_policy/create": Promise("SUCCESS", "team/app", ORPHAN, an_orphan),
    "lifecycle_policy/update": Promise("SUCCESS", "team/app", ORPHAN, with_a_policy),
    "lifecycle_policy/delete": Promise("SUCCESS", "team/app", ORPHAN, with_a_policy),
    "lifecycle_policy/delete-of-a-failed-create": Promise("SUCCESS", FAILED_CREATE, ORPHAN, with_a_policy),
    "lifecycle_policy/replace-the-policy-of-another": Promise("SUCCESS", "team/app", ORPHAN, with_a_policy_of_another),
    "lifecycle_policy/bad-properties": Promise("FAILED", FAILED_CREATE, {}, reasons=POLICY_FAULTS),
    "on_failure/crash-at-import": Promise(
        "FAILED",
        f"{MARKER}a3b06e89-d39a-4fa3-8ec7-b264528dafe5",
        {},
        reasons=("RepositoryFunction died before it could answer: Unable to import module 'app'",),
    ),
    "on_failure/timeout": Promise(
        "FAILED",
        f"{MARKER}b4c17f9a-e4ab-40b4-9fd8-c375639ebf06",
        {},
        reasons=("RepositoryFunction died before it could answer: ", "Task timed out after 300.00 seconds"),
    ),
}


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Loads a function's module anew, as a cold start; no module of its folder stays behind under a name of others."""
    folders: list[Path] = []

    def load_it(function: str) -> Any:
        folders.append(ROOT / "functions" / function)
        monkeypatch.syspath_prepend(str(folders[-1]))
        spec = importlib.util.spec_from_file_location(f"app_of_{function}", folders[-1] / "app.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    yield load_it
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and Path(file).parent in folders:
            del sys.modules[name]


@pytest.fixture
def world(ecr: ECRClient, parts: PartsTable, load: Callable[[str], Any]) -> Iterator[World]:
    with ResponseServer() as server:
        yield World(ecr, server, load)


def test_every_function_has_events() -> None:
    assert FUNCTIONS - {name.split("/")[0] for name in EVENTS} == set()


def test_every_folder_of_events_is_that_of_a_function() -> None:
    assert {path.name for path in ROOT.glob("events/*")} - FUNCTIONS == set()


def test_every_promise_has_an_event() -> None:
    assert set(PROMISES) - set(EVENTS) == set()


@pytest.mark.parametrize("name", PROMISES)
def test_an_event_is_answered_as_its_name_promises(world: World, name: str) -> None:
    promise = PROMISES[name]
    promise.before(world)
    answer = world.answer_to(name)
    assert (answer["Status"], answer["PhysicalResourceId"]) == (promise.status, promise.physical_id), answer
    assert [each for each in promise.reasons if each not in answer["Reason"]] == []
    assert world.scanned_on_push() == promise.repositories


# What the events of these do is told by the tests of their packages, tests/unit/grants and tests/unit/scanning.
OTHERS = [name for name in EVENTS if name not in PROMISES]


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch, parts: PartsTable) -> None:
    """What the template gives to functions in their environment, and the resources that it makes."""
    keys = {"event": "HASH", "target": "RANGE"}
    aws.client("dynamodb").create_table(
        TableName="deliveries",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
    )
    queue = aws.client("sqs").create_queue(QueueName="queue")["QueueUrl"]
    policy = "arn:aws:iam::123456789012:policy/ecr-controller/token"
    given = {"DELIVERIES_TABLE": "deliveries", "DEAD_LETTERS": queue, "RESCAN_QUEUE": queue, "MAX_RECEIVES": "5"}
    given |= {"REPOSITORY_NAMES": "*", "NEWEST_IMAGES": "5", "RESCAN_NEWEST_IMAGES": "5"}
    given |= {"AUTHORIZATION_TOKEN_POLICY": policy, "PUBLIC_GALLERY_AUTHORIZATION_TOKEN_POLICY": policy}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Stacks, "is_rolling_back", lambda _self, _stack_id: False)


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.usefixtures("stack")
def test_every_other_event_is_worked_off(world: World, name: str) -> None:
    function, _ = name.split("/")
    event = json.loads((ROOT / "events" / f"{name}.json").read_text(encoding="utf-8"))
    world.load(function).handler(addressed_to(world.server.url, event), LambdaContext())
    if "ResponseURL" in event:
        answer = world.server.only()
        assert "defect" not in answer.get("Reason", ""), answer
        assert answer["Status"] == "FAILED" if "bad" in name else True
