"""What the grants declare: the CDK's actions, every kind of grantee, and every fault at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller.errors import InvalidProperties
from ecr_controller.resources.authorization_token_grant import AuthorizationTokenGrantResource
from ecr_controller.resources.repository import RepositoryResource
from ecr_controller.resources.repository_grant import RepositoryGrantResource
from tests.unit.conftest import declared as spec_of
from tests.unit.conftest import declared_before

if TYPE_CHECKING:
    from ecr_controller.grants.spec import GrantSpec

ROLE = "arn:aws:iam::123456789012:role/deploy/web"
USER = "arn:aws:iam::123456789012:user/ann"
GROUP = "arn:aws:iam::123456789012:group/developers"
OTHER_ROLE = "arn:aws:iam::999999999999:role/web"
LAMBDA = "arn:aws:lambda:eu-west-1:999999999999:function:*"
PULL = ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]
PUSH = [
    "ecr:CompleteLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:InitiateLayerUpload",
    "ecr:BatchCheckLayerAvailability",
    "ecr:PutImage",
]


def grant(**declared: Any) -> GrantSpec:
    found: GrantSpec = spec_of(RepositoryGrantResource(), {"RepositoryName": "team/app", "Grantee": ROLE, **declared})
    return found


def faults(**declared: Any) -> dict[str, str]:
    with pytest.raises(InvalidProperties) as raised:
        grant(**declared)
    return {fault.path: fault.message for fault in raised.value.faults}


# The CDK's sentences


@pytest.mark.parametrize(
    ("access", "actions"),
    [
        ("Read", ["ecr:DescribeRepositories", "ecr:DescribeImages"]),
        ("Pull", PULL),
        ("Push", PUSH),
        ("PullPush", [*PULL, *PUSH[:3], PUSH[4]]),
    ],
)
def test_an_access_is_the_actions_of_the_cdk_in_its_order(access: str, actions: list[str]) -> None:
    assert grant(Access=access).statement.content() == {
        "Effect": "Allow",
        "Principal": {"AWS": ROLE},
        "Action": actions,
    }


def test_actions_are_taken_verbatim() -> None:
    actions = ["ecr:ListImages", "ecr:BatchDeleteImage"]
    assert grant(Actions=actions).statement.content()["Action"] == actions


@pytest.mark.parametrize(
    ("grantee", "principal", "condition"),
    [
        ("*", {"AWS": "*"}, None),
        ("999999999999", {"AWS": "arn:aws:iam::999999999999:root"}, None),
        ("arn:aws:iam::999999999999:root", {"AWS": "arn:aws:iam::999999999999:root"}, None),
        ("o-a1b2c3d4e5", {"AWS": "*"}, {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}),
        (ROLE, {"AWS": ROLE}, None),
        (USER, {"AWS": USER}, None),
        (OTHER_ROLE, {"AWS": OTHER_ROLE}, None),
    ],
)
def test_a_grantee_is_the_principal_that_the_cdk_makes_of_it(grantee: str, principal: Any, condition: Any) -> None:
    content = grant(Grantee=grantee, Access="Pull").statement.content()
    assert content["Principal"] == principal
    assert content.get("Condition") == condition
    assert "Resource" not in content


@pytest.mark.parametrize("access", ["Pull", "Push", "PullPush"])
@pytest.mark.parametrize("grantee", [ROLE, USER])
def test_a_role_or_user_of_this_account_gets_the_right_to_a_token(access: str, grantee: str) -> None:
    assert grant(Access=access, Grantee=grantee).token


@pytest.mark.parametrize(
    "declared",
    [
        {"Access": "Read"},
        {"Actions": ["ecr:BatchGetImage"]},
        {"Access": "Pull", "AuthorizationToken": "false"},
        *({"Access": "Pull", "Grantee": each} for each in (OTHER_ROLE, "*", "999999999999", "o-a1b2c3d4e5")),
    ],
)
def test_no_other_grantee_gets_it_and_none_if_it_is_turned_off(declared: dict[str, Any]) -> None:
    assert not grant(**declared).token


def test_it_can_be_requested_with_any_actions() -> None:
    assert grant(Actions=["ecr:BatchGetImage"], AuthorizationToken="true").token


# Services


def test_lambda_of_another_account_gets_the_statement_of_its_documentation() -> None:
    declared = grant(
        Grantee="lambda.amazonaws.com", SourceArn=LAMBDA, Actions=["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    )
    assert declared.statement.content() == {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Condition": {"StringLike": {"aws:SourceArn": LAMBDA}},
    }


@pytest.mark.parametrize("key", ["aws:SourceArn", "aws:sourceArn", "aws:SourceAccount", "aws:SourceOrgID"])
def test_the_source_of_a_service_can_be_among_the_conditions(key: str) -> None:
    conditions = {"StringLike": {key: "999999999999"}}
    declared = grant(Grantee="lambda.amazonaws.com", Access="Pull", Conditions=conditions)
    assert declared.statement.content()["Condition"] == conditions


def test_a_service_without_a_source_is_a_fault() -> None:
    assert (
        "otherwise acts on behalf of any account" in faults(Grantee="lambda.amazonaws.com", Access="Pull")["SourceArn"]
    )


def test_conditions_go_together_with_those_of_the_grantee() -> None:
    tagged = {"StringEquals": {"aws:PrincipalTag/team": "web"}, "Bool": {"aws:SecureTransport": "true"}}
    declared = grant(Grantee="o-a1b2c3d4e5", Access="Pull", Conditions=tagged)
    assert declared.statement.content()["Condition"] == {
        "StringEquals": {"aws:PrincipalTag/team": "web", "aws:PrincipalOrgID": "o-a1b2c3d4e5"},
        "Bool": {"aws:SecureTransport": "true"},
    }


# Faults


def test_the_fault_of_a_group_says_what_to_do_instead() -> None:
    message = faults(Grantee=GROUP, Access="Pull")["Grantee"]
    assert "a repository policy does not support" in message
    assert "Custom::ECRAuthorizationTokenGrant" in message


def test_all_faults_are_reported_at_once() -> None:
    found = faults(
        RepositoryName="BAD",
        Grantee="web",
        Access="Pull",
        Actions=["s3:GetObject"],
        Conditions={"StringEqual": {"a": "b"}, "Bool": "true", "StringLike": {"a": {}}},
        Resource="*",
    )
    assert set(found) == {
        *("RepositoryName", "Grantee", "Actions", "Actions[0]", "Resource"),
        *("Conditions.StringEqual", "Conditions.Bool", "Conditions.StringLike.a"),
    }


@pytest.mark.parametrize(
    ("declared", "path"),
    [
        ({}, "Access"),
        ({"Actions": []}, "Actions"),
        ({"Actions": ["ecr:GetAuthorizationToken"]}, "Actions"),
        ({"Access": "Pull", "SourceArn": LAMBDA}, "SourceArn"),
        ({"Access": "Pull", "Grantee": OTHER_ROLE, "AuthorizationToken": "true"}, "AuthorizationToken"),
        ({"Access": "Pull", "Grantee": "arn:aws:sts::123456789012:assumed-role/web/session"}, "Grantee"),
        ({"Access": "Pull", "Grantee": "arn:aws:iam::123456789012:policy/p"}, "Grantee"),
        ({"Access": "Pull", "Grantee": "arn:aws:iam::123456789012:role/a b"}, "Grantee"),
        ({"Access": "Pull", "Grantee": "12345"}, "Grantee"),
    ],
)
def test_a_fault_names_its_property(declared: dict[str, Any], path: str) -> None:
    assert set(faults(**declared)) == {path}


def test_the_old_properties_of_a_rollback_may_be_invalid() -> None:
    resource = RepositoryGrantResource()
    assert declared_before(resource, {"RepositoryName": "team/app"}) is None
    known = {"RepositoryName": "team/app", "Grantee": ROLE, "Access": "Pull"}
    lenient = declared_before(resource, known | {"Other": "1"})
    assert lenient == grant(Access="Pull")


# Tokens


@pytest.mark.parametrize("grantee", [ROLE, USER, GROUP])
def test_a_token_is_for_a_role_user_or_group_of_this_account(grantee: str) -> None:
    assert spec_of(AuthorizationTokenGrantResource(), {"Grantee": grantee}).id == grantee


@pytest.mark.parametrize("grantee", [OTHER_ROLE, "*", "123456789012", "o-a1b2c3d4e5", "lambda.amazonaws.com"])
def test_a_token_for_anybody_else_is_a_clear_error(grantee: str) -> None:
    with pytest.raises(InvalidProperties, match="must be a role, user or group of this account, 123456789012"):
        spec_of(AuthorizationTokenGrantResource(), {"Grantee": grantee})


# PolicyStatements


def statements(*declared: Any) -> Any:
    return spec_of(RepositoryResource(), {"PolicyStatements": list(declared)}).statements


def statement_faults(*declared: Any) -> dict[str, str]:
    with pytest.raises(InvalidProperties) as raised:
        statements(*declared)
    return {fault.path.removeprefix("PolicyStatements"): fault.message for fault in raised.value.faults}


def test_policy_statements_are_taken_as_they_are_written() -> None:
    written = {
        "Sid": "Web",
        "Effect": "Deny",
        "Principal": {"AWS": [ROLE, USER], "Service": "codebuild.amazonaws.com"},
        "Action": ["ecr:BatchGetImage"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    assert [each.content() for each in statements(written)] == [written]
    assert statements({"Principal": "*", "Action": "ecr:BatchGetImage"})[0].content() == {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["ecr:BatchGetImage"],
    }


def test_a_resource_in_a_statement_is_an_error() -> None:
    found = statement_faults({"Principal": "*", "Action": "ecr:BatchGetImage", "Resource": "*"})
    assert found == {
        "[0].Resource": "is not allowed in a repository policy, which applies to its own repository; remove it"
    }


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"Sid": "EcrControllerMine"}, "[0].Sid"),
        ({"Sid": "with space"}, "[0].Sid"),
        ({"Effect": "allow"}, "[0].Effect"),
        ({"Action": []}, "[0].Action"),
        ({"Action": "s3:GetObject"}, "[0].Action"),
        ({"Action": "ecr:GetAuthorizationToken"}, "[0].Action"),
        ({"Principal": "web"}, "[0].Principal"),
        ({"Principal": {}}, "[0].Principal"),
        ({"Principal": {"AWS": []}}, "[0].Principal"),
        ({"Principal": {"AWS": GROUP}}, "[0].Principal"),
        ({"Principal": {"Federated": "x"}}, "[0].Principal"),
        ({"Condition": {"StringEqual": {"a": "b"}}}, "[0].Condition.StringEqual"),
        ({"NotAction": "ecr:BatchGetImage"}, "[0].NotAction"),
    ],
)
def test_a_fault_names_its_place_in_the_statements(changed: dict[str, Any], path: str) -> None:
    assert set(statement_faults({"Principal": "*", "Action": "ecr:BatchGetImage"} | changed)) == {path}


def test_two_statements_with_one_sid_are_a_fault() -> None:
    one = {"Sid": "Web", "Principal": "*", "Action": "ecr:BatchGetImage"}
    assert statement_faults(one, {**one, "Action": "ecr:ListImages"}) == {
        "[1].Sid": "Web is used by more than one statement"
    }
