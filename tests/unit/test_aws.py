"""AWS's errors as ours, and clients that make no calls after the deadline."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError
from botocore.stub import Stubber

from ecr_controller import __version__, aws
from ecr_controller.deadline import DEADLINE
from ecr_controller.errors import RetryableError, UserError
from tests.unit.custom_resource.response_server import ResponseServer
from tests.unit.custom_resource.stand_ins import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ecr import ECRClient


@aws.translates_errors
class Adapter:
    """An adapter as the packages have them, with one call of each kind."""

    limit = 7

    def describe(self) -> Any:
        """DescribeRegistry."""
        return aws.client("ecr").describe_registry()["registryId"]

    def misspell(self) -> Any:
        return aws.client("ecr").describe_repositories(repositoryName="shop")

    def break_down(self) -> None:
        raise ZeroDivisionError

    def _private(self) -> Any:
        return aws.client("ecr").describe_registry()


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[ResponseServer]:
    """Where the calls to ECR arrive."""
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with ResponseServer() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", server.address)
        aws.client.cache_clear()
        yield server
        aws.client.cache_clear()


@pytest.fixture
def ecr(endpoint: ResponseServer) -> ECRClient:
    made: ECRClient = aws.client("ecr")
    return made


def fail(ecr: ECRClient, code: str, status: int, message: str = "the message") -> Exception:
    """What leaves the adapter when DescribeRegistry fails so."""
    with Stubber(ecr) as stub:
        stub.add_client_error("describe_registry", code, message, status)
        with pytest.raises((UserError, RetryableError)) as caught:
            Adapter().describe()
    return caught.value


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 400),
        ("Throttling", 400),
        ("ThrottledException", 429),
        ("RequestThrottled", 403),
        ("TooManyRequestsException", 400),
        ("RequestLimitExceeded", 400),
        ("ProvisionedThroughputExceededException", 400),
        ("Unheard", 429),
    ],
)
def test_a_throttle_is_worth_another_try(ecr: ECRClient, code: str, status: int) -> None:
    error = fail(ecr, code, status)
    assert isinstance(error, RetryableError)
    assert str(error) == f"DescribeRegistry failed temporarily ({code}: the message)."


@pytest.mark.parametrize(("code", "status"), [("ServerException", 500), ("503", 503), ("InternalError", 500)])
def test_a_failure_of_aws_is_worth_another_try(ecr: ECRClient, code: str, status: int) -> None:
    assert isinstance(fail(ecr, code, status), RetryableError)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AccessDeniedException", 400),
        ("LimitExceededException", 400),
        ("InvalidParameterException", 400),
        ("RepositoryNotFoundException", 400),
        ("UnrecognizedClientException", 403),
    ],
)
def test_a_rejection_is_reported_to_the_user_with_the_operation_and_the_message(
    ecr: ECRClient, code: str, status: int
) -> None:
    error = fail(ecr, code, status)
    assert isinstance(error, UserError)
    assert str(error) == f"AWS rejected DescribeRegistry ({code}): the message"
    assert error.__cause__ is not None


def test_an_aws_that_cannot_be_reached_is_worth_another_try(
    endpoint: ResponseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        monkeypatch.setattr(time, "sleep", lambda _seconds: None)
        with pytest.raises(RetryableError, match="AWS could not be reached"):
            Adapter().describe()


def test_a_connection_that_breaks_is_worth_another_try(
    endpoint: ResponseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    endpoint.behave("drop", "drop", "drop", "drop")
    with pytest.raises(RetryableError, match="AWS could not be reached"):
        Adapter().describe()
    assert len(endpoint.taken) == 4


def test_parameters_that_the_client_rejects_are_a_defect(endpoint: ResponseServer) -> None:
    with pytest.raises(ParamValidationError):
        Adapter().misspell()
    assert endpoint.taken == []


def test_other_errors_and_private_methods_are_left_as_they_are(ecr: ECRClient) -> None:
    with pytest.raises(ZeroDivisionError):
        Adapter().break_down()
    with Stubber(ecr) as stub:
        stub.add_client_error("describe_registry", "ThrottlingException")
        with pytest.raises(ecr.exceptions.ClientError):
            Adapter()._private()


def test_an_adapted_method_keeps_its_name_its_docstring_and_its_result(ecr: ECRClient) -> None:
    assert (Adapter.describe.__name__, Adapter.describe.__doc__, Adapter.limit) == ("describe", "DescribeRegistry.", 7)
    with Stubber(ecr) as stub:
        stub.add_response("describe_registry", {"registryId": "123456789012"})
        assert Adapter().describe() == "123456789012"


def test_a_call_after_the_deadline_is_refused_before_it_is_sent(endpoint: ResponseServer, ecr: ECRClient) -> None:
    def call(deadline: float) -> None:
        DEADLINE.set(deadline)
        ecr.describe_registry()

    copy_context().run(call, time.time() + 60)
    assert len(endpoint.taken) == 1
    with pytest.raises(RetryableError, match="The controller makes no AWS calls after its deadline"):
        copy_context().run(call, time.time() - 0.001)
    assert len(endpoint.taken) == 1


def test_the_clients_own_retries_end_at_the_deadline_too(
    endpoint: ResponseServer, ecr: ECRClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call() -> None:
        DEADLINE.set(time.time() + 0.1)
        ecr.describe_registry()

    pause = time.sleep
    monkeypatch.setattr(time, "sleep", lambda _seconds: pause(0.15))
    endpoint.behave(503, 503, 503, 503)
    with pytest.raises(RetryableError, match="The controller makes no AWS calls after its deadline"):
        copy_context().run(call)
    assert len(endpoint.taken) == 1


def test_a_call_outside_of_a_request_has_no_deadline(endpoint: ResponseServer, ecr: ECRClient) -> None:
    copy_context().run(ecr.describe_registry)
    assert len(endpoint.taken) == 1


def test_a_client_is_made_once_and_names_us(endpoint: ResponseServer, ecr: ECRClient) -> None:
    assert aws.client("ecr") is ecr
    ecr.describe_registry()
    assert f"ecr-controller/{__version__}" in endpoint.taken[0].headers["user-agent"]


class WithClient:
    """An adapter with a client of its own, or the common one."""

    _ecr: aws.Client[ECRClient] = aws.Client("ecr")

    @property
    def client(self) -> ECRClient:
        return self._ecr


def test_an_adapter_uses_the_common_client_unless_it_is_given_another(ecr: ECRClient) -> None:
    adapter, other = WithClient(), WithClient()
    given: Any = object()
    other._ecr = given
    assert adapter.client is ecr
    assert other.client is given


def test_boto3_is_not_imported_before_the_first_client() -> None:
    code = "import json, sys, ecr_controller.aws; print(json.dumps(sorted(sys.modules)))"
    shown = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT / "layers/controller")},
    )
    assert not {"boto3", "botocore"} & set(json.loads(shown.stdout))


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("ThrottlingError", RetryableError), ("TransactionConflict", RetryableError), ("ValidationError", UserError)],
)
def test_a_canceled_transaction_is_worth_another_try_unless_dynamodb_rejects_it(
    reason: str, expected: type[Exception]
) -> None:
    response: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": "Transaction cancelled"},
        "ResponseMetadata": {"HTTPStatusCode": 400},
        "CancellationReasons": [{"Code": "None"}, {"Code": reason}],
    }

    @aws.translates_errors
    class Transactions:
        def write(self) -> None:
            raise ClientError(response, "TransactWriteItems")

    with pytest.raises(expected):
        Transactions().write()
