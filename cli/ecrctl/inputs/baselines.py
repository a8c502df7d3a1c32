"""The baselines of a deployed controller, and what they put on repositories, from its table of parts."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from ecr_controller.baselines import baseline as baselines
from ecr_controller.custom_resource.request import Home
from ecr_controller.errors import UserError
from ecr_controller.repository.declarations import storage_key
from ecr_controller.repository.record import Record
from ecr_controller.resync.application import records_of
from ecr_controller.resync.declared import Declared
from ecr_controller.resync.drift import OWNER
from ecr_controller.shared_documents.converge import Part
from ecrctl.controller import UNBOUNDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient

    from ecr_controller.baselines.baseline import Baseline
    from ecr_controller.repository.model import Repository
    from ecr_controller.stacks import Stacks

_OUTPUT = "PartsTable"


class DeployedBaselines:
    """Those of the controller in a stack. Calls DescribeStacks and Query. Raises UserError and RetryableError."""

    def __init__(self, stack: str, cloudformation: CloudFormationClient, dynamodb: DynamoDBClient) -> None:
        [described] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", ())}
        if _OUTPUT not in outputs:
            raise UserError(f"--controller: the stack {stack} has no output {_OUTPUT}, so it is no controller")
        self._table, self._dynamodb = outputs[_OUTPUT], dynamodb
        self.baselines_of = self._reader(Home.of(described["StackId"]))

    def records_of(self, repository: Repository) -> dict[str, Record]:
        """What baselines put on the repository, by their owners, without that on an earlier one of the same name."""
        records = {part.owner: Record.from_part(part) for part in self._query(records_of(repository.name))}
        return {owner: each for owner, each in records.items() if each.request_id == repository.identity}

    def declared_by(self, repository: str, stacks: Stacks) -> str | None:
        """The owner of the resource that declares the repository, if its stack still has it."""
        for declared in map(Declared.from_part, self._query(storage_key(repository))):
            is_there = stacks.may_have_resource(declared.stack_id, declared.logical_id, repository)
            if declared.type_name == OWNER and is_there:
                return declared.owner
        return None

    def _reader(self, home: Home) -> Callable[[str], tuple[Baseline, ...]]:
        @cache
        def baselines_of(pattern: str) -> tuple[Baseline, ...]:
            parts = list(self._query(baselines.storage_key(pattern)))
            with UNBOUNDED.configured():
                return tuple(baselines.from_part(pattern, part, home) for part in parts)

        return baselines_of

    def _query(self, target: str) -> Iterator[Part]:
        values: Any = {":target": {"S": target}}
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="#target = :target",
            ExpressionAttributeNames={"#target": "target"},
            ExpressionAttributeValues=values,
        )
        for page in pages:
            for item in page["Items"]:
                yield Part(item["owner"]["S"], json.loads(item["content"]["S"]))
