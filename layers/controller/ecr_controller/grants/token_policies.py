"""The two managed policies for authorization tokens, attached to a principal while any resource declares them.

A target is one policy of one principal. Its document is whether the policy is attached.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Any

from ecr_controller.config import config
from ecr_controller.grants.attachments import Attachments
from ecr_controller.principals.grantee import parse_arn
from ecr_controller.principals.iam import AttachedPolicies, PrincipalNotFound
from ecr_controller.shared_documents.resource_part import ResourcePart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_controller.custom_resource.request import Request
    from ecr_controller.principals.grantee import Grantee
    from ecr_controller.shared_documents.converge import Part
    from ecr_controller.shared_documents.ledger import Entry

TARGETS = "attached-policies/"


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


_HELD = re.compile(
    rf"{TARGETS}(?P<principal>.+)/(?P<policy>{'|'.join(each.value for each in TokenPolicy)})(\|(?P<more>.*))?"
)


class TokenGrant:
    """The part of one resource in the attachment of a policy. Every method may raise UserError and RetryableError.

    ``physical_id`` is the id of the resource to which it belongs. ``more`` distinguishes several grants of one resource
    to one principal.
    """

    def __init__(
        self, request: Request[Any], physical_id: str, policy: TokenPolicy, grantee: Grantee, *more: str
    ) -> None:
        target = f"{TARGETS}{grantee.id}/{policy.value}"
        self._part = ResourcePart(request, physical_id, target, *more)
        self._document = _Attachment(policy.arn, grantee, Attachments.of(target, request.home))

    @classmethod
    def held_as(cls, request: Request[Any], entry: Entry) -> TokenGrant | None:
        """The grant of an entry in the ledger; None if the entry is of something else."""
        found = _HELD.fullmatch(entry.held)
        grantee = parse_arn(found["principal"], request.home) if found else None
        if found is None or grantee is None:
            return None
        more = [found["more"]] if found["more"] is not None else []
        return cls(request, entry.physical_id, TokenPolicy(found["policy"]), grantee, *more)

    @property
    def held(self) -> str:
        """The key of its entry in the ledger."""
        return self._part.held

    def declare(self) -> None:
        """Attach the policy."""
        self._part.declare({}, self._document)

    def withdraw(self) -> None:
        """Detach the policy, unless another resource needs it."""
        self._part.withdraw(self._document)


class _Attachment:
    """A SharedDocument: whether the policy is attached to the principal. Nothing in it is foreign.

    If controllers share the policy, it is also whether this controller is among those that need it. None stands for one
    that is among them although the policy isn't attached, which agrees with nothing that can be declared.
    """

    def __init__(self, policy_arn: str, grantee: Grantee, controllers: Attachments | None) -> None:
        self._arn, self._grantee, self._controllers = policy_arn, grantee, controllers
        self._policies = AttachedPolicies()

    def read(self) -> bool | None:
        try:
            is_attached = self._policies.is_attached(self._grantee, self._arn)
        except PrincipalNotFound:
            if self._controllers is not None:
                self._controllers.remove()
            raise
        if self._controllers is None or self._controllers.include_this() == is_attached:
            return is_attached
        return False if is_attached else None

    def write(self, document: bool | None) -> None:
        if document:
            self._attach()
        else:
            self._detach()

    def _attach(self) -> None:
        self._policies.attach(self._grantee, self._arn)
        if self._controllers is not None:
            self._controllers.add()
            # Another controller that did not see this one may have detached the policy meanwhile.
            self._policies.attach(self._grantee, self._arn)

    def _detach(self) -> None:
        if self._controllers is not None:
            self._controllers.remove()
            if self._controllers.include_others():
                return
        self._policies.detach(self._grantee, self._arn)
        if self._controllers is not None and self._controllers.include_others():
            self._policies.attach(self._grantee, self._arn)

    def render(self, _current: bool | None, parts: Sequence[Part]) -> bool | None:
        return bool(parts)

    def holds(self, current: bool | None, _part: Part) -> bool:
        return bool(current)

    def is_younger_than(self, _part: Part) -> bool:
        return False
