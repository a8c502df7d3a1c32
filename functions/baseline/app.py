"""Handles Custom::ECRRepositoryBaseline requests."""

from ecr_controller.custom_resource.handler import handler_for
from ecr_controller.resources.repository_baseline import RepositoryBaselineResource

handler = handler_for(RepositoryBaselineResource())
