"""PolicyStatements of ``Custom::ECRRepository``: parts of the policy of the repository that go with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller.errors import RetryableError, UserError
from ecr_controller.repository_policy.statement import prefix
from ecr_controller.resources.repository import RepositoryResource
from tests.unit.conftest import STACK_ID, Calls, Served, request
from tests.unit.resources.conftest import NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_iam import IAMClient

    from ecr_controller.shared_documents.parts import PartsTable

TARGET = f"repository-policy/{NAME}"
STATEMENT = {"Sid": "Ci", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": ["ecr:BatchGetImage"]}
WITH: dict[str, Any] = {"RepositoryName": NAME, "PolicyStatements": [STATEMENT]}
WITHOUT: dict[str, Any] = {"RepositoryName": NAME}
NOBODY: dict[str, Any] = {**STATEMENT, "Principal": {"AWS": "arn:aws:iam::123456789012:role/nobody"}}


@pytest.fixture
def repository(ecr: ECRClient, iam: IAMClient, parts: PartsTable) -> Served:
    return Served(RepositoryResource())


def test_a_repository_with_statements_takes_one_call_more_that_writes(repository: Served, calls: Calls) -> None:
    repository.create(request("Create", properties=WITH))
    assert calls.made == ["CreateRepository", "GetRepositoryPolicy", "SetRepositoryPolicy"]


def test_an_update_that_changes_nothing_writes_nothing_and_one_without_statements_does_not_look(
    repository: Served, calls: Calls
) -> None:
    repository.create(request("Create", properties=WITH))
    calls.made.clear()
    repository.update(request("Update", request_id="2", physical_id=NAME, properties=WITH, old_properties=WITH))
    assert calls.writes == []
    repository.update(request("Update", request_id="2", physical_id=NAME, properties=WITHOUT, old_properties=WITHOUT))
    assert calls.made.count("GetRepositoryPolicy") == 1


def test_an_update_puts_back_what_others_removed(
    repository: Served, ecr: ECRClient, statements: Callable[[], list[Any]]
) -> None:
    repository.create(request("Create", properties=WITH))
    ecr.delete_repository_policy(repositoryName=NAME)
    repository.update(request("Update", request_id="2", physical_id=NAME, properties=WITH, old_properties=WITH))
    assert len(statements()) == 1


def test_statements_no_longer_declared_are_taken_out(
    repository: Served, parts: PartsTable, statements: Callable[[], list[Any]]
) -> None:
    repository.create(request("Create", properties=WITH))
    repository.update(request("Update", request_id="2", physical_id=NAME, properties=WITHOUT, old_properties=WITH))
    assert (statements(), parts.query_parts(TARGET)) == ([], ())


def test_a_repository_deleted_takes_its_statements_along(repository: Served, parts: PartsTable) -> None:
    repository.create(request("Create", properties=WITH))
    repository.delete(request("Delete", physical_id=NAME, properties=WITH))
    assert parts.query_parts(TARGET) == ()


def test_a_released_repository_loses_our_statements_and_no_other(
    repository: Served, ecr: ECRClient, parts: PartsTable, statements: Callable[[], list[Any]]
) -> None:
    theirs = {"Effect": "Allow", "Principal": "*", "Action": "ecr:ListImages"}
    ecr.create_repository(repositoryName=NAME)
    ecr.set_repository_policy(repositoryName=NAME, policyText=json.dumps({"Statement": [theirs]}))
    adopting = {**WITH, "OnExisting": "Adopt"}
    repository.create(request("Create", properties=adopting))
    assert len(statements()) == 2
    repository.delete(request("Delete", physical_id=NAME, properties=adopting))
    assert (statements(), parts.query_parts(TARGET)) == ([theirs], ())


def test_statements_that_are_refused_take_the_new_repository_back(
    repository: Served, ecr: ECRClient, parts: PartsTable, unknown: set[str]
) -> None:
    unknown.add(NOBODY["Principal"]["AWS"])
    with pytest.raises(UserError, match=r"The role .* does not exist"):
        repository.create(request("Create", properties={**WITH, "PolicyStatements": [NOBODY]}))
    assert (ecr.describe_repositories()["repositories"], parts.query_parts(TARGET)) == ([], ())


def test_the_delete_of_a_failed_create_withdraws_what_it_put(
    repository: Served, ecr: ECRClient, parts: PartsTable
) -> None:
    repository.create(request("Create", properties=WITH))
    repository.delete_failed_create(request("Delete", properties=WITH), "another-request")
    assert len(parts.query_parts(TARGET)) == 1
    repository.delete_failed_create(request("Delete", properties=WITH), "request-1")
    assert (ecr.describe_repositories()["repositories"], parts.query_parts(TARGET)) == ([], ())


def test_another_name_takes_the_statements_there(repository: Served, ecr: ECRClient, parts: PartsTable) -> None:
    repository.create(request("Create", properties=WITH))
    moved = {**WITH, "RepositoryName": "team/new"}
    repository.update(request("Update", request_id="2", physical_id=NAME, properties=moved, old_properties=WITH))
    repository.delete(request("Delete", physical_id=NAME, properties=WITH))
    assert f"{prefix()}Ci" in ecr.get_repository_policy(repositoryName="team/new")["policyText"]
    assert parts.query_parts(TARGET) == ()


def test_what_is_rejected_in_a_retry_takes_the_new_repository_back(
    repository: Served, ecr: ECRClient, parts: PartsTable, unknown: set[str], role: Callable[[str], str]
) -> None:
    unknown.add(role("web"))
    late = {**WITH, "PolicyStatements": [{**STATEMENT, "Principal": {"AWS": "arn:aws:iam::123456789012:role/web"}}]}
    with pytest.raises(RetryableError, match="can take a minute"):
        repository.create(request("Create", properties=late))
    assert len(ecr.describe_repositories()["repositories"]) == 1
    unknown.add(NOBODY["Principal"]["AWS"])
    with pytest.raises(UserError, match="does not exist"):
        repository.create(request("Create", properties={**WITH, "PolicyStatements": [NOBODY]}))
    assert ecr.describe_repositories()["repositories"] == []


def test_statements_that_are_rejected_undo_the_adoption_of_a_repository(
    repository: Served, ecr: ECRClient, unknown: set[str], tags: Callable[[str], dict[str, str]]
) -> None:
    unknown.add(NOBODY["Principal"]["AWS"])
    ecr.create_repository(repositoryName=NAME, tags=[{"Key": "team", "Value": "theirs"}])
    adopting = {**WITH, "OnExisting": "Adopt", "ImageScanOnPush": "true", "PolicyStatements": [NOBODY]}
    with pytest.raises(UserError, match="does not exist"):
        repository.create(request("Create", properties=adopting))
    [found] = ecr.describe_repositories()["repositories"]
    assert found["imageScanningConfiguration"] == {"scanOnPush": False}
    assert tags(NAME) == {"team": "theirs"}


def test_what_is_rejected_in_a_retry_releases_a_repository_that_the_update_adopted(
    repository: Served, ecr: ECRClient, parts: PartsTable, unknown: set[str], role: Callable[[str], str], iam: IAMClient
) -> None:
    ecr.create_repository(repositoryName="team/other", tags=[{"Key": "team", "Value": "theirs"}])
    repository.create(request("Create", properties=WITHOUT))
    unknown.add(role("web"))
    moved = {
        "RepositoryName": "team/other",
        "OnExisting": "Adopt",
        "LifecycleRules": [{"MaxImageCount": "3"}],
        "PolicyStatements": [{**STATEMENT, "Principal": {"AWS": "arn:aws:iam::123456789012:role/web"}}],
    }
    update = request("Update", request_id="2", physical_id=NAME, properties=moved, old_properties=WITHOUT)
    with pytest.raises(RetryableError, match="can take a minute"):
        repository.update(update)
    iam.delete_role(RoleName="web")
    with pytest.raises(UserError, match="does not exist"):
        repository.update(update)
    arn = ecr.describe_repositories(repositoryNames=["team/other"])["repositories"][0]["repositoryArn"]
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "team", "Value": "theirs"}]
    with pytest.raises(ecr.exceptions.LifecyclePolicyNotFoundException):
        ecr.get_lifecycle_policy(repositoryName="team/other")
    assert parts.query_parts("repository-policy/team/other") == ()


def test_what_is_rejected_in_a_retry_of_an_update_gives_way_to_the_statements_before(
    repository: Served, parts: PartsTable, unknown: set[str], role: Callable[[str], str], iam: IAMClient
) -> None:
    repository.create(request("Create", properties=WITH))
    unknown.add(role("web"))
    late = {**WITH, "PolicyStatements": [{**STATEMENT, "Principal": {"AWS": "arn:aws:iam::123456789012:role/web"}}]}
    update = request("Update", request_id="2", physical_id=NAME, properties=late, old_properties=WITH)
    with pytest.raises(RetryableError, match="can take a minute"):
        repository.update(update)
    iam.delete_role(RoleName="web")
    with pytest.raises(UserError, match="does not exist"):
        repository.update(update)
    [part] = parts.query_parts(TARGET)
    assert part.content["statements"][0]["Principal"] == STATEMENT["Principal"]


@pytest.mark.parametrize(("hours", "left"), [(0, 0), (3, 1)], ids=["of the Create", "retained before it"])
def test_a_made_up_id_stands_for_the_statements_of_a_create_that_was_never_answered(
    repository: Served, parts: PartsTable, hours: int, left: int
) -> None:
    repository.create(request("Create", properties=WITH))
    target = f"owner/ECRRepository/{STACK_ID}|Images"
    [entry] = parts.query_parts(target)
    marks = {**entry.marks, "since": f"{entry.since - hours * 3600:.0f}"}
    parts.put_part(target, entry.owner, entry.content, marks)
    delete = request("Delete", request_id="2", physical_id="shop-Images-1ABCDEFGHIJK", properties=WITHOUT)
    repository.delete_failed_create(delete, "")
    assert len(parts.query_parts(TARGET)) == left


def test_statements_from_before_the_bounds_are_taken_out(
    repository: Served, parts: PartsTable, statements: Callable[[], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.create(request("Create", properties=WITH))
    monkeypatch.setenv("GRANTEE_ACCOUNTS", "")
    monkeypatch.setenv("PUBLIC_GRANTS", "false")
    with pytest.raises(UserError, match="GranteeAccounts"):
        repository.update(request("Update", request_id="2", physical_id=NAME, properties=WITH, old_properties=WITH))
    repository.update(request("Update", request_id="2", physical_id=NAME, properties=WITHOUT, old_properties=WITH))
    assert (statements(), parts.query_parts(TARGET)) == ([], ())


def test_nothing_is_created_with_statements_outside_the_bounds(
    repository: Served, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRANTEE_ACCOUNTS", "")
    monkeypatch.setenv("PUBLIC_GRANTS", "false")
    with pytest.raises(UserError, match=r"PolicyStatements\[0\].Principal: grants access to .* GranteeAccounts"):
        repository.create(request("Create", properties=WITH))
    assert calls.made == []
