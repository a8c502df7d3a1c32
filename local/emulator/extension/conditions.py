"""Authorization that MiniStack lacks: condition keys, the resources of ECR calls, the permission to tag at creation.

Missing are `iam:PolicyARN`, `aws:ResourceTag` and `ecr:ResourceTag` for ECR, `aws:TagKeys` of UntagResource; a call
with a `resourceArn` or `repositoryNames` is checked on `*`; AttachGroupPolicy is checked on the policy;
CreateRepository with tags does not need ecr:TagResource; a call that names a KMS key by an alias is checked on the
alias; DescribeEventBus is checked on a rule; `events:source` and `events:detail-type` of PutEvents;
`dynamodb:LeadingKeys`; SendMessageBatch is checked as an action of its own, and not as `sqs:SendMessage`; calls to ECS
are checked on a cluster, whatever they are about, and without `ecs:cluster`; those about one alias of a function are
checked as ListAliases.

Whether CreateRepository of a repository that exists meets the conditions on its tags is not documented. Here it does,
which is the stricter of the two.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import dynamodb, kms
from ministack.services.tagging import _collect_ecr as tags_of_repositories

from local.emulator.extension import ecs, functions

if TYPE_CHECKING:
    from local.emulator.extension.store import Json

POLICY_ACTIONS = {f"iam:{verb}{kind}Policy" for verb in ("Attach", "Detach") for kind in ("Role", "User", "Group")}

_ministack_action = iam_actions.extract_iam_action
_ministack_context = iam_actions.request_tag_context
_ministack_resource = iam_actions.extract_resource_arn
_ministack_enforce = iam_evaluator.enforce


def install() -> None:
    """Replace what the gateway looks up in MiniStack's modules at each request."""
    iam_actions.extract_iam_action = extract_iam_action
    iam_actions.request_tag_context = request_context
    iam_actions.extract_resource_arn = extract_resource_arn
    iam_evaluator.enforce = enforce


def extract_iam_action(*request: Any) -> str | None:
    """The action that a request needs.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
    """
    if request[0] == "lambda" and (about_alias := functions.action_of(*request[1:3])):
        return about_alias
    action: str | None = _ministack_action(*request)
    return "sqs:SendMessage" if action == "sqs:SendMessageBatch" else action


def request_context(service: str, iam_action: str, body: bytes, params: Json) -> Json:
    """The condition keys that a request fills in. The evaluator ignores the case of a key."""
    context: Json = _ministack_context(service, iam_action, body, params)
    if iam_action in POLICY_ACTIONS and "PolicyArn" in params:
        context["iam:PolicyARN"] = params["PolicyArn"][0]
    if service == "ecr":
        context |= _ecr_context(json.loads(body or b"{}"))
    if service == "ecs":
        context |= ecs.context_of(iam_action.removeprefix("ecs:"), json.loads(body or b"{}"))
    if iam_action == "events:PutEvents":
        context |= _events_context(json.loads(body or b"{}"))
    if service == "dynamodb":
        context |= _dynamodb_context(json.loads(body or b"{}"))
    return context


def _dynamodb_context(data: Json) -> Json:
    """The partition keys of the items that are read or written; nothing for a Scan.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    """
    each_item = [detail for item in data.get("TransactItems", []) for detail in item.values()]
    keys = [key for request in (data, *each_item) if (key := _partition_key(request)) is not None]
    return {"dynamodb:LeadingKeys": keys} if keys else {}


def _partition_key(request: Json) -> str | None:
    table: Json | None = dynamodb._tables.get(request.get("TableName", ""))  # noqa: SLF001
    if table is None:
        return None
    name, values = table["pk_name"], request.get("ExpressionAttributeValues", {})
    typed: Json = (request.get("Key") or request.get("Item") or {}).get(name, {})
    for left, right in re.findall(r"([#\w]+)\s*=\s*(:\w+)", request.get("KeyConditionExpression", "")):
        if request.get("ExpressionAttributeNames", {}).get(left, left) == name:
            typed = values[right]
    return next(iter(typed.values()), None)


def _events_context(data: Json) -> Json:
    """The values of all entries: both keys have several values.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
    """
    keys = {"events:source": "Source", "events:detail-type": "DetailType"}
    return {key: values for key, field in keys.items() if (values := [e[field] for e in data["Entries"] if field in e])}


def _ecr_context(data: Json) -> Json:
    named = _named(data)
    tags: list[dict[str, str]] = next((tags for arn, tags in tags_of_repositories() if arn.endswith(named)), [])
    tag_keys = {"aws:TagKeys": data["tagKeys"]} if "tagKeys" in data else {}
    return tag_keys | {f"{prefix}:ResourceTag/{tag['Key']}": tag["Value"] for prefix in ("aws", "ecr") for tag in tags}


def _named(data: Json) -> str:
    """The ARN of the repository that a call names, or its end; of all repositories where it names none or several."""
    names = data.get("repositoryNames") or []
    name = data.get("repositoryName") or (names[0] if len(names) == 1 else "*")
    return data.get("resourceArn") or f":repository/{name}"


def _key_arn(data: Json) -> str | None:
    """The ARN of the key that a call names, also by an alias: IAM knows no aliases as resources."""
    key: Json | None = kms._resolve_key(data.get("KeyId"))  # noqa: SLF001
    return None if key is None else key["Arn"]


def extract_resource_arn(service: str, *request: Any) -> str:
    """The ARN that a request is checked on."""
    arn: str = _ministack_resource(service, *request)
    _method, _path, headers, body, params, region, account = request
    if service == "iam" and "GroupName" in params:
        return f"arn:aws:iam::{account}:group/{params['GroupName'][0]}"
    if service == "kms":
        return _key_arn(json.loads(body or b"{}")) or arn
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    if service == "ecs":
        return ecs.resource_of(operation, json.loads(body or b"{}"))
    if operation == "DescribeEventBus":
        return f"arn:aws:events:{region}:{account}:event-bus/{json.loads(body or b'{}').get('Name', 'default')}"
    if service != "ecr":
        return arn
    data = json.loads(body or b"{}")
    account = data.get("registryId") or account
    if arn != "*":
        return f"arn:aws:ecr:{region}:{account}{_named(data)}"
    if "resourceArn" in data:
        return _named(data)
    by_names = operation in ("DescribeRepositories", "BatchGetRepositoryScanningConfiguration")
    return f"arn:aws:ecr:{region}:{account}{_named(data)}" if by_names else arn


def enforce(access_key_id: str, iam_action: str, *where: Any, **resource: Any) -> Any:
    """None where the request is allowed, else MiniStack's denial (which always names CreateRepository)."""
    tagged = "aws:TagKeys" in (resource.get("service_context") or {})
    both = iam_action == "ecr:CreateRepository" and tagged
    for action in (iam_action, "ecr:TagResource") if both else (iam_action,):
        if denied := _ministack_enforce(access_key_id, action, *where, **resource):
            return denied
    return None
