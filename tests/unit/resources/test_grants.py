"""What the three grants do for each request: the calls, the parts, and a world that is untidy."""

from __future__ import annotations

import json
import logging
import os
import re
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller import aws
from ecr_controller.errors import RetryableError, UserError
from ecr_controller.stacks import Stacks
from tests.unit.conftest import STACK_ID, Calls, Event, Served, request
from tests.unit.resources.conftest import NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_iam import IAMClient

    from ecr_controller.shared_documents.parts import PartsTable
    from tests.unit.resources.conftest import KnownStacks

    Role = Callable[[str], str]
    Attached = Callable[[str], list[str]]
    Statements = Callable[[], list[Any]]

OTHER = STACK_ID.replace("shop", "office")
OTHER_ACCOUNT = "arn:aws:iam::999999999999:role/web"
THEIRS = {"Sid": "Theirs", "Effect": "Allow", "Principal": "*", "Action": "ecr:ListImages"}
DEAD_ID = "AROAEXAMPLEEXAMPLE12"
LOGIN, PUBLIC = "authorization_token_policy", "public_gallery_authorization_token_policy"


def grant(kind: str, logical_id: str = "Grant", *, type_name: str = "ECRRepositoryGrant", **changes: Any) -> Event:
    """A request about a grant, with the physical id that the grant has unless it is given."""
    properties = changes.pop("properties")
    about = properties.get("RepositoryName", properties.get("Grantee", ""))
    values = {"logical_id": logical_id, "properties": properties, "physical_id": f"{about}|{logical_id}"} | changes
    return request(kind, resource_type=f"Custom::{type_name}", **values)


def pull(grantee: str, **more: str) -> dict[str, str]:
    return {"RepositoryName": NAME, "Grantee": grantee, "Access": "Pull", **more}


def principals(statements: Statements) -> list[Any]:
    return [each["Principal"] for each in statements()]


# Repository grants


def test_a_grant_puts_one_statement_and_attaches_the_token_policy(
    grants: Served, role: Role, statements: Statements, attached: Attached, calls: Calls
) -> None:
    result = grants.create(grant("Create", properties=pull(role("web"))))
    assert calls.made == ["GetRepositoryPolicy", "SetRepositoryPolicy"]
    [statement] = statements()
    assert result.data == {"Sid": statement["Sid"]}
    assert result.physical_id == "team/app|Grant"
    assert attached("web") == [LOGIN]


def test_a_grant_deleted_takes_its_statement_and_its_token_and_the_last_one_the_policy(
    grants: Served, role: Role, statements: Statements, attached: Attached, calls: Calls
) -> None:
    for name in ("web", "api"):
        grants.create(grant("Create", name, properties=pull(role(name))))
    grants.delete(grant("Delete", "web", properties=pull("arn:aws:iam::123456789012:role/web")))
    assert principals(statements) == [{"AWS": "arn:aws:iam::123456789012:role/api"}]
    assert (attached("web"), attached("api")) == ([], [LOGIN])
    grants.delete(grant("Delete", "api", properties=pull("arn:aws:iam::123456789012:role/api")))
    assert calls.made[-1] == "DeleteRepositoryPolicy"
    assert statements() == []


def test_an_update_that_changes_nothing_writes_nothing_and_restores_what_others_removed(
    grants: Served, ecr: ECRClient, role: Role, attached: Attached, calls: Calls
) -> None:
    properties = pull(role("web"))
    grants.create(grant("Create", properties=properties))
    calls.made.clear()
    update = grant("Update", request_id="request-2", properties=properties, old_properties=properties)
    grants.update(update)
    assert calls.made == ["GetRepositoryPolicy"]

    ecr.delete_repository_policy(repositoryName=NAME)
    aws.client("iam").detach_role_policy(RoleName="web", PolicyArn=os.environ[LOGIN.upper()])
    grants.update(update)
    assert calls.made[-1] == "SetRepositoryPolicy"
    assert attached("web") == [LOGIN]


