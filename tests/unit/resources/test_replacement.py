"""A replacement leaves nothing: not when it fails, dies, is rolled back, or when the stack is deleted without that."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller.errors import UserError
from ecr_controller.repository.model import generated_name
from ecr_controller.resources.repository import RepositoryResource
from local.images import push_image
from tests.unit.conftest import STACK_ID, Calls, Deaths, Served, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ecr import ECRClient

    from ecr_controller.shared_documents.parts import PartsTable

    Tags = Callable[[str], dict[str, str]]

OLD, NEW = "team/old", "team/new"
RENAME = ({"RepositoryName": OLD}, {"RepositoryName": NEW})
ADOPTS = ({"RepositoryName": OLD}, {"RepositoryName": "theirs/app", "OnExisting": "Adopt", "ImageScanOnPush": "true"})
ENCRYPT: tuple[dict[str, str], dict[str, str]] = ({}, {"Encryption": "KMS"})
UNNAME: tuple[dict[str, str], dict[str, str]] = ({"RepositoryName": OLD}, {})
EACH = pytest.mark.parametrize("case", [RENAME, ADOPTS, ENCRYPT, UNNAME], ids=["rename", "adopt", "encrypt", "unname"])


@pytest.fixture
def resource(ecr: ECRClient, parts: PartsTable) -> Served:
    ecr.create_repository(repositoryName="theirs/app")
    return Served(RepositoryResource())


@pytest.fixture
def state(ecr: ECRClient, parts: PartsTable, tags: Tags) -> Callable[[], Any]:
    """All repositories with their tags, and all records."""

    def of() -> Any:
        found = ecr.describe_repositories()["repositories"]
        return (
            {
                each["repositoryName"]: (each["imageScanningConfiguration"], tags(each["repositoryName"]))
                for each in found
            },
            parts.query_parts("adopted-repository/theirs/app"),
        )

    return of


@EACH
def test_a_replacement_that_dies_at_any_call_is_rolled_back(
    resource: Served, state: Callable[[], Any], deaths: Deaths, case: Any
) -> None:
    old, new = case
    physical = resource.create(request("Create", properties=old)).physical_id
    before = state()
    for number in count():
        update = request("Update", request_id=f"u{number}", physical_id=physical, properties=new, old_properties=old)
        done = deaths.run(number, lambda: resource.update(update))  # noqa: B023
        back = request("Update", request_id=f"b{number}", physical_id=physical, properties=old, old_properties=new)
        assert resource.update(back).physical_id == physical
        assert state() == before, number
        if done:
            assert number > 4
            return


@EACH
def test_a_replacement_that_dies_at_any_call_is_deleted_with_the_stack(
    resource: Served, state: Callable[[], Any], deaths: Deaths, case: Any
) -> None:
    old, new = case
    before = state()
    for number in count():
        create = request("Create", request_id=f"c{number}", properties=old)
        physical = resource.create(create).physical_id
        update = request("Update", request_id=f"u{number}", physical_id=physical, properties=new, old_properties=old)
        if deaths.run(number, lambda: resource.update(update)):  # noqa: B023
            return  # after its last call, it can't be told from a clean-up
        resource.delete(request("Delete", request_id=f"d{number}", physical_id=physical, properties=old))
        assert state() == before, number


@EACH
def test_a_replacement_that_dies_at_any_call_is_finished_by_its_retry(
    resource: Served, state: Callable[[], Any], deaths: Deaths, case: Any
) -> None:
    old, new = case
    before = state()
    for number in count():
        create = request("Create", request_id=f"c{number}", properties=old)
        physical = resource.create(create).physical_id
        update = request("Update", request_id=f"u{number}", physical_id=physical, properties=new, old_properties=old)
        done = deaths.run(number, lambda: resource.update(update))  # noqa: B023
        replacement = resource.update(update).physical_id
        resource.delete(request("Delete", request_id=f"d{number}", physical_id=physical, properties=old))
        left = state()[0]
        assert (physical in left, left[replacement][1]["ecr-controller:replaces"]) == (False, physical)
        resource.delete(request("Delete", request_id=f"e{number}", physical_id=replacement, properties=new))
        assert state() == before, number
        if done:
            return


@EACH
def test_a_rollback_after_a_success_returns_to_the_old_repository(
    resource: Served, state: Callable[[], Any], case: Any
) -> None:
    old, new = case
    physical = resource.create(request("Create", properties=old)).physical_id
    before = state()
    update = request("Update", request_id="2", physical_id=physical, properties=new, old_properties=old)
    replacement = resource.update(update).physical_id
    assert replacement != physical
    back = request("Update", request_id="3", physical_id=replacement, properties=old, old_properties=new)
    assert resource.update(back).physical_id == physical
    resource.delete(request("Delete", request_id="4", physical_id=replacement, properties=new))
    assert state() == before


def test_another_replacement_takes_back_the_first(resource: Served, ecr: ECRClient, deaths: Deaths, tags: Tags) -> None:
    old, new = RENAME
    resource.create(request("Create", properties=old))
    first = request("Update", request_id="2", physical_id=OLD, properties=new, old_properties=old)
    assert not deaths.run(4, lambda: resource.update(first))
    assert tags(OLD)["ecr-controller:replacement"] == NEW
    third = {"RepositoryName": "team/third"}
    resource.update(request("Update", request_id="3", physical_id=OLD, properties=third, old_properties=old))
    found = {each["repositoryName"] for each in ecr.describe_repositories()["repositories"]}
    assert found == {OLD, "team/third", "theirs/app"}


def test_a_replacement_with_images_is_kept_and_what_is_not_a_replacement_is_left(
    resource: Served, ecr: ECRClient, caplog: pytest.LogCaptureFixture
) -> None:
    old, new = RENAME
    resource.create(request("Create", properties=old))
    resource.update(request("Update", request_id="2", physical_id=OLD, properties=new, old_properties=old))
    push_image(ecr, NEW, "v1")
    back = request("Update", request_id="3", physical_id=OLD, properties=old, old_properties=new)
    resource.update(back)
    assert "kept because it contains images" in caplog.text
    ours = resource.create(request("Create", logical_id="Other", properties={"RepositoryName": "team/other"}))
    resource.update(
        request(
            "Update", request_id="4", physical_id=OLD, properties=old, old_properties={"RepositoryName": "team/other"}
        )
    )
    found = {each["repositoryName"] for each in ecr.describe_repositories()["repositories"]}
    assert found == {OLD, NEW, ours.physical_id, "theirs/app"}


def test_a_replacement_of_what_is_gone_goes_on_without_it(resource: Served, ecr: ECRClient) -> None:
    old, new = RENAME
    resource.create(request("Create", properties=old))
    ecr.delete_repository(repositoryName=OLD)
    update = request("Update", request_id="2", physical_id=OLD, properties=new, old_properties=old)
    assert resource.update(update).physical_id == NEW
    back = request("Update", request_id="3", physical_id=OLD, properties=old, old_properties=new)
    assert resource.update(back).physical_id == OLD
    assert {each["repositoryName"] for each in ecr.describe_repositories()["repositories"]} == {OLD, "theirs/app"}


def test_a_rollback_that_is_refused_keeps_the_repository_to_which_it_returns(
    resource: Served, ecr: ECRClient, calls: Calls
) -> None:
    old, new = RENAME
    resource.create(request("Create", properties=old))
    resource.update(request("Update", request_id="2", physical_id=OLD, properties=new, old_properties=old))
    back = request(
        "Update", request_id="3", physical_id=NEW, properties={**old, "ImageScanOnPush": "true"}, old_properties=new
    )
    calls.failing = {"PutImageScanningConfiguration": UserError("no")}
    for _ in range(2):
        with pytest.raises(UserError, match="no"):
            resource.update(back)
    resource.delete(request("Delete", request_id="4", physical_id=NEW, properties=new))
    assert {each["repositoryName"] for each in ecr.describe_repositories()["repositories"]} == {OLD, "theirs/app"}


@pytest.mark.parametrize("properties", [{}, {"RepositoryName": OLD}, ADOPTS[1]], ids=["generated", "named", "adopted"])
def test_a_delete_with_an_id_that_nobody_gave_takes_back_what_the_create_left(
    resource: Served, state: Callable[[], Any], properties: dict[str, Any]
) -> None:
    before = state()
    delete = request("Delete", request_id="2", physical_id="shop-Images-1ABCDEFGHIJK", properties=properties)
    resource.delete(delete)
    assert state() == before
    resource.create(request("Create", properties=properties))
    resource.delete(delete)
    assert state() == before


def test_a_delete_with_an_id_that_was_given_takes_nothing_else(resource: Served, ecr: ECRClient) -> None:
    first = resource.create(request("Create")).physical_id
    assert first == generated_name("shop", "Images", STACK_ID)
    for gone in (OLD, generated_name("shop", "Images", "an earlier request")):
        properties = {"RepositoryName": OLD} if gone == OLD else {}
        resource.delete(request("Delete", request_id="2", physical_id=gone, properties=properties))
    assert {each["repositoryName"] for each in ecr.describe_repositories()["repositories"]} == {first, "theirs/app"}


@pytest.mark.parametrize("missing", ["stack-id", "logical-id", "controller", "origin"])
def test_without_one_of_its_tags_a_repository_is_never_deleted(resource: Served, ecr: ECRClient, missing: str) -> None:
    resource.create(request("Create", properties={"RepositoryName": OLD}))
    arn = ecr.describe_repositories(repositoryNames=[OLD])["repositories"][0]["repositoryArn"]
    ecr.untag_resource(resourceArn=arn, tagKeys=[f"ecr-controller:{missing}"])
    resource.delete(request("Delete", request_id="2", physical_id=OLD, properties={"RepositoryName": OLD}))
    resource.delete_failed_create(request("Delete", properties={"RepositoryName": OLD}), "request-1")
    assert ecr.describe_repositories(repositoryNames=[OLD])["repositories"]
