"""``Custom::ECRAuthorizationTokenGrant``: the permission to get a token for private registries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller.custom_resource.request import Result
from ecr_controller.grants.spec import parse_token_grantee
from ecr_controller.grants.token_policies import TokenGrant, TokenPolicy
from ecr_controller.principals.grantee import Grantee, parse_arn

if TYPE_CHECKING:
    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Home, Request
    from ecr_controller.errors import Faults


class AuthorizationTokenGrantResource:
    """One grant. The physical ID is ``<ARN of the grantee>|<logical id>``."""

    type_name = "ECRAuthorizationTokenGrant"
    policy = TokenPolicy.PRIVATE_REGISTRY

    def parse(self, values: Values, faults: Faults, home: Home) -> Grantee | None:
        """See `parse_token_grantee`."""
        return parse_token_grantee(values, faults, home)

    def create(self, request: Request[Grantee]) -> Result:
        """Attach the policy."""
        TokenGrant(request, self.policy, request.spec).declare()
        return Result(f"{request.spec.id}|{request.logical_id}", {"PolicyArn": self.policy.arn})

    def update(self, request: Request[Grantee]) -> Result:
        """Attach the policy to the other grantee; the Delete of the old grant follows."""
        return self.create(request)

    def delete(self, request: Request[Grantee]) -> None:
        """Detach the policy, unless another resource needs it."""
        arn, _, logical_id = request.physical_id.partition("|")
        grantee = parse_arn(arn, request.home)
        if logical_id == request.logical_id and grantee is not None:
            TokenGrant(request, self.policy, grantee).withdraw()

    def delete_failed_create(self, request: Request[Grantee], create_request_id: str) -> None:
        """Detach what that Create attached."""
        if request.old is not None:
            TokenGrant(request, self.policy, request.old).withdraw(only_of=create_request_id)
