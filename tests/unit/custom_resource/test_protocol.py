"""What happens to a request: which resource handles it, how often, until when, and how its failure is reported."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller import aws
from ecr_controller.custom_resource import answer
from ecr_controller.custom_resource.request import Home, Result
from ecr_controller.deadline import DEADLINE, undoing
from ecr_controller.errors import Fault, InvalidProperties, RetryableError, UserError
from tests.unit.custom_resource.response_server import ResponseServer
from tests.unit.custom_resource.stand_ins import (
    LOG,
    MARKER,
    STACK_ID,
    Hang,
    LambdaContext,
    Resource,
    event,
    raising,
    serve,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("kind", "physical_id", "method"),
    [
        ("Create", None, "create"),
        ("Update", "shop/images", "update"),
        ("Update", f"{MARKER}request-0", "create"),
        ("Delete", "shop/images", "delete"),
        ("Delete", f"{MARKER}request-0", "delete_failed_create request-0"),
    ],
)
def test_each_request_goes_to_its_method(
    server: ResponseServer, kind: str, physical_id: str | None, method: str
) -> None:
    resource = Resource()
    serve(event(kind, server.url, PhysicalResourceId=physical_id), LambdaContext(), resource)
    assert resource.methods == [method]


def test_a_request_is_all_of_the_event_but_the_signed_url(server: ResponseServer) -> None:
    resource, properties, old = Resource(), {"RepositoryName": "new"}, {"RepositoryName": "old"}
    changes = {"ResourceProperties": properties, "OldResourceProperties": old}
    serve(event("Update", server.url, **changes), LambdaContext(), resource)
    [(_method, request)] = resource.asked
    assert (request.type, request.request_id, request.stack_id) == ("Update", "request-1", STACK_ID)
    assert (request.logical_id, request.resource_type) == ("Images", "Custom::ECRRepository")
    assert (request.physical_id, request.spec, request.old) == ("shop/images", properties, old)
    assert (request.stack_name, request.home) == ("shop", Home("aws", "eu-west-1", "123456789012"))
    assert server.url not in repr(request)


def test_a_success_gives_the_id_and_the_attributes_of_the_result(server: ResponseServer) -> None:
    serve(event("Create", server.url), LambdaContext(), Resource(lambda: Result("shop/new", {"Size": "1"})))
    assert server.only() == {
        "Status": "SUCCESS",
        "RequestId": "request-1",
        "StackId": STACK_ID,
        "LogicalResourceId": "Images",
        "PhysicalResourceId": "shop/new",
        "Data": {"Size": "1"},
        "NoEcho": False,
    }


@pytest.mark.parametrize("physical_id", ["shop/images", f"{MARKER}request-0", "stack-Images-1A2B3C"])
@pytest.mark.parametrize("error", [UserError("No."), None], ids=["failed", "done"])
@pytest.mark.parametrize("kind", ["Update", "Delete"])
def test_a_failure_and_any_delete_keep_the_physical_id(
    server: ResponseServer, kind: str, physical_id: str, error: BaseException | None
) -> None:
    resource = Resource(raising(error) if error else lambda: Result(physical_id))
    serve(event(kind, server.url, PhysicalResourceId=physical_id), LambdaContext(), resource)
    assert server.only()["PhysicalResourceId"] == physical_id


def test_a_users_error_is_the_reason_word_for_word(server: ResponseServer) -> None:
    error = InvalidProperties("Images", [Fault("LifecycleRules[2].MaxImageCount", "must be at least 1")])
    serve(event("Create", server.url), LambdaContext(), Resource(raising(error)))
    expected = "Images has 1 invalid property. LifecycleRules[2].MaxImageCount: must be at least 1"
    assert server.only()["Reason"] == expected


def test_a_defect_is_reported_by_its_kind_and_where_the_log_is_and_the_log_has_the_traceback(
    server: ResponseServer, logs: pytest.LogCaptureFixture
) -> None:
    serve(event("Create", server.url), LambdaContext(), Resource(raising(ValueError("a detail of ours"))))
    expected = f"The controller failed because of a defect (ValueError). Its log has the details: {LOG}"
    assert server.only()["Reason"] == expected
    assert "Traceback" in logs.text
    assert "ValueError: a detail of ours" in logs.text


def test_a_timeout_within_the_work_is_a_defect_and_not_the_deadline(server: ResponseServer) -> None:
    serve(event("Create", server.url), LambdaContext(), Resource(raising(TimeoutError("a socket's"))))
    assert "because of a defect (TimeoutError)" in server.only()["Reason"]


def test_attributes_too_large_fail_the_request_as_any_failure_does(server: ResponseServer) -> None:
    resource = Resource(lambda: Result("shop/new", {"Text": "x" * 5_000}))
    assert serve(event("Create", server.url), LambdaContext(), resource) == "FAILED"
    sent = server.only()
    assert (sent["Status"], sent["PhysicalResourceId"]) == ("FAILED", f"{MARKER}request-1")
    assert "CloudFormation accepts 4,096 bytes" in sent["Reason"]


@pytest.mark.parametrize("result", [None, Result("shop/new", {"Made": object()})], ids=["nothing", "no JSON"])
def test_a_result_that_cannot_be_encoded_is_a_defect(server: ResponseServer, result: Any) -> None:
    assert serve(event("Create", server.url), LambdaContext(), Resource(lambda: result)) == "FAILED"
    assert "because of a defect" in server.only()["Reason"]


@pytest.mark.parametrize("kind", ["Replace", "", None])
def test_an_unknown_request_type_is_failed_and_nothing_is_done(server: ResponseServer, kind: str | None) -> None:
    resource = Resource()
    assert serve(event("Create", server.url, RequestType=kind), LambdaContext(), resource) == "FAILED"
    assert "is not Create, Update or Delete" in server.only()["Reason"]
    assert resource.asked == []


@pytest.mark.parametrize("missing", ["ResourceType", "ResourceProperties", "RequestType", "PhysicalResourceId"])
@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_a_request_that_lacks_what_an_answer_does_not_need_is_answered(
    server: ResponseServer, kind: str, missing: str
) -> None:
    request = event(kind, server.url)
    request.pop(missing, None)
    serve(request, LambdaContext(), Resource())
    assert server.only()["PhysicalResourceId"]


@pytest.mark.parametrize("missing", ["ResponseURL", "RequestId", "StackId", "LogicalResourceId"])
def test_a_request_that_cannot_be_answered_is_not_carried_out(server: ResponseServer, missing: str) -> None:
    request, resource = event("Create", server.url), Resource()
    del request[missing]
    with pytest.raises(KeyError, match=missing):
        serve(request, LambdaContext(), resource)
    assert resource.asked == []
    assert server.taken == []


def test_a_delete_without_a_physical_id_succeeds_and_deletes_nothing_that_another_request_made(
    server: ResponseServer,
) -> None:
    resource, request = Resource(), event("Delete", server.url, RequestId="request-2")
    del request["PhysicalResourceId"]
    assert serve(request, LambdaContext(), resource) == "SUCCESS"
    assert resource.methods == ["delete_failed_create request-2"]
    assert server.only()["PhysicalResourceId"] == f"{MARKER}request-2"


def test_what_is_worth_a_retry_is_tried_until_it_works(server: ResponseServer) -> None:
    resource = Resource(raising(*[RetryableError("Busy.")] * 4))
    assert serve(event("Create", server.url), LambdaContext(), resource) == "SUCCESS"
    assert resource.methods == ["create"] * 5
    assert server.only()["Status"] == "SUCCESS"


def test_what_is_worth_a_retry_is_given_up_at_the_deadline_in_its_own_words(server: ResponseServer) -> None:
    resource = Resource(raising(*[RetryableError("ECR is busy.")] * 1_000))
    assert serve(event("Create", server.url), LambdaContext(seconds=1), resource) == "FAILED"
    expected = "ECR is busy. The controller retried until its deadline. Try the deployment again."
    assert server.only()["Reason"] == expected
    assert len(resource.asked) > 2


@pytest.mark.parametrize("error", [UserError("No."), ValueError()], ids=repr)
def test_no_other_error_is_tried_again(server: ResponseServer, error: BaseException) -> None:
    resource = Resource(raising(error))
    serve(event("Create", server.url), LambdaContext(), resource)
    assert resource.methods == ["create"]


@pytest.mark.parametrize("seconds", [0.1, 3, 60, 300, 900])
def test_the_deadline_leaves_time_to_answer_and_the_answer_ends_before_lambda_does(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    untils: list[float] = []
    monkeypatch.setattr(answer, "send", lambda _url, _answer, until: untils.append(until))
    resource, end = Resource(), time.time() + seconds
    serve(event("Create"), LambdaContext(seconds), resource)
    [(_method, request)] = resource.asked
    [until] = untils
    assert request.deadline < until < end
    assert until - request.deadline >= min(seconds * 5 / 16, 37) - 0.001
    assert end - until >= min(seconds / 64, 1.8) - 1
    assert end - request.deadline <= 60


@pytest.mark.parametrize("late", [lambda: None, raising(ValueError()), raising(SystemExit())])
def test_work_that_ends_after_the_deadline_changes_no_answer(
    server: ResponseServer, late: Callable[[], object]
) -> None:
    work = Hang(late)
    serve(event("Update", server.url), LambdaContext(seconds=0.2), Resource(work))
    work.let_go()
    sent = server.only()
    assert (sent["Status"], sent["PhysicalResourceId"]) == ("FAILED", "shop/images")
    assert sent["Reason"] == f"The controller did not finish before its deadline. Its log shows what was done: {LOG}"


def test_work_that_hung_is_not_tried_again_after_the_deadline(server: ResponseServer) -> None:
    work = Hang(raising(RetryableError("Busy.")))
    resource = Resource(work)
    serve(event("Create", server.url), LambdaContext(seconds=0.2), resource)
    work.let_go()
    assert resource.methods == ["create"]


def test_work_that_hung_calls_aws_no_more(server: ResponseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    refused: list[str] = []

    def call() -> None:
        try:
            ecr.delete_repository(repositoryName="shop/images", force=True)
        except RetryableError as error:
            refused.append(str(error))

    with ResponseServer() as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", endpoint.address)
        aws.client.cache_clear()
        ecr = aws.client("ecr")
        ecr.describe_registry()
        work = Hang(call)
        serve(event("Update", server.url), LambdaContext(seconds=0.2), Resource(work))
        work.let_go()
        aws.client.cache_clear()
    assert refused == ["The controller makes no AWS calls after its deadline."]
    assert len(endpoint.taken) == 1
    assert server.only()["Status"] == "FAILED"


def test_the_deadline_of_one_request_does_not_bind_the_next(server: ResponseServer) -> None:
    hung, seen = Hang(), itertools.count(1)
    serve(event("Create", server.url), LambdaContext(seconds=0.2), Resource(hung))
    assert serve(event("Create", server.url), LambdaContext(), Resource(lambda: Result(f"made-{next(seen)}"))) == (
        "SUCCESS"
    )
    hung.let_go()
    assert [taken.answer["Status"] for taken in server.taken] == ["FAILED", "SUCCESS"]


def test_an_answer_that_is_not_accepted_leaves_the_request_to_the_on_failure_function() -> None:
    with ResponseServer(always=403) as refusing:
        began, context = time.time(), LambdaContext(seconds=4)
        with pytest.raises(answer.NotDelivered, match="HTTP status 403"):
            serve(event("Create", refusing.url), context, Resource())
        assert time.time() - began < context.seconds
        assert {taken.answer["Status"] for taken in refusing.taken} == {"SUCCESS"}


@pytest.mark.parametrize("error", [None, UserError("No."), ValueError()], ids=repr)
@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_the_same_request_served_twice_is_answered_in_the_same_words(
    server: ResponseServer, kind: str, error: BaseException | None
) -> None:
    for _ in range(2):
        serve(event(kind, server.url), LambdaContext(), Resource(raising(error)) if error else Resource())
    first, second = server.taken
    assert first.body == second.body


def test_work_that_ends_at_the_very_deadline_is_answered_once(server: ResponseServer) -> None:
    seconds = (0.03 + step / 4_000 for step in range(-5, 6))

    def work() -> Result:
        time.sleep(next(seconds))
        return Result("shop/images")

    statuses = [serve(event("Update", server.url), LambdaContext(seconds=0.04), Resource(work)) for _ in range(11)]
    assert [taken.answer["Status"] for taken in server.taken] == statuses


def test_a_request_of_another_type_is_refused_and_its_delete_does_nothing(server: ResponseServer) -> None:
    resources = Resource(type_name="ECRRepositoryGrant"), Resource(type_name="ECRAuthorizationTokenGrant")
    assert serve(event("Create", server.url, ResourceType="Custom::Other"), LambdaContext(), *resources) == "FAILED"
    assert serve(event("Delete", server.url, ResourceType="Custom::Other"), LambdaContext(), *resources) == "SUCCESS"
    assert [each.asked for each in resources] == [[], []]
    expected = (
        "ServiceToken supports Custom::ECRRepositoryGrant and Custom::ECRAuthorizationTokenGrant, not Custom::Other."
    )
    assert server.taken[0].answer["Reason"].startswith(expected)


def test_a_request_goes_to_the_resource_of_its_type(server: ResponseServer) -> None:
    first, second = Resource(type_name="ECRRepositoryGrant"), Resource(type_name="ECRRepository")
    serve(event("Create", server.url), LambdaContext(), first, second)
    assert (first.methods, second.methods) == ([], ["create"])


@pytest.mark.parametrize("stack_id", ["shop", "arn:aws:s3:::bucket", "arn:aws:cloudformation:eu-west-1"])
@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_a_stack_id_that_is_not_that_of_a_stack_is_refused(server: ResponseServer, kind: str, stack_id: str) -> None:
    resource = Resource()
    assert serve(event(kind, server.url, StackId=stack_id), LambdaContext(), resource) == "FAILED"
    assert server.only()["Reason"] == f"StackId {stack_id} is not the ARN of a stack."
    assert resource.asked == []


@pytest.mark.parametrize("name", ["AWS::CloudFormation::CustomResource", "Custom::ImageRepository"])
def test_the_token_of_a_single_type_serves_it_under_any_name(server: ResponseServer, name: str) -> None:
    resource = Resource()
    assert serve(event("Create", server.url, ResourceType=name), LambdaContext(), resource) == "SUCCESS"
    assert resource.methods == ["create"]


def test_work_begins_nothing_in_the_time_that_its_undo_needs(server: ResponseServer) -> None:
    left: dict[str, float] = {}

    def work() -> Result:
        now = time.time()
        left["work"] = DEADLINE.get() - now
        with undoing():
            left["undo"] = DEADLINE.get() - now
        left["after"] = DEADLINE.get() - now
        raise UserError("No.")

    serve(event("Create", server.url), LambdaContext(seconds=300), Resource(work))
    assert left["work"] == left["after"] == pytest.approx(240, abs=5)
    assert left["undo"] - left["work"] == pytest.approx(30)


def test_a_call_that_is_under_way_at_the_deadline_is_waited_for_and_answered(server: ResponseServer) -> None:
    def work() -> Result:
        time.sleep(max(0.0, DEADLINE.get() - time.time()) + 1.3)  # beyond the deadlines of the work and of its undo
        return Result("shop/images")

    assert serve(event("Create", server.url), LambdaContext(seconds=8), Resource(work)) == "SUCCESS"
    assert server.only()["Status"] == "SUCCESS"


def test_a_request_that_would_be_answered_elsewhere_is_not_carried_out() -> None:
    resource = Resource()
    with pytest.raises(answer.ForeignUrl):
        serve(event("Create", "https://amazonaws.com.evil.example/?s"), LambdaContext(), resource)
    assert resource.asked == []