def test_a_foreign_statement_survives_create_update_and_delete(
    grants: Served, ecr: ECRClient, role: Role, statements: Statements
) -> None:
    ecr.set_repository_policy(repositoryName=NAME, policyText=json.dumps({"Statement": THEIRS}))
    one, two = pull(role("web")), pull(OTHER_ACCOUNT)
    grants.create(grant("Create", properties=one))
    assert statements()[0] == THEIRS
    grants.update(grant("Update", properties=two, old_properties=one))
    assert statements()[0] == THEIRS
    assert principals(statements)[1:] == [{"AWS": OTHER_ACCOUNT}]
    grants.delete(grant("Delete", properties=two))
    assert statements() == [THEIRS]


def test_another_grantee_changes_the_statement_in_place_and_moves_the_token(
    grants: Served, role: Role, statements: Statements, attached: Attached
) -> None:
    one, two = pull(role("web")), pull(role("api"))
    grants.create(grant("Create", properties=one))
    result = grants.update(grant("Update", properties=two, old_properties=one))
    assert result.physical_id == "team/app|Grant"
    assert principals(statements) == [{"AWS": two["Grantee"]}]
    assert (attached("web"), attached("api")) == ([], [LOGIN])


def test_the_token_is_withdrawn_when_it_is_turned_off(grants: Served, role: Role, attached: Attached) -> None:
    one = pull(role("web"))
    grants.create(grant("Create", properties=one))
    grants.update(grant("Update", properties={**one, "AuthorizationToken": "false"}, old_properties=one))
    assert attached("web") == []


def test_another_repository_replaces_the_grant_and_its_token_stays(
    grants: Served, ecr: ECRClient, role: Role, statements: Statements, attached: Attached
) -> None:
    ecr.create_repository(repositoryName="team/new")
    one = pull(role("web"))
    two = {**one, "RepositoryName": "team/new"}
    grants.create(grant("Create", properties=one))
    moved = grants.update(grant("Update", properties=two, old_properties=one, physical_id="team/app|Grant"))
    assert moved.physical_id == "team/new|Grant"
    assert statements() != []
    grants.delete(grant("Delete", properties=one))
    assert statements() == []
    assert attached("web") == [LOGIN]


def test_a_move_that_failed_leaves_nothing_there_on_the_way_back(
    grants: Served, ecr: ECRClient, parts: PartsTable, role: Role
) -> None:
    ecr.create_repository(repositoryName="team/new")
    one = pull(role("web"))
    two = {**one, "RepositoryName": "team/new"}
    grants.create(grant("Create", properties=one))
    grants.update(grant("Update", properties=two, old_properties=one, physical_id="team/app|Grant"))
    back = grants.update(grant("Update", properties=one, old_properties=two, physical_id="team/app|Grant"))
    assert back.physical_id == "team/app|Grant"
    assert parts.query_parts("repository-policy/team/new") == ()
    assert len(parts.query_parts("repository-policy/team/app")) == 1


def test_the_same_request_twice_does_no_harm(grants: Served, role: Role, statements: Statements) -> None:
    wanted = grant("Create", properties=pull(role("web")))
    assert grants.create(wanted) == grants.create(wanted)
    assert len(statements()) == 1
    gone = grant("Delete", properties=wanted.properties)
    grants.delete(gone)
    grants.delete(gone)
    assert statements() == []


def test_the_delete_of_a_failed_create_withdraws_only_what_that_create_put(
    grants: Served, role: Role, statements: Statements, attached: Attached
) -> None:
    one = pull(role("web"))
    grants.create(grant("Create", properties=one))
    grants.delete_failed_create(grant("Delete", properties=one), "another-request")
    assert (len(statements()), attached("web")) == (1, [LOGIN])
    grants.delete_failed_create(grant("Delete", properties=one), "request-1")
    assert (statements(), attached("web")) == ([], [])
    grants.delete_failed_create(grant("Delete", properties={"Grantee": "invalid"}), "request-1")


def test_a_delete_with_an_id_that_is_not_ours_does_nothing(grants: Served, statements: Statements) -> None:
    grants.create(grant("Create", properties=pull("*")))
    grants.delete(grant("Delete", properties=pull("*"), physical_id="something else"))
    assert len(statements()) == 1


