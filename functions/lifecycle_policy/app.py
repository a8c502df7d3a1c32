"""Handles Custom::ECRLifecyclePolicy requests."""

from ecr_controller.custom_resource.handler import handler_for
from ecr_controller.resources.lifecycle_policy import LifecyclePolicyResource

handler = handler_for(LifecyclePolicyResource())
