"""The calls to Amazon ECR that concern repository policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller import aws
from ecr_controller.errors import NotFound
from ecr_controller.repository_policy.policy import Policy

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient


class RepositoryNotFound(NotFound):
    """The repository does not exist."""


class UnknownPrincipal(Exception):
    """ECR does not know one of the principals, or not yet; it does not say which."""


@aws.translates_errors
class RepositoryPolicies:
    """Repository policies. Every method may raise RepositoryNotFound."""

    _ecr: aws.Client[ECRClient] = aws.Client("ecr")

    def __init__(self, ecr: ECRClient | None = None) -> None:
        if ecr is not None:
            self._ecr = ecr

    def get_repository_policy(self, repository: str) -> Policy:
        """GetRepositoryPolicy; an empty policy if there is none."""
        try:
            return Policy.parse(self._ecr.get_repository_policy(repositoryName=repository)["policyText"])
        except self._ecr.exceptions.RepositoryPolicyNotFoundException:
            return Policy()
        except self._ecr.exceptions.RepositoryNotFoundException:
            raise _not_found(repository) from None

    def created_at(self, repository: str) -> float:
        """DescribeRepositories: when the repository was created, as a ``time.time()``."""
        try:
            [described] = self._ecr.describe_repositories(repositoryNames=[repository])["repositories"]
        except self._ecr.exceptions.RepositoryNotFoundException:
            raise _not_found(repository) from None
        return described["createdAt"].timestamp()

    def set_repository_policy(self, repository: str, policy: Policy) -> None:
        """SetRepositoryPolicy, or DeleteRepositoryPolicy if no statement is left. Raises UnknownPrincipal."""
        try:
            if policy.statements:
                self._ecr.set_repository_policy(repositoryName=repository, policyText=policy.text())
            else:
                self._ecr.delete_repository_policy(repositoryName=repository)
        except self._ecr.exceptions.RepositoryPolicyNotFoundException:
            return
        except self._ecr.exceptions.RepositoryNotFoundException:
            raise _not_found(repository) from None
        except self._ecr.exceptions.InvalidParameterException as error:
            if "principal" not in error.response["Error"]["Message"].lower():
                raise
            raise UnknownPrincipal from error


def _not_found(repository: str) -> RepositoryNotFound:
    return RepositoryNotFound(
        f"The repository {repository} does not exist in this account and Region. RepositoryName must name an existing "
        "repository."
    )
