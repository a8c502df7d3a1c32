"""Handles Custom::ECRImageScan requests."""

from ecr_controller.custom_resource.handler import handler_for
from ecr_controller.resources.image_scan import ImageScanResource

handler = handler_for(ImageScanResource())
