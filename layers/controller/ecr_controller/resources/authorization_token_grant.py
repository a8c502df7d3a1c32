"""``Custom::ECRAuthorizationTokenGrant``: the permission to get a token for private registries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller.custom_resource.request import Result
from ecr_controller.grants.spec import parse_token_grantee
from ecr_controller.grants.token_policies import TokenGrant, TokenPolicy
from ecr_controller.shared_documents.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Home, Request
    from ecr_controller.errors import Faults
    from ecr_controller.principals.grantee import Grantee
    from ecr_controller.shared_documents.ledger import Entry


class AuthorizationTokenGrantResource:
    """One grant. The physical ID is ``<ARN of the grantee>|<logical id>``."""

    type_name = "ECRAuthorizationTokenGrant"
    policy = TokenPolicy.PRIVATE_REGISTRY

    def parse(self, values: Values, faults: Faults, home: Home) -> Grantee | None:
        """See `parse_token_grantee`."""
        return parse_token_grantee(values, faults, home)

    def repositories(self, _request: Request[Grantee]) -> Iterable[str]:
        """None: an authorization token is for a whole registry."""
        return ()

    def create(self, request: Request[Grantee]) -> Result:
        """Attach the policy."""
        grant = self._grant(request)
        grant.declare()
        return Result(_physical_id(request, request.spec), {"PolicyArn": self.policy.arn})

    def update(self, request: Request[Grantee]) -> Result:
        """Attach the policy to the other grantee; the Delete of the old grant follows."""
        result = self.create(request)
        Ledger(request).settle(result.physical_id, lambda entry: _withdraw(request, entry), [self._grant(request).held])
        return result

    def delete(self, request: Request[Grantee]) -> None:
        """Detach the policy, unless another resource needs it."""
        declared = None if request.old is None else _physical_id(request, request.old)
        for entry in Ledger(request).to_delete(declared):
            _withdraw(request, entry)

    def delete_failed_create(self, request: Request[Grantee], create_request_id: str) -> None:
        """Detach what that Create attached."""
        for entry in Ledger(request).of_create(create_request_id):
            _withdraw(request, entry)

    def _grant(self, request: Request[Grantee]) -> TokenGrant:
        return TokenGrant(request, _physical_id(request, request.spec), self.policy, request.spec)


def _physical_id(request: Request[Grantee], grantee: Grantee) -> str:
    return f"{grantee.id}|{request.logical_id}"


def _withdraw(request: Request[Grantee], entry: Entry) -> None:
    grant = TokenGrant.held_as(request, entry)
    if grant is None:
        raise LookupError(f"{entry.held} is no grant of authorization tokens.")
    grant.withdraw()
