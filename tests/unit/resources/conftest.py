"""A repository on moto whose policy refuses the principals of a set, as ECR does, and the grants to try on it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from moto.ecr.exceptions import InvalidParameterException
from moto.ecr.models import ECRBackend

from ecr_controller import aws
from ecr_controller.resources.authorization_token_grant import AuthorizationTokenGrantResource
from ecr_controller.resources.public_gallery_authorization_token_grant import (
    PublicGalleryAuthorizationTokenGrantResource,
)
from ecr_controller.resources.repository_grant import RepositoryGrantResource
from ecr_controller.stacks import Stacks
from tests.unit.conftest import Served

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_iam import IAMClient

    from ecr_controller.shared_documents.parts import PartsTable

NAME = "team/app"
REFUSAL = "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Principal not found'"
NOTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]}


@dataclass
class KnownStacks:
    """What CloudFormation says of stacks. All exist, and none is being deleted, but those that a test names. All have
    the same tags."""

    tags: dict[str, str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    deleting: set[str] = field(default_factory=set)


@pytest.fixture(autouse=True)
def stacks(monkeypatch: pytest.MonkeyPatch) -> KnownStacks:
    """CloudFormation, which moto does not answer for."""
    known = KnownStacks()
    monkeypatch.setattr(Stacks, "tags", lambda _self, stack_id: known.tags)
    monkeypatch.setattr(Stacks, "exists", lambda _self, stack_id: stack_id not in known.gone)
    monkeypatch.setattr(Stacks, "is_being_deleted", lambda _self, stack_id: stack_id in known.deleting)
    return known


@pytest.fixture(autouse=True)
def grantees(monkeypatch: pytest.MonkeyPatch) -> None:
    """The accounts and organizations to which the tests grant access can be granted it."""
    monkeypatch.setenv("GRANTEE_ACCOUNTS", "*")
    monkeypatch.setenv("PUBLIC_GRANTS", "true")


@pytest.fixture
def iam(moto: None, monkeypatch: pytest.MonkeyPatch) -> IAMClient:
    """IAM with the two policies of the template."""
    client: IAMClient = aws.client("iam")
    for variable in ("AUTHORIZATION_TOKEN_POLICY", "PUBLIC_GALLERY_AUTHORIZATION_TOKEN_POLICY"):
        made = client.create_policy(PolicyName=variable.lower(), PolicyDocument=json.dumps(NOTHING))
        monkeypatch.setenv(variable, made["Policy"]["Arn"])
    return client


@pytest.fixture
def role(iam: IAMClient) -> Callable[[str], str]:
    """Makes a role; its ARN."""

    def make(name: str) -> str:
        return iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(NOTHING))["Role"]["Arn"]

    return make


@pytest.fixture
def attached(iam: IAMClient) -> Callable[[str], list[str]]:
    """The names of the policies attached to a role."""

    def of(name: str) -> list[str]:
        return [each["PolicyName"] for each in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]]

    return of


@pytest.fixture
def unknown(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What ECR does not know as a principal."""
    names, set_policy = set[str](), ECRBackend.set_repository_policy

    def refuse(self: Any, registry_id: str, repository_name: str, policy_text: str) -> Any:
        if any(f'"{name}"' in policy_text for name in names):
            raise InvalidParameterException(REFUSAL)
        return set_policy(self, registry_id, repository_name, policy_text)

    monkeypatch.setattr(ECRBackend, "set_repository_policy", refuse)
    return names


@pytest.fixture
def statements(ecr: ECRClient) -> Callable[[], list[Any]]:
    """The statements of the policy of the repository."""

    def of() -> list[Any]:
        try:
            text = ecr.get_repository_policy(repositoryName=NAME)["policyText"]
        except ecr.exceptions.RepositoryPolicyNotFoundException:
            return []
        found: list[Any] = json.loads(text)["Statement"]
        return found

    return of


@pytest.fixture
def grants(ecr: ECRClient, iam: IAMClient, parts: PartsTable) -> Served:
    """The three types of grants, and a repository to grant on."""
    ecr.create_repository(repositoryName=NAME)
    return Served(
        RepositoryGrantResource(), AuthorizationTokenGrantResource(), PublicGalleryAuthorizationTokenGrantResource()
    )
