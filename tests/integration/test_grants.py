"""The three grants and PolicyStatements as users meet them: stacks, roles, other accounts, and IAM enforced."""

from __future__ import annotations

import json
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local.stack import Deployment, Stack
from tests.integration.conftest import ON_REAL_AWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ecr import ECRClient

    from local.emulator.process import Emulator

    Template = Callable[..., str]
    Role = Callable[..., str]

pytestmark = pytest.mark.skipif(ON_REAL_AWS, reason="it makes roles of two accounts, and takes the role of a function")

OTHER = "111111111111"
THEIRS = {"Sid": "Theirs", "Effect": "Allow", "Principal": "*", "Action": "ecr:ListImages"}
NOTHING = json.dumps({"Version": "2012-10-17", "Statement": []})
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def grants(controller_stack: str) -> Template:
    """Makes a template of grants: each argument is the properties of one, with its type under `type_name`."""

    def make(**resources: dict[str, Any]) -> str:
        return json.dumps({"Resources": {name: declared(**each) for name, each in resources.items()}})

    def declared(type_name: str = "ECRRepositoryGrant", **properties: Any) -> dict[str, Any]:
        token = {"Fn::ImportValue": f"{controller_stack}-{type_name}"}
        return {"Type": f"Custom::{type_name}", "Properties": {"ServiceToken": token, **properties}}

    return make


@pytest.fixture
def repository(ecr: ECRClient, name: str, push: Callable[[str, str], str]) -> str:
    """A repository with one image, v1."""
    ecr.create_repository(repositoryName=name)
    push(name, "v1")
    return name


