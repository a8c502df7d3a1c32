"""Each event that `make invoke` offers is answered as its name promises. It runs in this process, on moto."""

from __future__ import annotations

import contextvars
import importlib.util
import json
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.client import BaseClient

from local import ROOT
from local.images import FINDINGS
from local.invoke import invocation, worlds
from tests.events.promise import found
from tests.events.promises import PROMISES
from tests.unit.custom_resource.response_server import ResponseServer
from tests.unit.custom_resource.stand_ins import LambdaContext
from tests.unit.deployed import deploy, environment_of

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS = invocation.names()
FUNCTIONS = {path.parent.name for path in ROOT.glob("functions/*/app.py")}
STACK = {"StackId": invocation.load("image_scan/update")["StackId"], "StackStatus": "UPDATE_IN_PROGRESS"}


class Account:
    """moto's AWS account, with the controller in it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, server: ResponseServer) -> None:
        self._monkeypatch, self._server = monkeypatch, server
        self.controller = deploy(self)

    @staticmethod
    @cache
    def client(service: str) -> Any:
        make: Any = boto3.client
        return make(service, "eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")

    def run(self, name: str) -> tuple[dict[str, Any] | None, Any]:
        """What the function of an event answers to CloudFormation, if it does, and what it returns."""
        function = name.split("/")[0]
        self._monkeypatch.setenv("AWS_SAM_LOCAL", "true")  # as `sam local invoke` does
        for variable, value in environment_of(function, self.controller).items():
            self._monkeypatch.setenv(variable, value)
        self._server.taken.clear()
        event = worlds.event(self, name, self._server.url)
        # A deadline that a handler sets is not for what runs after it.
        returned = contextvars.copy_context().run(self._load(function).handler, event, LambdaContext())
        return (self._server.only() if self._server.taken else None), returned

    def answer_to(self, name: str) -> dict[str, Any]:
        """The answer to an event of a custom resource, which must be SUCCESS."""
        answer, _ = self.run(name)
        assert answer is not None
        assert answer["Status"] == "SUCCESS", answer
        return answer

    def _load(self, function: str) -> Any:
        """The function's module, loaded anew as at a cold start."""
        folder = ROOT / "functions" / function
        self._monkeypatch.syspath_prepend(str(folder))
        spec = importlib.util.spec_from_file_location(f"app_of_{function}", folder / "app.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


@pytest.fixture
def account(moto: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    call: Any = vars(BaseClient)["_make_api_call"]
    modules = set(sys.modules)

    def complete(self: Any, operation: str, arguments: Any) -> Any:
        """What moto does not know: the stack of the events, and findings other than its own single one."""
        if operation == "DescribeStacks":
            return {"Stacks": [STACK]}
        answer = call(self, operation, arguments)
        if operation == "GetFunction":
            [pushed] = boto3.client("ecr").describe_images(repositoryName=worlds.REPOSITORY)["imageDetails"]
            uri = answer["Code"]["ImageUri"].rpartition(":")[0]
            answer["Code"]["ResolvedImageUri"] = f"{uri}@{pushed['imageDigest']}"
        if operation == "DescribeImageScanFindings":
            image = {"repositoryName": arguments["repositoryName"], "imageIds": [arguments["imageId"]]}
            answer["imageScanFindings"] |= findings(self.batch_get_image(**image)["images"][0])
        return answer

    monkeypatch.setattr(BaseClient, "_make_api_call", complete)
    with ResponseServer() as server:
        yield Account(monkeypatch, server)
    for name in set(sys.modules) - modules:
        if str(ROOT / "functions") in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]  # `answer` is not for the tests that follow


def findings(image: Any) -> dict[str, Any]:
    """The findings that the manifest of an image announces, as on the embedded AWS."""
    announced = json.loads(image["imageManifest"])["annotations"][FINDINGS]
    counts = {severity: int(count) for severity, count in (each.split("=") for each in announced.split(","))}
    named = [{"name": f"CVE-2026-{number}", "severity": severity} for number, severity in enumerate(counts)]
    return {"findingSeverityCounts": counts, "findings": named}


def test_every_function_has_events() -> None:
    assert {name.split("/")[0] for name in EVENTS} == FUNCTIONS


def test_every_event_promises_something() -> None:
    assert sorted(PROMISES) == EVENTS


def test_every_world_is_that_of_an_event() -> None:
    assert set(worlds.WORLDS) - set(EVENTS) == set()


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_keeps_its_promise(account: Account, name: str) -> None:
    promise = PROMISES[name]
    list(worlds.prepare(account, name, account.answer_to))
    answer, returned = account.run(name)
    assert list(promise.broken(answer, returned)) == []
    assert found(account, account.controller) == promise.after
