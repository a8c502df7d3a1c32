"""Handles Custom::ECRRepository requests."""

from ecr_controller.custom_resource.handler import handler_for
from ecr_controller.resources.repository import RepositoryResource

handler = handler_for(RepositoryResource())
