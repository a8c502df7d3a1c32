"""The calls to IAM that attach a managed policy to a role, user or group, and detach it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller import aws
from ecr_controller.errors import UserError
from ecr_controller.repository_policy.ecr import IamAdapter

if TYPE_CHECKING:
    from ecr_controller.principals.grantee import Grantee


class PrincipalGone(UserError):
    """There is no such role, user or group."""


@aws.adapter
class Attachments(IamAdapter):
    """Managed policies of principals. Every method may raise UserError, of which PrincipalGone is one."""

    def has(self, grantee: Grantee, policy_arn: str) -> bool:
        """ListAttachedRolePolicies, ListAttachedUserPolicies or ListAttachedGroupPolicies."""
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
            raise _gone(grantee) from None

    def attach(self, grantee: Grantee, policy_arn: str) -> None:
        """AttachRolePolicy, AttachUserPolicy or AttachGroupPolicy, which take one that is attached as attached."""
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
            raise _gone(grantee) from None
        except self._iam.exceptions.LimitExceededException as error:
            raise UserError(
                f"The {grantee.kind} {grantee.id} has as many managed policies attached as IAM allows "
                f"({error.response['Error']['Message']}). Detach one of them, or have the quota raised."
            ) from None

    def detach(self, grantee: Grantee, policy_arn: str) -> None:
        """DetachRolePolicy, DetachUserPolicy or DetachGroupPolicy; what is not attached is detached."""
        try:
            if grantee.kind == "role":
                self._iam.detach_role_policy(RoleName=grantee.name, PolicyArn=policy_arn)
            elif grantee.kind == "user":
                self._iam.detach_user_policy(UserName=grantee.name, PolicyArn=policy_arn)
            else:
                self._iam.detach_group_policy(GroupName=grantee.name, PolicyArn=policy_arn)
        except self._iam.exceptions.NoSuchEntityException:
            return


def _gone(grantee: Grantee) -> PrincipalGone:
    return PrincipalGone(f"There is no {grantee.kind} {grantee.id} in this account.")
