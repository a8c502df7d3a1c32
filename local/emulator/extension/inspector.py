"""Amazon Inspector as far as it is about images: whether it scans them, which it covers, and which are in use.

MiniStack's account status knows nothing of the registry, and it covers resources that it makes up. Here Inspector
scans images where the registry has enhanced scanning, and the other way round. An image is in use by tasks of ECS, and
by pods of EKS as annotations of its manifest say: see `local.images`.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ministack.core.responses import error_response_json, get_region, json_response
from ministack.services import inspector2
from ministack.services.ecr import _images

from local.emulator.extension import ecs, images, registry, scanning
from local.emulator.extension.store import Fault, Json, annotation, page
from local.images import IN_USE_AT, IN_USE_COUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCANNED = {
    "CONTINUOUS_SCAN": {"statusCode": "ACTIVE", "reason": "SUCCESSFUL"},
    "SCAN_ON_PUSH": {"statusCode": "INACTIVE", "reason": "SCAN_FREQUENCY_SCAN_ON_PUSH"},
}
ALL_REPOSITORIES = {
    "scanFrequency": "CONTINUOUS_SCAN",
    "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}],
}

# What each criterion of a filter is about.
CRITERIA: dict[str, Callable[[Json], Any]] = {
    "accountId": lambda resource: resource["accountId"],
    "ecrImageInUseCount": lambda resource: _image(resource)["inUseCount"],
    "ecrImageLastInUseAt": lambda resource: _image(resource).get("lastInUseAt"),
    "ecrImageTags": lambda resource: _image(resource)["tags"],
    "ecrRepositoryName": lambda resource: resource["resourceMetadata"]["ecrRepository"]["name"],
    "imagePulledAt": lambda resource: _image(resource).get("imagePulledAt"),
    "resourceId": lambda resource: resource["resourceId"],
    "resourceType": lambda resource: resource["resourceType"],
    "scanStatusCode": lambda resource: resource["scanStatus"]["statusCode"],
    "scanStatusReason": lambda resource: resource["scanStatus"]["reason"],
    "scanType": lambda resource: resource["scanType"],
}


def install() -> None:
    """Replace operations of MiniStack."""
    handlers = {
        "/coverage/list": list_coverage,
        "/disable": _switching(inspector2._disable, {"scanType": "BASIC", "rules": []}),  # noqa: SLF001
        "/enable": _switching(inspector2._enable, {"scanType": "ENHANCED", "rules": [ALL_REPOSITORIES]}),  # noqa: SLF001
        "/status/batch/get": batch_get_account_status,
    }
    inspector2._path_handlers.update(handlers)  # noqa: SLF001


def _switching(ministack_operation: Callable[[Json], Any], configuration: Json) -> Callable[[Json], Any]:
    """The operation, which also sets the scanning configuration of the registry where it is about images."""

    def switch(data: Json) -> Any:
        if "ECR" in (data.get("resourceTypes") or ["ECR"]):
            registry.configure(configuration)
        return ministack_operation(data)

    return switch


def batch_get_account_status(data: Json, account_id: str) -> Any:
    status, headers, body = inspector2._batch_get_account_status(data, account_id)  # noqa: SLF001
    answer = json.loads(body)
    for account in answer.get("accounts", []):
        states = account["resourceState"]
        states["ecr"]["status"] = "ENABLED" if registry.is_enhanced() else "DISABLED"
        enabled = any(each["status"] == "ENABLED" for each in states.values())
        account["state"]["status"] = "ENABLED" if enabled else "DISABLED"
    return status, headers, json.dumps(answer).encode()


def list_coverage(data: Json, account_id: str) -> Any:
    try:
        criteria = data.get("filterCriteria") or {}
        found = [each for each in _covered(account_id) if _meets(each, criteria)]
        shown, following = page(found, data)
    except Fault as fault:
        return error_response_json(fault.code, fault.message)
    return json_response({"coveredResources": shown, **following})


def _covered(account_id: str) -> Iterator[Json]:
    if not registry.is_enhanced():
        return
    tasks = ecs.tasks_by_image()
    for name, records in sorted(_images.items()):
        frequency = registry.frequency_of(name)
        if frequency not in SCANNED:
            continue
        # A task that runs an index runs one of its images.
        parents: dict[str, list[str]] = defaultdict(list)
        for record in records:
            for child in images.children_of(record):
                parents[child].append(record["imageDigest"])
        for record in filter(scanning.is_supported, records):
            digest = record["imageDigest"]
            users = [task for each in (digest, *parents[digest]) for task in tasks[each]]
            yield _resource(account_id, name, record, users) | {"scanStatus": SCANNED[frequency]}


def _resource(account_id: str, name: str, record: Json, users: list[Json]) -> Json:
    pulled = images.pulled_at(record)
    image = {
        "tags": record["imageTags"],
        **({"imagePulledAt": int(pulled.timestamp())} if pulled else {}),
        **_use(record, users),
    }
    return {
        "resourceType": "AWS_ECR_CONTAINER_IMAGE",
        "resourceId": f"arn:aws:ecr:{get_region()}:{account_id}:repository/{name}/{record['imageDigest']}",
        "accountId": account_id,
        "scanType": "PACKAGE",
        "resourceMetadata": {
            "ecrRepository": {"name": name, "scanFrequency": registry.frequency_of(name)},
            "ecrImage": image,
        },
    }


def _use(record: Json, users: list[Json]) -> Json:
    """How many pods and tasks use an image, and when one last did."""
    now = datetime.now(UTC)
    pods, noted = int(annotation(record, IN_USE_COUNT) or 0), annotation(record, IN_USE_AT)
    running = [task for task in users if task["lastStatus"] == "RUNNING"]
    times = [datetime.fromisoformat(task["stoppedAt"]) for task in users if task not in running]
    times += [datetime.fromisoformat(noted)] if noted else []
    times += [now] if pods or running else []
    last_use = {"lastInUseAt": int(max(times).timestamp())} if times else {}
    return {"inUseCount": pods + len(running), **last_use}


def _image(resource: Json) -> Json:
    image: Json = resource["resourceMetadata"]["ecrImage"]
    return image


def _meets(resource: Json, criteria: Json) -> bool:
    for name, conditions in criteria.items():
        if name not in CRITERIA:
            raise Fault("ValidationException", f"The embedded AWS has no filter {name}.")
        value = CRITERIA[name](resource)
        if not (_meets_texts if "comparison" in conditions[0] else _meets_ranges)(value, conditions):
            return False
    return True


def _meets_texts(value: Any, conditions: list[Json]) -> bool:
    """Whether a value, or one of a list, is among those it may be, and none of those it must not be."""
    values = value if isinstance(value, list) else [value]
    equal = [each["value"] for each in conditions if each["comparison"] == "EQUALS"]
    unequal = [each["value"] for each in conditions if each["comparison"] == "NOT_EQUALS"]
    return (not equal or any(each in equal for each in values)) and not any(each in unequal for each in values)


def _meets_ranges(value: float | None, conditions: list[Json]) -> bool:
    """Whether a number, or a time in seconds, is within one of the ranges."""
    return value is not None and any(
        _bound(each, "lowerInclusive", "startInclusive", -math.inf)
        <= value
        <= _bound(each, "upperInclusive", "endInclusive", math.inf)
        for each in conditions
    )


def _bound(condition: Json, of_number: str, of_time: str, otherwise: float) -> float:
    given = [condition[name] for name in (of_number, of_time) if condition.get(name) is not None]
    return float(next(iter(given), otherwise))
