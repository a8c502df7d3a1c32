"""The function that answers for functions that failed."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.custom_resource.response_server import SIGNATURE, ResponseServer
from tests.unit.custom_resource.stand_ins import MARKER, ROOT, STACK_ID, LambdaContext, event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

FOLDER = ROOT / "functions/on_failure"

# What Lambda sends as the responsePayload of a function that failed, and the cause that the reason must contain.
FAILURES: dict[str, tuple[Any, str]] = {
    "a crash at import": (
        {
            "errorMessage": "Unable to import module 'app': No module named 'boto3'",
            "errorType": "Runtime.ImportModuleError",
            "requestId": "",
            "stackTrace": [],
        },
        "Unable to import module 'app': No module named 'boto3'",
    ),
    "past its time": (
        {"errorMessage": "2026-10-05T10:00:00.000Z 5f2f Task timed out after 300.00 seconds"},
        "Task timed out after 300.00 seconds",
    ),
    "past its time, newer": (
        {"errorType": "Sandbox.Timedout", "errorMessage": "RequestId: 5f2f Error: Task timed out after 300.00 seconds"},
        "Task timed out after 300.00 seconds",
    ),
    "out of memory": (
        {"errorType": "Runtime.ExitError", "errorMessage": "RequestId: 5f2f Error: Runtime exited: signal: killed"},
        "signal: killed",
    ),
    "without a message": ({"errorType": "Runtime.Unknown"}, "Runtime.Unknown"),
    "no payload": (None, "EventAgeExceeded"),
    "an empty payload": ({}, "EventAgeExceeded"),
    "a payload of text": ("Internal Failure", "Internal Failure"),
}


def failure(request: dict[str, Any], payload: Any = None, condition: str = "EventAgeExceeded") -> dict[str, Any]:
    """The event of an on-failure destination."""
    return {
        "version": "1.0",
        "timestamp": "2026-10-05T10:05:00.000Z",
        "requestContext": {
            "requestId": "5f2f",
            "functionArn": "arn:aws:lambda:eu-west-1:123456789012:function:ecr-controller-repository:$LATEST",
            "condition": condition,
            "approximateInvokeCount": 1,
        },
        "requestPayload": request,
        "responsePayload": payload,
    }


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The function's module, which finds its own `answer` and leaves no module behind under a name of others."""
    monkeypatch.syspath_prepend(str(FOLDER))
    spec = importlib.util.spec_from_file_location("on_failure_app", FOLDER / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["answer"]


@pytest.mark.parametrize(("payload", "cause"), FAILURES.values(), ids=FAILURES)
def test_it_answers_failed_with_the_cause(app: ModuleType, payload: Any, cause: str) -> None:
    with ResponseServer() as server:
        app.handler(failure(event("Create", server.url), payload), LambdaContext())
    reason = server.only().pop("Reason")
    assert reason.startswith("The controller's function ecr-controller-repository failed before it could answer: ")
    assert cause in reason
    assert reason.endswith(". Its log has the details.")


@pytest.mark.parametrize(
    ("kind", "physical_id"),
    [("Create", f"{MARKER}request-1"), ("Update", "shop/images"), ("Delete", "shop/images")],
)
def test_a_create_is_answered_with_the_marker_and_all_else_with_its_physical_id(
    app: ModuleType, kind: str, physical_id: str
) -> None:
    with ResponseServer() as server:
        app.handler(failure(event(kind, server.url)), LambdaContext())
    answer = server.only()
    del answer["Reason"]
    assert answer == {
        "Status": "FAILED",
        "RequestId": "request-1",
        "StackId": STACK_ID,
        "LogicalResourceId": "Images",
        "PhysicalResourceId": physical_id,
    }


def test_the_delete_of_a_failed_create_keeps_its_marker(app: ModuleType) -> None:
    with ResponseServer() as server:
        app.handler(failure(event("Delete", server.url, PhysicalResourceId=f"{MARKER}request-0")), LambdaContext())
    assert server.only()["PhysicalResourceId"] == f"{MARKER}request-0"


@pytest.mark.parametrize("missing", ["RequestType", "ResourceType", "ResourceProperties"])
def test_an_incomplete_request_is_answered(app: ModuleType, missing: str) -> None:
    with ResponseServer() as server:
        request = event("Create", server.url)
        del request[missing]
        app.handler(failure(request), LambdaContext())
    assert server.only()["Status"] == "FAILED"


@pytest.mark.parametrize("absent", ["responsePayload", "condition"])
def test_an_event_without_details_is_enough(app: ModuleType, absent: str) -> None:
    with ResponseServer() as server:
        failed = failure(event("Create", server.url))
        failed.pop(absent, None)
        failed["requestContext"].pop(absent, None)
        app.handler(failed, LambdaContext())
    assert server.only()["Status"] == "FAILED"


def test_a_long_message_is_cut_to_what_cloudformation_accepts(app: ModuleType) -> None:
    with ResponseServer() as server:
        app.handler(failure(event("Create", server.url), {"errorMessage": '"' * 9_000}), LambdaContext())
    assert len(server.taken[0].body) <= 4096
    assert "for the full reason, see the log: log of ecr-controller-repository" in server.only()["Reason"]


def test_a_long_function_arn_is_cut_to_the_length_of_a_name(app: ModuleType) -> None:
    with ResponseServer() as server:
        failed = failure(event("Create", server.url))
        failed["requestContext"]["functionArn"] = "\x00" * 9_000
        app.handler(failed, LambdaContext())
    assert len(server.taken[0].body) <= 4096


def test_it_raises_in_time_if_the_answer_is_not_accepted_so_that_lambda_retries(app: ModuleType) -> None:
    began, context = time.time(), LambdaContext(seconds=4)
    with ResponseServer(always=500) as server, pytest.raises(app.answer.NotDelivered, match="HTTP status 500"):
        app.handler(failure(event("Create", server.url)), context)
    assert time.time() - began < context.seconds


def test_its_log_has_the_failure_but_not_the_query(app: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with ResponseServer(403) as server:
        app.handler(failure(event("Create", server.url), {"errorMessage": "killed"}), LambdaContext())
    assert "ecr-controller-repository failed during Create of Images: killed" in caplog.text
    assert "HTTP status 403" in caplog.text
    assert SIGNATURE not in caplog.text


def test_its_answer_module_is_the_layers_own() -> None:
    link = FOLDER / "answer.py"
    assert link.is_symlink()
    assert link.resolve() == ROOT / "layers/controller/ecr_controller/custom_resource/answer.py"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """The folder that `sam build` deploys and `sam local invoke` mounts, which follows no link."""
    subprocess.run(["make", "--silent", "build-OnFailureFunction", f"ARTIFACTS_DIR={tmp_path}"], cwd=FOLDER, check=True)
    return tmp_path


def test_its_build_holds_real_files_and_nothing_else(built: Path) -> None:
    assert {path.name: path.is_symlink() for path in built.iterdir()} == {"app.py": False, "answer.py": False}


def test_it_runs_alone_with_nothing_but_the_standard_library(built: Path) -> None:
    code = """if True:
        import json, sys
        sys.path.insert(0, sys.argv[1])
        before = set(sys.modules)
        import app
        print(json.dumps(sorted({name.split('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)))
    """
    shown = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(built)], check=True, capture_output=True, text=True
    )
    assert json.loads(shown.stdout) == ["answer", "app"]
