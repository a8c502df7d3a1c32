"""``Custom::ECRRepositoryGrant``: a statement in a repository policy, and the right to a token where it needs one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from ecr_controller.custom_resource.protocol import Result
from ecr_controller.grants.spec import Grant, read, read_leniently
from ecr_controller.principals.grantee import Home
from ecr_controller.grants.repository_policies import RepositoryStatements
from ecr_controller.grants.token_policies import TokenPolicies

if TYPE_CHECKING:
    from ecr_controller.custom_resource.protocol import Request

logger = logging.getLogger(__name__)

_LOGIN: Final = "AUTHORIZATION_TOKEN_POLICY"


class RepositoryGrantResource:
    """One grant. The physical id is ``<repository>|<logical id>``. Raises UserError and RetryableError."""

    def __init__(self) -> None:
        self._statements = RepositoryStatements()
        self._tokens = TokenPolicies()

    def create(self, request: Request) -> Result:
        """Put the statement; then attach the token policy."""
        return self._declare(request, read(request.properties, Home.of(request.stack_id)), None)

    def update(self, request: Request) -> Result:
        """Put the statement in the place of the old one. For another repository, the Delete of the old one follows."""
        home = Home.of(request.stack_id)
        grant, before = read(request.properties, home), read_leniently(request.old_properties, home)
        moved = before is not None and before.repository != grant.repository
        result = self._declare(request, grant, None if moved else before)
        if before is None:
            return result
        if moved and _physical_id(request, before.repository) != request.physical_id:
            # The way back from a move that failed, of which CloudFormation never heard an id to delete.
            self._withdraw(request, before.repository, before)
        elif not moved and before.token and (before.grantee != grant.grantee or not grant.token):
            self._tokens.withdraw(request, _LOGIN, before.grantee, before.repository)
        return result

    def delete(self, request: Request) -> None:
        """Take away the statement, and the token policy unless somebody else wants it."""
        repository, _, logical_id = request.physical_id.partition("|")
        if logical_id == request.logical_id:
            grant = read_leniently(request.properties, Home.of(request.stack_id))
            self._withdraw(request, repository, grant)

    def delete_failed_create(self, request: Request, create_request_id: str) -> None:
        """The same of what that Create put."""
        grant = read_leniently(request.properties, Home.of(request.stack_id))
        if grant is not None:
            self._withdraw(request, grant.repository, grant, only_of=create_request_id)

    def _declare(self, request: Request, grant: Grant, before: Grant | None) -> Result:
        old = [before.statement] if before is not None else []
        self._statements.declare(request, grant.repository, [grant.statement], old)
        if grant.token:
            self._tokens.declare(request, _LOGIN, grant.grantee, grant.repository)
        return Result(_physical_id(request, grant.repository), {"Sid": grant.statement.sid})

    def _withdraw(self, request: Request, repository: str, grant: Grant | None, only_of: str | None = None) -> None:
        self._statements.withdraw(request, repository, only_of)
        if grant is not None and grant.token:
            self._tokens.withdraw(request, _LOGIN, grant.grantee, repository, only_of=only_of)


def _physical_id(request: Request, repository: str) -> str:
    return f"{repository}|{request.logical_id}"
