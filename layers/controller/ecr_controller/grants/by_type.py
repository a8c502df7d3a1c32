"""The three types of grants behind one function, which has one role: each request goes to the resource of its type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller.errors import UserError
from ecr_controller.resources.repository_grant import RepositoryGrantResource
from ecr_controller.resources.authorization_token_grant import TokenGrantResource

if TYPE_CHECKING:
    from ecr_controller.custom_resource.protocol import Request, Resource, Result


class GrantResource:
    """Any of the three grants. Every method may raise UserError and RetryableError."""

    def __init__(self) -> None:
        token, public = "ECRAuthorizationTokenGrant", "ECRPublicGalleryAuthorizationTokenGrant"
        self._resources: dict[str, Resource] = {
            "Custom::ECRRepositoryGrant": RepositoryGrantResource(),
            f"Custom::{token}": TokenGrantResource(token, "AUTHORIZATION_TOKEN_POLICY"),
            f"Custom::{public}": TokenGrantResource(public, "PUBLIC_GALLERY_AUTHORIZATION_TOKEN_POLICY"),
        }

    def create(self, request: Request) -> Result:
        """As the type does. Raises UserError for a type that is none of the three."""
        return self._of(request).create(request)

    def update(self, request: Request) -> Result:
        """The same."""
        return self._of(request).update(request)

    def delete(self, request: Request) -> None:
        """The same; there is nothing of another type."""
        if request.resource_type in self._resources:
            self._of(request).delete(request)

    def delete_failed_create(self, request: Request, create_request_id: str) -> None:
        """The same."""
        if request.resource_type in self._resources:
            self._of(request).delete_failed_create(request, create_request_id)

    def _of(self, request: Request) -> Resource:
        if request.resource_type not in self._resources:
            raise UserError(f"{request.resource_type} is none of {', '.join(self._resources)}.")
        return self._resources[request.resource_type]
