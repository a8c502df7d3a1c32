"""``Custom::ECRPublicGalleryAuthorizationTokenGrant``: the permission to get a token for the ECR Public Gallery."""

from __future__ import annotations

from ecr_controller.grants.token_policies import TokenPolicy
from ecr_controller.resources.authorization_token_grant import AuthorizationTokenGrantResource


class PublicGalleryAuthorizationTokenGrantResource(AuthorizationTokenGrantResource):
    """As for private registries, with the other policy."""

    type_name = "ECRPublicGalleryAuthorizationTokenGrant"
    policy = TokenPolicy.PUBLIC_GALLERY
