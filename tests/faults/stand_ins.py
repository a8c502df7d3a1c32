"""What moto does not do as AWS does: the lifecycle policy preview, signatures of images, and the refusal of principals
that do not exist."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.faults import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.faults.cloudformation import CloudFormation
    from tests.faults.wire import StandIn

Answer = tuple[int, str]


class Ecr:
    """Stand-ins for operations of Amazon ECR. ``exists``: whether the ARN is that of a principal of the account."""

    def __init__(self, exists: Callable[[str], bool]) -> None:
        self._exists = exists
        self._previews: dict[str, Any] = {}

    def start_preview(self, request: Any) -> Answer:
        """StartLifecyclePolicyPreview."""
        given = json.loads(request.body)
        self._previews[given["repositoryName"]] = given
        return 200, json.dumps({**given, "status": "IN_PROGRESS"})

    def get_preview(self, request: Any) -> Answer:
        """GetLifecyclePolicyPreview. The policy would expire nothing."""
        given = self._previews.get(json.loads(request.body)["repositoryName"])
        if given is None:
            return wire.error_body("LifecyclePolicyPreviewNotFoundException", "There is no preview", query=False)
        shown = {key: given[key] for key in ("repositoryName", "lifecyclePolicyText")}
        return 200, json.dumps({**shown, "status": "COMPLETE", "previewResults": []})

    def list_referrers(self, _request: Any) -> Answer:
        """ListImageReferrers. Images have none."""
        return 200, json.dumps({"referrers": []})

    def describe_signing(self, request: Any) -> Answer:
        """DescribeImageSigningStatus. No image is signed."""
        given = json.loads(request.body)
        return 200, json.dumps({"repositoryName": given["repositoryName"], "signingStatuses": []})

    def set_repository_policy(self, request: Any) -> Answer | None:
        """SetRepositoryPolicy, if it names a principal that does not exist."""
        named = re.findall(r"arn:aws:iam::\d{12}:(?:role|user)/[\w/-]+", json.loads(request.body)["policyText"])
        if all(map(self._exists, named)):
            return None
        message = "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Principal not found'"
        return wire.error_body("InvalidParameterException", message, query=False)


def invoke(request: Any) -> Answer:
    """Invoke of a function that nobody waits for, or of the one that looks at what runs, where nothing does."""
    is_awaited = request.headers.get("X-Amz-Invocation-Type") in ("RequestResponse", b"RequestResponse")
    return (200, json.dumps({"faults": []})) if is_awaited else (202, "")


def stand_ins(cloudformation: CloudFormation, ecr: Ecr) -> Mapping[str, StandIn]:
    """By the name of the operation."""
    return {
        "DescribeStacks": cloudformation.describe_stacks,
        "DescribeStackResource": cloudformation.describe_stack_resource,
        "StartLifecyclePolicyPreview": ecr.start_preview,
        "GetLifecyclePolicyPreview": ecr.get_preview,
        "ListImageReferrers": ecr.list_referrers,
        "DescribeImageSigningStatus": ecr.describe_signing,
        "Invoke": invoke,
        "SetRepositoryPolicy": ecr.set_repository_policy,
    }
