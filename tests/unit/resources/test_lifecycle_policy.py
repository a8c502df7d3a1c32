"""What `LifecyclePolicyResource` does for each request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller.errors import InvalidProperties, UserError
from ecr_controller.lifecycle import guard
from ecr_controller.lifecycle.ecr import LifecyclePolicies, Preview, PreviewedImage, Previews
from ecr_controller.resources.lifecycle_policy import LifecyclePolicyResource
from ecr_controller.stacks import Stacks
from tests.unit.conftest import STACK_ID, Calls, Served, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ecr import ECRClient

    from ecr_controller.shared_documents.parts import PartsTable

    Tags = Callable[[str], dict[str, str]]

NAME = "team/app"
OURS: dict[str, Any] = {"RepositoryName": NAME, "LifecycleRules": [{"MaxImageCount": "2"}]}
REPLACE = OURS | {"OnExisting": "Replace"}
OTHER = OURS | {"LifecycleRules": [{"MaxImageAge": "30"}]}
THEIRS = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 7,
                "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 5},
                "action": {"type": "expire"},
            }
        ]
    }
)
TAG = "ecr-controller:lifecycle-policy"


@pytest.fixture
def resource(ecr: ECRClient, parts: PartsTable) -> Served:
    ecr.create_repository(repositoryName=NAME, tags=[{"Key": "team", "Value": "theirs"}])
    return Served(LifecyclePolicyResource())


@pytest.fixture
def policy(ecr: ECRClient) -> Callable[[], str | None]:
    def text() -> str | None:
        try:
            return ecr.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"]
        except ecr.exceptions.LifecyclePolicyNotFoundException:
            return None

    return text


def test_a_delete_takes_away_what_the_create_put(
    resource: Served, policy: Callable[[], str | None], parts: PartsTable, tags: Tags
) -> None:
    result = resource.create(request("Create", properties=OURS))
    assert result.physical_id == NAME
    assert result.data["RepositoryName"] == NAME
    assert tags(NAME) == {"team": "theirs", TAG: "shop/7d6f1c80 Images"}
    assert policy() is not None
    resource.delete(request("Delete", physical_id=NAME, properties=OURS))
    assert policy() is None
    assert tags(NAME) == {"team": "theirs"}
    assert parts.query_parts(f"owner/ECRLifecyclePolicy/{STACK_ID}|Images") == ()


def test_an_update_puts_in_place_and_never_deletes(resource: Served, calls: Calls) -> None:
    resource.create(request("Create", properties=OURS))
    calls.made.clear()
    resource.update(request("Update", physical_id=NAME, properties=OTHER, old_properties=OURS))
    assert calls.writes == ["PutLifecyclePolicy"]


def test_an_update_that_changes_nothing_writes_nothing(resource: Served, calls: Calls) -> None:
    resource.create(request("Create", properties=OURS))
    calls.made.clear()
    resource.update(request("Update", physical_id=NAME, properties=OURS, old_properties=OURS))
    assert calls.made == ["DescribeRepositories", "ListTagsForResource", "GetLifecyclePolicy"]


def test_what_was_replaced_is_put_back_even_after_updates(
    resource: Served, ecr: ECRClient, policy: Callable[[], str | None]
) -> None:
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=THEIRS)
    with pytest.raises(UserError, match="set OnExisting: Replace"):
        resource.create(request("Create", properties=OURS))
    resource.create(request("Create", properties=REPLACE))
    resource.update(request("Update", physical_id=NAME, properties=OTHER, old_properties=REPLACE))
    resource.delete(request("Delete", physical_id=NAME, properties=OTHER))
    assert policy() == THEIRS


def test_an_equivalent_policy_of_others_is_no_error(
    resource: Served, ecr: ECRClient, policy: Callable[[], str | None]
) -> None:
    theirs = '{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan",'
    theirs += '"countNumber": 2}, "action": {"type": "expire"}}]}'
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=theirs)
    resource.create(request("Create", properties=OURS))
    resource.delete(request("Delete", physical_id=NAME, properties=OURS))
    assert policy() == theirs


def test_a_create_that_fails_half_way_leaves_no_trace(
    resource: Served, calls: Calls, parts: PartsTable, tags: Tags
) -> None:
    calls.failing = {"PutLifecyclePolicy": UserError("no")}
    with pytest.raises(UserError, match="no"):
        resource.create(request("Create", properties=OURS))
    assert tags(NAME) == {"team": "theirs"}
    assert parts.query_parts(f"owner/ECRLifecyclePolicy/{STACK_ID}|Images") == ()


def test_what_a_crashed_create_left_is_given_back(
    resource: Served, ecr: ECRClient, calls: Calls, policy: Callable[[], str | None], tags: Tags
) -> None:
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=THEIRS)
    resource.create(request("Create", properties=REPLACE))
    delete = request("Delete", request_id="request-2", properties=REPLACE)
    resource.delete_failed_create(delete, "another-create")
    assert policy() != THEIRS
    resource.delete_failed_create(delete, "request-1")
    assert policy() == THEIRS
    assert tags(NAME) == {"team": "theirs"}


def test_a_second_declaration_names_the_first(resource: Served, alive: set[tuple[str, str]]) -> None:
    alive.add((STACK_ID, "Images"))
    resource.create(request("Create", properties=OURS))
    with pytest.raises(UserError, match="already declared by Images in the stack shop"):
        resource.create(request("Create", logical_id="Second", properties=OTHER))


def test_a_delete_by_the_loser_of_two_declarations_touches_nothing(
    resource: Served, policy: Callable[[], str | None]
) -> None:
    resource.create(request("Create", properties=OURS))
    before = policy()
    resource.delete(request("Delete", logical_id="Second", physical_id=NAME, properties=OURS))
    assert policy() == before


@pytest.mark.parametrize("physical_id", ["gone/already", "shop-Policy-1ABC", ""])
def test_a_delete_of_what_is_not_there_is_a_success(resource: Served, physical_id: str) -> None:
    resource.delete(request("Delete", physical_id=physical_id, properties={"RepositoryName": ["no"]}))


def test_a_repository_that_does_not_exist_is_an_error(resource: Served) -> None:
    with pytest.raises(UserError, match="The repository team/none does not exist"):
        resource.create(request("Create", properties=OURS | {"RepositoryName": "team/none"}))


@pytest.mark.parametrize(
    ("properties", "fault"),
    [
        ({"LifecycleRules": OURS["LifecycleRules"]}, "RepositoryName: is required"),
        ({"RepositoryName": NAME}, "LifecycleRules: is required"),
        ({"RepositoryName": NAME, "LifecycleRules": []}, "LifecycleRules: is required"),
        (OURS | {"LifecycleGuard": {}}, "LifecycleGuard: must have MaxImages, MaxPercent or both"),
        (OURS | {"LifecycleGuard": {"MaxPercent": "101"}}, "LifecycleGuard.MaxPercent: must be at most 100"),
        (OURS | {"OnExisting": "Adopt"}, "OnExisting: must be one of Fail, Replace"),
    ],
)
def test_faults_are_reported_by_property(
    resource: Served, calls: Calls, properties: dict[str, Any], fault: str
) -> None:
    with pytest.raises(InvalidProperties) as error:
        resource.create(request("Create", properties=properties))
    assert fault in str(error.value)
    assert calls.made == []


def test_nothing_is_claimed_when_the_guard_refuses(
    resource: Served, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise UserError("too many")

    monkeypatch.setattr(guard, "enforce", refuse)
    with pytest.raises(UserError, match="too many"):
        resource.create(request("Create", properties=OURS | {"LifecycleGuard": {"MaxImages": "1"}}))
    assert calls.writes == []


@pytest.mark.usefixtures("alive")
def test_the_policy_of_a_resource_that_is_gone_can_be_declared_by_another(
    resource: Served, tags: Tags, ecr: ECRClient
) -> None:
    arn = ecr.describe_repositories(repositoryNames=[NAME])["repositories"][0]["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": TAG, "Value": "gone/1f7c Images"}])
    resource.create(request("Create", properties=OURS))
    assert tags(NAME)[TAG] == "shop/7d6f1c80 Images"


def test_a_tag_of_another_form_is_not_taken_over(resource: Served, tags: Tags, ecr: ECRClient) -> None:
    arn = ecr.describe_repositories(repositoryNames=[NAME])["repositories"][0]["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": TAG, "Value": "a person"}])
    with pytest.raises(UserError, match="already declared by person in the stack a"):
        resource.create(request("Create", properties=OURS))


def test_an_update_of_a_failed_create_outlives_the_clean_up_of_that_create(
    resource: Served, policy: Callable[[], str | None]
) -> None:
    resource.create(request("Create", request_id="failed", properties=OURS))
    marker = "ecr-controller:create-failed:failed"
    resource.create(request("Update", request_id="2", physical_id=marker, properties=OURS))
    resource.delete_failed_create(request("Delete", request_id="3", properties=OURS), "failed")
    assert policy() is not None


def test_a_policy_that_is_ours_is_recognized_whatever_the_properties_say(
    resource: Served, policy: Callable[[], str | None]
) -> None:
    resource.create(request("Create", properties=OURS))
    other = {**OURS, "LifecycleRules": [{"MaxImageCount": "3"}]}
    resource.delete(request("Delete", request_id="2", physical_id=NAME, properties=other))
    assert policy() is None


# The ceiling of the controller's stack


@pytest.fixture
def previews(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Previews in which every policy expires three images. The texts that were previewed."""
    texts: list[str] = []

    def preview(_self: Previews, _repository: str, text: str, _until: float) -> Preview:
        texts.append(text)
        return Preview(tuple(PreviewedImage(f"sha256:{n:064d}", (f"v{n}",), "expire", 1) for n in range(3)))

    monkeypatch.setattr(Previews, "preview", preview)
    monkeypatch.setattr(LifecyclePolicies, "describe_images", lambda *_: ())
    return texts


