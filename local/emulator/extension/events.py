"""Events of ECR, Amazon Inspector, Amazon ECS and AWS Lambda, of which MiniStack emits none.

They go to the default bus of the account and Region of the call.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ministack.core.responses import get_account_id, get_region, now_iso
from ministack.services.eventbridge import _put_events as put_events

if TYPE_CHECKING:
    from local.emulator.extension.store import Json


def image_pushed(image: Json, tag: str | None) -> None:
    """Emit `ECR Image Action` PUSH. As on AWS it names no resource, and no tag where none was pushed."""
    _image_action("PUSH", image, tag)


def image_deleted(image: Json, tag: str | None) -> None:
    """Emit `ECR Image Action` DELETE."""
    _image_action("DELETE", image, tag)


def _image_action(action: str, image: Json, tag: str | None) -> None:
    detail = {
        "result": "SUCCESS",
        "repository-name": image["repositoryName"],
        "image-digest": image["imageDigest"],
        "action-type": action,
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
    _emit("ECR Image Scan", detail, [_arn(image)])


def image_inspected(image: Json, counts: dict[str, int]) -> None:
    """Emit `Inspector2 Scan`, which has the ARN of the repository where a basic scan has its name."""
    detail = {
        "scan-status": "INITIAL_SCAN_COMPLETE",
        "repository-name": _arn(image),
        "finding-severity-counts": {
            **{severity: counts.get(severity, 0) for severity in ("CRITICAL", "HIGH", "MEDIUM")},
            "TOTAL": sum(counts.values()),
        },
        "image-digest": image["imageDigest"],
        "image-tags": image["imageTags"],
        "version": "1.0",
    }
    _emit("Inspector2 Scan", detail, [_arn(image)], source="aws.inspector2")


def task_changed(task: Json) -> None:
    """Emit `ECS Task State Change`.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
    """
    members = {name: value for name, value in task.items() if name not in ("tags", "healthStatus")}
    detail = members | {"updatedAt": now_iso()}
    _emit("ECS Task State Change", detail, [task["taskArn"]], source="aws.ecs")


def deployment_changed(service_arn: str, deployment: Json, state: str) -> None:
    """Emit `ECS Deployment State Change`.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html
    """
    words = state.lower().replace("_", " ")
    detail = {
        "eventType": "INFO",
        "eventName": f"SERVICE_DEPLOYMENT_{state}",
        "deploymentId": deployment["id"],
        "updatedAt": deployment["updatedAt"],
        "reason": f"ECS deployment {deployment['id']} {words}.",
    }
    _emit("ECS Deployment State Change", detail, [service_arn], source="aws.ecs")


def function_deployed(name: str, configuration: Json) -> None:
    """Emit what AWS CloudTrail reports of a call that deployed a function.

    https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html
    """
    detail = {
        "eventVersion": "1.08",
        "eventTime": now_iso(),
        "eventSource": "lambda.amazonaws.com",
        "eventName": name,
        "awsRegion": get_region(),
        "requestParameters": {"functionName": configuration["FunctionName"]},
        "responseElements": {
            "functionName": configuration["FunctionName"],
            "functionArn": configuration["FunctionArn"],
            "version": configuration["Version"],
        },
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": get_account_id(),
        "eventCategory": "Management",
    }
    _emit("AWS API Call via CloudTrail", detail, [], source="aws.lambda")


def _arn(image: Json) -> str:
    return f"arn:aws:ecr:{get_region()}:{get_account_id()}:repository/{image['repositoryName']}"


def _emit(detail_type: str, detail: Json, resources: list[str], source: str = "aws.ecr") -> None:
    entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail), "Resources": resources}
    put_events({"Entries": [entry]}, allow_aws_source=True)
