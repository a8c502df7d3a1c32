"""Events of the controller itself: what is sent, once, after the answer, and never at the cost of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller import aws, controller_events
from ecr_controller.controller_events import DETAIL_TYPES, ControllerEvent, ControllerEvents, emit
from ecr_controller.custom_resource import handler, verification
from ecr_controller.custom_resource.boundaries import OutsideBoundaries
from ecr_controller.custom_resource.handler import handler_for
from ecr_controller.custom_resource.request import Result
from ecr_controller.errors import RetryableError, UserError
from tests.unit.custom_resource.response_server import ResponseServer
from tests.unit.custom_resource.stand_ins import STACK_ID, LambdaContext, Resource, event, raising

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Serve = Callable[[Resource], list[ControllerEvent]]

ADOPTED = ControllerEvent("Adopted", "team/app", STACK_ID, "Images", "Custom::ECRRepository")


@pytest.fixture
def server() -> Iterator[ResponseServer]:
    with ResponseServer() as running:
        yield running


@pytest.fixture
def serve(server: ResponseServer, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Serves a Create with a deployed function: the events that were sent."""
    sent: list[ControllerEvent] = []
    monkeypatch.setattr(handler, "is_sam_local", lambda: False)
    monkeypatch.setattr("ecr_controller.custom_resource.authority.verify", lambda *_given: None)
    monkeypatch.setattr(ControllerEvents, "put_events", lambda _self, events: sent.extend(events))

    def run(resource: Resource) -> list[ControllerEvent]:
        handler_for(resource)(event("Create", server.url), LambdaContext(seconds=1))
        assert server.only()
        return sent

    return run


def test_what_a_request_notes_is_sent_once(serve: Serve) -> None:
    resource = Resource(lambda: Result("x"))
    create = resource.create

    def noting(request: Any) -> Result:
        request.note("Adopted", "team/app")
        request.note("Adopted", "team/app")
        return create(request)

    resource.create = noting  # type: ignore[method-assign]
    assert serve(resource) == [ADOPTED]


@pytest.mark.parametrize(
    ("error", "name"),
    [(OutsideBoundaries("no"), "BoundaryRefused"), (verification.UnverifiedRequest("no"), "RequestNotBelieved")],
)
def test_a_refusal_that_has_an_event_is_sent_with_its_message(serve: Serve, error: UserError, name: str) -> None:
    [found] = serve(Resource(raising(error)))
    assert (found.name, found.repository, found.message) == (name, None, "no")


@pytest.mark.parametrize("error", [UserError("no"), ValueError("a defect")])
def test_another_failure_is_no_event(serve: Serve, error: Exception) -> None:
    assert serve(Resource(raising(error))) == []


@pytest.mark.parametrize("error", [UserError("denied"), RetryableError("throttled"), ValueError("no credentials")])
def test_an_event_that_cannot_be_sent_is_logged_and_is_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def fail(*_given: Any) -> None:
        raise error

    monkeypatch.setattr(ControllerEvents, "put_events", fail)
    emit([ADOPTED])
    assert "Events were not sent: Adopted" in caplog.text


def test_nothing_is_called_without_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller_events, "ControllerEvents", None)
    emit([])


def test_an_event_has_a_detail_type_and_a_versioned_detail(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []

    class Client:
        def put_events(self, **given: Any) -> dict[str, Any]:
            sent.extend(given["Entries"])
            return {"Entries": [{"EventId": "1"}, {"ErrorCode": "InternalFailure"}]}

    monkeypatch.setattr(aws, "client", lambda _service: Client())
    ControllerEvents().put_events([ADOPTED, ADOPTED])
    assert {(each["Source"], each["DetailType"]) for each in sent} == {
        ("ecr-controller", "ECR Controller Repository Adopted")
    }
    assert json.loads(sent[0]["Detail"]) == {
        "version": "1",
        "event": "Adopted",
        "repository-name": "team/app",
        "stack-id": STACK_ID,
        "logical-id": "Images",
        "resource-type": "Custom::ECRRepository",
    }
    assert all(each.startswith("ECR Controller ") for each in DETAIL_TYPES.values())
