"""API calls of each operation, on moto. The goal: one Create, one Put per document, and no write if nothing changed."""

from __future__ import annotations

import json
import os
from itertools import count
from typing import TYPE_CHECKING, Any

from moto import mock_aws
from rich.console import Console
from rich.table import Table

from benchmarks._cloudformation import CloudFormation
from ecr_controller import aws
from ecr_controller.resources.authorization_token_grant import AuthorizationTokenGrantResource
from ecr_controller.resources.repository import RepositoryResource
from ecr_controller.resources.repository_grant import RepositoryGrantResource
from tests.unit.conftest import Event, Served
from tests.unit.deployed import create_table

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
STATED = CHANGED | {
    "PolicyStatements": [{"Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "ecr:BatchGetImage"}]
}
STATEMENT = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
DOCUMENT = {"Version": "2012-10-17", "Statement": [STATEMENT]}


ROLE = "arn:aws:iam::123456789012:role/app"
PULL = {"RepositoryName": "team/full", "Grantee": ROLE, "Access": "Pull"}
PUSH = PULL | {"Access": "PullPush"}
TOKEN = {"Grantee": ROLE}
SERVICES = ("cloudformation", "ecr", "dynamodb", "iam")
REQUESTS = count(1)


def event(kind: str, type_name: str, new: dict[str, Any], old: dict[str, Any] | None = None, at: str = "") -> Event:
    """A request of the stack `shop`. By default, the physical ID of the resource is the name of the repository."""
    physical_id = at or new.get("RepositoryName", "")
    return Event(
        kind,
        str(next(REQUESTS)),
        resource_type=f"Custom::{type_name}",
        physical_id=physical_id,
        properties=new,
        old_properties=old or {},
    )


def operations() -> Iterator[tuple[str, Callable[[], object]]]:
    """Each operation once, in an order in which each has what it requires."""
    served = Served(RepositoryResource(), RepositoryGrantResource(), AuthorizationTokenGrantResource())
    kind = "ECRRepository"
    yield "repository: create, bare", lambda: served.create(event("Create", kind, BARE))
    yield "repository: create, full", lambda: served.create(event("Create", kind, FULL))
    yield "repository: nothing changed, bare", lambda: served.update(event("Update", kind, BARE, BARE))
    yield "repository: nothing changed, full", lambda: served.update(event("Update", kind, FULL, FULL))
    yield "repository: one property", lambda: served.update(event("Update", kind, CHANGED, FULL))
    yield "repository: statements added", lambda: served.update(event("Update", kind, STATED, CHANGED))
    yield "repository: statements kept", lambda: served.update(event("Update", kind, STATED, STATED))
    kind, at = "ECRRepositoryGrant", "team/full|Images"
    yield "grant to a role: create", lambda: served.create(event("Create", kind, PULL, at=at))
    yield "grant to a role: nothing changed", lambda: served.update(event("Update", kind, PULL, PULL, at))
    yield "grant to a role: other access", lambda: served.update(event("Update", kind, PUSH, PULL, at))
    yield "grant to a role: delete", lambda: served.delete(event("Delete", kind, PUSH, at=at))
    yield "token grant: create", lambda: served.create(event("Create", "ECRAuthorizationTokenGrant", TOKEN))
    yield "repository: delete", lambda: served.delete(event("Delete", "ECRRepository", CHANGED))


def main() -> None:
    """Run each operation once, and print the calls that it makes."""
    policy = "arn:aws:iam::123456789012:policy/token"
    os.environ |= {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    os.environ |= {"PARTS_TABLE": "parts", "AUTHORIZATION_TOKEN_POLICY": policy}
    table = Table("operation", "calls", "names", title="API calls of each operation, in order")
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


def prepare() -> CloudFormation:
    """Create the role that receives the grants, the policy that is attached, and the table of parts."""
    create_table(aws.client("dynamodb"), "PartsTable", "parts")
    aws.client("iam").create_role(RoleName="app", AssumeRolePolicyDocument="{}")
    aws.client("iam").create_policy(PolicyName="token", PolicyDocument=json.dumps(DOCUMENT))
    return CloudFormation()


if __name__ == "__main__":
    main()
