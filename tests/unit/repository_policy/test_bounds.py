"""The bounds of statements: whom they may allow, which actions, and on whose behalf a service may act."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_controller.custom_resource.request import Home
from ecr_controller.repository_policy.bounds import DENIED_ACTIONS, Bounds, configured
from ecr_controller.repository_policy.statement import EVERYONE
from tests.unit.template.sam import TEMPLATE

OWN, PARTNER, STRANGER = "123456789012", "999999999999", "666666666666"
ORGANIZATION, OTHER_ORGANIZATION = "o-a1b2c3d4e5", "o-zzzzzzzzzz"
DEFAULT = Bounds(frozenset({OWN}))
WIDER = Bounds(frozenset({OWN, PARTNER}), ORGANIZATION)
ALL_ACCOUNTS = Bounds(frozenset({OWN, "*"}))
PUBLIC = Bounds(frozenset({OWN}), public=True)
VARIABLES = ("GRANTEE_ACCOUNTS", "GRANTEE_ORGANIZATION", "PUBLIC_GRANTS", "DENIED_GRANT_ACTIONS")


def principals(bounds: Bounds, *named: str, **conditions: Any) -> list[str]:
    blocks = {operator.replace("__", ":"): block for operator, block in conditions.items()}
    return list(bounds.refused_principals([("AWS", each) for each in named], blocks))


def sources(bounds: Bounds, conditions: dict[str, Any]) -> list[str]:
    return list(bounds.refused_sources([("Service", "lambda.amazonaws.com")], conditions))


# The parameters


def test_without_parameters_this_account_is_allowed_and_the_actions_of_the_default_are_denied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for each in VARIABLES:
        monkeypatch.delenv(each, raising=False)
    assert configured(Home("aws", "eu-west-1", OWN)) == DEFAULT
    for each in VARIABLES:
        monkeypatch.setenv(each, "")
    assert configured(Home("aws", "eu-west-1", OWN)) == DEFAULT


def test_the_parameters_add_to_this_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for each, value in zip(VARIABLES, (f"{PARTNER}, *", ORGANIZATION, "true", "ecr:PutImage,ecr:X"), strict=True):
        monkeypatch.setenv(each, value)
    assert configured(Home("aws", "eu-west-1", OWN)) == Bounds(
        frozenset({OWN, PARTNER, "*"}), ORGANIZATION, public=True, denied_actions=("ecr:PutImage", "ecr:X")
    )


def test_the_default_of_the_template_is_that_of_the_code() -> None:
    assert TEMPLATE["Parameters"]["DeniedGrantActions"]["Default"] == ",".join(DENIED_ACTIONS)


# Actions


@pytest.mark.parametrize("action", DENIED_ACTIONS)
def test_what_changes_policies_or_tags_or_deletes_the_repository_is_denied(action: str) -> None:
    assert len(list(DEFAULT.denied_in([action, "ecr:BatchGetImage"]))) == 1


@pytest.mark.parametrize(
    ("action", "denied"),
    [
        ("ecr:*", DENIED_ACTIONS),
        ("ecr:Set*", DENIED_ACTIONS[:1]),
        ("ecr:?etRepositoryPolicy", DENIED_ACTIONS[:1]),
        ("ecr:setrepositorypolicy", DENIED_ACTIONS[:1]),
        ("ecr:*LifecyclePolicy", DENIED_ACTIONS[2:4]),
        ("ecr:Delete*", (DENIED_ACTIONS[1], DENIED_ACTIONS[3], DENIED_ACTIONS[4])),
        ("ecr:TAGRESOURC?", DENIED_ACTIONS[5:6]),
    ],
)
def test_a_pattern_includes_what_it_matches(action: str, denied: tuple[str, ...]) -> None:
    [message] = DEFAULT.denied_in([action])
    assert message.startswith(f"{action} includes {', '.join(denied)}, which the parameter DeniedGrantActions ")


@pytest.mark.parametrize("action", ["ecr:BatchGetImage", "ecr:Batch*", "ecr:PutImage*", "ecr:Get*", "ecr:List?mages"])
def test_other_actions_are_not_denied(action: str) -> None:
    assert list(DEFAULT.denied_in([action])) == []


def test_none_denies_nothing() -> None:
    assert list(Bounds(frozenset(), denied_actions=("none",)).denied_in(["ecr:*", *DENIED_ACTIONS])) == []


# Principals


@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "arn:aws:iam::{}:root",
        "arn:aws:iam::{}:role/path/web",
        "arn:aws:iam::{}:user/ann",
        "arn:aws:sts::{}:assumed-role/web/session",
        "arn:aws:sts::{}:federated-user/ann",
    ],
)
def test_a_principal_is_as_its_account(form: str) -> None:
    assert principals(DEFAULT, form.format(OWN)) == []
    assert principals(WIDER, form.format(PARTNER)) == []
    assert principals(ALL_ACCOUNTS, form.format(STRANGER)) == []
    [message] = principals(WIDER, form.format(OWN), form.format(STRANGER))
    assert message.startswith(f"grants access to {form.format(STRANGER)}, which the parameters GranteeAccounts and ")


@pytest.mark.parametrize(
    "principal", ["AIDACKCEVSQ6C2EXAMPLE", "arn:aws:s3:::bucket", f"{OWN}:root", f"arn:*:iam::{OWN}:root"]
)
def test_a_principal_without_an_account_is_in_no_account(principal: str) -> None:
    assert len(principals(WIDER, principal)) == 1


def test_everyone_is_public() -> None:
    [message] = principals(ALL_ACCOUNTS, EVERYONE[1])
    assert message.startswith(
        "grants access to every AWS account, which the parameter PublicGrants of the controller's "
    )
    assert principals(PUBLIC, EVERYONE[1]) == []


def test_everyone_includes_every_account_and_every_organization() -> None:
    assert principals(PUBLIC, STRANGER) == []
    assert principals(PUBLIC, "*", StringEquals={"aws:PrincipalOrgID": OTHER_ORGANIZATION}) == []
    assert principals(ALL_ACCOUNTS, "*", StringEquals={"aws:PrincipalOrgID": OTHER_ORGANIZATION}) == []


ROLE = f"arn:aws:iam::{PARTNER}:role/*"
LIMITING = [
    {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}},
    {"StringEquals": {"AWS:principalorgid": [ORGANIZATION]}},
    {"StringLike": {"aws:PrincipalOrgID": ORGANIZATION}},
    {"StringEqualsIgnoreCase": {"aws:PrincipalOrgID": ORGANIZATION}},
    {"ForAnyValue__StringLike": {"aws:PrincipalOrgPaths": f"{ORGANIZATION}/r-ab12/ou-*"}},
    {"StringEquals": {"aws:PrincipalAccount": [OWN, PARTNER]}},
    {"StringEquals": {"aws:PrincipalAccount": int(PARTNER)}},
    {"ArnLike": {"aws:PrincipalArn": ROLE}},
    {"StringLike": {"aws:PrincipalArn": ROLE}},
    {"ArnEquals": {"aws:PrincipalArn": f"arn:*:iam::{PARTNER}:role/web"}},
    {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}, "StringNotEquals": {"aws:PrincipalAccount": STRANGER}},
]
NOT_LIMITING = [
    {"StringNotEquals": {"aws:PrincipalOrgID": ORGANIZATION}},
    {"StringEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATION}},
    {"ForAllValues__StringEquals": {"aws:PrincipalOrgID": ORGANIZATION}},
    {"ForAnyValue__StringEqualsIfExists": {"aws:PrincipalOrgID": ORGANIZATION}},
    {"Null": {"aws:PrincipalOrgID": "false"}},
    {"StringLike": {"aws:PrincipalOrgID": "o-*"}},
    {"StringLike": {"aws:PrincipalOrgPaths": f"{ORGANIZATION}*"}},
    {"StringLike": {"aws:PrincipalOrgPaths": "*"}},
    {"StringEquals": {"aws:PrincipalOrgID": []}},
    {"StringEquals": {"aws:PrincipalOrgID": [ORGANIZATION, "*"]}},
    {"StringEquals": {"aws:PrincipalTag/team": "web"}},
    {"StringLike": {"aws:PrincipalAccount": "9999999999*"}},
    {"StringLike": {"aws:PrincipalAccount": "99999999999?"}},
    {"StringLike": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/web"}},
    {"StringLike": {"aws:PrincipalArn": f"arn:*:iam::{PARTNER}:role/web"}},
    {"StringLike": {"aws:PrincipalArn": f"arn:aws:iam:*:{PARTNER}:role/web"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:${aws:x}:iam:999999999999:*:role/web"}},
    {"StringEquals": {"aws:SourceAccount": OWN}},
    {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    {"StringEquals": OWN},
]


@pytest.mark.parametrize("conditions", LIMITING)
def test_a_condition_on_the_caller_limits_everyone(conditions: dict[str, Any]) -> None:
    assert principals(WIDER, "*", **conditions) == []
    assert principals(WIDER, STRANGER, **conditions) == []


@pytest.mark.parametrize("conditions", NOT_LIMITING)
def test_a_condition_that_may_not_hold_for_the_caller_limits_nobody(conditions: dict[str, Any]) -> None:
    [message] = principals(WIDER, "*", **conditions)
    assert "PublicGrants" in message
    assert len(principals(WIDER, STRANGER, **conditions)) == 1


@pytest.mark.parametrize(
    ("conditions", "named"),
    [
        ({"StringEquals": {"aws:PrincipalOrgID": OTHER_ORGANIZATION}}, OTHER_ORGANIZATION),
        ({"StringEquals": {"aws:PrincipalOrgID": [ORGANIZATION, OTHER_ORGANIZATION]}}, OTHER_ORGANIZATION),
        ({"StringEquals": {"aws:PrincipalAccount": [STRANGER, OWN]}}, STRANGER),
        ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{STRANGER}:role/web"}}, STRANGER),
        # Keys have no case: one key twice.
        (
            {"StringEquals": {"aws:PrincipalOrgID": ORGANIZATION, "aws:principalorgid": OTHER_ORGANIZATION}},
            OTHER_ORGANIZATION,
        ),
    ],
)
def test_a_condition_outside_the_bounds_is_named(conditions: dict[str, Any], named: str) -> None:
    [message] = principals(WIDER, "*", **conditions)
    assert message.startswith(f"grants access to {named}, which the parameters ")


def test_an_organization_is_none_by_default() -> None:
    assert len(principals(DEFAULT, "*", StringEquals={"aws:PrincipalOrgID": ORGANIZATION})) == 1
    assert len(principals(DEFAULT, "*", StringEquals={"aws:PrincipalOrgID": ""})) == 1


# Services


FUNCTION = f"arn:aws:lambda:eu-west-1:{PARTNER}:function:*"
NAMING = [
    {"StringEquals": {"aws:SourceAccount": PARTNER}},
    {"StringEqualsIgnoreCase": {"AWS:SOURCEACCOUNT": [OWN, PARTNER]}},
    {"StringLike": {"aws:SourceArn": FUNCTION}},
    {"ArnLike": {"aws:SourceArn": FUNCTION}},
    {"ArnEquals": {"aws:sourceArn": [FUNCTION, FUNCTION.replace(PARTNER, OWN)]}},
    {"ArnLike": {"aws:SourceArn": f"arn:aws:lambda:*:{PARTNER}:function:*"}},
    {"StringEquals": {"aws:SourceOrgID": ORGANIZATION}},
    {"ForAnyValue:StringLike": {"aws:SourceOrgPaths": f"{ORGANIZATION}/*"}},
    {"StringEquals": {"aws:SourceAccount": PARTNER}, "ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}},
]
NOT_NAMING = [
    {},
    {"StringLike": {"aws:SourceArn": "arn:*"}},
    {"StringLike": {"aws:SourceArn": "*"}},
    {"StringLike": {"aws:SourceAccount": "*"}},
    {"StringLike": {"aws:SourceArn": f"arn:aws:lambda:*:{PARTNER}:function:*"}},
    {"ArnLike": {"aws:SourceArn": "arn:aws:lambda:eu-west-1:*:function:*"}},
    {"ArnLike": {"aws:SourceArn": "arn:aws:lambda:eu-west-1:99999999999?:function:*"}},
    {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}},
    {"ArnLike": {"aws:SourceArn": [FUNCTION, "arn:aws:s3:::bucket"]}},
    {"StringLike": {"aws:SourceArn": f"arn:aws:iam::*:{PARTNER}:x"}},
    {"StringEquals": {"aws:SourceAccount": [PARTNER, "any"]}},
    {"Null": {"aws:SourceArn": "true"}},
    {"Null": {"aws:SourceAccount": "false"}},
    {"StringNotEquals": {"aws:SourceAccount": PARTNER}},
    {"ArnNotLike": {"aws:SourceArn": FUNCTION}},
    {"StringEqualsIfExists": {"aws:SourceAccount": PARTNER}},
    {"ArnLikeIfExists": {"aws:SourceArn": FUNCTION}},
    {"ForAllValues:StringEquals": {"aws:SourceAccount": PARTNER}},
    {"StringLike": {"aws:SourceOrgID": "o-*"}},
    {"ForAnyValue:StringLike": {"aws:SourceOrgPaths": "*"}},
    {"StringEquals": {"aws:PrincipalAccount": PARTNER}},
    {"StringEquals": {"aws:SourceAccount": "\u0661" * 12}},
    {"NumericEquals": {"aws:SourceAccount": PARTNER}},
]


@pytest.mark.parametrize("conditions", NAMING)
def test_a_service_names_whom_it_acts_for(conditions: dict[str, Any]) -> None:
    assert sources(WIDER, conditions) == []


@pytest.mark.parametrize("bounds", [WIDER, ALL_ACCOUNTS, PUBLIC])
@pytest.mark.parametrize("conditions", NOT_NAMING)
def test_what_names_nobody_is_refused_whatever_the_bounds_are(conditions: dict[str, Any], bounds: Bounds) -> None:
    [message] = sources(bounds, conditions)
    assert message.startswith("must name on whose behalf lambda.amazonaws.com acts, ")


@pytest.mark.parametrize("conditions", NAMING)
def test_a_service_acts_for_those_that_may_be_granted_access(conditions: dict[str, Any]) -> None:
    assert sources(ALL_ACCOUNTS, conditions) == []
    assert sources(PUBLIC, conditions) == []
    [message] = sources(DEFAULT, conditions)
    assert message.startswith("lets lambda.amazonaws.com act on behalf of ")
    assert PARTNER in message or ORGANIZATION in message


def test_only_services_act_on_behalf_of_others() -> None:
    assert list(DEFAULT.refused_sources([("AWS", OWN)], {})) == []
    assert list(DEFAULT.refused_principals([("Service", "lambda.amazonaws.com")], {})) == []
