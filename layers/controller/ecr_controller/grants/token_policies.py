"""The two fixed managed policies of the template, attached to a principal of this account as long as anybody wants it.

One target is one policy of one principal. Its document is whether the policy is attached.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Literal

from ecr_controller.principals.iam import Attachments, PrincipalGone
from ecr_controller.shared_documents.resource_part import Shares, owner_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_controller.custom_resource.protocol import Request
    from ecr_controller.shared_documents.converge import Part
    from ecr_controller.principals.grantee import Grantee

logger = logging.getLogger(__name__)

# Each is the name of the environment variable that holds the policy's ARN.
TokenPolicy = Literal["AUTHORIZATION_TOKEN_POLICY", "PUBLIC_GALLERY_AUTHORIZATION_TOKEN_POLICY"]


class TokenPolicies:
    """Who may get tokens. Every method may raise UserError and RetryableError."""

    def __init__(self) -> None:
        self._shares = Shares()

    def declare(self, request: Request, policy: TokenPolicy, grantee: Grantee, *more: str) -> None:
        """Attach the policy. ``more`` tells the parts of one resource apart."""
        owner, document = owner_of(request, *more), _Attached(policy, grantee)
        self._shares.declare(request, owner, _target(policy, grantee), {}, document)

    def withdraw(
        self, request: Request, policy: TokenPolicy, grantee: Grantee, *more: str, only_of: str | None = None
    ) -> None:
        """Detach the policy, unless somebody else wants it attached; it is off a principal that is gone.

        With ``only_of``, only if the request with that id declared it.
        """
        owner, document = owner_of(request, *more), _Attached(policy, grantee)
        try:
            self._shares.withdraw(owner, _target(policy, grantee), document, only_of)
        except PrincipalGone:
            logger.info("%s is not there; what was attached went with it", grantee.id)


def arn_of(policy: TokenPolicy) -> str:
    """The ARN of the managed policy."""
    return os.environ[policy]


def _target(policy: TokenPolicy, grantee: Grantee) -> str:
    return f"attached-policies/{grantee.id}/{policy}"


class _Attached:
    """A Document for `converge`: whether the policy is attached to the principal. No part of it is foreign."""

    def __init__(self, policy: TokenPolicy, grantee: Grantee) -> None:
        self._arn, self._grantee = arn_of(policy), grantee
        self._attachments = Attachments()

    def read(self) -> bool:
        return self._attachments.has(self._grantee, self._arn)

    def write(self, document: bool) -> None:
        if document:
            self._attachments.attach(self._grantee, self._arn)
        else:
            self._attachments.detach(self._grantee, self._arn)

    def render(self, _current: bool, parts: Sequence[Part]) -> bool:
        return bool(parts)
