"""`make test-aws`: the integration tests on a real account and Region. It says what it makes, and asks first."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import boto3

WHAT = """
This runs the integration tests on AWS account {account}, Region {region}{endpoint}. They make, under random names that
begin with `ect`:
  - a stack of the controller: Lambda functions, IAM roles, log groups, alarms
  - some twenty short stacks, with as many ECR repositories and tiny images
  - the stack aws-sam-cli-managed-default with a bucket for code, where it is not there yet; it stays
All but the last is removed at the end, also after a failure. It costs a few cents and takes some minutes.
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
        return {**os.environ, "AWS_DEFAULT_REGION": self.region}


def main() -> int:
    """Ask, run the tests, and return their exit code."""
    aws = RealAws()
    account = aws.client("sts").get_caller_identity()["Account"]
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    print(WHAT.format(account=account, region=aws.region, endpoint=f", at {endpoint}" if endpoint else ""))
    if input("Type the account's number to go on: ").strip() != account:
        print("Nothing was done.")
        return 1
    command = [sys.executable, "-m", "pytest", "tests/integration", *sys.argv[1:]]
    return subprocess.run(command, env={**aws.environment(), "ECR_CONTROLLER_TEST_AWS": "1"}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
