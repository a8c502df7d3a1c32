"""What the functions log and count of a request."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller.custom_resource import answer, handler, verification
from ecr_controller.custom_resource.handler import handler_for
from ecr_controller.custom_resource.request import Result
from ecr_controller.errors import UserError
from ecr_controller.observability import logger
from ecr_controller.stacks import Stacks
from tests.unit.custom_resource.response_server import SIGNATURE, ResponseServer
from tests.unit.custom_resource.stand_ins import STACK_ID, LambdaContext, Resource, event, raising
from tests.unit.template.sam import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Callable

    Lines = Callable[[dict[str, Any], Resource], list[dict[str, Any]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Lines:
    """Serves a request of a developer in a function's handler: the JSON lines that it writes."""
    monkeypatch.setenv("AWS_SAM_LOCAL", "true")

    def run(request: dict[str, Any], resource: Resource) -> list[dict[str, Any]]:
        monkeypatch.setattr(logger.registered_handler, "stream", sys.stdout)
        with contextlib.suppress(answer.NotDelivered):
            handler_for(resource)(request, LambdaContext(seconds=0.4))
        shown = capsys.readouterr()
        assert SIGNATURE not in shown.out + shown.err
        return [json.loads(line) for line in shown.out.splitlines()]

    return run


def test_a_request_that_cloudformation_does_not_make_is_counted_for_the_alarm(
    server: ResponseServer, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, resource = event("Delete", server.url), Resource()
    monkeypatch.setattr(verification, "PAUSES", ())
    monkeypatch.setattr(Stacks, "describe_stack_resource", lambda *_asked: None)
    monkeypatch.setattr(handler, "is_sam_local", lambda: False)
    written = lines(request, resource)
    counted = next(line for line in written if "UnverifiedRequests" in line)
    [directive] = counted["_aws"]["CloudWatchMetrics"]
    alarm = RESOURCES["UnverifiedRequestsAlarm"]["Properties"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (directive["Namespace"], directive["Metrics"][0]["Name"])
    assert [{"Name": each, "Value": counted[each]} for each in directive["Dimensions"][0]] == alarm["Dimensions"]
    assert server.only()["Status"] == "FAILED"
    assert resource.methods == []


def metric(lines: list[dict[str, Any]]) -> dict[str, Any]:
    [counted] = [line for line in lines if "_aws" in line]
    return counted


def logged(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if "_aws" not in line]


def test_every_log_line_has_the_ids_of_the_request(server: ResponseServer, lines: Lines) -> None:
    server.behave(500)
    written = logged(lines(event("Update", server.url), Resource(raising(ValueError()))))
    assert len(written) == 3
    for line in written:
        assert line["request_id"] == "request-1"
        assert line["stack_id"] == STACK_ID
        assert line["logical_id"] == "Images"
        assert line["resource_type"] == "Custom::ECRRepository"
        assert line["function_request_id"] == "lambda-1"
    assert written[-1]["message"] == "Update of Images answered FAILED"
    assert written[-1]["physical_id"] == "shop/images"


def test_the_ids_of_one_request_are_not_on_the_lines_of_the_next(server: ResponseServer, lines: Lines) -> None:
    lines(event("Create", server.url), Resource())
    [line] = logged(lines(event("Create", server.url, RequestId="request-2"), Resource()))
    assert line["request_id"] == "request-2"


@pytest.mark.parametrize(("error", "name"), [(None, "Succeeded"), (UserError("No."), "Failed"), (OSError(), "Failed")])
@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_a_request_is_counted_by_type_and_outcome(
    server: ResponseServer,
    lines: Lines,
    kind: str,
    error: BaseException | None,
    name: str,
) -> None:
    counted = metric(lines(event(kind, server.url), Resource(raising(error)) if error else Resource()))
    [directive] = counted["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "ecr-controller"
    assert [each["Name"] for each in directive["Metrics"]] == [name]
    assert counted[name] == [1.0]
    assert counted["ResourceType"] == "Custom::ECRRepository"
    assert counted["Request"] == kind
    assert set(directive["Dimensions"][0]) == {"ResourceType", "Request", "service"}


@pytest.mark.parametrize("missing", ["ResourceType", "RequestType"])
def test_nothing_fails_after_the_answer(server: ResponseServer, lines: Lines, missing: str) -> None:
    request = event("Create", server.url)
    del request[missing]
    assert "unknown" in metric(lines(request, Resource())).values()
    assert len(server.taken) == 1


def test_attributes_too_large_are_counted_as_the_failure_that_they_are(server: ResponseServer, lines: Lines) -> None:
    written = lines(event("Create", server.url), Resource(lambda: Result("shop/new", {"Text": "x" * 5_000})))
    assert metric(written)["Failed"] == [1.0]
    assert server.only()["Status"] == "FAILED"


@pytest.mark.filterwarnings("ignore:No application metrics to publish")
def test_a_request_that_was_not_answered_is_not_counted_as_answered(
    lines: Lines,
) -> None:
    with ResponseServer(always=403) as refusing:
        written = lines(event("Create", refusing.url), Resource())
    assert all("failed: HTTP status 403" in line["message"] for line in written)
    assert written


@pytest.mark.parametrize("value", ["Custom::Made-Up", "Replace", 7, [], {}, None, ""])
def test_a_template_makes_no_metrics_of_its_own(server: ResponseServer, lines: Lines, value: Any) -> None:
    counted = metric(lines(event("Create", server.url, ResourceType=value, RequestType=value), Resource()))
    assert (counted["ResourceType"], counted["Request"]) == ("unknown", "unknown")


def test_a_line_with_half_a_character_can_be_written() -> None:
    # Formatted here, because pytest cannot report a captured line with it.
    record = logging.makeLogRecord({"msg": "Not %s.", "args": ("\ud800 \u65e5",)})
    line = logger.registered_formatter.format(record)
    assert line.isascii()
    assert json.loads(line)["message"] == "Not \ud800 \u65e5."
