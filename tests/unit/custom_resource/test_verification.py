"""Which requests count as those of CloudFormation."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from ecr_controller.custom_resource import verification
from ecr_controller.custom_resource.request import Home, Request
from ecr_controller.custom_resource.verification import UnverifiedRequest, verify
from ecr_controller.errors import RetryableError
from ecr_controller.stacks import StackResource
from tests.unit.custom_resource.stand_ins import MARKER, STACK_ID, event

HOME = Home("aws", "eu-west-1", "123456789012")
TYPE, NAME = "Custom::ECRRepository", "shop/images"
MADE_UP = "shop-Images-1A2B3C4D5E6F"


@dataclass
class CloudFormation:
    """What CloudFormation shows, one answer after the other; the last one again and again."""

    answers: list[StackResource | Exception | None]
    cleans_up: bool = False
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def describe_stack_resource(self, stack_id: str, logical_id: str) -> StackResource | None:
        self.asked.append((stack_id, logical_id))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def is_cleaning_up(self, _stack_id: str) -> bool:
        return self.cleans_up


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between two questions, none of which is waited for."""
    taken: list[float] = []
    monkeypatch.setattr(time, "sleep", taken.append)
    return taken


def shown(status: str, physical_id: str = NAME, type_: str = TYPE) -> StackResource:
    return StackResource(type_, physical_id, status)


def request(kind: str, seconds: float = 60, **changes: Any) -> Request[Any]:
    return Request.from_event(event(kind, **changes), time.time() + seconds)


def verified(asked: Request[Any], *answers: StackResource | Exception | None, cleans_up: bool = False) -> Any:
    cloudformation: Any = CloudFormation(list(answers), cleans_up)
    verify(asked, HOME, cloudformation)
    return cloudformation


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        ("Create", shown("CREATE_IN_PROGRESS", "")),
        ("Create", shown("UPDATE_IN_PROGRESS", "another-type")),
        ("Update", shown("UPDATE_IN_PROGRESS")),
        ("Delete", shown("DELETE_IN_PROGRESS")),
    ],
)
def test_a_request_that_is_in_progress_takes_one_question(kind: str, resource: StackResource) -> None:
    assert verified(request(kind), resource).asked == [(STACK_ID, "Images")]


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        ("Create", None),
        ("Create", shown("CREATE_COMPLETE")),
        ("Create", shown("DELETE_IN_PROGRESS")),
        ("Update", shown("CREATE_IN_PROGRESS", "")),
        ("Update", shown("UPDATE_IN_PROGRESS", "shop/other")),
        ("Update", shown("UPDATE_IN_PROGRESS", "")),
        ("Update", shown("UPDATE_COMPLETE")),
        ("Delete", None),
        ("Delete", shown("CREATE_COMPLETE")),
        ("Delete", shown("UPDATE_IN_PROGRESS")),
        ("Delete", shown("DELETE_IN_PROGRESS", "shop/other")),
        ("Delete", shown("DELETE_IN_PROGRESS", "")),
        ("Delete", shown("DELETE_IN_PROGRESS", type_="Custom::ECRImageScanRoute")),
        ("Delete", shown("DELETE_COMPLETE")),
        ("Replace", shown("UPDATE_IN_PROGRESS")),
    ],
)
def test_any_other_request_is_refused_after_some_seconds(
    kind: str, resource: StackResource | None, pauses: list[float]
) -> None:
    with pytest.raises(UnverifiedRequest, match="could not verify that CloudFormation makes this request, because"):
        verified(request(kind), resource)
    assert pauses == list(verification.PAUSES)
    assert 5 < sum(pauses) < 10


@pytest.mark.parametrize(
    "stack_id",
    [
        "arn:aws:cloudformation:eu-west-1:210987654321:stack/shop/7d6f1c80",
        "arn:aws:cloudformation:us-east-1:123456789012:stack/shop/7d6f1c80",
        "arn:aws-cn:cloudformation:eu-west-1:123456789012:stack/shop/7d6f1c80",
    ],
)
def test_a_stack_of_another_place_is_refused_without_a_question(stack_id: str) -> None:
    cloudformation: Any = CloudFormation([shown("DELETE_IN_PROGRESS")])
    with pytest.raises(UnverifiedRequest, match="not of the account and Region of this function"):
        verify(request("Delete", StackId=stack_id), HOME, cloudformation)
    assert cloudformation.asked == []


def test_a_read_that_lags_is_asked_again(pauses: list[float]) -> None:
    verified(request("Update"), None, shown("UPDATE_COMPLETE"), shown("UPDATE_IN_PROGRESS"))
    assert len(pauses) == 2


def test_no_question_is_asked_after_the_deadline(pauses: list[float]) -> None:
    with pytest.raises(UnverifiedRequest):
        verified(request("Update", seconds=0.1), None)
    assert pauses == []


def test_where_cloudformation_cannot_be_asked_the_request_is_retried() -> None:
    with pytest.raises(RetryableError):
        verified(request("Update"), RetryableError("Rate exceeded."))


@pytest.mark.parametrize("resource", [shown("UPDATE_COMPLETE", "shop/new"), shown("UPDATE_COMPLETE", "x", "Custom::X")])
def test_a_clean_up_is_known_by_the_status_of_the_stack(resource: StackResource) -> None:
    verified(request("Delete"), resource, cleans_up=True)
    with pytest.raises(UnverifiedRequest):
        verified(request("Delete"), resource, cleans_up=False)


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_only_a_delete_cleans_up(kind: str) -> None:
    with pytest.raises(UnverifiedRequest):
        verified(request(kind), shown("UPDATE_COMPLETE", "shop/new"), cleans_up=True)


def test_a_clean_up_never_deletes_what_the_resource_is_now() -> None:
    with pytest.raises(UnverifiedRequest):
        verified(request("Delete"), shown("UPDATE_COMPLETE"), cleans_up=True)


@pytest.mark.parametrize("physical_id", [f"{MARKER}request-0", MADE_UP])
def test_a_delete_after_a_create_without_an_answer_needs_no_physical_id(physical_id: str) -> None:
    verified(request("Delete", PhysicalResourceId=physical_id), shown("DELETE_IN_PROGRESS", ""))
