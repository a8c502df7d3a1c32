"""``Custom::ECREventRoute``: one route, stored in the table of parts under the repositories that it names."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource.request import Result
from ecr_controller.errors import Faults, UserError
from ecr_controller.event_routing import targets
from ecr_controller.event_routing.routes import Route, storage_key
from ecr_controller.event_routing.spec import parse_event_route
from ecr_controller.shared_documents.ledger import Ledger, owner_of
from ecr_controller.shared_documents.resource_part import ResourcePart

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Home, Request
    from ecr_controller.shared_documents.ledger import Entry


class EventRouteResource:
    """One route. Its physical ID, RouteId, contains its repositories: for others, a new route is created, and the old
    one is deleted after it."""

    type_name = "ECREventRoute"

    def parse(self, values: Values, faults: Faults, home: Home) -> Route | None:
        """See `parse_event_route`."""
        return parse_event_route(values, faults, home)

    def repositories(self, request: Request[Route]) -> Iterable[str]:
        """The declared pattern, and the one that was declared before."""
        return [route.repositories for route in request.specs]

    def create(self, request: Request[Route]) -> Result:
        """Verify the targets that are new, then store the route."""
        route, route_id = request.spec, _route_id(request, request.spec.repositories)
        part = ResourcePart(request, route_id, storage_key(route.repositories))
        stored = part.stored()
        before = stored.get("targets", [])
        # A rollback returns to targets that were verified when they were declared, and must not fail.
        self._verify(route, known={*before, *stored.get("replaced", ())})
        replaced = before if before != list(route.targets) else stored.get("replaced", [])
        part.store({**route.content(), "replaced": replaced})
        return Result(route_id, {"RouteId": route_id})

    def update(self, request: Request[Route]) -> Result:
        """Store the route as it is declared now."""
        result = self.create(request)
        held = [storage_key(request.spec.repositories)]
        Ledger(request).settle(result.physical_id, lambda entry: _remove(request, entry), held)
        return result

    def delete(self, request: Request[Route]) -> None:
        """Delete the route."""
        declared = None if request.old is None else _route_id(request, request.old.repositories)
        for entry in Ledger(request).to_delete(declared):
            _remove(request, entry)

    def delete_failed_create(self, request: Request[Route], create_request_id: str) -> None:
        """Delete what that Create stored before it failed."""
        for entry in Ledger(request).of_create(create_request_id):
            _remove(request, entry)

    def _verify(self, route: Route, known: Collection[str]) -> None:
        faults = Faults()
        for i, arn in enumerate(route.targets):
            if arn in known:
                continue
            target = targets.parse(arn)
            try:
                target.verify()
            except UserError as error:
                faults.add(
                    f"Targets[{i}]",
                    f"the {target.kind} {arn} does not exist or the controller cannot access it. The parameter "
                    f"{target.parameter} of the controller's stack must allow it, and it must not be a queue of the "
                    f"controller. {error}",
                )
        faults.raise_if_any(f"Custom::{self.type_name}")


def _remove(request: Request[Any], entry: Entry) -> None:
    ResourcePart(request, entry.physical_id, entry.held).remove()


def _route_id(request: Request[Any], repositories: str) -> str:
    return f"{hashlib.sha256(owner_of(request).encode()).hexdigest()[:16]}:{repositories}"
