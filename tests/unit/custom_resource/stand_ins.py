"""Stand-ins for what is around the protocol: CloudFormation's event, Lambda's context, and a resource."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource import protocol
from ecr_controller.custom_resource.authority import Authority
from ecr_controller.custom_resource.request import Request, Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Home
    from ecr_controller.errors import Faults

ROOT = Path(__file__).parents[3]
STACK_ID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/7d6f1c80"
MARKER = "ecr-controller:create-failed:"


def event(kind: str, url: str = "http://127.0.0.1:9/?s", **changes: Any) -> dict[str, Any]:
    """A request of the stack `shop` for its resource `Images`, whose physical id is `shop/images`."""
    made: dict[str, Any] = {
        "RequestType": kind,
        "RequestId": "request-1",
        "StackId": STACK_ID,
        "ResponseURL": url,
        "LogicalResourceId": "Images",
        "ResourceType": "Custom::ECRRepository",
        "ResourceProperties": {"ServiceToken": "arn:aws:lambda:eu-west-1:123456789012:function:repository"},
    }
    if kind != "Create":
        made["PhysicalResourceId"] = "shop/images"
    if kind == "Update":
        made["OldResourceProperties"] = {}
    return made | changes


@dataclass(slots=True)
class LambdaContext:
    """Lambda's context of a function that had ``seconds`` left when it was asked."""

    seconds: float = 60.0
    log_group_name: str = "/aws/lambda/ecr-controller/repository"
    log_stream_name: str = "2026/10/05/[$LATEST]0f1e2d3c"
    aws_request_id: str = "lambda-1"
    function_name: str = "repository"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:123456789012:function:repository"

    def get_remaining_time_in_millis(self) -> int:
        return round(self.seconds * 1000)


LOG = "/aws/lambda/ecr-controller/repository, stream 2026/10/05/[$LATEST]0f1e2d3c, request lambda-1"


def _done() -> Result:
    return Result("shop/images", {"RepositoryName": "shop/images"})


@dataclass
class Resource:
    """Does what ``work`` does, whatever it is asked for, and remembers what it was asked for."""

    work: Callable[[], Result] = _done
    asked: list[tuple[str, Request[Any]]] = field(default_factory=list)
    type_name: str = "ECRRepository"

    def parse(self, values: Values, _faults: Faults, _home: Home) -> dict[str, Any]:
        return dict(values)

    def repositories(self, _request: Request[Any]) -> tuple[str, ...]:
        return ()

    def create(self, request: Request[Any]) -> Result:
        self.asked.append(("create", request))
        return self.work()

    def update(self, request: Request[Any]) -> Result:
        self.asked.append(("update", request))
        return self.work()

    def delete(self, request: Request[Any]) -> None:
        self.asked.append(("delete", request))
        self.work()

    def delete_failed_create(self, request: Request[Any], create_request_id: str) -> None:
        self.asked.append((f"delete_failed_create {create_request_id}", request))
        self.work()

    @property
    def methods(self) -> list[str]:
        """The methods that were called, in order."""
        return [method for method, _request in self.asked]


def serve(event: dict[str, Any], context: LambdaContext, *resources: protocol.Resource[Any]) -> str:
    """`protocol.serve` of a function behind these resources, to which a developer sends the event."""
    return protocol.serve(event, context, resources, Authority(None))


def raising(*errors: BaseException) -> Callable[[], Result]:
    """Work that fails with each error in turn, and then is done."""
    left = list(errors)

    def work() -> Result:
        if left:
            raise left.pop(0)
        return _done()

    return work


class Hang:
    """Work that hangs until it is let go, and then does ``late``."""

    def __init__(self, late: Callable[[], object] = lambda: None) -> None:
        self._go, self._late, self._over = threading.Event(), late, threading.Event()

    def __call__(self) -> Result:
        self._go.wait()
        try:
            self._late()
        finally:
            self._over.set()
        return _done()

    def let_go(self) -> None:
        """End it, and wait until its thread is gone with it."""
        self._go.set()
        assert self._over.wait(5)
        for thread in threading.enumerate():
            if thread.name == "custom-resource":
                thread.join(5)
