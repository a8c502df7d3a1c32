"""``Custom::ECRImageScanRoute``: one route, kept in the table of parts under the repositories that it names."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource.protocol import Result
from ecr_controller.errors import UserError
from ecr_controller.shared_documents.parts import PartsTable
from ecr_controller.event_routing import targets
from ecr_controller.scanning.checking import Checker
from ecr_controller.event_routing.spec import read, refuse_targets
from ecr_controller.scanning.store import target_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ecr_controller.custom_resource.protocol import Request
    from ecr_controller.event_routing.routes import Route

logger = logging.getLogger(__name__)

NAMED = (
    "; functions and state machines must be named by ScanTargetFunctions or ScanTargetStateMachines of the controller"
)


class ImageScanRouteResource:
    """One route. Its physical id, RouteId, holds its repositories: others make a new route, and the old one is deleted
    after it. Raises UserError and RetryableError."""

    def __init__(self) -> None:
        self._routes = PartsTable()
        self._checker = Checker()

    def create(self, request: Request) -> Result:
        """Check the targets that are new, then keep the route."""
        route = read(request.properties, _home(request))
        kept = self._kept(request, route.repositories)
        before = kept.get("targets", [])
        # What a rollback goes back to was checked when it was declared; it must not be held up.
        self._check(route, known={*before, *kept.get("replaced", ())})
        replaced = before if before != list(route.targets) else kept.get("replaced", [])
        content = {**route.content(), "replaced": replaced, "request": request.request_id}
        self._routes.put(target_of(route.repositories), _owner(request), content)
        route_id = _route_id(request, route.repositories)
        return Result(route_id, {"RouteId": route_id})

    def update(self, request: Request) -> Result:
        """Keep the route as it is declared now."""
        return self.create(request)

    def delete(self, request: Request) -> None:
        """Forget the route, if the id is that of a route of this resource."""
        repositories = request.physical_id.partition(":")[2]
        if request.physical_id == _route_id(request, repositories):
            self._routes.remove(target_of(repositories), _owner(request))

    def delete_failed_create(self, request: Request, create_request_id: str) -> None:
        """Forget what that Create kept before it failed."""
        repositories = str(request.properties.get("RepositoryName", ""))
        if self._kept(request, repositories).get("request") == create_request_id:
            self._routes.remove(target_of(repositories), _owner(request))

    def _kept(self, request: Request, repositories: str) -> Mapping[str, Any]:
        parts = self._routes.read(target_of(repositories))
        return next((part.content for part in parts if part.owner == _owner(request)), {})

    def _check(self, route: Route, known: Iterable[str]) -> None:
        refused: dict[int, str] = {}
        for i, arn in enumerate(route.targets):
            target = targets.parse(arn)
            if arn in known:
                continue
            try:
                self._checker.check(target)
            except UserError as error:
                hint = NAMED if target.kind in targets.BOUNDED else ""
                refused[i] = f"the {target.kind} {arn} is not there or not within the controller's reach{hint}. {error}"
        refuse_targets(refused)


def _home(request: Request) -> tuple[str, str]:
    """The account and Region of the stack, which are the controller's: a service token is of the same."""
    region, account = request.stack_id.split(":")[3:5]
    return account, region


def _owner(request: Request) -> str:
    return f"{request.stack_id}|{request.logical_id}"


def _route_id(request: Request, repositories: str) -> str:
    return f"{hashlib.sha256(_owner(request).encode()).hexdigest()[:16]}:{repositories}"
