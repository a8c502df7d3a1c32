"""Handles Custom::ECREventRoute and Custom::ECRImageScanRoute requests."""

from ecr_controller.custom_resource.handler import handler_for
from ecr_controller.resources.event_route import EventRouteResource
from ecr_controller.resources.image_scan_route import ImageScanRouteResource

handler = handler_for(ImageScanRouteResource(), EventRouteResource())
