"""The part of the demo about grants: a role before, with and after one, and a statement of somebody else that stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from rich.table import Table

from ecr_controller.repository_policy.statement import PREFIX
from local.images import push_image
from local.progress import console, heading, say, step
from local.stack import Stack

if TYPE_CHECKING:
    from local.emulator.process import Emulator

NAME = "team/granted"
ROLE = "web"
THEIRS = {"Sid": "Theirs", "Effect": "Allow", "Principal": "*", "Action": "ecr:ListImages"}
TEMPLATE = f"""
Resources:
  Grant:
    Type: Custom::ECRRepositoryGrant
    Properties:
      ServiceToken: !ImportValue ecr-controller-ECRRepositoryGrant
      RepositoryName: {NAME}
      Grantee: !Sub arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{ROLE}
      Access: Pull
"""


def show_grants(aws: Emulator, number: int) -> None:
    """Grant a role a pull, more, and nothing again; show what it may do each time. Leaves nothing behind."""
    heading(f"{number}. A role pulls once it is granted, and the policy keeps what others wrote into it")
    ecr, stack = aws.client("ecr"), Stack(aws.client("cloudformation"), "web")
    with step("Making a role without rights, and a repository with an image and a statement of somebody else"):
        role = _role(aws)
        ecr.create_repository(repositoryName=NAME)
        push_image(ecr, NAME, "v1")
        ecr.set_repository_policy(repositoryName=NAME, policyText=json.dumps({"Statement": [THEIRS]}))
    seen = {"before": _seen(ecr, role)}
    with step("Deploying the stack web: Access: Pull"):
        _expect(stack.deploy(TEMPLATE).succeeded)
    seen["Pull"] = _seen(ecr, role)
    with step("Updating it: Access: PullPush"):
        _expect(stack.deploy(TEMPLATE.replace("Access: Pull", "Access: PullPush")).succeeded)
    seen["PullPush"] = _seen(ecr, role)
    with step("Deleting it"):
        _expect(stack.delete().succeeded)
    seen["after"] = _seen(ecr, role)
    console.print(_table(seen))
    with step("Looking whether the statement of somebody else is as it was, each time"):
        _expect(all(each["foreign statement"] == "kept" for each in seen.values()))
    say(f"it is; ours are the statements whose Sid begins with {PREFIX}")
    ecr.delete_repository(repositoryName=NAME, force=True)
    aws.client("iam").delete_role(RoleName=ROLE)


def _role(aws: Emulator) -> Any:
    """A client of ECR with the rights of a new role, which has none."""
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    made = aws.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=document)["Role"]
    keys = aws.client("sts").assume_role(RoleArn=made["Arn"], RoleSessionName="demo")["Credentials"]
    return aws.client(
        "ecr",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def _seen(ecr: Any, role: Any) -> dict[str, str]:
    """What the role may do now, and what is in the policy."""
    policy = json.loads(ecr.get_repository_policy(repositoryName=NAME)["policyText"])["Statement"]
    calls = {
        "GetAuthorizationToken": lambda: role.get_authorization_token(),
        "BatchGetImage": lambda: role.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "v1"}]),
        "InitiateLayerUpload": lambda: role.initiate_layer_upload(repositoryName=NAME),
        "BatchDeleteImage": lambda: role.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "no"}]),
    }
    allowed = {name: "allowed" if _is_allowed(call) else "denied" for name, call in calls.items()}
    ours = str(sum(each["Sid"].startswith(PREFIX) for each in policy))
    return allowed | {"foreign statement": "kept" if THEIRS in policy else "gone", "our statements": ours}


def _is_allowed(call: Any) -> bool:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"].startswith("AccessDenied"):
            return False
        raise
    return True


def _table(seen: dict[str, dict[str, str]]) -> Table:
    table = Table("the role calls", *seen, box=None, padding=(0, 2))
    colour = {"allowed": "green", "denied": "red"}
    for row in seen["before"]:
        values = [each[row] for each in seen.values()]
        table.add_row(row, *(f"[{colour[value]}]{value}[/]" if value in colour else value for value in values))
    return table


def _expect(holds: bool) -> None:
    if not holds:
        raise RuntimeError("it did not come to that")
