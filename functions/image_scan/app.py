"""Handles Custom::ECRImageScan and Custom::ECRImage requests."""

from ecr_controller.custom_resource.handler import handler_for
from ecr_controller.resources.image import ImageResource
from ecr_controller.resources.image_scan import ImageScanResource

handler = handler_for(ImageScanResource(), ImageResource())