def test_properties_of_a_delete_may_be_invalid(grants: Served, statements: Statements) -> None:
    grants.create(grant("Create", properties=pull("*")))
    grants.delete(grant("Delete", properties={"Access": "?"}, physical_id="team/app|Grant"))
    assert statements() == []


# An untidy world


def test_a_repository_that_is_not_there_is_an_error_and_leaves_no_part(grants: Served, parts: PartsTable) -> None:
    with pytest.raises(UserError, match="The repository team/other does not exist"):
        grants.create(grant("Create", properties=pull("*") | {"RepositoryName": "team/other"}))
    assert parts.query_parts("repository-policy/team/other") == ()


def test_a_repository_deleted_under_its_grants_makes_their_delete_a_success(
    grants: Served, ecr: ECRClient, parts: PartsTable, role: Role, attached: Attached
) -> None:
    one = pull(role("web"))
    grants.create(grant("Create", properties=one))
    ecr.delete_repository(repositoryName=NAME)
    grants.delete(grant("Delete", properties=one))
    assert parts.query_parts("repository-policy/team/app") == ()
    assert attached("web") == []


def test_a_role_that_ecr_does_not_see_yet_is_worth_another_try(
    grants: Served, role: Role, unknown: set[str], statements: Statements
) -> None:
    wanted = grant("Create", properties=pull(role("web")))
    unknown.add(wanted.properties["Grantee"])
    with pytest.raises(RetryableError, match="can take a minute"):
        grants.create(wanted)
    unknown.clear()
    grants.create(wanted)
    assert len(statements()) == 1


@pytest.mark.parametrize("arn", ["role/nobody", "user/nobody", "role/other-path/web"])
def test_a_principal_that_iam_does_not_know_either_is_an_error_at_once(
    grants: Served, role: Role, unknown: set[str], parts: PartsTable, arn: str
) -> None:
    role("web")
    principal = f"arn:aws:iam::123456789012:{arn}"
    unknown.add(principal)
    with pytest.raises(UserError, match=f"The (role|user) {principal} does not exist"):
        grants.create(grant("Create", properties=pull(principal)))
    assert parts.query_parts("repository-policy/team/app") == ()


def test_a_refused_update_leaves_the_part_as_it_was(grants: Served, unknown: set[str], parts: PartsTable) -> None:
    one, two = pull("*"), pull("arn:aws:iam::123456789012:role/nobody")
    grants.create(grant("Create", properties=one))
    unknown.add(two["Grantee"])
    with pytest.raises(UserError):
        grants.update(grant("Update", properties=two, old_properties=one))
    [part] = parts.query_parts("repository-policy/team/app")
    assert part.content["statements"][0]["Principal"] == {"AWS": "*"}


def show_as_deleted(ecr: ECRClient, principal: str) -> None:
    """What ECR does by itself when a principal is deleted."""
    text = ecr.get_repository_policy(repositoryName=NAME)["policyText"].replace(principal, DEAD_ID)
    ecr.set_repository_policy(repositoryName=NAME, policyText=text)


@pytest.mark.parametrize("account", ["123456789012", "999999999999"])
def test_a_deleted_principal_of_another_grant_blocks_no_other(
    grants: Served,
    ecr: ECRClient,
    unknown: set[str],
    statements: Statements,
    caplog: pytest.LogCaptureFixture,
    account: str,
) -> None:
    dead = f"arn:aws:iam::{account}:role/dead"
    grants.create(grant("Create", "Theirs", properties=pull(dead, AuthorizationToken="false")))
    show_as_deleted(ecr, dead)
    unknown |= {dead, DEAD_ID}
    with caplog.at_level(logging.WARNING):
        grants.create(grant("Create", properties=pull("*")))
        grants.create(grant("Create", "Another", properties=pull(OTHER_ACCOUNT)))
    assert sorted(map(str, principals(statements))) == ["{'AWS': '*'}", str({"AWS": OTHER_ACCOUNT})]
    assert dead in caplog.text


