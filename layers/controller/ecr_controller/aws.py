"""Clients of AWS services, made when first used, and AWS's errors as those of `errors`.

botocore is imported with the first client, so that a request that makes no AWS call does not pay for it.
"""

from __future__ import annotations

from functools import cache, wraps
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from ecr_controller import __version__
from ecr_controller.deadline import refuse_after_deadline
from ecr_controller.errors import ControllerError, RetryableError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

# In addition to codes that contain "Throttl", and to HTTP status 429 and server errors.
_RETRYABLE = {
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionConflictException",
    "TransactionInProgressException",
}
# A transaction of DynamoDB is canceled because of a throttle or a conflict, unless one of these is among its reasons.
_REJECTED = {"ConditionalCheckFailed", "ItemCollectionSizeLimitExceeded", "ValidationError"}


@cache
def client(service: str, *, attempts: int = 4, read_timeout: int = 10, region: str | None = None) -> Any:
    """The client of a service, in this Region or another one: short timeouts in seconds, few retries, the controller's
    name in the user agent."""
    from botocore.config import Config

    config = Config(
        connect_timeout=3,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
        user_agent_extra=f"ecr-controller/{__version__}",
    )
    made = _session().create_client(service, region_name=region, config=config)
    made.meta.events.register("before-send", _refuse_after_deadline)
    return made


@cache
def _session() -> Any:
    # One session: it keeps what it parsed for one client, such as the endpoints, for the next.
    import botocore.session

    return botocore.session.get_session()


def _refuse_after_deadline(**_event: object) -> None:
    refuse_after_deadline()


class Client(Generic[T]):
    """An attribute of an adapter: a client, made when first used. ``_ecr: Client[ECRClient] = Client("ecr")``

    Assigning a client to the attribute replaces it in that adapter. ``options`` are those of `client`.
    """

    def __init__(self, service: str, **options: int) -> None:
        self._service, self._options = service, options

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, adapter: object, _owner: type | None = None) -> T:
        given: T | None = vars(adapter).get(self._name)
        return cast("T", client(self._service, **self._options)) if given is None else given

    def __set__(self, adapter: object, given: T) -> None:
        vars(adapter)[self._name] = given


def translates_errors(cls: type[T]) -> type[T]:
    """Class decorator of adapters: every public method may raise UserError and RetryableError in place of AWS's errors.

    A throttle, a server error and a lost connection are retryable; every other error of AWS is the user's to fix.
    """
    for name, method in list(vars(cls).items()):
        if callable(method) and not name.startswith("_"):
            setattr(cls, name, _translating(method))
    return cls


def _translating(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def translating(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except Exception as error:  # naming AWS's errors here would import botocore with every adapter
            if translated := _translate(error):
                raise translated from error
            raise

    return translating


def _translate(error: Exception) -> ControllerError | None:
    """The error in place of one of AWS's, or None for any other."""
    from botocore import exceptions

    if isinstance(error, (exceptions.ConnectionError, exceptions.HTTPClientError)):
        return RetryableError(f"AWS could not be reached: {error}.")
    if not isinstance(error, exceptions.ClientError):
        return None
    code = error.response["Error"].get("Code", "Unknown")
    message = error.response["Error"].get("Message", "no message")
    status = error.response["ResponseMetadata"].get("HTTPStatusCode", 0)
    is_canceled = code == "TransactionCanceledException" and not _REJECTED & {
        reason.get("Code") for reason in error.response.get("CancellationReasons", [])
    }
    if is_canceled or code in _RETRYABLE or "Throttl" in code or status == 429 or status >= 500:
        return RetryableError(f"{error.operation_name} failed temporarily ({code}: {message}).")
    return UserError(f"AWS rejected {error.operation_name} ({code}): {message}")
