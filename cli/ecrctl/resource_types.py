"""The custom resource types, as the functions of the controller serve them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller.resources.authorization_token_grant import AuthorizationTokenGrantResource
from ecr_controller.resources.event_route import EventRouteResource
from ecr_controller.resources.image import ImageResource
from ecr_controller.resources.image_scan import ImageScanResource
from ecr_controller.resources.image_scan_route import ImageScanRouteResource
from ecr_controller.resources.lifecycle_policy import LifecyclePolicyResource
from ecr_controller.resources.public_gallery_authorization_token_grant import (
    PublicGalleryAuthorizationTokenGrantResource,
)
from ecr_controller.resources.repository import RepositoryResource
from ecr_controller.resources.repository_baseline import RepositoryBaselineResource
from ecr_controller.resources.repository_grant import RepositoryGrantResource

if TYPE_CHECKING:
    from ecr_controller.custom_resource.protocol import Resource

_RESOURCES: tuple[Resource[Any], ...] = (
    RepositoryResource(),
    LifecyclePolicyResource(),
    RepositoryBaselineResource(),
    RepositoryGrantResource(),
    AuthorizationTokenGrantResource(),
    PublicGalleryAuthorizationTokenGrantResource(),
    EventRouteResource(),
    ImageScanRouteResource(),
    ImageScanResource(),
    ImageResource(),
)
RESOURCES = {each.type_name: each for each in _RESOURCES}
