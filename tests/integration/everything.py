"""A stack with a resource of every type, and all that can be seen of it: in ECR, in IAM, in the table of parts."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local import images
from local.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from local.emulator.process import Emulator

FOREIGN_STATEMENT = {"Sid": "Theirs", "Effect": "Allow", "Principal": "*", "Action": "ecr:ListImages"}
FOREIGN_RULE = {
    "rulePriority": 7,
    "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5},
    "action": {"type": "expire"},
}
TRUST = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
VERSION = "2012-10-17"


def outputs_of(aws: Emulator, stack: str) -> dict[str, str]:
    """The outputs of a stack."""
    [described] = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}


def imported(controller: str, *types: str) -> dict[str, Any]:
    """The service tokens of a controller as templates import them."""
    return {each: {"Fn::ImportValue": f"{controller}-{each}"} for each in types}


@dataclass
class Everything:
    """One stack of everything, and what exists before it: repositories with contents of others, roles, a queue.

    ``names`` is how all of its repositories begin. ``tokens`` are the service tokens by type, without ``Custom::``.
    """

    aws: Emulator
    names: str
    tokens: Mapping[str, Any]
    stack: Stack = field(init=False)
    roles: list[str] = field(init=False)
    queue: str = field(init=False)

    def __post_init__(self) -> None:
        ecr = self.aws.client("ecr")
        self.stack = Stack(self.aws.client("cloudformation"), f"{self.names.replace('/', '-')}-everything")
        for each in ("adopted", "policy", "shared"):
            ecr.create_repository(repositoryName=f"{self.names}/{each}")
        text = json.dumps({"rules": [FOREIGN_RULE]})
        ecr.put_lifecycle_policy(repositoryName=f"{self.names}/policy", lifecyclePolicyText=text)
        text = json.dumps({"Version": VERSION, "Statement": [FOREIGN_STATEMENT]})
        ecr.set_repository_policy(repositoryName=f"{self.names}/shared", policyText=text)
        for tag in ("v1", "v2"):
            images.push_image(ecr, f"{self.names}/shared", tag, content=tag)
        self.roles = [self._make_role() for _ in range(2)]
        sqs = self.aws.client("sqs")
        url = sqs.create_queue(QueueName=self.stack.name)["QueueUrl"]
        self.queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def _make_role(self) -> str:
        document = json.dumps({"Version": VERSION, "Statement": [TRUST]})
        name = f"role-{uuid.uuid4().hex[:8]}"
        role = self.aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)
        return str(role["Role"]["Arn"])

    def template(self, version: int) -> str:
        """The template, in which version 2 differs from version 1 in every resource."""
        role = self.roles[version - 1]
        shared = {"RepositoryName": f"{self.names}/shared"}
        statement = {"Sid": "Read", "Effect": "Allow", "Principal": {"AWS": role}, "Action": ["ecr:BatchGetImage"]}
        declared: dict[str, tuple[str, dict[str, Any]]] = {
            "Repository": (
                "ECRRepository",
                {
                    "RepositoryName": f"{self.names}/made",
                    "ImageTagMutability": ("IMMUTABLE", "MUTABLE")[version - 1],
                    "ImageScanOnPush": version == 1,
                    "LifecycleRules": [{"MaxImageCount": 10 * version}],
                    "PolicyStatements": [statement],
                    "Tags": [{"Key": "team", "Value": f"team-{version}"}],
                },
            ),
            "Adopted": (
                "ECRRepository",
                {
                    "RepositoryName": f"{self.names}/adopted",
                    "OnExisting": "Adopt",
                    "PolicyStatements": [statement],
                },
            ),
            "Policy": (
                "ECRLifecyclePolicy",
                {
                    "RepositoryName": f"{self.names}/policy",
                    "OnExisting": "Replace",
                    "LifecycleRules": [{"MaxImageCount": 20 * version}],
                },
            ),
            "Grant": ("ECRRepositoryGrant", shared | {"Grantee": role, "Access": ("Pull", "PullPush")[version - 1]}),
            "OtherGrant": ("ECRRepositoryGrant", shared | {"Grantee": "999999999999", "Access": "Pull"}),
            "Token": ("ECRAuthorizationTokenGrant", {"Grantee": self.roles[-version]}),
            "PublicToken": ("ECRPublicGalleryAuthorizationTokenGrant", {"Grantee": role}),
            "Route": (
                "ECRImageScanRoute",
                {
                    "RepositoryName": f"{self.names}/*",
                    "MinimumSeverity": ("HIGH", "CRITICAL")[version - 1],
                    "Targets": [self.queue],
                },
            ),
            "Events": (
                "ECREventRoute",
                {
                    "RepositoryName": f"{self.names}/*",
                    "Events": (["Pushed"], ["Pushed", "Deleted"])[version - 1],
                    "ImageTags": ["nothing"],
                    "Targets": [self.queue],
                },
            ),
            "Scan": ("ECRImageScan", shared | {"ImageTag": f"v{version}"}),
        }
        resources = {
            name: {"Type": f"Custom::{kind}", "Properties": {"ServiceToken": self.tokens[kind], **properties}}
            for name, (kind, properties) in declared.items()
            if kind in self.tokens
        }
        return json.dumps({"Resources": resources})

    def observed(self) -> dict[str, Any]:
        """Every repository with its settings, tags and documents, and the policies that are attached to the roles."""
        return {"repositories": dict(self._repositories()), "attached": dict(self._attached())}

    def _repositories(self) -> Iterator[tuple[str, dict[str, Any]]]:
        ecr = self.aws.client("ecr")
        for page in ecr.get_paginator("describe_repositories").paginate():
            for repository in page["repositories"]:
                name = repository["repositoryName"]
                if name.startswith(f"{self.names}/"):
                    tags = ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
                    yield (
                        name,
                        {
                            "settings": repository,
                            "tags": {each["Key"]: each["Value"] for each in tags},
                            "lifecycle policy": self._document(ecr.get_lifecycle_policy, name, "lifecyclePolicyText"),
                            "policy": self._document(ecr.get_repository_policy, name, "policyText"),
                        },
                    )

    @staticmethod
    def _document(read: Any, name: str, member: str) -> Any:
        try:
            return json.loads(read(repositoryName=name)[member])
        except ClientError as error:
            if error.response["Error"]["Code"].endswith("PolicyNotFoundException"):
                return None
            raise

    def _attached(self) -> Iterator[tuple[str, list[str]]]:
        for role in self.roles:
            attached = self.aws.client("iam").list_attached_role_policies(RoleName=role.rpartition("/")[2])
            yield role, sorted(each["PolicyArn"] for each in attached["AttachedPolicies"])

    def rows(self, table: str) -> list[tuple[str, str, Any]]:
        """The rows of the table of parts that belong to the stack: target, owner, content."""
        pages = self.aws.client("dynamodb").get_paginator("scan").paginate(TableName=table)
        items = [{key: value["S"] for key, value in item.items()} for page in pages for item in page["Items"]]
        ours = [each for each in items if self.stack.id in each["target"] + each["owner"]]
        return sorted((each["target"], each["owner"], json.loads(each["content"])) for each in ours)

    def update_and_delete(self, table: str, made: dict[str, Any], before: dict[str, Any]) -> None:
        """Update the stack, which changes what was ``made``, then delete it: all is as ``before``, without a row."""
        updated = self.stack.deploy(self.template(2))
        assert updated.succeeded, updated
        assert self.observed() != made
        deleted = self.stack.delete()
        assert deleted.succeeded, deleted
        assert self.rows(table) == []
        assert self.observed() == before
