"""The calls to AWS that repository policies and attached policies need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller import aws
from ecr_controller.errors import UserError
from ecr_controller.repository_policy.policy import Policy

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

    from ecr_controller.principals.grantee import Grantee


class RepositoryGone(UserError):
    """There is no such repository."""


class UnknownPrincipal(Exception):
    """ECR knows one of the principals not, or not yet; it does not say which."""


@aws.adapter
class RepositoryPolicies(aws.EcrAdapter):
    """Repository policies. Every method may raise UserError, of which RepositoryGone is one, and RetryableError."""

    def find(self, repository: str) -> Policy:
        """GetRepositoryPolicy; an empty policy where there is none."""
        try:
            return Policy.parse(self._ecr.get_repository_policy(repositoryName=repository)["policyText"])
        except self._ecr.exceptions.RepositoryPolicyNotFoundException:
            return Policy()
        except self._ecr.exceptions.RepositoryNotFoundException:
            raise _gone(repository) from None

    def put(self, repository: str, policy: Policy) -> None:
        """SetRepositoryPolicy, or DeleteRepositoryPolicy where no statement is left. Raises UnknownPrincipal."""
        try:
            if policy.statements:
                self._ecr.set_repository_policy(repositoryName=repository, policyText=policy.text())
            else:
                self._ecr.delete_repository_policy(repositoryName=repository)
        except self._ecr.exceptions.RepositoryPolicyNotFoundException:
            return
        except self._ecr.exceptions.RepositoryNotFoundException:
            raise _gone(repository) from None
        except self._ecr.exceptions.InvalidParameterException as error:
            if "principal" not in error.response["Error"]["Message"].lower():
                raise
            raise UnknownPrincipal from error


class IamAdapter:
    """What the adapters of IAM have in common: a client, made when first used."""

    @property
    def _iam(self) -> IAMClient:
        client: IAMClient = aws.client("iam")
        return client


@aws.adapter
class Principals(IamAdapter):
    """The roles and users of this account."""

    def exist(self, grantee: Grantee) -> bool:
        """GetRole or GetUser: whether there is one of that very ARN, path and all."""
        try:
            if grantee.kind == "role":
                return self._iam.get_role(RoleName=grantee.name)["Role"]["Arn"] == grantee.id
            return self._iam.get_user(UserName=grantee.name)["User"]["Arn"] == grantee.id
        except self._iam.exceptions.NoSuchEntityException:
            return False


def _gone(repository: str) -> RepositoryGone:
    return RepositoryGone(
        f"There is no repository {repository} in this account and Region. RepositoryName must name one."
    )
