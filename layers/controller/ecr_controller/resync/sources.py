"""The calls to Amazon ECR in the Region of the source of a replica."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.errors import NotFound
from ecr_controller.lifecycle.ecr import LifecyclePolicies
from ecr_controller.repository_policy.ecr import RepositoryPolicies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class SourceRegion:
    """Repositories of this account in another Region. Raises UserError and RetryableError."""

    def __init__(self, region: str) -> None:
        client = aws.client("ecr", region=region)
        self._lifecycle, self._policies = LifecyclePolicies(client), RepositoryPolicies(client)

    def get_lifecycle_policy(self, repository: str) -> str | None:
        """GetLifecyclePolicy: the text; None if there is no policy, or no such repository."""
        return self._lifecycle.get_lifecycle_policy(repository)

    def get_statements(self, repository: str) -> Sequence[Mapping[str, Any]]:
        """GetRepositoryPolicy: the statements; none if there is no policy, or no such repository."""
        try:
            return self._policies.get_repository_policy(repository).statements
        except NotFound:
            return ()
