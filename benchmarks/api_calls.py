"""API calls of each operation, on moto. The ideal: one Create, one Put a document, no write where nothing changed."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

from ecr_controller.grants.by_type import GrantResource
from moto import mock_aws
from rich.console import Console
from rich.table import Table

from ecr_controller import aws
from ecr_controller.custom_resource.protocol import Request
from ecr_controller.resources.repository import RepositoryResource
from ecr_controller.resources.repository_grant import RepositoryGrantResource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BARE: dict[str, Any] = {"RepositoryName": "team/bare"}
FULL: dict[str, Any] = {
    "RepositoryName": "team/full",
    "ImageScanOnPush": "true",
    "ImageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "ImageTagMutabilityExclusionFilters": ["latest"],
    "LifecycleRules": [{"TagPrefixList": ["prod"], "MaxImageCount": "9999"}, {"MaxImageAge": "30"}],
    "Tags": [{"Key": "team", "Value": "platform"}],
}
CHANGED = FULL | {"ImageScanOnPush": "false"}
STATEMENT = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
DOCUMENT = {"Version": "2012-10-17", "Statement": [STATEMENT]}


ROLE = "arn:aws:iam::123456789012:role/app"
PULL = {"RepositoryName": "team/full", "Grantee": ROLE, "Access": "Pull"}
PUSH = PULL | {"Access": "PullPush"}
TOKEN = {"Grantee": ROLE}
SERVICES = ("ecr", "dynamodb", "iam")


def request(kind: str, type_name: str, new: dict[str, Any], old: dict[str, Any] | None = None, at: str = "") -> Request:
    """A request of the stack `shop`."""
    stack = "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/7d6f1c80"
    physical_id = at or new.get("RepositoryName", "")
    return Request(kind, "r1", stack, "Images", f"Custom::{type_name}", physical_id, new, old or {}, time.time() + 60)


def operations() -> Iterator[tuple[str, Callable[[], object]]]:
    """Each operation once, in an order in which each finds what it needs."""
    repository, grant, token = RepositoryResource(), RepositoryGrantResource(), GrantResource()
    kind = "ECRRepository"
    yield "repository: create, bare", lambda: repository.create(request("Create", kind, BARE))
    yield "repository: create, full", lambda: repository.create(request("Create", kind, FULL))
    yield "repository: nothing changed, bare", lambda: repository.update(request("Update", kind, BARE, BARE))
    yield "repository: nothing changed, full", lambda: repository.update(request("Update", kind, FULL, FULL))
    yield "repository: one property", lambda: repository.update(request("Update", kind, CHANGED, FULL))
    kind, at = "ECRRepositoryGrant", "team/full|Images"
    yield "grant to a role: create", lambda: grant.create(request("Create", kind, PULL, at=at))
    yield "grant to a role: nothing changed", lambda: grant.update(request("Update", kind, PULL, PULL, at))
    yield "grant to a role: other access", lambda: grant.update(request("Update", kind, PUSH, PULL, at))
    yield "grant to a role: delete", lambda: grant.delete(request("Delete", kind, PUSH, at=at))
    yield "token grant: create", lambda: token.create(request("Create", "ECRAuthorizationTokenGrant", TOKEN))
    yield "repository: delete", lambda: repository.delete(request("Delete", "ECRRepository", CHANGED))


def main() -> None:
    """Do each operation once, and print the calls that it made."""
    policy = "arn:aws:iam::123456789012:policy/token"
    os.environ |= {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    os.environ |= {"PARTS_TABLE": "parts", "AUTHORIZATION_TOKEN_POLICY": policy}
    table = Table("operation", "calls", "of them", title="API calls of an operation, one after the other")
    made: list[str] = []
    with mock_aws():
        prepare()
        for service in SERVICES:
            aws.client(service).meta.events.register("before-call", lambda model, **_event: made.append(model.name))
        for title, operation in operations():
            made.clear()
            operation()
            table.add_row(title, str(len(made)), ", ".join(made))
    Console(width=110).print(table)


def prepare() -> None:
    """The role that is granted to, the policy that is attached, and the table of parts."""
    keys = {"target": "HASH", "owner": "RANGE"}
    aws.client("dynamodb").create_table(
        TableName="parts",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
    )
    aws.client("iam").create_role(RoleName="app", AssumeRolePolicyDocument="{}")
    aws.client("iam").create_policy(PolicyName="token", PolicyDocument=json.dumps(DOCUMENT))


if __name__ == "__main__":
    main()
