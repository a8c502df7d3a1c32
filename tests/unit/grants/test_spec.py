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


@pytest.fixture(autouse=True)
def wide_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other account and the organization of these tests, and everyone, can be granted access."""
    monkeypatch.setenv("GRANTEE_ACCOUNTS", "999999999999")
    monkeypatch.setenv("GRANTEE_ORGANIZATION", "o-a1b2c3d4e5")
    monkeypatch.setenv("PUBLIC_GRANTS", "true")


@pytest.fixture
def default_bounds(wide_bounds: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the parameters of the controller's stack."""
    for each in ("GRANTEE_ACCOUNTS", "GRANTEE_ORGANIZATION", "PUBLIC_GRANTS"):
        monkeypatch.delenv(each)


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


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("aws:SourceArn", LAMBDA),
        ("aws:sourceArn", LAMBDA),
        ("aws:SourceAccount", "999999999999"),
        ("aws:SourceOrgID", "o-a1b2c3d4e5"),
    ],
)
def test_the_source_of_a_service_can_be_among_the_conditions(key: str, value: str) -> None:
    conditions = {"StringLike": {key: value}}
    declared = grant(Grantee="lambda.amazonaws.com", Access="Pull", Conditions=conditions)
    assert declared.statement.content()["Condition"] == conditions


def test_a_service_without_a_source_is_a_fault() -> None:
    assert (
        "otherwise acts on behalf of any account" in faults(Grantee="lambda.amazonaws.com", Access="Pull")["SourceArn"]
    )


def test_a_source_with_wildcards_before_the_account_is_compared_field_by_field() -> None:
    source = LAMBDA.replace("eu-west-1", "*")
    declared = grant(Grantee="lambda.amazonaws.com", SourceArn=source, Access="Pull")
    assert declared.statement.content()["Condition"] == {"ArnLike": {"aws:SourceArn": source}}


@pytest.mark.parametrize(
    ("declared", "path"),
    [
        ({"SourceArn": "arn:*"}, "SourceArn"),
        ({"SourceArn": "arn:aws:s3:::bucket"}, "SourceArn"),
        ({"SourceArn": LAMBDA.replace("999999999999", "*")}, "SourceArn"),
        ({"Conditions": {"Null": {"aws:SourceArn": "true"}}}, "Conditions"),
        ({"Conditions": {"StringNotEquals": {"aws:SourceAccount": "999999999999"}}}, "Conditions"),
        ({"Conditions": {"StringEqualsIfExists": {"aws:SourceAccount": "999999999999"}}}, "Conditions"),
        ({"Conditions": {"StringLike": {"aws:SourceArn": "*"}}}, "Conditions"),
    ],
)
def test_a_source_that_names_no_account_is_a_fault(declared: dict[str, Any], path: str) -> None:
    found = faults(Grantee="lambda.amazonaws.com", Access="Pull", **declared)
    assert set(found) == {path}
    assert found[path].startswith("must name on whose behalf lambda.amazonaws.com acts, ")


def test_a_bucket_is_a_source_together_with_its_account() -> None:
    account = {"StringEquals": {"aws:SourceAccount": "999999999999"}}
    bucket = {"Grantee": "s3.amazonaws.com", "SourceArn": "arn:aws:s3:::bucket", "Access": "Pull"}
    assert grant(**bucket, Conditions=account).statement.content()["Condition"] == {
        **account,
        "StringLike": {"aws:SourceArn": "arn:aws:s3:::bucket"},
    }


# The bounds of the controller's stack


@pytest.mark.usefixtures("default_bounds")
@pytest.mark.parametrize(
    ("declared", "path", "parameter"),
    [
        ({"Grantee": "999999999999"}, "Grantee", "GranteeAccounts"),
        ({"Grantee": OTHER_ROLE}, "Grantee", "GranteeAccounts"),
        ({"Grantee": "o-a1b2c3d4e5"}, "Grantee", "GranteeOrganization"),
        ({"Grantee": "*"}, "Grantee", "PublicGrants"),
        ({"Grantee": "*", "Conditions": {"StringLike": {"aws:PrincipalOrgID": "o-*"}}}, "Grantee", "PublicGrants"),
        ({"Grantee": "lambda.amazonaws.com", "SourceArn": LAMBDA}, "SourceArn", "GranteeAccounts"),
        (
            {"Grantee": "lambda.amazonaws.com", "Conditions": {"StringEquals": {"aws:SourceOrgID": "o-a1b2c3d4e5"}}},
            "Conditions",
            "GranteeOrganization",
        ),
    ],
)
def test_by_default_only_this_account_can_be_granted_access(
    declared: dict[str, Any], path: str, parameter: str
) -> None:
    found = faults(Access="Pull", **declared)
    assert set(found) == {path}
    assert f"{parameter} " in found[path]


