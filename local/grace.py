"""`python -m local.grace REPOSITORY DAYS`: let days of grace of KeepInUse pass, on the embedded AWS.

The images of the repository that are no longer in use have been so for as many days more.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import boto3

from local.progress import exit_code

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONTROLLER = "ecr-controller"


def let_days_pass(dynamodb: DynamoDBClient, table: str, repository: str, days: int) -> list[str]:
    """Set back since when the images of a repository are not in use; return their digests."""
    found: Any = dynamodb.query(
        TableName=table,
        KeyConditionExpression="#target = :target",
        ExpressionAttributeNames={"#target": "target"},
        ExpressionAttributeValues={":target": {"S": f"held-image/{repository}"}},
    )
    changed = []
    for item in found["Items"]:
        content = json.loads(item["content"]["S"])
        if content["unusedSince"] is not None:
            content["unusedSince"] -= days * 24 * 3600
            dynamodb.put_item(TableName=table, Item=item | {"content": {"S": json.dumps(content)}})
            changed.append(item["owner"]["S"])
    return changed


def main() -> None:
    """Let the days pass, and print the digest of each image that they count for."""
    parser = argparse.ArgumentParser(
        prog="python -m local.grace", description="Simulate that days of grace of KeepInUse pass on the embedded AWS."
    )
    parser.add_argument("repository", metavar="REPOSITORY", help="the name of a repository, such as team/app")
    parser.add_argument("days", metavar="DAYS", type=int, help="the number of days")
    given = parser.parse_args()
    if "AWS_ENDPOINT_URL" not in os.environ:
        parser.error("AWS_ENDPOINT_URL is not set. Run the `export` commands that `make local` prints.")
    [stack] = boto3.client("cloudformation").describe_stacks(StackName=CONTROLLER)["Stacks"]
    [table] = [each["OutputValue"] for each in stack["Outputs"] if each["OutputKey"] == "PartsTable"]
    for digest in let_days_pass(boto3.client("dynamodb"), table, given.repository, given.days):
        print(f"{given.repository} {digest}")


if __name__ == "__main__":
    sys.exit(exit_code(main))
