"""The ten points of the protocol, one by one, from the event to the answer that arrives."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from ecr_controller import aws
from ecr_controller.custom_resource import answer
from ecr_controller.custom_resource.request import Result
from ecr_controller.errors import RetryableError, UserError
from ecr_controller.resources.repository import RepositoryResource
from ecr_controller.stacks import Stacks
from tests.unit.custom_resource.response_server import SIGNATURE, ResponseServer
from tests.unit.custom_resource.stand_ins import LOG, MARKER, ROOT, Hang, LambdaContext, Resource, event, raising, serve
from tests.unit.deployed import create_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ecr import ECRClient

    from tests.unit.custom_resource.response_server import Behaviour

FAILURES = [
    UserError("Mend it."),
    RetryableError("Busy."),
    ZeroDivisionError(),
    TimeoutError(),
    MemoryError(),
    RecursionError(),
    SystemExit(0),
    KeyboardInterrupt(),
    GeneratorExit(),
    BaseException(),
]


@pytest.fixture
def ecr(monkeypatch: pytest.MonkeyPatch) -> Iterator[ECRClient]:
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("PARTS_TABLE", "parts")
    monkeypatch.setattr(Stacks, "is_being_deleted", lambda _self, _stack_id: False)
    monkeypatch.setattr(Stacks, "tags", lambda _self, _stack_id: {})
    with mock_aws():
        aws.client.cache_clear()
        create_table(aws.client("dynamodb"), "PartsTable", "parts")
        yield aws.client("ecr")
        aws.client.cache_clear()


@pytest.fixture
def answered(server: ResponseServer) -> Any:
    """Serves a request with the real repository resource, and gives the answer that arrived."""

    def serve_it(kind: str, **changes: Any) -> dict[str, Any]:
        before = len(server.taken)
        serve(event(kind, server.url, **changes), LambdaContext(), RepositoryResource())
        [taken] = server.taken[before:]
        return taken.answer

    return serve_it


def names(ecr: ECRClient) -> list[str]:
    return [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]


@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
@pytest.mark.parametrize("error", FAILURES, ids=repr)
def test_point_1_exactly_one_answer_whatever_the_work_raises(
    server: ResponseServer, kind: str, error: BaseException
) -> None:
    def fail() -> Result:
        raise error

    context = LambdaContext(seconds=0.2 if isinstance(error, RetryableError) else 60)
    assert serve(event(kind, server.url), context, Resource(fail)) == "FAILED"
    assert server.only()["Status"] == "FAILED"


@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_point_1_exactly_one_answer_when_it_is_done(server: ResponseServer, kind: str) -> None:
    assert serve(event(kind, server.url), LambdaContext(), Resource()) == "SUCCESS"
    assert server.only()["Status"] == "SUCCESS"


@pytest.mark.parametrize("failure", [400, 403, 404, 500, 503, 301, "drop", "slow"])
def test_point_2_the_put_is_retried_until_it_is_accepted_and_each_attempt_has_its_own_timeout(
    server: ResponseServer, monkeypatch: pytest.MonkeyPatch, failure: Behaviour
) -> None:
    monkeypatch.setattr(answer, "TRY_SECONDS", 0.15)
    server.behave(failure, failure)
    serve(event("Create", server.url), LambdaContext(), Resource())
    assert len(server.taken) == 3
    assert len({taken.body for taken in server.taken}) == 1


@pytest.mark.parametrize("character", ["a", '"', "\\", "\n", "é", "…", "🐳"])
def test_point_3_the_body_is_at_most_4096_bytes_and_a_cut_reason_says_where_the_log_is(
    server: ResponseServer, character: str
) -> None:
    serve(event("Create", server.url), LambdaContext(), Resource(raising(UserError(character * 9_000))))
    assert len(server.taken[0].body) <= 4096
    assert server.only()["Reason"].startswith(character * 100)
    assert LOG in server.only()["Reason"]


def test_point_4_at_the_deadline_it_answers_failed_and_no_late_success_follows(server: ResponseServer) -> None:
    work, began, context = Hang(), time.time(), LambdaContext(seconds=4)
    assert serve(event("Create", server.url), context, Resource(work)) == "FAILED"
    assert time.time() - began < context.seconds
    work.let_go()
    assert server.only()["Status"] == "FAILED"
    assert LOG in server.only()["Reason"]


def test_point_5_a_failed_create_answers_with_a_marker_whose_delete_spares_what_it_did_not_make(
    ecr: ECRClient, answered: Any
) -> None:
    ecr.create_repository(repositoryName="shop/images")
    failed = answered("Create", ResourceProperties={"RepositoryName": "shop/images"})
    assert (failed["Status"], failed["PhysicalResourceId"]) == ("FAILED", f"{MARKER}request-1")
    deleted = answered(
        "Delete",
        RequestId="request-2",
        PhysicalResourceId=failed["PhysicalResourceId"],
        ResourceProperties={"RepositoryName": "shop/images"},
    )
    assert (deleted["Status"], deleted["PhysicalResourceId"]) == ("SUCCESS", f"{MARKER}request-1")
    assert names(ecr) == ["shop/images"]


def test_point_5_the_delete_of_a_failed_create_takes_what_that_very_create_left(
    ecr: ECRClient, answered: Any, server: ResponseServer
) -> None:
    class Dies(RepositoryResource):
        def create(self, request: Any) -> Result:
            super().create(request)
            raise SystemExit

    properties = {"RepositoryName": "shop/images"}
    serve(event("Create", server.url, ResourceProperties=properties), LambdaContext(), Dies())
    assert names(ecr) == ["shop/images"]
    marker = server.only()["PhysicalResourceId"]
    other = answered("Delete", PhysicalResourceId=f"{MARKER}request-9", ResourceProperties=properties)
    assert (other["Status"], names(ecr)) == ("SUCCESS", ["shop/images"])
    own = answered("Delete", PhysicalResourceId=marker, ResourceProperties=properties)
    assert (own["Status"], names(ecr)) == ("SUCCESS", [])


def test_point_5_a_delete_with_an_id_that_is_not_ours_is_a_success_that_does_nothing(
    ecr: ECRClient, answered: Any
) -> None:
    ecr.create_repository(repositoryName="shop/images")
    assert answered("Delete")["Status"] == "SUCCESS"
    assert names(ecr) == ["shop/images"]


def test_point_6_the_physical_id_changes_only_to_replace_and_destruction_waits_for_the_delete(
    ecr: ECRClient, answered: Any
) -> None:
    before, after = {"RepositoryName": "shop/images"}, {"RepositoryName": "shop/pictures"}
    created = answered("Create", ResourceProperties=before)
    updated = answered("Update", ResourceProperties=before | {"ImageScanOnPush": "true"}, OldResourceProperties=before)
    assert created["PhysicalResourceId"] == updated["PhysicalResourceId"] == "shop/images"
    replaced = answered("Update", ResourceProperties=after, OldResourceProperties=before)
    assert replaced["PhysicalResourceId"] == "shop/pictures"
    assert sorted(names(ecr)) == ["shop/images", "shop/pictures"]
    deleted = answered("Delete", ResourceProperties=before)
    assert deleted["PhysicalResourceId"] == "shop/images"
    assert names(ecr) == ["shop/pictures"]


def test_point_7_delete_never_validates_properties_and_takes_what_is_gone_as_a_success(
    ecr: ECRClient, answered: Any
) -> None:
    invalid = {"RepositoryName": ["not", "a name"], "LifecycleRules": "nonsense", "Unheard": "of"}
    assert answered("Delete", ResourceProperties=invalid)["Status"] == "SUCCESS"
    answered("Create", ResourceProperties={"RepositoryName": "shop/images"})
    assert answered("Delete", ResourceProperties=invalid)["Status"] == "SUCCESS"
    assert names(ecr) == []


@pytest.mark.parametrize("behaviour", [200, 403, "drop"])
def test_point_8_neither_the_urls_query_nor_no_echo_data_reaches_a_log(
    server: ResponseServer, logs: pytest.LogCaptureFixture, behaviour: Behaviour
) -> None:
    server.behave(behaviour)
    resource = Resource(lambda: Result("shop/images", {"Password": "hunter2"}, no_echo=True))
    serve(event("Create", server.url), LambdaContext(), resource)
    assert server.taken[-1].answer["NoEcho"] is True
    assert server.taken[-1].answer["Data"] == {"Password": "hunter2"}
    assert "Create of Images answered SUCCESS" in logs.text
    everything = logs.text + json.dumps([vars(record) for record in logs.records], default=repr)
    assert SIGNATURE not in everything
    assert "hunter2" not in everything


def test_point_9_the_same_request_delivered_twice_gives_the_same_answer_and_makes_one_thing(
    ecr: ECRClient, answered: Any
) -> None:
    request = {"ResourceProperties": {"RepositoryName": "shop/images", "ImageScanOnPush": "true"}}
    assert answered("Create", **request) == answered("Create", **request)
    assert names(ecr) == ["shop/images"]
    assert answered("Delete", **request) == answered("Delete", **request)
    assert names(ecr) == []


def test_point_9_a_delete_while_create_runs_does_no_harm(ecr: ECRClient, answered: Any, server: ResponseServer) -> None:
    properties = {"RepositoryName": "shop/images"}

    class Overtaken(RepositoryResource):
        def create(self, request: Any) -> Result:
            # CloudFormation makes up an id for a Create that has not answered yet.
            overtaking = answered("Delete", PhysicalResourceId="shop-Images-1A2B3C4D", ResourceProperties=properties)
            assert overtaking["Status"] == "SUCCESS"
            return super().create(request)

    serve(event("Create", server.url, ResourceProperties=properties), LambdaContext(), Overtaken())
    assert [taken.answer["Status"] for taken in server.taken] == ["SUCCESS", "SUCCESS"]
    assert names(ecr) == ["shop/images"]


@pytest.mark.parametrize("module", ["custom_resource.protocol", "custom_resource.answer"])
def test_point_10_it_imports_nothing_but_the_standard_library(module: str) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); before = set(sys.modules);"
        f"import ecr_controller.{module};"
        "print(*{name.split('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)"
    )
    shown = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(ROOT / "layers/controller")],
        check=True,
        capture_output=True,
        text=True,
    )
    assert shown.stdout.split() == ["ecr_controller"]
