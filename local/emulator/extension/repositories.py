"""Repositories as ECR keeps them: MiniStack takes any name and any lifecycle policy, forgets tag mutability exclusion
filters and pages, and gives a KMS-encrypted repository no key of its own."""

from __future__ import annotations

import json
import re
import uuid
from fnmatch import fnmatchcase

from ministack.core.responses import get_account_id, get_region

from local.emulator.extension.store import Fault, Json, own, page, repository

NAME = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*")
FILTERS = "imageTagMutabilityExclusionFilters"
ALL = 1_000_000  # MiniStack's own limit of a page, out of the way


async def create_repository(data: Json) -> Json:
    name = data.get("repositoryName", "")
    if not NAME.fullmatch(name):
        raise Fault.parameter("repositoryName", f"must satisfy regular expression '{NAME.pattern}'")
    if not 2 <= len(name) <= 256:
        raise Fault.parameter("repositoryName", "Member must have length between 2 and 256, inclusive")
    _check_filters(data)
    created = (await own("CreateRepository", data | _encryption(data)))["repository"]
    repository(data)[FILTERS] = data.get(FILTERS)
    return {"repository": _with_filters(created)}


async def describe_repositories(data: Json) -> Json:
    if data.get("repositoryNames") and (data.get("maxResults") or data.get("nextToken")):
        raise Fault("InvalidParameterException", "maxResults and nextToken cannot be used with repositoryNames")
    found = (await own("DescribeRepositories", data | {"maxResults": ALL}))["repositories"]
    shown, following = page(found, {"maxResults": ALL} if data.get("repositoryNames") else data)
    return {"repositories": [_with_filters(each) for each in shown], **following}


async def put_image_tag_mutability(data: Json) -> Json:
    _check_filters(data)
    answer = await own("PutImageTagMutability", data)
    repository(data)[FILTERS] = data.get(FILTERS)
    return _with_filters(answer)


async def put_lifecycle_policy(data: Json) -> Json:
    repository(data)
    check_lifecycle_policy(data.get("lifecyclePolicyText", ""))
    return await own("PutLifecyclePolicy", data)


def is_immutable(record: Json, tag: str) -> bool:
    """Whether a tag of a repository may not move: the filters name the exceptions from the setting."""
    excluded = any(fnmatchcase(tag, each["filter"]) for each in record.get(FILTERS) or [])
    return str(record["imageTagMutability"]).startswith("IMMUTABLE") != excluded


def _with_filters(answer: Json) -> Json:
    filters = repository(answer).get(FILTERS)
    return answer | {FILTERS: filters} if filters else answer


def _check_filters(data: Json) -> None:
    excludes = data.get("imageTagMutability", "").endswith("_WITH_EXCLUSION")
    filters = data.get(FILTERS) or []
    if excludes != bool(filters) or len(filters) > 5:
        raise Fault.parameter(FILTERS, "1 to 5 filters must be given with, and only with, a setting WITH_EXCLUSION")


def _encryption(data: Json) -> Json:
    """With KMS and no key, ECR uses the key that AWS manages in each account and Region."""
    given = data.get("encryptionConfiguration")
    if not given or given["encryptionType"] == "AES256":
        return {}
    home = f"{get_region()}:{get_account_id()}"
    key = f"arn:aws:kms:{home}:key/{uuid.uuid5(uuid.NAMESPACE_URL, home)}"
    return {"encryptionConfiguration": {"kmsKey": key, **given}}


def check_lifecycle_policy(text: str) -> None:
    """Raises Fault where ECR takes no such text as a policy, whatever its rules say."""
    if len(text) < 100:
        raise Fault.parameter("LifecyclePolicyText", "Member must have length greater than or equal to 100")
    if len(text) > 30720:
        raise Fault.parameter("LifecyclePolicyText", "Member must have length less than or equal to 30720")
    if failure := _lifecycle_policy_failure(text):
        raise Fault.parameter("LifecyclePolicyText", f"Lifecycle policy validation failure: {failure}")


def _lifecycle_policy_failure(text: str) -> str | None:
    try:
        policy = json.loads(text)
    except ValueError:
        policy = None
    if not isinstance(policy, dict):
        return "Could not map policyString into LifecyclePolicy."
    if "rules" not in policy:
        return 'object has missing required properties (["rules"])'
    return None if policy["rules"] else "array is too short: must have at least 1 elements but instance has 0 elements"
