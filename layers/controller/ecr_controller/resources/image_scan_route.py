"""``Custom::ECRImageScanRoute``: the narrower form of ``Custom::ECREventRoute``, for the ends of scans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller.event_routing.spec import parse_scan_route
from ecr_controller.resources.event_route import EventRouteResource

if TYPE_CHECKING:
    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Home
    from ecr_controller.errors import Faults
    from ecr_controller.event_routing.routes import Route


class ImageScanRouteResource(EventRouteResource):
    """One route of scans."""

    type_name = "ECRImageScanRoute"

    def parse(self, values: Values, faults: Faults, home: Home) -> Route | None:
        """See `parse_scan_route`."""
        return parse_scan_route(values, faults, home)
