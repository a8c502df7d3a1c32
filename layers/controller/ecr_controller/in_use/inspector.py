"""The calls to Amazon Inspector that find the images in tasks of Amazon ECS and in pods of Amazon EKS."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from ecr_controller import aws
from ecr_controller.errors import UserError

if TYPE_CHECKING:
    from mypy_boto3_inspector2 import Inspector2Client

# Inspector does not say how often it updates the time.
_RECENT = timedelta(days=1)


class InspectedImage(NamedTuple):
    """An image that Inspector saw in use: its ARN, and what is known of the use."""

    arn: str
    user: str


@aws.translates_errors
class Inspector:
    """What Amazon Inspector says of the images of this account and Region."""

    _inspector2: aws.Client[Inspector2Client] = aws.Client("inspector2")

    def __init__(self, inspector: Inspector2Client | None = None) -> None:
        if inspector is not None:
            self._inspector2 = inspector

    def list_images(self, account: str, now: datetime) -> list[InspectedImage]:
        """BatchGetAccountStatus, then ListCoverage: images that are in use, or were in the last 24 hours.

        Raises UserError if Inspector does not scan the images of this account: then it knows of no use.
        """
        self._refuse_disabled(account)
        filters: tuple[Any, ...] = (
            {"ecrImageInUseCount": [{"lowerInclusive": 1}]},
            {"ecrImageLastInUseAt": [{"startInclusive": now - _RECENT}]},
        )
        found: dict[str, InspectedImage] = {}
        for each in filters:
            criteria: Any = {"resourceType": [{"comparison": "EQUALS", "value": "AWS_ECR_CONTAINER_IMAGE"}], **each}
            for page in self._inspector2.get_paginator("list_coverage").paginate(filterCriteria=criteria):
                for resource in page["coveredResources"]:
                    image = resource.get("resourceMetadata", {}).get("ecrImage", {})
                    used = image.get("inUseCount") or 0
                    user = f"{used} tasks and pods" if used else "a task or a pod in the last 24 hours"
                    found.setdefault(resource["resourceId"], InspectedImage(resource["resourceId"], user))
        return list(found.values())

    def _refuse_disabled(self, account: str) -> None:
        answer = self._inspector2.batch_get_account_status(accountIds=[account])
        states = [each["resourceState"]["ecr"]["status"] for each in answer["accounts"]]
        if states != ["ENABLED"]:
            raise UserError(
                "Amazon Inspector does not scan the images of Amazon ECR in this account and Region. Enable enhanced "
                "scanning, or remove Inspector from Sources."
            )
