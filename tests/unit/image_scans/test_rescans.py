"""Which repositories and which of their images are scanned again, and what ECR may refuse meanwhile."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.stub import Stubber

from ecr_controller import aws
from ecr_controller.errors import RetryableError, UserError
from ecr_controller.event_routing.routes import Route, storage_key
from ecr_controller.image_scans.ecr import Image, ImageScans, ScanStarts
from ecr_controller.image_scans.gate import Scan
from ecr_controller.image_scans.rescans import plan_rescans, rescan
from ecr_controller.image_scans.scanning import scan_images
from tests.unit.template.sam import RESOURCES, TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_ecr import ECRClient

    from ecr_controller.shared_documents.parts import PartsTable

NAME = "team/app"
ROUTE = Route("*", ("target",)).content()
FIRST = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def queue(moto: None, monkeypatch: pytest.MonkeyPatch) -> str:
    url: str = aws.client("sqs").create_queue(QueueName="rescans")["QueueUrl"]
    monkeypatch.setenv("RESCAN_QUEUE", url)
    return url


@pytest.fixture
def stub(ecr: ECRClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    # One client, so that the order of all calls is known.
    monkeypatch.setattr(vars(ScanStarts)["_ecr"], "_options", {})
    with Stubber(ecr) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def image(day: int, **more: Any) -> dict[str, Any]:
    return {"imageDigest": f"sha256:{day}", "imagePushedAt": FIRST + timedelta(days=day), **more}


def shows(stub: Stubber, *images: dict[str, Any], token: str = "", after: str = "") -> None:
    expected: dict[str, Any] = {"repositoryName": NAME, "filter": {"imageStatus": "ACTIVE"}, "maxResults": 1000}
    answer: dict[str, Any] = {"imageDetails": list(images)} | ({"nextToken": token} if token else {})
    stub.add_response("describe_images", answer, expected | ({"nextToken": after} if after else {}))


@pytest.mark.parametrize(
    ("pattern", "planned"), [("*", ["other", "team/app", "team/tool"]), ("team/*", ["team/app", "team/tool"])]
)
def test_every_repository_within_the_bounds_is_planned(
    ecr: ECRClient, queue: str, pattern: str, planned: list[str]
) -> None:
    for name in ("team/app", "team/tool", "other"):
        ecr.create_repository(repositoryName=name)
    assert plan_rescans(pattern) == len(planned)
    messages = aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert sorted(message["Body"] for message in messages) == planned


@pytest.mark.parametrize(
    ("routed", "scanned"),
    [("team/app", 1), ("team/*", 1), ("*", 1), ("team/app/x", 0), ("team", 0), ("other/*", 0)],
)
def test_routes_of_the_name_and_of_every_level_above_lead_from_a_repository(
    parts: PartsTable, stub: Stubber, routed: str, scanned: int
) -> None:
    parts.put_part(storage_key(routed), "owner", ROUTE)
    parts.put_part(f"lifecycle-policy/{NAME}", "owner", {})
    if scanned:
        shows(stub, image(1))
        stub.add_response("start_image_scan", {})
    assert rescan(NAME, 5) == scanned


def test_a_repository_without_a_route_of_scans_is_left_alone(parts: PartsTable, stub: Stubber) -> None:
    parts.put_part(storage_key("*"), "owner", Route("*", ("target",), events=("Pushed",)).content())
    assert rescan(NAME, 5) == 0


def test_the_newest_images_of_a_routed_repository_are_scanned_again(parts: PartsTable, stub: Stubber) -> None:
    parts.put_part(storage_key("team/*"), "owner", ROUTE)
    shows(stub, image(1), image(4), token="2")
    shows(stub, image(3), image(2), after="2")
    for day in (4, 3):
        stub.add_response("start_image_scan", {}, {"repositoryName": NAME, "imageId": {"imageDigest": f"sha256:{day}"}})
    assert rescan(NAME, 2) == 2


def test_an_index_takes_no_place_among_the_newest(stub: Stubber) -> None:
    docker = "application/vnd.docker.distribution.manifest"
    oci = "application/vnd.oci.image"
    shows(
        stub,
        image(9, imageManifestMediaType=f"{oci}.index.v1+json"),
        image(8, imageManifestMediaType=f"{docker}.list.v2+json"),
        image(2, imageManifestMediaType=f"{oci}.manifest.v1+json"),
        image(1, imageManifestMediaType=f"{docker}.v2+json"),
    )
    assert ImageScans().describe_newest_images(NAME, 5) == [Image(NAME, "sha256:2"), Image(NAME, "sha256:1")]


@pytest.mark.parametrize(
    "refusal",
    [
        "LimitExceededException",
        "ValidationException",
        "UnsupportedImageTypeException",
        "ImageArchivedException",
        "ImageNotFoundException",
        "RepositoryNotFoundException",
    ],
)
def test_what_ecr_does_not_scan_now_is_no_error_and_the_next_image_has_its_turn(
    parts: PartsTable, stub: Stubber, refusal: str
) -> None:
    parts.put_part(storage_key("*"), "owner", ROUTE)
    shows(stub, image(2), image(1))
    stub.add_client_error("start_image_scan", refusal)
    stub.add_response("start_image_scan", {})
    assert rescan(NAME, 5) == 1


def test_a_repository_that_went_meanwhile_has_no_images(stub: Stubber) -> None:
    stub.add_client_error("describe_images", "RepositoryNotFoundException")
    assert ImageScans().describe_newest_images(NAME, 5) == []


@pytest.mark.parametrize(("code", "error"), [("ThrottlingException", RetryableError), ("AccessDenied", UserError)])
def test_after_any_other_error_the_queue_delivers_the_repository_again(
    stub: Stubber, code: str, error: type[Exception]
) -> None:
    stub.add_client_error("start_image_scan", code)
    with pytest.raises(error):
        ScanStarts().start_image_scan(Image(NAME, "sha256:1"))


def test_nothing_is_planned_where_the_queue_is_gone(ecr: ECRClient, queue: str) -> None:
    ecr.create_repository(repositoryName=NAME)
    aws.client("sqs").delete_queue(QueueUrl=os.environ["RESCAN_QUEUE"])
    with pytest.raises(UserError, match="SendMessage"):
        plan_rescans("*")


def test_while_no_schedule_is_set_nothing_of_it_is_created() -> None:
    ours = {name: each for name, each in (RESOURCES | TEMPLATE["Outputs"]).items() if "Rescan" in name}
    assert len(ours) > 10
    assert {each.get("Condition") for each in ours.values()} == {"Rescans"}
    assert TEMPLATE["Conditions"]["Rescans"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "RescanSchedule"}, ""]}]}
    assert TEMPLATE["Parameters"]["RescanSchedule"]["Default"] == ""


@pytest.mark.parametrize("body", [" ", "", "a", "Team/App", "a/" * 200 + "a", "team/app\n"])
def test_what_is_no_name_of_a_repository_is_rejected_before_anything_is_read(moto: None, body: str) -> None:
    with pytest.raises(UserError, match="is not the name of a repository"):
        rescan(body, 5)


class Wire:
    """Answers StartImageScan, and counts the HTTP requests."""

    def __init__(self, *codes: str) -> None:
        self.requests, self._codes = 0, list(codes)

    def answer(self, **_event: object) -> AWSResponse:
        self.requests += 1
        code = self._codes.pop(0) if self._codes else ""
        body = json.dumps({"__type": code, "message": "No."} if code else {}).encode()
        headers: Any = {"x-amzn-errortype": code} if code else {}
        return AWSResponse("", 400 if code else 200, headers, Raw(body))


class Raw(BytesIO):
    def stream(self, **_options: object) -> Iterator[bytes]:
        yield self.read()


@pytest.fixture
def sent(moto: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Wire]:
    """Has StartImageScan answered by errors, one after another."""
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)

    def answering(*codes: str) -> Wire:
        wire = Wire(*codes)
        aws.client("ecr", attempts=1).meta.events.register_first("before-send.ecr.StartImageScan", wire.answer)
        return wire

    return answering


def test_a_scan_that_ecr_refuses_is_requested_once(sent: Callable[..., Wire]) -> None:
    wire = sent("LimitExceededException")
    refusal = ScanStarts().start_image_scan(Image(NAME, "sha256:1"))
    assert (refusal and refusal.reason, wire.requests) == ("LIMIT_EXCEEDED", 1)


def test_the_gate_requests_a_scan_once(sent: Callable[..., Wire], monkeypatch: pytest.MonkeyPatch) -> None:
    wire, scan = sent("LimitExceededException"), Scan("COMPLETE")
    monkeypatch.setattr(ImageScans, "describe_image_scan_findings", lambda _self, _image: scan)
    assert scan_images(ImageScans(), [Image(NAME, "sha256:1")], time.time() + 5) == [replace(scan, is_enhanced=False)]
    assert wire.requests == 1


def test_a_throttled_scan_is_started_again_and_then_left_to_the_queue(
    sent: Callable[..., Wire], monkeypatch: pytest.MonkeyPatch, parts: PartsTable
) -> None:
    parts.put_part(storage_key("*"), "owner", ROUTE)
    monkeypatch.setattr(ImageScans, "describe_newest_images", lambda *_arguments: [Image(NAME, "sha256:1")])
    wire = sent(*["ThrottlingException"] * 5)
    with pytest.raises(RetryableError):
        rescan(NAME, 5)
    assert wire.requests == 4
    assert rescan(NAME, 5) == 1
    assert wire.requests == 6


def test_a_run_of_the_schedule_has_no_window_in_which_it_could_come_early() -> None:
    assert RESOURCES["RescanScheduler"]["Properties"]["FlexibleTimeWindow"] == {"Mode": "OFF"}
