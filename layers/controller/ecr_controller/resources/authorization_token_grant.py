"""``Custom::ECRAuthorizationTokenGrant`` and ``Custom::ECRPublicGalleryAuthorizationTokenGrant``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller.custom_resource.protocol import Result
from ecr_controller.errors import InvalidProperties
from ecr_controller.grants.spec import read_token_grantee
from ecr_controller.principals.grantee import Home, parse
from ecr_controller.grants.token_policies import TokenPolicies, arn_of

if TYPE_CHECKING:
    from ecr_controller.custom_resource.protocol import Request
    from ecr_controller.principals.grantee import Grantee
    from ecr_controller.grants.token_policies import TokenPolicy


class TokenGrantResource:
    """One grant of a token. The physical id is ``<ARN of the grantee>|<logical id>``."""

    def __init__(self, type_name: str, policy: TokenPolicy) -> None:
        self._type_name, self._policy = type_name, policy
        self._tokens = TokenPolicies()

    def create(self, request: Request) -> Result:
        """Attach the policy."""
        grantee = self._grantee(request)
        self._tokens.declare(request, self._policy, grantee)
        return Result(f"{grantee.id}|{request.logical_id}", {"PolicyArn": arn_of(self._policy)})

    def update(self, request: Request) -> Result:
        """Attach the policy to the other grantee; the Delete of the old one follows."""
        return self.create(request)

    def delete(self, request: Request) -> None:
        """Detach the policy, unless somebody else wants it attached."""
        arn, _, logical_id = request.physical_id.partition("|")
        if logical_id == request.logical_id and arn.startswith("arn:"):
            self._tokens.withdraw(request, self._policy, parse(arn, Home.of(request.stack_id)))

    def delete_failed_create(self, request: Request, create_request_id: str) -> None:
        """The same of what that Create attached."""
        try:
            grantee = self._grantee(request)
        except InvalidProperties:
            return
        self._tokens.withdraw(request, self._policy, grantee, only_of=create_request_id)

    def _grantee(self, request: Request) -> Grantee:
        return read_token_grantee(self._type_name, request.properties, Home.of(request.stack_id))