def test_a_live_principal_of_another_grant_is_never_left_out(
    grants: Served, ecr: ECRClient, role: Role, unknown: set[str], statements: Statements
) -> None:
    dead = "arn:aws:iam::123456789012:role/dead"
    web = role("web")
    for name, grantee in {"Dead": dead, "Web": web, "Account": "123456789012", "Other": OTHER_ACCOUNT}.items():
        grants.create(grant("Create", name, properties=pull(grantee, AuthorizationToken="false")))
    show_as_deleted(ecr, dead)
    unknown |= {dead, DEAD_ID}
    grants.create(grant("Create", properties=pull("888888888888")))
    [statement] = statements()
    assert set(statement["Principal"]["AWS"]) == {
        *("arn:aws:iam::123456789012:root", "arn:aws:iam::888888888888:root"),
        *(web, OTHER_ACCOUNT),
    }


def test_a_deleted_principal_in_a_foreign_statement_is_removed_only_if_ecr_rejects_the_policy(
    grants: Served, ecr: ECRClient, unknown: set[str], statements: Statements
) -> None:
    theirs = {**THEIRS, "Principal": {"AWS": ["AIDAEXAMPLEEXAMPLE12", OTHER_ACCOUNT]}}
    ecr.set_repository_policy(repositoryName=NAME, policyText=json.dumps({"Statement": [theirs]}))
    grants.create(grant("Create", "A", properties=pull("*")))
    assert statements()[0] == theirs
    unknown.add("AIDAEXAMPLEEXAMPLE12")
    grants.create(grant("Create", "B", properties=pull("999999999999")))
    assert statements()[0] == {**theirs, "Principal": {"AWS": OTHER_ACCOUNT}}


def test_a_policy_that_would_be_too_long_is_not_put_and_its_part_does_not_stay(
    grants: Served, parts: PartsTable, statements: Statements
) -> None:
    grants.create(grant("Create", "A", properties=pull("*")))
    tag = {"StringEquals": {"aws:PrincipalTag/team": "x" * 10_000}}
    with pytest.raises(UserError, match=r"ECR accepts 10,240\. Largest grants: Grant in the stack shop"):
        grants.create(grant("Create", properties={**pull("*"), "Conditions": tag}))
    assert len(parts.query_parts("repository-policy/team/app")) == 1
    assert len(statements()) == 1


# Token grants


@pytest.mark.parametrize(
    ("type_name", "policy"),
    [("ECRAuthorizationTokenGrant", LOGIN), ("ECRPublicGalleryAuthorizationTokenGrant", PUBLIC)],
)
def test_a_token_grant_attaches_its_policy_and_detaches_it(
    grants: Served, iam: IAMClient, role: Role, attached: Attached, type_name: str, policy: str
) -> None:
    properties = {"Grantee": role("web")}
    result = grants.create(grant("Create", type_name=type_name, properties=properties))
    assert str(result.data["PolicyArn"]).endswith(policy)
    assert attached("web") == [policy]
    grants.delete(grant("Delete", type_name=type_name, properties=properties, physical_id=result.physical_id))
    assert attached("web") == []


@pytest.mark.parametrize("kind", ["user", "group"])
def test_users_and_groups_get_it_too(grants: Served, iam: IAMClient, kind: str) -> None:
    arn = (
        iam.create_user(UserName="x")["User"]["Arn"]
        if kind == "user"
        else iam.create_group(GroupName="x")["Group"]["Arn"]
    )

    def attached() -> list[Any]:
        if kind == "user":
            return iam.list_attached_user_policies(UserName="x")["AttachedPolicies"]
        return iam.list_attached_group_policies(GroupName="x")["AttachedPolicies"]

    wanted = grant("Create", type_name="ECRAuthorizationTokenGrant", properties={"Grantee": arn})
    grants.create(wanted)
    assert len(attached()) == 1
    grants.delete(wanted)
    assert attached() == []


def test_two_stacks_that_grant_the_same_token_keep_it_until_both_are_gone(
    grants: Served, role: Role, attached: Attached
) -> None:
    wanted: dict[str, Any] = {"type_name": "ECRAuthorizationTokenGrant", "properties": {"Grantee": role("web")}}
    grants.create(grant("Create", **wanted))
    grants.create(grant("Create", stack_id=OTHER, **wanted))
    grants.create(grant("Create", "Pull", properties=pull(wanted["properties"]["Grantee"])))
    grants.delete(grant("Delete", **wanted))
    assert attached("web") == [LOGIN]
    grants.delete(grant("Delete", stack_id=OTHER, **wanted))
    assert attached("web") == [LOGIN]
    grants.delete(grant("Delete", "Pull", properties=pull(wanted["properties"]["Grantee"])))
    assert attached("web") == []


