"""The scene about grants: a role before, with and after one, and a statement of another owner that stays."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from rich.table import Table

from ecr_controller.repository_policy.statement import PREFIX
from local.demo.checks import DemoError, expect
from local.images import push_image
from local.progress import console, heading, say, step
from local.stack import Stack

if TYPE_CHECKING:
    from local.emulator.process import Emulator

NAME = "team/granted"
ROLE = "web"
FOREIGN = {"Sid": "Foreign", "Effect": "Allow", "Principal": "*", "Action": "ecr:ListImages"}
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
    """Grant a role Pull, then PullPush, then nothing; show what it may do each time; delete everything."""
    heading(f"{number}. A role can pull once it has a grant, and the policy keeps the statements of others")
    ecr, stack = aws.client("ecr"), Stack(aws.client("cloudformation"), "web")
    with step("Creating a role without permissions, and a repository with an image and a statement of another owner"):
        role = _role(aws)
        ecr.create_repository(repositoryName=NAME)
        push_image(ecr, NAME, "v1")
        ecr.set_repository_policy(repositoryName=NAME, policyText=json.dumps({"Statement": [FOREIGN]}))
    seen = {"before": _seen(ecr, role)}
    with step("Deploying the stack web with Access: Pull"):
        expect(stack.deploy(TEMPLATE), "CREATE_COMPLETE")
    seen["Pull"] = _seen(ecr, role)
    with step("Updating it to Access: PullPush"):
        expect(stack.deploy(TEMPLATE.replace("Access: Pull", "Access: PullPush")), "UPDATE_COMPLETE")
    seen["PullPush"] = _seen(ecr, role)
    with step("Deleting the stack web"):
        expect(stack.delete(), "DELETE_COMPLETE")
    seen["after"] = _seen(ecr, role)
    console.print(_table(seen))
    with step("Checking that the statement of the other owner was unchanged each time"):
        if any(each["foreign statement"] != "kept" for each in seen.values()):
            raise DemoError("It was changed.")
    say(f"The Sids of the controller's own statements begin with {PREFIX}. It changes no other statement.")
    with step("Deploying a stack that grants access to everyone, which the parameters of the controller do not allow"):
        public = re.sub("Grantee: .*", 'Grantee: "*"', TEMPLATE)
        refused = expect(Stack(aws.client("cloudformation"), "public").deploy(public), "ROLLBACK_COMPLETE")
    say(refused.reasons[0])
    ecr.delete_repository(repositoryName=NAME, force=True)
    aws.client("iam").delete_role(RoleName=ROLE)


def _role(aws: Emulator) -> Any:
    """An ECR client with the credentials of a new role that has no permissions."""
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
    return allowed | {"foreign statement": "kept" if FOREIGN in policy else "gone", "controller's statements": ours}


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
