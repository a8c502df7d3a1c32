"""ECR's lifecycle policy preview, which MiniStack lacks, by `slow_evaluation`.

The controller evaluates policies too, so nothing of its reading or its evaluation is used here: its guard is tested
against this preview.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ecr_controller.lifecycle.images import Image
from ecr_controller.lifecycle.policy import LifecyclePolicy, Rule
from local.emulator.extension import images
from local.emulator.extension.repositories import check_lifecycle_policy
from local.emulator.extension.store import Fault, Json, images_of, own, page, repository
from local.emulator.slow_evaluation import slow_fates

if TYPE_CHECKING:
    from local.emulator.slow_evaluation import SlowFate

SECONDS = 0.3  # that a preview takes
STATUS = {"expire": "EXPIRE", "archive": "TRANSITION"}
_tasks: set[asyncio.Task[None]] = set()


async def start_lifecycle_policy_preview(data: Json) -> Json:
    record = repository(data)
    if record.get("preview", {}).get("status") == "IN_PROGRESS":
        message = f"A lifecycle policy preview of '{data['repositoryName']}' is in progress."
        raise Fault("LifecyclePolicyPreviewInProgressException", message)
    text = data.get("lifecyclePolicyText") or (await own("GetLifecyclePolicy", data))["lifecyclePolicyText"]
    policy = _policy(text)
    record["preview"] = {"status": "IN_PROGRESS", "lifecyclePolicyText": text}
    task = asyncio.get_running_loop().create_task(_finish(data, record["preview"], policy))
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


async def _finish(data: Json, preview: Json, policy: LifecyclePolicy) -> None:
    await asyncio.sleep(SECONDS)
    found = [_image(data, record) for record in images_of(data)]
    fates = zip(found, slow_fates(policy, found, datetime.now(UTC)), strict=True)
    preview["results"] = [_result(image, fate) for image, fate in fates if fate.action != "keep"]
    preview["status"] = "COMPLETE"


def _policy(text: str) -> LifecyclePolicy:
    check_lifecycle_policy(text)
    try:
        return LifecyclePolicy(tuple(_rule(each) for each in json.loads(text)["rules"]))
    except (KeyError, TypeError) as error:
        message = f"Lifecycle policy validation failure: {error!r} in a rule"
        raise Fault.parameter("LifecyclePolicyText", message) from error


def _rule(document: Json) -> Rule:
    selection: Any = document["selection"]
    return Rule(
        priority=document["rulePriority"],
        tag_status=selection["tagStatus"],
        count_type=selection["countType"],
        count_number=selection["countNumber"],
        action=document["action"]["type"],
        storage_class=selection.get("storageClass", "standard"),
        tag_prefixes=tuple(selection.get("tagPrefixList", ())),
        tag_patterns=tuple(selection.get("tagPatternList", ())),
    )


def _image(data: Json, record: Json) -> Image:
    """An image of the emulator, which has no archive."""
    shown = images.detail(data, record)
    return Image(
        digest=shown["imageDigest"],
        pushed_at=datetime.fromtimestamp(shown["imagePushedAt"], UTC),
        tags=tuple(shown.get("imageTags", ())),
        last_pulled_at=images.pulled_at(record),
        children=tuple(images.children_of(record)),
    )


def _result(image: Image, fate: SlowFate) -> Json:
    return {
        "imageDigest": image.digest,
        "imageTags": list(image.tags),
        "imagePushedAt": image.pushed_at.timestamp(),
        "action": {"type": STATUS[fate.action]},
        "appliedRulePriority": fate.rule_priority,
    }


def _heading(data: Json, preview: Json) -> Json:
    shown = {name: preview[name] for name in ("status", "lifecyclePolicyText")}
    return {"registryId": repository(data)["registryId"], "repositoryName": data["repositoryName"], **shown}
