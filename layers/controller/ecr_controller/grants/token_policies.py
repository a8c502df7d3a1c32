"""The two managed policies for authorization tokens, attached to a principal while any resource declares them.

A target is one policy of one principal. Its document is whether the policy is attached.
"""

from __future__ import annotations

import logging
from enum import Enum
from typing import TYPE_CHECKING, Any

from ecr_controller.config import config
from ecr_controller.principals.iam import AttachedPolicies, PrincipalNotFound
from ecr_controller.shared_documents.resource_part import ResourcePart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_controller.custom_resource.request import Request
    from ecr_controller.principals.grantee import Grantee
    from ecr_controller.shared_documents.converge import Part

logger = logging.getLogger(__name__)


class TokenPolicy(Enum):
    """A managed policy of the template. The value is stored in the keys of parts."""

    PRIVATE_REGISTRY = "AUTHORIZATION_TOKEN_POLICY"
    PUBLIC_GALLERY = "PUBLIC_GALLERY_AUTHORIZATION_TOKEN_POLICY"

    @property
    def arn(self) -> str:
        """Its ARN, from the environment."""
        if self is TokenPolicy.PRIVATE_REGISTRY:
            return config().authorization_token_policy
        return config().public_gallery_authorization_token_policy


class TokenGrant:
    """The part of one resource in the attachment of a policy. Every method may raise UserError and RetryableError.

    ``more`` distinguishes several grants of one resource to one principal.
    """

    def __init__(self, request: Request[Any], policy: TokenPolicy, grantee: Grantee, *more: str) -> None:
        self._part = ResourcePart(request, f"attached-policies/{grantee.id}/{policy.value}", *more)
        self._document = _Attachment(policy.arn, grantee)
        self._grantee = grantee

    def declare(self) -> None:
        """Attach the policy."""
        self._part.declare({}, self._document)

    def withdraw(self, only_of: str | None = None) -> None:
        """Detach the policy, unless another resource needs it. With ``only_of``, only if that request declared it."""
        try:
            self._part.withdraw(self._document, only_of)
        except PrincipalNotFound:
            logger.info("%s does not exist, so no policy is detached", self._grantee.id)


class _Attachment:
    """A Document for `converge`: whether the policy is attached to the principal. Nothing in it is foreign."""

    def __init__(self, policy_arn: str, grantee: Grantee) -> None:
        self._arn, self._grantee = policy_arn, grantee
        self._policies = AttachedPolicies()

    def read(self) -> bool:
        return self._policies.is_attached(self._grantee, self._arn)

    def write(self, document: bool) -> None:
        if document:
            self._policies.attach(self._grantee, self._arn)
        else:
            self._policies.detach(self._grantee, self._arn)

    def render(self, _current: bool, parts: Sequence[Part]) -> bool:
        return bool(parts)
