"""Handles requests of Custom::ECRRepositoryGrant and of the two grants of authorization tokens."""

from ecr_controller.custom_resource.handler import handler_for
from ecr_controller.resources.authorization_token_grant import AuthorizationTokenGrantResource
from ecr_controller.resources.public_gallery_authorization_token_grant import (
    PublicGalleryAuthorizationTokenGrantResource,
)
from ecr_controller.resources.repository_grant import RepositoryGrantResource

handler = handler_for(
    RepositoryGrantResource(), AuthorizationTokenGrantResource(), PublicGalleryAuthorizationTokenGrantResource()
)
