"""ECR's lifecycle policy preview, which MiniStack lacks, by the evaluation of the controller."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

from ecr_controller.lifecycle.evaluation import Fate, evaluate
from ecr_controller.lifecycle.images import parse_images
from ecr_controller.lifecycle.rules import declared_policy
from local.emulator.extension import images
from local.emulator.extension.store import Fault, Json, images_of, page, repository

SECONDS = 0.3  # that a preview takes
STATUS = {"expire": "EXPIRE", "archive": "TRANSITION"}
_tasks: set[asyncio.Task[None]] = set()


async def start_lifecycle_policy_preview(data: Json) -> Json:
    record = repository(data)
    if record.get("preview", {}).get("status") == "IN_PROGRESS":
        message = f"A lifecycle policy preview of '{data['repositoryName']}' is in progress."
        raise Fault("LifecyclePolicyPreviewInProgressException", message)
    text = data["lifecyclePolicyText"]
    if declared_policy({"LifecyclePolicyText": text}, []) is None:
        raise Fault.parameter("LifecyclePolicyText", "Lifecycle policy validation failure: it is not a valid policy")
    record["preview"] = {"status": "IN_PROGRESS", "lifecyclePolicyText": text}
    task = asyncio.get_running_loop().create_task(_finish(data, record["preview"]))
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return _heading(data, record["preview"])


async def get_lifecycle_policy_preview(data: Json) -> Json:
    record = repository(data)
    if "preview" not in record:
        message = f"There is no dry run for this repository: '{data['repositoryName']}'"
        raise Fault("LifecyclePolicyPreviewNotFoundException", message)
    preview = record["preview"]
    results = preview.get("results", [])
    shown, following = page(results, data)
    expiring = sum(result["action"]["type"] == "EXPIRE" for result in results)
    return _heading(data, preview) | {
        "previewResults": shown,
        "summary": {"expiringImageTotalCount": expiring},
        **following,
    }


async def _finish(data: Json, preview: Json) -> None:
    await asyncio.sleep(SECONDS)
    policy = declared_policy({"LifecyclePolicyText": preview["lifecyclePolicyText"]}, [])
    details = [images.detail(data, image) for image in images_of(data)]
    children = {image["imageDigest"]: images.children_of(image) for image in images_of(data)}
    if policy is not None:
        fates = evaluate(policy, parse_images(details, children), datetime.fromtimestamp(time.time(), UTC)).fates
        preview["results"] = [_result(fate) for fate in fates if fate.action != "keep"]
    preview["status"] = "COMPLETE"


def _result(fate: Fate) -> Json:
    return {
        "imageDigest": fate.image.digest,
        "imageTags": list(fate.image.tags),
        "imagePushedAt": fate.image.pushed_at.timestamp(),
        "action": {"type": STATUS[fate.action]},
        "appliedRulePriority": fate.rule_priority,
    }


def _heading(data: Json, preview: Json) -> Json:
    shown = {name: preview[name] for name in ("status", "lifecyclePolicyText")}
    return {"registryId": repository(data)["registryId"], "repositoryName": data["repositoryName"], **shown}
