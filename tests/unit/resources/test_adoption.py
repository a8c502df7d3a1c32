"""An adopted repository is given back as it was, wherever the function that adopts or releases it dies."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller import aws
from ecr_controller.errors import UserError
from ecr_controller.resources.repository import RepositoryResource
from tests.unit.conftest import STACK_ID, Calls, Deaths, Served, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_iam import IAMClient

    from ecr_controller.shared_documents.parts import PartsTable

    Tags = Callable[[str], dict[str, str]]
    State = Callable[[str], Any]

NAME = "team/app"
THEIRS = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 3},
                "action": {"type": "expire"},
            }
        ]
    }
)
FOREIGN = {"Effect": "Allow", "Principal": "*", "Action": "ecr:ListImages"}
ACCOUNT = {"Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": ["ecr:BatchGetImage"]}
NOBODY = {"Principal": {"AWS": "arn:aws:iam::123456789012:role/nobody"}, "Action": ["ecr:BatchGetImage"]}
BARE: dict[str, Any] = {"RepositoryName": NAME, "OnExisting": "Adopt"}
ADOPT: dict[str, Any] = {
    **BARE,
    "ImageScanOnPush": "true",
    "ImageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "ImageTagMutabilityExclusionFilters": ["latest", "dev-*"],
    "LifecycleRules": [{"MaxImageCount": "5"}],
    "Tags": [{"Key": "team", "Value": "ours"}, {"Key": "cost", "Value": "1"}],
    "PolicyStatements": [ACCOUNT],
}
UNSTATED = {key: value for key, value in ADOPT.items() if key != "PolicyStatements"}
OTHER: dict[str, Any] = {
    **BARE,
    "ImageTagMutability": "IMMUTABLE",
    "LifecycleRules": [{"MaxImageAge": "30"}],
    "Tags": [{"Key": "team", "Value": "other"}, {"Key": "owner", "Value": "2"}],
}
GONE = {
    "ecr-controller:stack-id": STACK_ID.replace("shop", "gone"),
    "ecr-controller:logical-id": "Images",
    "ecr-controller:controller": "parts",
    "ecr-controller:origin": "created request-0",
    "ecr-controller:lifecycle-policy": "gone/7d6f1c80 Images",
}


@pytest.fixture
def resource(ecr: ECRClient, iam: IAMClient, parts: PartsTable) -> Served:
    return Served(RepositoryResource())


@pytest.fixture
def state(ecr: ECRClient, parts: PartsTable, tags: Tags) -> State:
    """All that a repository has, and what the table has of it."""

    def of(name: str) -> Any:
        [shown] = ecr.describe_repositories(repositoryNames=[name])["repositories"]
        try:
            lifecycle = json.loads(ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])
        except ecr.exceptions.LifecyclePolicyNotFoundException:
            lifecycle = None
        try:
            statements = json.loads(ecr.get_repository_policy(repositoryName=name)["policyText"])["Statement"]
        except ecr.exceptions.RepositoryPolicyNotFoundException:
            statements = []
        stored = [
            (part.owner, part.content["was"], part.content["put"])
            for part in parts.query_parts(f"adopted-repository/{name}")
        ]
        return shown, tags(name), lifecycle, statements, stored, len(parts.query_parts(f"repository-policy/{name}"))

    return of


def existing(name: str, tags: dict[str, str] | None = None) -> None:
    """A repository of somebody else, with everything that an adoption changes."""
    ecr: ECRClient = aws.client("ecr")
    values = {"team": "theirs", **(tags or {})}
    ecr.create_repository(repositoryName=name, tags=[{"Key": key, "Value": value} for key, value in values.items()])
    ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=THEIRS)
    ecr.set_repository_policy(repositoryName=name, policyText=json.dumps({"Statement": [FOREIGN]}))


def test_a_release_gives_everything_back_as_it_was(resource: Served, state: State) -> None:
    existing(NAME)
    before = state(NAME)
    resource.create(request("Create", properties=ADOPT))
    assert [was != now for was, now in zip(before, state(NAME), strict=True)] == [True] * 6
    resource.delete(request("Delete", request_id="request-2", physical_id=NAME, properties=ADOPT))
    assert state(NAME) == before


def test_an_adoption_that_dies_at_any_call_is_given_back_by_the_delete_that_follows(
    resource: Served, state: State, deaths: Deaths
) -> None:
    for number in count():
        name = f"team/app-{number}"
        properties = {**ADOPT, "RepositoryName": name}
        existing(name)
        before = state(name)
        done = deaths.run(number, lambda: resource.create(request("Create", properties=properties)))  # noqa: B023
        resource.delete_failed_create(request("Delete", request_id="2", properties=properties), "request-1")
        assert state(name) == before, number
        if done:
            assert number > 15
            return


def test_an_adoption_that_dies_at_any_call_is_finished_by_its_retry(
    resource: Served, state: State, deaths: Deaths
) -> None:
    for number in count():
        name = f"team/app-{number}"
        properties = {**UNSTATED, "RepositoryName": name}
        existing(name)
        before = state(name)
        done = deaths.run(number, lambda: resource.create(request("Create", properties=properties)))  # noqa: B023
        resource.create(request("Create", properties=properties))
        assert state(name)[2] == {
            "rules": [
                before[2]["rules"][0]
                | {"selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5}}
            ]
        }
        resource.delete(request("Delete", request_id="2", physical_id=name, properties=properties))
        assert state(name) == before, number
        if done:
            return


def test_a_release_that_dies_at_any_call_is_finished_by_the_next_delete(
    resource: Served, state: State, deaths: Deaths
) -> None:
    for number in count():
        name = f"team/app-{number}"
        properties = {**UNSTATED, "RepositoryName": name}
        existing(name)
        before = state(name)
        resource.create(request("Create", properties=properties))
        delete = request("Delete", request_id="2", physical_id=name, properties=properties)
        done = deaths.run(number, lambda: resource.delete(delete))  # noqa: B023
        resource.delete(delete)
        assert state(name) == before, number
        if done:
            assert number > 8
            return


def test_an_update_that_dies_at_any_call_leaves_what_a_delete_gives_back_whatever_it_declares(
    resource: Served, state: State, deaths: Deaths
) -> None:
    for number in count():
        old, new, left = ({**each, "RepositoryName": f"team/app-{number}"} for each in (ADOPT, OTHER, BARE))
        name = old["RepositoryName"]
        existing(name)
        before = state(name)
        resource.create(request("Create", properties=old))
        update = request("Update", request_id="2", physical_id=name, properties=new, old_properties=old)
        done = deaths.run(number, lambda: resource.update(update))  # noqa: B023
        resource.delete(request("Delete", request_id="3", physical_id=name, properties=left))
        assert state(name) == before, number
        if done:
            return


def test_an_update_that_dies_at_any_call_is_rolled_back(resource: Served, state: State, deaths: Deaths) -> None:
    for number in count():
        old, new = ({**each, "RepositoryName": f"team/app-{number}"} for each in (ADOPT, OTHER))
        name = old["RepositoryName"]
        existing(name)
        resource.create(request("Create", properties=old))
        before = state(name)
        update = request("Update", request_id="2", physical_id=name, properties=new, old_properties=old)
        done = deaths.run(number, lambda: resource.update(update))  # noqa: B023
        resource.update(request("Update", request_id="3", physical_id=name, properties=old, old_properties=new))
        assert state(name) == before, number
        if done:
            return


def test_what_is_no_longer_declared_goes_back_to_what_it_was(resource: Served, state: State, ecr: ECRClient) -> None:
    existing(NAME)
    ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    before = state(NAME)
    resource.create(request("Create", properties=ADOPT))
    resource.update(request("Update", request_id="2", physical_id=NAME, properties=BARE, old_properties=ADOPT))
    shown, _, lifecycle, statements, [(_, _, put)], _ = state(NAME)
    assert (shown, lifecycle, statements, put) == (before[0], before[2], before[3], {})


def test_an_update_that_changes_nothing_writes_nothing(resource: Served, calls: Calls, state: State) -> None:
    existing(NAME)
    resource.create(request("Create", properties=ADOPT))
    before = state(NAME)
    calls.made.clear()
    resource.update(request("Update", request_id="2", physical_id=NAME, properties=ADOPT, old_properties=ADOPT))
    assert (calls.writes, state(NAME)) == ([], before)


def test_what_others_changed_since_is_left_as_it_is(resource: Served, state: State, ecr: ECRClient) -> None:
    existing(NAME)
    resource.create(request("Create", properties=ADOPT))
    text = json.dumps({"rules": [json.loads(THEIRS)["rules"][0] | {"rulePriority": 7}]})
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=text)
    ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    resource.delete(request("Delete", request_id="2", physical_id=NAME, properties=ADOPT))
    shown, _, lifecycle, *_ = state(NAME)
    assert (shown["imageTagMutability"], lifecycle) == ("IMMUTABLE", json.loads(text))


def test_an_adoption_that_is_refused_touches_nothing(
    resource: Served, state: State, calls: Calls, unknown: set[str]
) -> None:
    unknown.add(NOBODY["Principal"]["AWS"])  # type: ignore[index]
    existing(NAME)
    before = state(NAME)
    calls.made.clear()
    with pytest.raises(UserError, match="does not exist"):
        resource.create(request("Create", properties={**ADOPT, "PolicyStatements": [NOBODY]}))
    assert (state(NAME), calls.writes) == (before, ["CreateRepository"])


@pytest.mark.parametrize(
    "operation", ["PutImageScanningConfiguration", "PutImageTagMutability", "PutLifecyclePolicy", "SetRepositoryPolicy"]
)
def test_an_adoption_that_ecr_rejects_is_undone(resource: Served, state: State, calls: Calls, operation: str) -> None:
    existing(NAME)
    before = state(NAME)
    calls.failing = {operation: UserError("no")}
    calls.failures = 1
    with pytest.raises(UserError, match="no"):
        resource.create(request("Create", properties=ADOPT))
    assert state(NAME) == before


def test_without_a_record_only_our_tags_are_released(resource: Served, parts: PartsTable, state: State) -> None:
    existing(NAME)
    resource.create(request("Create", properties={**BARE, "ImageScanOnPush": "true"}))
    [part] = parts.query_parts(f"adopted-repository/{NAME}")
    parts.delete_part(f"adopted-repository/{NAME}", part.owner)
    resource.delete(request("Delete", request_id="2", physical_id=NAME, properties=BARE))
    shown, tags, *_ = state(NAME)
    assert (shown["imageScanningConfiguration"], tags) == ({"scanOnPush": True}, {"team": "theirs"})


def test_the_record_of_an_adoption_that_ended_is_not_used_again(
    resource: Served, state: State, ecr: ECRClient, deaths: Deaths
) -> None:
    existing(NAME)
    resource.create(request("Create", properties=BARE))
    for number in count():  # dies after the tags, and nobody repeats it
        if deaths.run(number, lambda: resource.delete(request("Delete", physical_id=NAME, properties=BARE))):
            break
        if "ecr-controller:origin" not in state(NAME)[1]:
            break
    ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    before = state(NAME)
    resource.create(request("Create", request_id="request-9", properties=ADOPT))
    resource.delete(request("Delete", request_id="10", physical_id=NAME, properties=ADOPT))
    assert state(NAME)[:4] == before[:4]


@pytest.mark.usefixtures("alive")
@pytest.mark.parametrize("rules", [{}, {"LifecycleRules": [{"MaxImageCount": "5"}]}], ids=["without", "with"])
def test_a_repository_whose_owner_is_gone_is_adopted(
    resource: Served, state: State, ecr: ECRClient, rules: dict[str, Any]
) -> None:
    existing(NAME, GONE)
    before = state(NAME)
    resource.create(request("Create", properties=BARE | rules))
    assert state(NAME)[1]["ecr-controller:origin"].startswith("adopted request-1 ")
    resource.delete(request("Delete", request_id="2", physical_id=NAME, properties=BARE | rules))
    shown, tags, lifecycle, *_ = state(NAME)
    assert (shown, lifecycle) == (before[0], before[2])
    assert {key for key in tags if key != "ecr-controller:lifecycle-policy"} == {"team"}


def test_a_repository_whose_owner_exists_is_refused_with_each_step(
    resource: Served, state: State, alive: set[tuple[str, str]]
) -> None:
    owner = GONE["ecr-controller:stack-id"]
    alive.add((owner, "Images"))
    existing(NAME, GONE)
    before = state(NAME)
    for properties in (BARE, {"RepositoryName": NAME}):
        with pytest.raises(UserError) as error:
            resource.create(request("Create", properties=properties))
        assert f"belongs to Images in the stack {owner}. " in str(error.value)
        assert "DeletionPolicy: Retain" in str(error.value)
        assert f"remove the tags {', '.join(GONE)} from the repository" in str(error.value)
    assert state(NAME) == before


def test_a_repository_of_another_controller_is_never_ours(resource: Served, state: State) -> None:
    ours = {**GONE, "ecr-controller:stack-id": STACK_ID, "ecr-controller:controller": "parts-of-the-other"}
    existing(NAME, ours)
    before = state(NAME)
    resource.delete(request("Delete", physical_id=NAME, properties=BARE))
    resource.delete_failed_create(request("Delete", properties=BARE), "request-0")
    with pytest.raises(UserError, match="belongs to another controller, whose table is parts-of-the-other"):
        resource.create(request("Create", properties=BARE))
    assert state(NAME) == before