@pytest.fixture
def role(aws: Emulator) -> Role:
    """Makes a role without any rights; its ARN."""

    def make(*, account: str | None = None, **tags: str) -> str:
        trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        made = aws.client("iam", account=account).create_role(
            RoleName=f"role-{uuid.uuid4().hex[:8]}",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
        return str(made["Role"]["Arn"])

    return make


def as_role(aws: Emulator, service: str, arn: str, *, account: str | None = None) -> Any:
    """A client with the rights of a role, and no others."""
    keys = aws.client("sts", account=account).assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return aws.client(
        service,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def is_allowed(call: Callable[..., Any], **arguments: Any) -> bool:
    try:
        call(**arguments)
    except ClientError as error:
        if "AccessDenied" in error.response["Error"]["Code"]:
            return False
        raise
    return True


def statements(ecr: ECRClient, name: str) -> list[Any]:
    try:
        found: list[Any] = json.loads(ecr.get_repository_policy(repositoryName=name)["policyText"])["Statement"]
    except ecr.exceptions.RepositoryPolicyNotFoundException:
        return []
    return found


def principals(ecr: ECRClient, name: str) -> set[str]:
    """All AWS principals in a policy."""
    named = [each["Principal"]["AWS"] for each in statements(ecr, name) if isinstance(each["Principal"], dict)]
    return {arn for each in named for arn in ([each] if isinstance(each, str) else each)}


def pull(repository: str, grantee: str, **more: Any) -> dict[str, Any]:
    return {"RepositoryName": repository, "Grantee": grantee, "Access": "Pull", **more}


# One grant


def test_a_role_without_rights_is_denied_then_granted_and_allowed_then_denied_again(
    aws: Emulator, stack: Stack, grants: Template, role: Role, repository: str
) -> None:
    arn = role()
    ecr = as_role(aws, "ecr", arn)

    def allowed() -> tuple[bool, bool]:
        image = {"repositoryName": repository, "imageIds": [{"imageTag": "v1"}]}
        return is_allowed(ecr.get_authorization_token), is_allowed(ecr.batch_get_image, **image)

    assert allowed() == (False, False)
    assert stack.deploy(grants(Grant=pull(repository, arn))).succeeded
    assert allowed() == (True, True)
    assert not is_allowed(ecr.batch_delete_image, repositoryName=repository, imageIds=[{"imageTag": "v1"}])
    assert stack.delete().succeeded
    assert allowed() == (False, False)


def test_a_foreign_statement_survives_create_update_and_delete(
    stack: Stack, grants: Template, role: Role, ecr: ECRClient, repository: str
) -> None:
    ecr.set_repository_policy(repositoryName=repository, policyText=json.dumps({"Statement": [THEIRS]}))
    one, two = role(), role()
    assert stack.deploy(grants(Grant=pull(repository, one))).succeeded
    assert (statements(ecr, repository)[0], principals(ecr, repository)) == (THEIRS, {one})
    assert stack.deploy(grants(Grant=pull(repository, two, Access="PullPush"))).succeeded
    assert (statements(ecr, repository)[0], principals(ecr, repository)) == (THEIRS, {two})
    assert stack.delete().succeeded
    assert statements(ecr, repository) == [THEIRS]


def test_two_stacks_grant_the_same_principal_a_token_and_one_of_them_goes(
    aws: Emulator, stack: Stack, other_stack: Stack, grants: Template, role: Role
) -> None:
    arn = role()
    template = grants(
        Token={"type_name": "ECRAuthorizationTokenGrant", "Grantee": arn},
        Public={"type_name": "ECRPublicGalleryAuthorizationTokenGrant", "Grantee": arn},
    )
    assert stack.deploy(template).succeeded
    assert other_stack.deploy(template).succeeded
    assert len(attached(aws, arn)) == 2
    assert stack.delete().succeeded
    assert len(attached(aws, arn)) == 2
    assert is_allowed(as_role(aws, "ecr", arn).get_authorization_token)
    assert other_stack.delete().succeeded
    assert attached(aws, arn) == []


def attached(aws: Emulator, arn: str) -> list[Any]:
    found: list[Any] = aws.client("iam").list_attached_role_policies(RoleName=arn.split("/")[-1])["AttachedPolicies"]
    return found


def test_all_faults_of_a_grant_are_reported_at_once(stack: Stack, grants: Template, ecr: ECRClient, name: str) -> None:
    group = "arn:aws:iam::123456789012:group/developers"
    failed = stack.deploy(grants(Grant={"RepositoryName": name, "Grantee": group, "Acess": "Pull"}))
    assert failed.status == "ROLLBACK_COMPLETE"
    reason = next(each for each in failed.reasons if "invalid properties" in each)
    assert "Acess: is not a known property (did you mean Access?)" in reason
    assert "Access: is required" in reason


@pytest.mark.parametrize("kind", ["ECRRepositoryGrant", "ECRAuthorizationTokenGrant"])
def test_a_principal_that_does_not_exist_fails_within_seconds_and_leaves_nothing(
    stack: Stack, grants: Template, ecr: ECRClient, repository: str, kind: str
) -> None:
    nobody = "arn:aws:iam::123456789012:role/nobody"
    properties = pull(repository, nobody) if kind == "ECRRepositoryGrant" else {"Grantee": nobody}
    failed = stack.deploy(grants(Grant={"type_name": kind, **properties}))
    assert failed.status == "ROLLBACK_COMPLETE"
    assert failed.seconds < 30
    assert any(f"The role {nobody} does not exist in this account" in reason for reason in failed.reasons)
    assert statements(ecr, repository) == []


# An untidy world


def test_a_role_that_ecr_does_not_see_yet_is_waited_for(
    stack: Stack, grants: Template, role: Role, ecr: ECRClient, repository: str
) -> None:
    arn = role(**{"local.iam/visible-in": "6"})
    deployed = stack.deploy(grants(Grant=pull(repository, arn)))
    assert deployed.succeeded, deployed
    assert principals(ecr, repository) == {arn}


def test_a_deleted_role_of_one_grant_does_not_block_the_others_nor_its_own_delete(
    aws: Emulator, stack: Stack, other_stack: Stack, grants: Template, role: Role, ecr: ECRClient, repository: str
) -> None:
    dead, live, late = role(), role(account=OTHER), role()
    with_dead = grants(Dead=pull(repository, dead, AuthorizationToken=False), Live=pull(repository, live))
    assert stack.deploy(with_dead).succeeded
    aws.client("iam").delete_role(RoleName=dead.split("/")[-1])
    assert any(each.startswith("AROA") for each in principals(ecr, repository))
    deployed = other_stack.deploy(grants(Late=pull(repository, late)))
    assert deployed.succeeded, deployed
    assert principals(ecr, repository) == {live, late}
    assert stack.delete().succeeded
    assert principals(ecr, repository) == {late}


def test_a_repository_deleted_under_its_grants_does_not_block_their_stack(
    aws: Emulator, stack: Stack, grants: Template, role: Role, ecr: ECRClient, repository: str
) -> None:
    arn = role()
    assert stack.deploy(grants(Grant=pull(repository, arn))).succeeded
    ecr.delete_repository(repositoryName=repository, force=True)
    assert stack.delete().succeeded
    assert attached(aws, arn) == []


def test_a_policy_too_long_fails_and_names_the_grants_that_weigh_most(
    stack: Stack, grants: Template, ecr: ECRClient, repository: str
) -> None:
    def heavy(i: int) -> dict[str, Any]:
        return pull(repository, OTHER, Conditions={"StringEquals": {f"aws:PrincipalTag/{i}": "x" * 3000}})

    assert stack.deploy(grants(Light=pull(repository, OTHER))).succeeded
    failed = stack.deploy(grants(Light=pull(repository, OTHER), **{f"Heavy{i}": heavy(i) for i in range(4)}))
    assert failed.status == "UPDATE_ROLLBACK_COMPLETE"
    assert any("ECR accepts 10,240. Largest grants: Heavy" in reason for reason in failed.reasons)
    assert len(statements(ecr, repository)) == 1


def test_everyone_can_be_granted_access_only_by_a_parameter_of_the_controller(
    stack: Stack, grants: Template, ecr: ECRClient, repository: str
) -> None:
    failed = stack.deploy(grants(Public=pull(repository, "*"), Own=pull(repository, OTHER)))
    assert failed.status == "ROLLBACK_COMPLETE"
    assert any("Grantee: grants access to every AWS account" in reason for reason in failed.reasons)
    assert statements(ecr, repository) == []


# Other accounts


@pytest.mark.parametrize("grantee", ["account", "role", "organization"])
def test_a_pull_from_another_account_is_denied_before_and_allowed_after(
    aws: Emulator, stack: Stack, grants: Template, role: Role, repository: str, grantee: str
) -> None:
    arn = role(account=OTHER)
    rights = json.dumps({"Statement": [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}]})
    aws.client("iam", account=OTHER).put_role_policy(
        RoleName=arn.split("/")[-1], PolicyName="rights", PolicyDocument=rights
    )
    theirs = as_role(aws, "ecr", arn, account=OTHER)
    image = {"registryId": aws.account, "repositoryName": repository, "imageIds": [{"imageTag": "v1"}]}
    named = {"account": OTHER, "role": arn, "organization": organization_of(aws, OTHER)}
    assert not is_allowed(theirs.batch_get_image, **image)
    assert stack.deploy(grants(Grant=pull(repository, named[grantee]))).succeeded
    assert len(theirs.batch_get_image(**image)["images"]) == 1
    assert stack.delete().succeeded
    assert not is_allowed(theirs.batch_get_image, **image)


def organization_of(aws: Emulator, account: str) -> str:
    organizations = aws.client("organizations", account=account)
    try:
        return str(organizations.create_organization()["Organization"]["Id"])
    except ClientError:
        return str(organizations.describe_organization()["Organization"]["Id"])


# Examples


def test_the_grants_deploy_as_they_are_shown(
    aws: Emulator, stack: Stack, ecr: ECRClient, repository: str, controller_stack: str
) -> None:
    template = (EXAMPLES / "grants.yaml").read_text(encoding="utf-8")
    deployed = stack.deploy(template, Controller=controller_stack, RepositoryName=repository)
    assert deployed.succeeded, deployed
    assert len(statements(ecr, repository)) == 4
    assert stack.delete().succeeded
    assert statements(ecr, repository) == []


@pytest.mark.parametrize("name", ["authorization-token-grant", "public-gallery-authorization-token-grant"])
def test_the_grants_of_tokens_deploy_as_they_are_shown(
    aws: Emulator, stack: Stack, controller_stack: str, name: str
) -> None:
    deployed = stack.deploy((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"), Controller=controller_stack)
    assert deployed.succeeded, deployed
    resources = aws.client("cloudformation").describe_stack_resources(StackName=stack.name)["StackResources"]
    [policy] = attached(
        aws, next(each["PhysicalResourceId"] for each in resources if each["LogicalResourceId"] == "BuildRole")
    )
    assert policy["PolicyArn"] == deployed.outputs["PolicyArn"]
    assert stack.delete().succeeded


# Many owners


def test_fifty_grants_of_one_stack_are_all_there_then_25_go_while_25_change(
    stack: Stack, grants: Template, ecr: ECRClient, repository: str
) -> None:
    ecr.set_repository_policy(repositoryName=repository, policyText=json.dumps({"Statement": [THEIRS]}))
    accounts = [f"{222222222200 + i}" for i in range(50)]
    first = {f"Grant{i}": pull(repository, each) for i, each in enumerate(accounts)}
    assert stack.deploy(grants(**first)).succeeded
    assert principals(ecr, repository) == {f"arn:aws:iam::{each}:root" for each in accounts}
    changed = {f"Grant{i}": pull(repository, accounts[i], Access="Push") for i in range(25)}
    assert stack.deploy(grants(**changed)).succeeded
    kept, pushed = statements(ecr, repository)
    assert kept == THEIRS
    assert pushed["Action"][-1] == "ecr:PutImage"
    assert set(pushed["Principal"]["AWS"]) == {f"arn:aws:iam::{each}:root" for each in accounts[:25]}


@pytest.mark.timeout(700)
def test_fifty_grants_at_the_same_time_are_all_there_then_25_go_while_25_change(
    aws: Emulator, prefix: str, grants: Template, ecr: ECRClient, repository: str
) -> None:
    # The emulator makes the resources of one stack one after the other, and several stacks at the same time.
    ecr.set_repository_policy(repositoryName=repository, policyText=json.dumps({"Statement": [THEIRS]}))
    accounts = [f"{222222222200 + i}" for i in range(50)]
    cloudformation = aws.client("cloudformation")
    stacks = [Stack(cloudformation, f"{prefix}-many-{i}") for i in range(50)]

    def deploy(stack: Stack, account: str, access: str = "Pull") -> Deployment:
        return stack.deploy(grants(Grant=pull(repository, account, Access=access)))

    with ThreadPoolExecutor(len(stacks)) as pool:
        assert all(each.succeeded for each in pool.map(deploy, stacks, accounts))
        assert principals(ecr, repository) == {f"arn:aws:iam::{each}:root" for each in accounts}
        deleted = pool.map(Stack.delete, stacks[25:])
        changed = pool.map(deploy, stacks[:25], accounts[:25], ["Push"] * 25)
        assert all(each.succeeded for each in (*deleted, *changed))
        kept, pushed = statements(ecr, repository)
        assert kept == THEIRS
        assert pushed["Action"][-1] == "ecr:PutImage"
        assert set(pushed["Principal"]["AWS"]) == {f"arn:aws:iam::{each}:root" for each in accounts[:25]}
        assert all(each.succeeded for each in pool.map(Stack.delete, stacks[:25]))


def token_of(aws: Emulator, controller_stack: str) -> str:
    outputs = aws.client("cloudformation").describe_stacks(StackName=controller_stack)["Stacks"][0]["Outputs"]
    return next(str(each["OutputValue"]) for each in outputs if each["OutputKey"] == "ECRRepositoryGrant")


# PolicyStatements


def test_policy_statements_of_a_repository_stand_among_those_of_grants_and_of_others(
    stack: Stack, other_stack: Stack, template: Template, grants: Template, ecr: ECRClient, name: str
) -> None:
    statement = {"Sid": "Ci", "Principal": {"AWS": OTHER}, "Action": "ecr:BatchGetImage"}
    assert stack.deploy(template(RepositoryName=name, PolicyStatements=[statement])).succeeded
    assert other_stack.deploy(grants(Grant=pull(name, "222222222222"))).succeeded
    theirs = [*statements(ecr, name), THEIRS]
    ecr.set_repository_policy(repositoryName=name, policyText=json.dumps({"Statement": theirs}))
    changed = {**statement, "Effect": "Deny"}
    assert stack.deploy(template(RepositoryName=name, PolicyStatements=[changed])).succeeded
    granted, kept, denied = statements(ecr, name)
    assert (granted["Principal"]["AWS"], kept, denied["Effect"]) == ("arn:aws:iam::222222222222:root", THEIRS, "Deny")
    assert re.fullmatch("EcrController[0-9a-f]{6}Ci[0-9a-f]{8}", denied["Sid"])
    assert stack.deploy(template(RepositoryName=name)).succeeded
    assert statements(ecr, name) == [granted, kept]


def test_a_released_repository_keeps_no_statement_of_ours(
    stack: Stack, template: Template, ecr: ECRClient, repository: str
) -> None:
    ecr.set_repository_policy(repositoryName=repository, policyText=json.dumps({"Statement": [THEIRS]}))
    statement = {"Principal": {"AWS": OTHER}, "Action": "ecr:BatchGetImage"}
    adopted = template(RepositoryName=repository, OnExisting="Adopt", PolicyStatements=[statement])
    assert stack.deploy(adopted).succeeded
    assert len(statements(ecr, repository)) == 2
    assert stack.delete().succeeded
    assert statements(ecr, repository) == [THEIRS]


def test_statements_that_ecr_refuses_take_the_new_repository_back(
    stack: Stack, template: Template, ecr: ECRClient, name: str
) -> None:
    nobody = {"Principal": {"AWS": "arn:aws:iam::123456789012:role/nobody"}, "Action": "ecr:BatchGetImage"}
    failed = stack.deploy(template(RepositoryName=name, PolicyStatements=[nobody]))
    assert failed.status == "ROLLBACK_COMPLETE"
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.describe_repositories(repositoryNames=[name])


# Security


def test_the_grant_function_can_attach_no_other_policy_to_anybody_its_own_role_included(
    aws: Emulator, controller_stack: str, role: Role
) -> None:
    iam = aws.client("iam")
    configured = aws.client("lambda").get_function_configuration(FunctionName=token_of(aws, controller_stack))
    own = configured["Role"]
    assumable(aws, own)
    limited = as_role(aws, "iam", own)
    token_policies = [
        configured["Environment"]["Variables"][name]
        for name in ("AUTHORIZATION_TOKEN_POLICY", "PUBLIC_GALLERY_AUTHORIZATION_TOKEN_POLICY")
    ]
    name = f"other-{uuid.uuid4().hex[:8]}"
    allow_all = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    )
    other = iam.create_policy(PolicyName=name, PolicyDocument=allow_all)["Policy"]["Arn"]
    iam.create_user(UserName=name)
    iam.create_group(GroupName=name)
    target = role().split("/")[-1]
    to_anybody = [
        (limited.attach_role_policy, {"RoleName": target}),
        (limited.attach_role_policy, {"RoleName": own.split("/")[-1]}),
        (limited.attach_user_policy, {"UserName": name}),
        (limited.attach_group_policy, {"GroupName": name}),
    ]
    for attach, whom in to_anybody:
        for policy in (other, "arn:aws:iam::aws:policy/AdministratorAccess"):
            assert not is_allowed(attach, PolicyArn=policy, **whom), (whom, policy)
    assert all(is_allowed(attach, PolicyArn=policy, **whom) for attach, whom in to_anybody for policy in token_policies)
    for call, arguments in (
        (limited.put_role_policy, {"RoleName": target, "PolicyName": "p", "PolicyDocument": allow_all}),
        (limited.create_policy_version, {"PolicyArn": token_policies[0], "PolicyDocument": allow_all}),
        (limited.update_assume_role_policy, {"RoleName": target, "PolicyDocument": allow_all}),
        (limited.detach_role_policy, {"RoleName": target, "PolicyArn": other}),
    ):
        assert not is_allowed(call, **arguments), call
    iam.detach_role_policy(RoleName=own.split("/")[-1], PolicyArn=token_policies[0])
    iam.detach_role_policy(RoleName=own.split("/")[-1], PolicyArn=token_policies[1])


def assumable(aws: Emulator, arn: str) -> None:
    """Let the test take the role of a function, beside Lambda."""
    name, iam = arn.split("/")[-1], aws.client("iam")
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    mine = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    iam.update_assume_role_policy(
        RoleName=name, PolicyDocument=json.dumps({**trust, "Statement": [*trust["Statement"], mine]})
    )


def test_a_grant_whose_stack_is_gone_stays_revoked(
    stack: Stack, other_stack: Stack, grants: Template, ecr: ECRClient, repository: str
) -> None:
    retained = json.loads(grants(A={"RepositoryName": repository, "Grantee": OTHER, "Access": "Pull"}))
    retained["Resources"]["A"]["DeletionPolicy"] = "Retain"
    assert stack.deploy(json.dumps(retained)).succeeded
    assert stack.delete().succeeded
    assert any(OTHER in each for each in principals(ecr, repository))
    ecr.delete_repository_policy(repositoryName=repository)
    another = grants(B={"RepositoryName": repository, "Grantee": "222222222222", "Access": "Read"})
    assert other_stack.deploy(another).succeeded
    assert principals(ecr, repository) == {"arn:aws:iam::222222222222:root"}