def test_another_grantee_replaces_a_token_grant(grants: Served, role: Role, attached: Attached) -> None:
    wanted: dict[str, Any] = {"type_name": "ECRAuthorizationTokenGrant"}
    one, two = {"Grantee": role("web")}, {"Grantee": role("api")}
    first = grants.create(grant("Create", properties=one, **wanted))
    second = grants.update(grant("Update", properties=two, old_properties=one, **wanted))
    assert first.physical_id != second.physical_id
    grants.delete(grant("Delete", properties=one, physical_id=first.physical_id, **wanted))
    assert (attached("web"), attached("api")) == ([], [LOGIN])


def test_a_token_for_a_missing_role_is_an_error_and_its_delete_a_success(grants: Served, parts: PartsTable) -> None:
    nobody = "arn:aws:iam::123456789012:role/nobody"
    wanted = grant("Create", type_name="ECRAuthorizationTokenGrant", properties={"Grantee": nobody})
    with pytest.raises(UserError, match=f"The role {nobody} does not exist in this account"):
        grants.create(wanted)
    assert parts.query_parts(f"attached-policies/{nobody}/AUTHORIZATION_TOKEN_POLICY") == ()
    grants.delete(wanted)
    grants.delete_failed_create(wanted, "request-1")
    grants.delete_failed_create(grant("Delete", type_name="ECRAuthorizationTokenGrant", properties={}), "request-1")


