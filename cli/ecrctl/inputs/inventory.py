"""The repositories of a registry with everything that a template can declare of them. The calls change nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ecr_controller.custom_resource.request import Home
from ecr_controller.errors import NotFound
from ecr_controller.lifecycle.ecr import LifecyclePolicies
from ecr_controller.repository.ecr import Repositories
from ecr_controller.repository_policy.ecr import RepositoryPolicies

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

    from ecr_controller.repository.model import Repository
    from ecr_controller.repository_policy.policy import Policy


@dataclass(frozen=True, slots=True)
class Found:
    """A repository, with its lifecycle policy, and its repository policy."""

    repository: Repository
    policy: Policy

    @property
    def name(self) -> str:
        """Its name."""
        return self.repository.name

    @property
    def home(self) -> Home:
        """Its account and Region."""
        return Home.of_function(self.repository.arn)


class Inventory:
    """Reads repositories. Raises UserError and RetryableError."""

    def __init__(self, ecr: ECRClient) -> None:
        self._repositories, self._lifecycle = Repositories(ecr), LifecyclePolicies(ecr)
        self._policies = RepositoryPolicies(ecr)

    def read(self, name: str) -> Found | None:
        """A repository; None if it does not exist. Calls DescribeRepositories, ListTagsForResource, GetLifecyclePolicy
        and GetRepositoryPolicy."""
        found = self._repositories.describe_repository(name)
        if found is None:
            return None
        found = replace(found, lifecycle_text=self._lifecycle.get_lifecycle_policy(name))
        try:
            return Found(found, self._policies.get_repository_policy(name))
        except NotFound:
            return None
