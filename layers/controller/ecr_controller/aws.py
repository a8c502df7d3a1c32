"""AWS clients, made when first used, and AWS's errors in the words of `errors`.

botocore is imported with the first client, so that a request that needs no AWS call does not pay for it.
"""

from __future__ import annotations

import time
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, TypeVar

from ecr_controller import __version__
from ecr_controller.deadline import DEADLINE
from ecr_controller.errors import ControllerError, RetryableError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.exceptions import ClientError
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ecr import ECRClient

T = TypeVar("T")

# Beside all that is called some kind of "Throttl…", and all with an HTTP status that says the same.
_PASSING = {"RequestLimitExceeded", "TooManyRequestsException", "ProvisionedThroughputExceededException"}


@cache
def client(service: str) -> Any:
    """The client of a service: short timeouts, a few retries, our name in the user agent."""
    from botocore.config import Config

    config = Config(
        connect_timeout=3,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": 4},
        user_agent_extra=f"ecr-controller/{__version__}",
    )
    made = _session().create_client(service, config=config)
    made.meta.events.register("before-send", _refuse_after_deadline)
    return made


@cache
def _session() -> Any:
    # One session: it keeps what it parsed for one client, such as the endpoints, for the next.
    import botocore.session

    return botocore.session.get_session()


def _refuse_after_deadline(**_event: object) -> None:
    # The request is answered as failed by then, so nothing may change any more.
    if time.time() > DEADLINE.get(float("inf")):
        raise RetryableError("The time for this request is up.")


class EcrAdapter:
    """What the adapters of Amazon ECR have in common: a client, given or made when first used."""

    def __init__(self, client: ECRClient | None = None) -> None:
        self._client = client

    @property
    def _ecr(self) -> ECRClient:
        if self._client is None:
            self._client = client("ecr")
        return self._client


class DynamoDBAdapter:
    """The same of the adapters of Amazon DynamoDB."""

    def __init__(self, client: DynamoDBClient | None = None) -> None:
        self._client = client

    @property
    def _dynamodb(self) -> DynamoDBClient:
        if self._client is None:
            self._client = client("dynamodb")
        return self._client


def adapter(cls: type[T]) -> type[T]:
    """Class decorator: what AWS raises in a public method leaves it as a UserError or a RetryableError."""
    for name, method in list(vars(cls).items()):
        if callable(method) and not name.startswith("_"):
            setattr(cls, name, _told(method))
    return cls


def _told(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def told(*args: Any, **kwargs: Any) -> Any:
        from botocore import exceptions

        try:
            return method(*args, **kwargs)
        except exceptions.ClientError as error:
            raise _in_words(error) from error
        except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
            raise RetryableError(f"AWS could not be reached: {error}.") from error

    return told


def _in_words(error: ClientError) -> ControllerError:
    code = error.response["Error"].get("Code", "Unknown")
    message = error.response["Error"].get("Message", "no message")
    status = error.response["ResponseMetadata"].get("HTTPStatusCode", 0)
    if code in _PASSING or "Throttl" in code or status == 429 or status >= 500:
        return RetryableError(f"AWS did not carry out {error.operation_name} for now ({code}: {message}).")
    return UserError(f"AWS refused {error.operation_name} ({code}): {message}")