def test_the_quota_of_attached_policies_is_reported(
    grants: Served, iam: IAMClient, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = iam.exceptions.LimitExceededException(
        {"Error": {"Code": "LimitExceeded", "Message": "Cannot exceed quota for PoliciesPerRole: 10"}},
        "AttachRolePolicy",
    )

    def refuse(**_arguments: Any) -> None:
        raise full

    monkeypatch.setattr(iam, "attach_role_policy", refuse)
    with pytest.raises(
        UserError, match=r"No more managed policies .* quota for PoliciesPerRole: 10\)\. Detach a policy"
    ):
        grants.create(grant("Create", properties=pull(role("web"))))


# What outlives its owner, and what another controller wrote


def theirs(grants: Served) -> None:
    grants.create(grant("Create", "Theirs", stack_id=OTHER, properties=pull(OTHER_ACCOUNT)))


def named(statements: Statements) -> set[str]:
    return set(re.findall(r"[0-9]{12}", json.dumps(statements())))


@pytest.mark.parametrize(("is_gone", "found"), [(True, {"111111111111"}), (False, {"111111111111", "999999999999"})])
def test_a_statement_that_somebody_removed_comes_back_only_if_its_stack_exists(
    grants: Served, ecr: ECRClient, statements: Statements, stacks: KnownStacks, is_gone: bool, found: set[str]
) -> None:
    theirs(grants)
    ecr.delete_repository_policy(repositoryName=NAME)
    stacks.gone |= {OTHER} if is_gone else set()
    grants.create(grant("Create", properties=pull("111111111111")))
    assert named(statements) == found


def test_a_retained_statement_of_a_stack_that_is_gone_stays_until_somebody_removes_it(
    grants: Served, statements: Statements, stacks: KnownStacks
) -> None:
    theirs(grants)
    stacks.gone.add(OTHER)
    grants.create(grant("Create", properties=pull("111111111111")))
    assert named(statements) == {"111111111111", "999999999999"}


def test_a_statement_for_an_earlier_repository_of_the_same_name_is_not_written_into_the_new_one(
    grants: Served, ecr: ECRClient, statements: Statements, parts: PartsTable
) -> None:
    theirs(grants)
    [part] = parts.query_parts(f"repository-policy/{NAME}")
    ecr.delete_repository(repositoryName=NAME)
    ecr.create_repository(repositoryName=NAME)
    parts.put_part(f"repository-policy/{NAME}", part.owner, part.content, {"since": f"{part.since - 3600:.0f}"})
    grants.create(grant("Create", properties=pull("111111111111")))
    assert named(statements) == {"111111111111"}


def test_the_statements_of_another_controller_are_foreign(
    grants: Served, statements: Statements, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs(grants)
    aws.client("dynamodb").create_table(
        TableName="other-parts",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("target", "owner")],
        KeySchema=[{"AttributeName": "target", "KeyType": "HASH"}, {"AttributeName": "owner", "KeyType": "RANGE"}],
    )
    monkeypatch.setenv("PARTS_TABLE", "other-parts")
    ours = grant("Create", properties=pull("111111111111"))
    grants.create(ours)
    assert named(statements) == {"111111111111", "999999999999"}
    grants.delete(ours)
    assert named(statements) == {"999999999999"}


# What is repeated


@pytest.mark.parametrize("call", ["GetRepositoryPolicy", "DeleteRepositoryPolicy"])
def test_the_delete_of_a_failed_create_is_repeatable(
    grants: Served, statements: Statements, calls: Calls, parts: PartsTable, role: Role, attached: Attached, call: str
) -> None:
    wanted = grant("Create", properties=pull(role("web")))
    grants.create(wanted)
    calls.failing[call] = RetryableError("Rate exceeded.")
    with pytest.raises(RetryableError):
        grants.delete_failed_create(wanted, "request-1")
    calls.failing.clear()
    grants.delete_failed_create(wanted, "request-1")
    assert (statements(), attached("web")) == ([], [])
    assert parts.query_parts(f"repository-policy/{NAME}") == ()


def test_a_delete_finds_what_the_grant_holds_whatever_its_properties_say(
    grants: Served, statements: Statements, role: Role, attached: Attached
) -> None:
    grants.create(grant("Create", properties=pull(role("web"))))
    grants.delete(grant("Delete", properties=pull(role("api"), AuthorizationToken="false")))
    assert (statements(), attached("web")) == ([], [])


def test_an_update_of_a_failed_create_outlives_the_clean_up_of_that_create(
    grants: Served, statements: Statements, role: Role, attached: Attached
) -> None:
    wanted = pull(role("web"))
    grants.create(grant("Create", request_id="failed", properties=wanted))
    marker = "ecr-controller:create-failed:failed"
    update = grant("Update", request_id="2", physical_id=marker, properties=wanted, old_properties=wanted)
    grants.create(update)
    grants.delete_failed_create(grant("Delete", request_id="3", physical_id=marker, properties=wanted), "failed")
    assert len(statements()) == 1
    assert attached("web") == [LOGIN]


def test_a_statement_that_an_update_puts_back_counts_for_the_repository_as_it_is_now(
    grants: Served, ecr: ECRClient, statements: Statements, parts: PartsTable
) -> None:
    theirs(grants)
    target = f"repository-policy/{NAME}"
    [part] = parts.query_parts(target)
    ecr.delete_repository(repositoryName=NAME)
    ecr.create_repository(repositoryName=NAME)
    parts.put_part(target, part.owner, part.content, {"since": f"{part.since - 3600:.0f}"})
    same = pull(OTHER_ACCOUNT)
    grants.update(grant("Update", "Theirs", stack_id=OTHER, request_id="2", properties=same, old_properties=same))
    ecr.delete_repository_policy(repositoryName=NAME)
    grants.create(grant("Create", properties=pull("111111111111")))
    assert named(statements) == {"111111111111", "999999999999"}


def test_a_stack_that_cannot_be_read_counts_as_existing(
    grants: Served, ecr: ECRClient, statements: Statements, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(_self: object, _stack_id: str) -> bool:
        raise UserError("AWS rejected DescribeStacks (AccessDenied): no")

    theirs(grants)
    ecr.delete_repository_policy(repositoryName=NAME)
    monkeypatch.setattr(Stacks, "exists", deny)
    grants.create(grant("Create", properties=pull("111111111111")))
    assert named(statements) == {"111111111111", "999999999999"}
