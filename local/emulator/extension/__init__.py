"""What MiniStack's ECR lacks, and little beside it, added while it runs.

An ECR operation is added or replaced by one function `async def operation(data) -> answer` that raises `Fault`, and
one line in `OPERATIONS`. Operations that are not there stay MiniStack's own.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import ecr

from local.emulator.extension import (
    buses,
    cloudformation,
    conditions,
    ecs,
    functions,
    images,
    inspector,
    policies,
    preview,
    queues,
    registry,
    repositories,
    scanning,
    stack_sets,
    templates,
)
from local.emulator.extension.store import Fault, Json, ministack_handle_request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

OPERATIONS: dict[str, Callable[[Json], Awaitable[Json]]] = {
    "BatchDeleteImage": images.batch_delete_image,
    "BatchGetImage": images.batch_get_image,
    "BatchGetRepositoryScanningConfiguration": registry.batch_get_repository_scanning_configuration,
    "CreateRepository": repositories.create_repository,
    "DescribeImageScanFindings": scanning.describe_image_scan_findings,
    "DescribeImageSigningStatus": images.describe_image_signing_status,
    "DescribeImages": images.describe_images,
    "DescribeRepositories": repositories.describe_repositories,
    "GetLifecyclePolicyPreview": preview.get_lifecycle_policy_preview,
    "GetRegistryScanningConfiguration": registry.get_registry_scanning_configuration,
    "GetRepositoryPolicy": policies.get_repository_policy,
    "ListImageReferrers": images.list_image_referrers,
    "ListImages": images.list_images,
    "PutImage": images.put_image,
    "PutImageTagMutability": repositories.put_image_tag_mutability,
    "PutLifecyclePolicy": repositories.put_lifecycle_policy,
    "PutRegistryScanningConfiguration": registry.put_registry_scanning_configuration,
    "SetRepositoryPolicy": policies.set_repository_policy,
    "StartImageScan": scanning.start_image_scan,
    "StartLifecyclePolicyPreview": preview.start_lifecycle_policy_preview,
}


def install() -> None:
    """Put the extension into the MiniStack of this process."""
    buses.install()
    cloudformation.install()
    conditions.install()
    ecs.install()
    functions.install()
    inspector.install()
    policies.install()
    queues.install()
    stack_sets.install()
    templates.install()
    ecr.handle_request = handle_request


async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query_params: Json) -> Any:
    """Answer an ECR call in MiniStack's form: status, headers, body."""
    operation, data = OPERATIONS.get(headers.get("x-amz-target", "").rpartition(".")[2]), _json(body)
    with policies.registry_scope(data):
        if operation is None:
            return await ministack_handle_request(method, path, headers, body, query_params)
        try:
            return json_response(await operation(data))
        except Fault as fault:
            return error_response_json(fault.code, fault.message)


def _json(body: bytes) -> Json:
    try:
        data = json.loads(body or b"{}")
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
