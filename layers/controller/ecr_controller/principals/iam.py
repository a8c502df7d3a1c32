"""The calls to IAM: whether a principal exists, and the managed policies that are attached to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller import aws
from ecr_controller.errors import NotFound, UserError

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

    from ecr_controller.principals.grantee import Grantee


class PrincipalNotFound(NotFound):
    """The role, user or group does not exist."""


@aws.translates_errors
class Principals:
    """The roles and users of this account."""

    _iam: aws.Client[IAMClient] = aws.Client("iam")

    def exists(self, grantee: Grantee) -> bool:
        """GetRole or GetUser: whether there is one with exactly this ARN, including the path."""
        try:
            if grantee.kind == "role":
                return self._iam.get_role(RoleName=grantee.name)["Role"]["Arn"] == grantee.id
            return self._iam.get_user(UserName=grantee.name)["User"]["Arn"] == grantee.id
        except self._iam.exceptions.NoSuchEntityException:
            return False


@aws.translates_errors
class AttachedPolicies:
    """The managed policies that are attached to roles, users and groups of this account."""

    _iam: aws.Client[IAMClient] = aws.Client("iam")

    def is_attached(self, grantee: Grantee, policy_arn: str) -> bool:
        """ListAttachedRolePolicies, ListAttachedUserPolicies or ListAttachedGroupPolicies. Raises PrincipalNotFound."""
        try:
            if grantee.kind == "role":
                roles = self._iam.get_paginator("list_attached_role_policies").paginate(RoleName=grantee.name)
                return any(each["PolicyArn"] == policy_arn for page in roles for each in page["AttachedPolicies"])
            if grantee.kind == "user":
                users = self._iam.get_paginator("list_attached_user_policies").paginate(UserName=grantee.name)
                return any(each["PolicyArn"] == policy_arn for page in users for each in page["AttachedPolicies"])
            groups = self._iam.get_paginator("list_attached_group_policies").paginate(GroupName=grantee.name)
            return any(each["PolicyArn"] == policy_arn for page in groups for each in page["AttachedPolicies"])
        except self._iam.exceptions.NoSuchEntityException:
            raise not_found(grantee) from None

    def attach(self, grantee: Grantee, policy_arn: str) -> None:
        """AttachRolePolicy, AttachUserPolicy or AttachGroupPolicy, which are idempotent. Raises PrincipalNotFound."""
        try:
            if grantee.kind == "role":
                self._iam.attach_role_policy(RoleName=grantee.name, PolicyArn=policy_arn)
            elif grantee.kind == "user":
                self._iam.attach_user_policy(UserName=grantee.name, PolicyArn=policy_arn)
            else:
                self._iam.attach_group_policy(GroupName=grantee.name, PolicyArn=policy_arn)
        except self._iam.exceptions.NoSuchEntityException as error:
            if policy_arn in error.response["Error"]["Message"]:
                raise
            raise not_found(grantee) from None
        except self._iam.exceptions.LimitExceededException as error:
            raise UserError(
                f"No more managed policies can be attached to the {grantee.kind} {grantee.id} "
                f"({error.response['Error']['Message']}). Detach a policy, or request a quota increase."
            ) from None

    def detach(self, grantee: Grantee, policy_arn: str) -> None:
        """DetachRolePolicy, DetachUserPolicy or DetachGroupPolicy; what is not attached counts as detached."""
        try:
            if grantee.kind == "role":
                self._iam.detach_role_policy(RoleName=grantee.name, PolicyArn=policy_arn)
            elif grantee.kind == "user":
                self._iam.detach_user_policy(UserName=grantee.name, PolicyArn=policy_arn)
            else:
                self._iam.detach_group_policy(GroupName=grantee.name, PolicyArn=policy_arn)
        except self._iam.exceptions.NoSuchEntityException:
            return


def not_found(grantee: Grantee) -> PrincipalNotFound:
    """The error for a role, user or group that does not exist."""
    return PrincipalNotFound(
        f"The {grantee.kind} {grantee.id} does not exist in this account. Specify its ARN as IAM shows it, with the "
        "path."
    )
