"""``Custom::ECREventRoute`` and its narrower form: what is kept, what is refused, and what a Delete takes away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller import aws
from ecr_controller.errors import InvalidProperties
from ecr_controller.event_routing.routes import Route, reader
from ecr_controller.event_routing.spec import DEFAULT_EVENTS
from ecr_controller.resources.event_route import EventRouteResource
from ecr_controller.resources.image_scan_route import ImageScanRouteResource
from tests.unit.conftest import Served, request

if TYPE_CHECKING:
    from ecr_controller.shared_documents.parts import PartsTable

HOME = "eu-west-1:123456789012"
TOPIC = f"arn:aws:sns:{HOME}:people"
QUEUE, OTHER = f"arn:aws:sqs:{HOME}:findings", f"arn:aws:sqs:{HOME}:other"


@pytest.fixture
def resource(parts: PartsTable) -> Served:
    for name in ("findings", "other"):
        aws.client("sqs").create_queue(QueueName=name)
    return Served(ImageScanRouteResource())


def declared(**changes: Any) -> dict[str, Any]:
    return {"ServiceToken": "token", "RepositoryName": "team/*", "Targets": [QUEUE], **changes}


def kept(parts: PartsTable, repositories: str = "team/*") -> tuple[Route, ...]:
    return reader(parts.query_parts)(repositories)


def faults(resource: Served, **properties: Any) -> list[str]:
    with pytest.raises(InvalidProperties) as caught:
        resource.create(request("Create", properties=declared(**properties)))
    return [str(fault) for fault in caught.value.faults]


def test_a_route_is_kept_under_its_repositories_and_forgotten(resource: Served, parts: PartsTable) -> None:
    more = {"ImageTags": ["v*"], "ScanStatus": "*", "MinimumSeverity": "HIGH", "Targets": [QUEUE, OTHER, QUEUE]}
    made = resource.create(request("Create", properties=declared(**more)))
    assert made.data == {"RouteId": made.physical_id}
    assert kept(parts) == (Route("team/*", (QUEUE, OTHER), ("v*",), "*", "HIGH"),)
    resource.delete(request("Delete", physical_id=made.physical_id))
    resource.delete(request("Delete", physical_id=made.physical_id))
    assert kept(parts) == ()


def test_other_repositories_make_a_new_route_whose_old_one_is_deleted_after_it(
    resource: Served, parts: PartsTable
) -> None:
    before = resource.create(request("Create", properties=declared()))
    after = resource.update(
        request("Update", physical_id=before.physical_id, properties=declared(RepositoryName="team/app"))
    )
    assert before.physical_id != after.physical_id
    assert (len(kept(parts)), len(kept(parts, "team/app"))) == (1, 1)
    resource.delete(request("Delete", physical_id=before.physical_id))
    assert (len(kept(parts)), len(kept(parts, "team/app"))) == (0, 1)


def test_the_same_repositories_keep_the_id(resource: Served) -> None:
    before = resource.create(request("Create", properties=declared()))
    after = resource.update(request("Update", properties=declared(Targets=[OTHER])))
    assert before == after


@pytest.mark.parametrize("physical_id", ["", "shop-Images-1A2B", "0123456789abcdef:team/*"])
def test_a_delete_with_an_id_that_is_not_its_own_touches_nothing(
    resource: Served, parts: PartsTable, physical_id: str
) -> None:
    resource.create(request("Create", properties=declared()))
    resource.delete(request("Delete", physical_id=physical_id))
    assert len(kept(parts)) == 1


def test_what_a_failed_create_kept_goes_and_nothing_that_an_earlier_one_did(
    resource: Served, parts: PartsTable
) -> None:
    resource.create(request("Create", properties=declared(), request_id="first"))
    resource.delete_failed_create(request("Delete", properties=declared()), "another")
    assert len(kept(parts)) == 1
    resource.delete_failed_create(request("Delete", properties=declared()), "first")
    assert kept(parts) == ()


def test_a_rollback_is_not_stopped_by_a_target_that_is_gone(resource: Served, parts: PartsTable) -> None:
    resource.create(request("Create", properties=declared()))
    resource.update(request("Update", properties=declared(Targets=[OTHER])))
    sqs = aws.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="findings")["QueueUrl"])
    resource.update(request("Update", properties=declared(Targets=[QUEUE])))
    assert kept(parts)[0].targets == (QUEUE,)


def test_every_target_that_is_not_there_is_named(resource: Served, parts: PartsTable) -> None:
    function = f"arn:aws:lambda:{HOME}:function:nobody"
    missing = faults(resource, Targets=[f"{QUEUE}-not", QUEUE, function])
    assert [fault.partition(": ")[0] for fault in missing] == ["Targets[0]", "Targets[2]"]
    assert "does not exist or the controller cannot access it. The parameter ScanTargetQueues " in missing[0]
    assert "it must not be a queue of the controller. AWS rejected GetQueueAttributes" in missing[0]
    assert "The parameter ScanTargetFunctions " in missing[1]
    assert kept(parts) == ()


def test_all_faults_are_reported_at_once(resource: Served) -> None:
    found = faults(
        resource,
        RepositoryName="team/app-*",
        ImageTags=[],
        ScanStatus="DONE",
        MinimumSeverity="BAD",
        Targets=["arn:aws:s3:::bucket", "arn:aws:sqs:eu-west-1:999999999999:theirs"],
        Target="x",
    )
    assert {fault.partition(":")[0] for fault in found} == {
        *("RepositoryName", "ImageTags", "ScanStatus", "MinimumSeverity", "Targets[0]", "Targets[1]", "Target")
    }


@pytest.mark.parametrize("status", ["FAILED", "UNSUPPORTED_IMAGE"])
def test_a_severity_cannot_be_asked_of_a_scan_that_has_none(resource: Served, status: str) -> None:
    [fault] = faults(resource, ScanStatus=status, MinimumSeverity="LOW")
    assert fault.startswith("MinimumSeverity: is only supported with ScanStatus COMPLETE or *")


@pytest.mark.parametrize("name", ["app", "team/app", "team/*", "a/b_c/d-e/*", "*"])
def test_these_repositories_can_be_named(resource: Served, name: str) -> None:
    assert resource.create(request("Create", properties=declared(RepositoryName=name))).physical_id.endswith(f":{name}")


@pytest.mark.parametrize("name", ["", "App", "team/", "team*", "/*", "**", "team/*/app", "team/**"])
def test_these_cannot(resource: Served, name: str) -> None:
    assert [fault.partition(":")[0] for fault in faults(resource, RepositoryName=name)] == ["RepositoryName"]


# Routes of other events


@pytest.fixture
def events(parts: PartsTable) -> Served:
    aws.client("sqs").create_queue(QueueName="findings")
    aws.client("sns").create_topic(Name="people")
    return Served(EventRouteResource())


def test_a_route_of_events_has_all_that_need_no_trail_by_default(events: Served, parts: PartsTable) -> None:
    events.create(request("Create", properties=declared()))
    [found] = kept(parts)
    assert (found.events, found.scan_status, found.form) == (DEFAULT_EVENTS, "*", "Json")


def test_a_route_of_events_is_kept_whole(events: Served, parts: PartsTable) -> None:
    more = {
        "Events": ["Called", "Pushed", "Pushed"],
        "ApiCalls": ["PutImage"],
        "ImageTags": ["v*"],
        "IncludeController": "true",
        "Format": "Text",
        "Targets": [TOPIC],
    }
    events.create(request("Create", properties=declared(**more)))
    assert kept(parts) == (
        Route(
            "team/*",
            (TOPIC,),
            ("v*",),
            "*",
            events=("Called", "Pushed"),
            api_calls=("PutImage",),
            form="Text",
            includes_controller=True,
        ),
    )


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"ApiCalls": ["PutImage"]}, "ApiCalls: is only supported with Called among Events"),
        (
            {"Events": ["Pushed"], "MinimumSeverity": "HIGH"},
            "MinimumSeverity: is only supported with ScanCompleted or Finding among Events",
        ),
        ({"Window": 5}, "Window: is only supported with Finding among Events"),
        ({"Events": ["Finding"], "Window": 15}, "Window: must be at most 14"),
        ({"Format": "Chatbot"}, "Targets[0]: must be an SNS topic, because Format is Chatbot"),
        ({"Events": ["Pulled"]}, "Events[0]: must be one of Pushed, Deleted, Archived, "),
        ({"Events": ["Called"], "ApiCalls": ["ecr:PutImage"]}, "ApiCalls[0]: must be the name of an API operation"),
    ],
)
def test_what_a_route_of_events_cannot_be_is_refused(events: Served, properties: Any, expected: str) -> None:
    found = faults(events, **properties)
    assert [each for each in found if each.startswith(expected)] == found
    assert len(found) == 1


def test_a_route_of_scans_can_be_for_people(resource: Served, parts: PartsTable) -> None:
    aws.client("sns").create_topic(Name="people")
    resource.create(request("Create", properties=declared(Format="Chatbot", Targets=[TOPIC])))
    assert [(each.form, each.events) for each in kept(parts)] == [("Chatbot", ("ScanCompleted",))]
