"""``Custom::ECRRepositoryGrant``: a statement in a repository policy, and the token policy if the grantee needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource.request import Result
from ecr_controller.grants.spec import GrantSpec, parse_grant
from ecr_controller.grants.token_policies import TokenGrant, TokenPolicy
from ecr_controller.repository.model import is_name
from ecr_controller.repository_policy.document import ResourceStatements

if TYPE_CHECKING:
    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Home, Request
    from ecr_controller.errors import Faults


class RepositoryGrantResource:
    """One grant. The physical ID is ``<repository>|<logical id>``."""

    type_name = "ECRRepositoryGrant"

    def parse(self, values: Values, faults: Faults, home: Home) -> GrantSpec | None:
        """See `parse_grant`."""
        return parse_grant(values, faults, home)

    def create(self, request: Request[GrantSpec]) -> Result:
        """Put the statement; then attach the token policy."""
        return self._declare(request, None)

    def update(self, request: Request[GrantSpec]) -> Result:
        """Replace the old statement. For another repository, the Delete of the old grant follows."""
        grant, before = request.spec, request.old
        moved = before is not None and before.repository != grant.repository
        result = self._declare(request, None if moved else before)
        if before is None:
            return result
        if moved and _physical_id(request, before.repository) != request.physical_id:
            # A move is rolled back, and CloudFormation never received the ID that would be deleted.
            self._withdraw(request, before.repository, before)
        elif not moved and before.token and (before.grantee != grant.grantee or not grant.token):
            _token(request, before.repository, before).withdraw()
        return result

    def delete(self, request: Request[GrantSpec]) -> None:
        """Remove the statement, and detach the token policy unless another resource needs it."""
        repository, _, logical_id = request.physical_id.partition("|")
        if logical_id == request.logical_id and is_name(repository):
            self._withdraw(request, repository, request.old)

    def delete_failed_create(self, request: Request[GrantSpec], create_request_id: str) -> None:
        """Remove and detach what that Create put."""
        if request.old is not None:
            self._withdraw(request, request.old.repository, request.old, only_of=create_request_id)

    def _declare(self, request: Request[GrantSpec], before: GrantSpec | None) -> Result:
        grant = request.spec
        statements = ResourceStatements(request, grant.repository)
        statements.declare([grant.statement], [before.statement] if before is not None else [])
        if grant.token:
            _token(request, grant.repository, grant).declare()
        return Result(_physical_id(request, grant.repository), {"Sid": grant.statement.sid})

    def _withdraw(
        self, request: Request[GrantSpec], repository: str, grant: GrantSpec | None, only_of: str | None = None
    ) -> None:
        ResourceStatements(request, repository).withdraw(only_of)
        if grant is not None and grant.token:
            _token(request, repository, grant).withdraw(only_of)


def _token(request: Request[Any], repository: str, grant: GrantSpec) -> TokenGrant:
    return TokenGrant(request, TokenPolicy.PRIVATE_REGISTRY, grant.grantee, repository)


def _physical_id(request: Request[Any], repository: str) -> str:
    return f"{repository}|{request.logical_id}"
