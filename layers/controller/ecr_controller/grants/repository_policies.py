"""The statements of one resource in the policies of repositories."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ecr_controller.repository_policy.document import RepositoryPolicy, target
from ecr_controller.repository_policy.ecr import RepositoryGone
from ecr_controller.principals.grantee import Home
from ecr_controller.shared_documents.resource_part import Shares, owner_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ecr_controller.custom_resource.protocol import Request
    from ecr_controller.repository_policy.statement import Statement

logger = logging.getLogger(__name__)


class RepositoryStatements:
    """Statements among those of others. Every method may raise UserError and RetryableError."""

    def __init__(self) -> None:
        self._shares = Shares()

    def declare(
        self, request: Request, repository: str, statements: Sequence[Statement], before: Sequence[Statement] = ()
    ) -> None:
        """Put the statements into the policy of the repository, in the place of those that this resource had there.

        Raises RepositoryGone.
        """
        principals = frozenset(each for statement in statements for kind, each in statement.principals if kind == "AWS")
        document = RepositoryPolicy(repository, Home.of(request.stack_id), principals)
        owner, old = owner_of(request), _content(before) if before else None
        self._shares.declare(request, owner, target(repository), _content(statements), document, old)

    def withdraw(self, request: Request, repository: str, only_of: str | None = None) -> None:
        """Take the statements out of the policy; they are out where the repository is gone.

        With ``only_of``, only if the request with that id put them there.
        """
        document = RepositoryPolicy(repository, Home.of(request.stack_id))
        try:
            self._shares.withdraw(owner_of(request), target(repository), document, only_of)
        except RepositoryGone:
            logger.info("%s is not there; its policy went with it", repository)


def _content(statements: Iterable[Statement]) -> dict[str, Any]:
    return {"statements": [each.content() for each in statements]}
