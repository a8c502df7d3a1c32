"""`make test-aws`: the integration tests on a real account and Region. It says what it creates, and asks first."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local import deploy
from local.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_ecr import ECRClient

WHAT = """
This runs the integration tests on AWS account {account}, Region {region}{endpoint}. They create, under random names
that begin with `ect`:
  - a stack of the controller: Lambda functions, IAM roles, log groups, alarms
  - some twenty short stacks, with as many ECR repositories and tiny images
  - the stack aws-sam-cli-managed-default with a bucket for code, unless it exists; it stays
Everything else is deleted at the end, also after a failure. It costs a few cents and takes some minutes.
"""


class RealAws:
    """The AWS that the environment names, with the interface of the emulator."""

    def __init__(self) -> None:
        self.region: str = boto3.session.Session().region_name or "us-east-1"

    def client(self, service: str) -> Any:
        """A boto3 client with the credentials of the environment."""
        make: Any = boto3.session.Session().client
        return make(service, region_name=self.region)

    def environment(self) -> dict[str, str]:
        """The environment of a child process."""
        return {**os.environ, "AWS_DEFAULT_REGION": self.region, "SAM_CLI_TELEMETRY": "0"}


def remove_everything(aws: Any, prefix: str, controller_stack: str) -> None:
    """Remove what failed tests left, then the controller, then what it retains."""
    cloudformation = aws.client("cloudformation")
    _remove_repositories(aws.client("ecr"), prefix)
    _remove_stacks(cloudformation, prefix, controller_stack)
    described = cloudformation.describe_stacks(StackName=controller_stack)["Stacks"][0]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}
    deploy.delete(aws.environment(), controller_stack)
    dynamodb, table = aws.client("dynamodb"), outputs["PartsTable"]
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
    dynamodb.get_waiter("table_exists").wait(TableName=table)
    dynamodb.delete_table(TableName=table)
    for policy in ("AuthorizationTokenPolicy", "PublicGalleryAuthorizationTokenPolicy"):
        aws.client("iam").delete_policy(PolicyArn=outputs[policy])


def _remove_repositories(ecr: ECRClient, prefix: str) -> None:
    for page in ecr.get_paginator("describe_repositories").paginate():
        for repository in page["repositories"]:
            if repository["repositoryName"].startswith(prefix):
                ecr.delete_repository(repositoryName=repository["repositoryName"], force=True)


def _remove_stacks(cloudformation: CloudFormationClient, prefix: str, but: str) -> None:
    for page in cloudformation.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            if stack["StackName"].startswith(prefix) and stack["StackName"] != but:
                Stack(cloudformation, stack["StackName"]).delete()


def main() -> int:
    """Ask, run the tests, and return their exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m local.real_aws",
        description="Run the integration tests on a real account and Region. Shows what they create, and asks first.",
        epilog="Other arguments are passed to pytest.",
    )
    _, arguments = parser.parse_known_args()
    try:
        aws = RealAws()
        account = aws.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        print(f"The tests need credentials for an AWS account: {error}", file=sys.stderr)
        return 1
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    print(WHAT.format(account=account, region=aws.region, endpoint=f", at {endpoint}" if endpoint else ""))
    print("Type the account ID to continue: ", end="", flush=True)
    if sys.stdin.readline().strip() != account:
        print("\nNothing was done.")
        return 1
    command = [sys.executable, "-m", "pytest", "tests/integration", *arguments]
    return subprocess.run(command, env={**aws.environment(), "ECR_CONTROLLER_TEST_AWS": "1"}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
