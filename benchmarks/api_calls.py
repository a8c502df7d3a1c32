"""API calls of each operation on a repository, on moto: one Create, one Put a document, no write for no change."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from moto import mock_aws
from rich.console import Console
from rich.table import Table

from ecr_controller import aws
from ecr_controller.custom_resource import Request
from ecr_controller.repository.resource import RepositoryResource

if TYPE_CHECKING:
    from botocore.model import OperationModel

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


def request(kind: str, new: dict[str, Any], old: dict[str, Any] | None = None) -> Request:
    """A request for the repository that the properties name."""
    stack = "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/7d6f1c80"
    name = new["RepositoryName"]
    return Request(kind, "r1", stack, "Images", "Custom::ECRRepository", name, new, old or {}, time.time() + 60)


def main() -> None:
    """Do each operation once, and print the calls that it made."""
    os.environ |= {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    table = Table("operation", "calls", "of them", title="API calls, Custom::ECRRepository")
    made: list[str] = []

    def record(model: OperationModel, **_event: object) -> None:
        made.append(model.name)

    with mock_aws():
        aws.client("ecr").meta.events.register("before-call.ecr", record)
        resource = RepositoryResource()
        for title, method, asked in (
            ("create, bare", resource.create, request("Create", BARE)),
            ("create, full", resource.create, request("Create", FULL)),
            ("update, nothing changed, bare", resource.update, request("Update", BARE, BARE)),
            ("update, nothing changed, full", resource.update, request("Update", FULL, FULL)),
            ("update, one property", resource.update, request("Update", CHANGED, FULL)),
            ("delete", resource.delete, request("Delete", CHANGED)),
        ):
            made.clear()
            method(asked)
            table.add_row(title, str(len(made)), ", ".join(made))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