@pytest.mark.parametrize("guarded", [{}, {"LifecycleGuard": {"MaxImages": "9"}}])
def test_the_ceiling_bounds_every_policy_with_and_without_a_guard(
    resource: Served, previews: list[str], calls: Calls, monkeypatch: pytest.MonkeyPatch, guarded: dict[str, Any]
) -> None:
    monkeypatch.setattr(Stacks, "is_rolling_back", lambda *_: False)
    monkeypatch.setenv("LIFECYCLE_MAX_IMAGES", "2")
    with pytest.raises(UserError, match=r"exceeds the parameters of the controller's stack \(LifecycleMaxImages 2\)"):
        resource.create(request("Create", properties=OURS | guarded))
    assert calls.writes == []
    monkeypatch.setenv("LIFECYCLE_MAX_IMAGES", "3")
    assert resource.create(request("Create", properties=OURS | guarded)).data["ExpiringImages"] == "3"
    resource.update(request("Update", physical_id=NAME, properties=OURS, old_properties=OURS))
    assert len(previews) == 2


def test_a_rollback_and_what_is_put_back_are_not_bounded(
    resource: Served,
    ecr: ECRClient,
    previews: list[str],
    policy: Callable[[], str | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=THEIRS)
    resource.create(request("Create", properties=REPLACE))
    monkeypatch.setenv("LIFECYCLE_MAX_PERCENT", "0")
    monkeypatch.setattr(Stacks, "is_rolling_back", lambda *_: True)
    resource.update(request("Update", physical_id=NAME, properties=OTHER, old_properties=REPLACE))
    assert len(previews) == 1
    resource.delete(request("Delete", physical_id=NAME, properties=OTHER))
    assert (policy(), len(previews)) == (THEIRS, 1)


# Repositories of other stacks

OWNER = STACK_ID.replace("shop", "platform")


@pytest.fixture
def owned(resource: Served, ecr: ECRClient) -> Callable[..., None]:
    """Makes the stack platform own the repository, with more tags of ours."""

    def own(**tags: str) -> None:
        arn = ecr.describe_repositories(repositoryNames=[NAME])["repositories"][0]["repositoryArn"]
        own = {"stack-id": OWNER, "logical-id": "Repository", **{key.replace("_", "-"): tags[key] for key in tags}}
        ecr.tag_resource(
            resourceArn=arn, tags=[{"Key": f"ecr-controller:{key}", "Value": value} for key, value in own.items()]
        )

    return own


@pytest.mark.parametrize(
    "tags", [{}, {"controller": "parts"}, {"controller": "of-another"}, {"lifecycle_policies": ""}]
)
def test_a_repository_of_another_stack_is_refused(
    resource: Served,
    owned: Callable[..., None],
    alive: set[tuple[str, str]],
    calls: Calls,
    tags: dict[str, str],
) -> None:
    owned(**tags)
    alive.add((OWNER, "Repository"))
    calls.made.clear()
    with pytest.raises(UserError, match=r"belongs to Repository in the stack .*platform.* AllowLifecyclePolicies"):
        resource.create(request("Create", properties=REPLACE))
    assert calls.writes == []


def test_it_is_not_refused_in_its_own_stack(resource: Served, owned: Callable[..., None]) -> None:
    owned(stack_id=STACK_ID)
    resource.create(request("Create", properties=OURS))


def test_it_is_not_refused_if_the_repository_allows_it(
    resource: Served, owned: Callable[..., None], alive: set[tuple[str, str]]
) -> None:
    owned(lifecycle_policies="allowed")
    alive.add((OWNER, "Repository"))
    resource.create(request("Create", properties=OURS))


@pytest.mark.parametrize(("boundaries", "is_refused"), [("shop=team/*", False), ("shop=*", False), ("", True)])
def test_it_is_not_refused_if_a_boundary_of_the_stack_allows_it(
    resource: Served,
    owned: Callable[..., None],
    alive: set[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    boundaries: str,
    is_refused: bool,
) -> None:
    monkeypatch.setenv("BOUNDARIES", boundaries)
    owned()
    alive.add((OWNER, "Repository"))
    if is_refused:
        with pytest.raises(UserError, match="in the parameter Boundaries of its stack"):
            resource.create(request("Create", properties=OURS))
    else:
        resource.create(request("Create", properties=OURS))


@pytest.mark.usefixtures("alive")
def test_an_owner_that_is_gone_refuses_nobody(resource: Served, owned: Callable[..., None]) -> None:
    owned()
    resource.create(request("Create", properties=OURS))


def test_what_was_allowed_can_be_updated_and_deleted_when_it_no_longer_is(
    resource: Served, owned: Callable[..., None], alive: set[tuple[str, str]], policy: Callable[[], str | None]
) -> None:
    resource.create(request("Create", properties=OURS))
    owned()
    alive.add((OWNER, "Repository"))
    resource.update(request("Update", physical_id=NAME, properties=OTHER, old_properties=OURS))
    resource.delete(request("Delete", physical_id=NAME, properties=OTHER))
    assert policy() is None
