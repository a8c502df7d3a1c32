"""Repository policies as ECR keeps them, and calls across accounts.

MiniStack takes any policy, keeps showing the ARN of a deleted principal, and looks for a repository only in the account
of the caller, whatever `registryId` says.

A role or user with the tag `local.iam/visible-in` is unknown to ECR for that many seconds after it was made, as new
ones may be for a minute on AWS.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import ecr
from ministack.services.iam import _roles, _users

from local.emulator.extension.store import Fault, Json, own, repository

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LENGTH = 10_240
VISIBLE_IN = "local.iam/visible-in"  # seconds
_IAM = re.compile(r"arn:aws:iam::(?P<account>[0-9]{12}):(?P<kind>role|user)/(?P<path>.*/)?(?P<name>[^/]+)")
_ID = re.compile(r"A(ROA|IDA)[A-Z0-9]{12,}")
_KNOWN = "principals"  # in the record of a repository: the ids of the principals when the policy was set

_ministack_policy_for_arn = ecr.repository_policy_for_arn


def install() -> None:
    """Let the check of permissions find the policy of a repository in any account."""
    ecr.repository_policy_for_arn = policy_for_arn


def policy_for_arn(arn: str) -> tuple[str, str] | None:
    """The policy and the account of the repository of an ARN, which is closed to other accounts where it has none."""
    account, region = arn.split(":")[4], arn.split(":")[3]
    if account == get_account_id():
        found: tuple[str, str] | None = _ministack_policy_for_arn(arn)
        return found
    with request_scope(account, region):
        return _ministack_policy_for_arn(arn) or ("", account)


def registry_scope(data: Json) -> Any:
    """The scope of the account whose registry a call names."""
    return request_scope(data.get("registryId") or get_account_id(), get_region())


async def set_repository_policy(data: Json) -> Json:
    record, text = repository(data), data.get("policyText", "")
    if len(text) > MAX_LENGTH:
        raise Fault.parameter("PolicyText", f"Member must have length less than or equal to {MAX_LENGTH}")
    statements = _statements(text)
    if not all(_is_statement(each) for each in statements):
        raise Fault.parameter("PolicyText", "Invalid repository policy provided")
    known = {principal: _id_of(principal) for each in statements for principal in _principals(each)}
    if None in known.values():
        raise Fault.parameter("PolicyText", "Principal not found")
    answer = await own("SetRepositoryPolicy", data)
    record[_KNOWN] = known
    return answer


async def get_repository_policy(data: Json) -> Json:
    answer = await own("GetRepositoryPolicy", data)
    text = answer["policyText"]
    for principal, known in repository(data).get(_KNOWN, {}).items():
        if _id_of(principal) != known:
            text = text.replace(json.dumps(principal), json.dumps(known))
    return answer | {"policyText": text}


def _statements(text: str) -> list[Any]:
    try:
        found = json.loads(text)["Statement"]
    except (ValueError, KeyError, TypeError):
        raise Fault.parameter("PolicyText", "Invalid repository policy provided") from None
    return found if isinstance(found, list) else [found]


def _is_statement(statement: Any) -> bool:
    """Whether ECR accepts it: with a principal and an action, and without a resource."""
    if not isinstance(statement, dict) or {"Resource", "NotResource"} & statement.keys():
        return False
    return all(statement.keys() & {name, f"Not{name}"} for name in ("Principal", "Action"))


def _principals(statement: Json) -> Iterator[str]:
    """The roles and users that a statement names, by their ARNs or by their ids."""
    principal = statement.get("Principal", {})
    named = principal.get("AWS", []) if isinstance(principal, dict) else []
    for each in [named] if isinstance(named, str) else named:
        if _IAM.fullmatch(each) or _ID.fullmatch(each):
            yield each


def _id_of(principal: str) -> str | None:
    """The id of a role or user, or None where there is none that ECR knows."""
    if found := _IAM.fullmatch(principal):
        store, key = (_roles, "RoleId") if found["kind"] == "role" else (_users, "UserId")
        record: Json | None = store.get_scoped(found["account"], None, found["name"])
        return str(record[key]) if record and record["Arn"] == principal and _is_visible(record) else None
    ids = {each["RoleId"] for each in _roles.values()} | {each["UserId"] for each in _users.values()}
    return principal if principal in ids else None


def _is_visible(record: Json) -> bool:
    tags = {tag["Key"]: tag["Value"] for tag in record.get("Tags") or []}
    # MiniStack's dates have no fractions.
    made = time.mktime(time.strptime(record["CreateDate"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
    return time.time() >= made + float(tags.get(VISIBLE_IN, 0))