@pytest.mark.usefixtures("default_bounds")
@pytest.mark.parametrize("grantee", [ROLE, USER, "123456789012", "arn:aws:iam::123456789012:root"])
def test_this_account_always_can(grantee: str) -> None:
    assert grant(Grantee=grantee, Access="Pull").grantee.account == "123456789012"


def test_conditions_cannot_widen_a_grant_to_an_organization() -> None:
    other = {"StringEquals": {"aws:principalorgid": "o-zzzzzzzzzz"}}
    assert grant(Grantee="o-a1b2c3d4e5", Access="Pull").statement.conditions
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PUBLIC_GRANTS", "false")
        assert "o-zzzzzzzzzz" in faults(Grantee="o-a1b2c3d4e5", Access="Pull", Conditions=other)["Grantee"]


def test_no_grant_holds_a_denied_action(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "ecr:* includes ecr:SetRepositoryPolicy, " in faults(Actions=["ecr:ListImages", "ecr:*"])["Actions"]
    assert "ecr:TagResource" in faults(Actions=["ecr:TagResource"])["Actions"]
    monkeypatch.setenv("DENIED_GRANT_ACTIONS", "ecr:PutImage")
    assert grant(Actions=["ecr:TagResource"])
    assert "ecr:PutImage includes ecr:PutImage" in faults(Access="PullPush")["Access"]
    monkeypatch.setenv("DENIED_GRANT_ACTIONS", "none")
    assert grant(Actions=["ecr:*"])


@pytest.mark.usefixtures("default_bounds")
def test_all_faults_of_the_bounds_are_reported_at_once() -> None:
    found = faults(Grantee="*", Actions=["ecr:*"], Conditions={"StringEqual": {"a": "b"}})
    assert set(found) == {"Grantee", "Actions", "Conditions.StringEqual"}


@pytest.mark.usefixtures("default_bounds")
@pytest.mark.parametrize("declared", [{"Grantee": "*"}, {"Grantee": "lambda.amazonaws.com", "SourceArn": "arn:*"}])
def test_what_was_granted_before_the_bounds_is_known_to_a_delete(declared: dict[str, Any]) -> None:
    known = {"RepositoryName": "team/app", "Actions": ["ecr:*"], **declared}
    assert declared_before(RepositoryGrantResource(), known).statement.actions == ("ecr:*",)


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


@pytest.mark.usefixtures("default_bounds")
@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"Principal": "*"}, "[0].Principal"),
        ({"Principal": {"AWS": "*"}}, "[0].Principal"),
        ({"Principal": {"AWS": [ROLE, OTHER_ROLE]}}, "[0].Principal"),
        ({"Principal": {"AWS": "999999999999"}}, "[0].Principal"),
        ({"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}}, "[0].Principal"),
        ({"Action": ["ecr:*"]}, "[0].Action"),
        ({"Action": "ecr:Set?epositoryPolicy"}, "[0].Action"),
        ({"Principal": {"Service": "lambda.amazonaws.com"}}, "[0].Condition"),
        (
            {
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Condition": {"StringLike": {"aws:SourceArn": LAMBDA}},
            },
            "[0].Condition",
        ),
    ],
)
def test_policy_statements_meet_the_same_bounds(changed: dict[str, Any], path: str) -> None:
    own = {"Principal": {"AWS": ROLE}, "Action": "ecr:BatchGetImage"}
    assert statements(own)
    assert set(statement_faults(own | changed)) == {path}


@pytest.mark.usefixtures("default_bounds")
def test_a_statement_that_denies_is_not_bounded() -> None:
    [denying] = statements(
        {"Effect": "Deny", "Principal": {"AWS": "*", "Service": "x.amazonaws.com"}, "Action": "ecr:*"}
    )
    assert denying.effect == "Deny"


@pytest.mark.usefixtures("default_bounds")
def test_all_faults_of_a_statement_are_reported_at_once() -> None:
    both = {"AWS": "*", "Service": "x.amazonaws.com"}
    found = statement_faults({"Sid": "EcrControllerX", "Principal": both, "Action": "ecr:*", "Condition": {"Like": {}}})
    assert set(found) == {"[0].Sid", "[0].Principal", "[0].Action", "[0].Condition.Like", "[0].Condition"}


@pytest.mark.usefixtures("default_bounds")
def test_a_statement_from_before_the_bounds_is_known_to_an_update_and_a_delete() -> None:
    wide = {"Principal": "*", "Action": ["ecr:*"]}
    known = declared_before(RepositoryResource(), {"PolicyStatements": [wide]})
    assert [each.actions for each in known.statements] == [("ecr:*",)]
