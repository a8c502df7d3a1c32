"""Events of `aws.ecr`: MiniStack's ECR emits none. They go to the default bus of the account and Region of the call."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ministack.core.responses import get_account_id, get_region
from ministack.services.eventbridge import _put_events as put_events

if TYPE_CHECKING:
    from local.emulator.extension.store import Json


def image_pushed(image: Json, tag: str | None) -> None:
    """Emit `ECR Image Action` PUSH. As on AWS it names no resource, and no tag where none was pushed."""
    detail = {
        "result": "SUCCESS",
        "repository-name": image["repositoryName"],
        "image-digest": image["imageDigest"],
        "action-type": "PUSH",
    }
    _emit("ECR Image Action", detail | ({"image-tag": tag} if tag else {}), [])


def image_scanned(image: Json, status: str, counts: dict[str, int]) -> None:
    """Emit `ECR Image Scan`, with the counts of the severities that were found."""
    detail = {
        "scan-status": status,
        "repository-name": image["repositoryName"],
        "finding-severity-counts": counts,
        "image-digest": image["imageDigest"],
        "image-tags": image["imageTags"],
    }
    home = f"{get_region()}:{get_account_id()}"
    _emit("ECR Image Scan", detail, [f"arn:aws:ecr:{home}:repository/{image['repositoryName']}"])


def _emit(detail_type: str, detail: Json, resources: list[str]) -> None:
    entry = {"Source": "aws.ecr", "DetailType": detail_type, "Detail": json.dumps(detail), "Resources": resources}
    put_events({"Entries": [entry]}, allow_aws_source=True)
