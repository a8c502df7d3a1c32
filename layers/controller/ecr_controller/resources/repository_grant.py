"""``Custom::ECRRepositoryGrant``: a statement in a repository policy, and the token policy if the grantee needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource.request import Result
from ecr_controller.grants.spec import GrantSpec, parse_grant
from ecr_controller.grants.token_policies import TokenGrant, TokenPolicy
from ecr_controller.repository.model import is_name
from ecr_controller.repository_policy.document import TARGETS, ResourceStatements
from ecr_controller.shared_documents.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Home, Request
    from ecr_controller.errors import Faults
    from ecr_controller.shared_documents.ledger import Entry


class RepositoryGrantResource:
    """One grant. The physical ID is ``<repository>|<logical id>``."""

    type_name = "ECRRepositoryGrant"

    def parse(self, values: Values, faults: Faults, home: Home) -> GrantSpec | None:
        """See `parse_grant`."""
        return parse_grant(values, faults, home)

    def repositories(self, request: Request[GrantSpec]) -> Iterable[str]:
        """The declared repository, the one that was declared before, and that of the physical ID."""
        names = [spec.repository for spec in request.specs]
        named = request.physical_id.partition("|")[0]
        return [*names, named] if is_name(named) else names

    def create(self, request: Request[GrantSpec]) -> Result:
        """Put the statement; then attach the token policy."""
        result, _ = self._declare(request, None)
        return result

    def update(self, request: Request[GrantSpec]) -> Result:
        """Replace the old statement. For another repository, the Delete of the old grant follows."""
        moved = _physical_id(request, request.spec.repository) != request.physical_id
        result, held = self._declare(request, None if moved else request.old)
        Ledger(request).settle(result.physical_id, lambda entry: _withdraw(request, entry), held)
        return result

    def delete(self, request: Request[GrantSpec]) -> None:
        """Remove the statement, and detach the token policy unless another resource needs it."""
        declared = None if request.old is None else _physical_id(request, request.old.repository)
        for entry in Ledger(request).to_delete(declared):
            _withdraw(request, entry)

    def delete_failed_create(self, request: Request[GrantSpec], create_request_id: str) -> None:
        """Remove and detach what that Create put."""
        for entry in Ledger(request).of_create(create_request_id):
            _withdraw(request, entry)

    def _declare(self, request: Request[GrantSpec], before: GrantSpec | None) -> tuple[Result, list[str]]:
        """The result, and the keys of what is held now."""
        grant, physical_id = request.spec, _physical_id(request, request.spec.repository)
        statements = ResourceStatements(request, physical_id, grant.repository)
        statements.declare([grant.statement], [before.statement] if before is not None else [])
        held = [statements.held]
        if grant.token:
            token = TokenGrant(request, physical_id, TokenPolicy.PRIVATE_REGISTRY, grant.grantee, grant.repository)
            token.declare()
            held.append(token.held)
        return Result(physical_id, {"Sid": grant.statement.sid}), held


def _withdraw(request: Request[Any], entry: Entry) -> None:
    token = TokenGrant.held_as(request, entry)
    if token is not None:
        token.withdraw()
    else:
        ResourceStatements(request, entry.physical_id, entry.held.removeprefix(TARGETS)).withdraw()


def _physical_id(request: Request[Any], repository: str) -> str:
    return f"{repository}|{request.logical_id}"
