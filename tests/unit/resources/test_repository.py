"""What `RepositoryResource` does for each request: the calls it makes, what it refuses, what it takes back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from ecr_controller.errors import InvalidProperties, RetryableError, UserError
from ecr_controller.lifecycle.ecr import LifecyclePolicies, Preview, PreviewedImage, Previews
from ecr_controller.repository import ownership
from ecr_controller.repository.ecr import Repositories
from ecr_controller.repository.kms import Keys
from ecr_controller.resources.repository import RepositoryResource
from ecr_controller.stacks import Stacks
from local.images import push_image
from tests.unit.conftest import STACK_ID, Calls, Served, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ecr import ECRClient

    from ecr_controller.shared_documents.parts import PartsTable
    from tests.unit.resources.conftest import KnownStacks

    Tags = Callable[[str], dict[str, str]]

NAME = "team/app"
RULES = [{"TagPrefixList": ["prod"], "MaxImageCount": "9999"}, {"MaxImageAge": "30"}]
FULL: dict[str, Any] = {
    "ServiceToken": "arn:aws:lambda:eu-west-1:123456789012:function:repository",
    "RepositoryName": NAME,
    "ImageScanOnPush": "true",
    "ImageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "ImageTagMutabilityExclusionFilters": ["latest"],
    "Encryption": "KMS",
    "LifecycleRules": RULES,
    "Tags": [{"Key": "team", "Value": "platform"}],
}
OURS = [
    {"Key": "ecr-controller:stack-id", "Value": STACK_ID},
    {"Key": "ecr-controller:logical-id", "Value": "Images"},
    {"Key": "ecr-controller:controller", "Value": "parts"},
]
THEIRS = [{"Key": "ecr-controller:stack-id", "Value": STACK_ID + "-other"}, {"Key": "team", "Value": "theirs"}]


@pytest.fixture
def resource(ecr: ECRClient, parts: PartsTable) -> Served:
    return Served(RepositoryResource())


def names(ecr: ECRClient) -> list[str]:
    return [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]


def test_a_full_repository_takes_one_create_and_one_call_for_each_document_beside_it(
    resource: Served, calls: Calls
) -> None:
    result = resource.create(request("Create", properties=FULL))
    assert calls.made == ["CreateRepository", "PutLifecyclePolicy", "BatchGetRepositoryScanningConfiguration"]
    assert result.physical_id == NAME
    assert result.data == {
        "RepositoryName": NAME,
        "RepositoryArn": "arn:aws:ecr:eu-west-1:123456789012:repository/team/app",
        "Arn": "arn:aws:ecr:eu-west-1:123456789012:repository/team/app",
        "RepositoryUri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app",
        "DualStackRepositoryUri": "123456789012.dkr-ecr.eu-west-1.on.aws/team/app",
        "RegistryUri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "RegistryId": "123456789012",
        "MatchedImages": "unknown",
        "ExpiringImages": "unknown",
        "ScanFrequency": "MANUAL",  # of moto, in which the registry alone decides
    }


def test_an_update_that_changes_nothing_writes_nothing_and_reads_what_is_declared(
    resource: Served, calls: Calls
) -> None:
    resource.create(request("Create", properties=FULL))
    calls.made.clear()
    resource.update(request("Update", physical_id=NAME, properties=FULL, old_properties=FULL))
    assert calls.made == [
        *("DescribeRepositories", "ListTagsForResource", "GetLifecyclePolicy"),
        "BatchGetRepositoryScanningConfiguration",
    ]


@pytest.mark.parametrize(
    ("change", "writes"),
    [
        ({"ImageScanOnPush": "false"}, ["PutImageScanningConfiguration"]),
        ({"ImageTagMutability": "MUTABLE_WITH_EXCLUSION"}, ["PutImageTagMutability"]),
        ({"ImageTagMutabilityExclusionFilters": ["latest", "dev-*"]}, ["PutImageTagMutability"]),
        ({"LifecycleRules": RULES[1:]}, ["PutLifecyclePolicy"]),
        ({"Tags": [{"Key": "team", "Value": "shop"}]}, ["TagResource"]),
        ({"Tags": [{"Key": "owner", "Value": "platform"}]}, ["TagResource", "UntagResource"]),
        ({"EmptyOnDelete": "true"}, []),
        ({"OnExisting": "Adopt"}, []),
    ],
)
def test_one_changed_property_takes_its_own_call_alone(
    resource: Served, calls: Calls, change: dict[str, Any], writes: list[str]
) -> None:
    resource.create(request("Create", properties=FULL))
    calls.made.clear()
    resource.update(request("Update", physical_id=NAME, properties=FULL | change, old_properties=FULL))
    assert calls.writes == writes


@pytest.mark.parametrize(
    ("removed", "writes"),
    [
        ("ImageScanOnPush", ["PutImageScanningConfiguration"]),
        ("LifecycleRules", ["UntagResource", "DeleteLifecyclePolicy"]),
        ("Tags", ["UntagResource"]),
    ],
)
def test_a_removed_property_goes_back_to_the_default_of_ecr(
    resource: Served, calls: Calls, removed: str, writes: list[str]
) -> None:
    resource.create(request("Create", properties=FULL))
    calls.made.clear()
    left = {key: value for key, value in FULL.items() if key != removed}
    resource.update(request("Update", physical_id=NAME, properties=left, old_properties=FULL))
    assert calls.writes == writes


def test_a_lifecycle_policy_that_a_person_wrote_over_ours_is_left_when_ours_is_removed(
    resource: Served, ecr: ECRClient, calls: Calls
) -> None:
    resource.create(request("Create", properties=FULL))
    text = ecr.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"].replace("9999", "7")
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=text)
    calls.made.clear()
    left = {key: value for key, value in FULL.items() if key != "LifecycleRules"}
    resource.update(request("Update", physical_id=NAME, properties=left, old_properties=FULL))
    assert ecr.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"] == text


def test_settings_that_were_never_declared_are_left_as_they_are(resource: Served, ecr: ECRClient, calls: Calls) -> None:
    bare = {"RepositoryName": NAME}
    resource.create(request("Create", properties=bare))
    ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    calls.made.clear()
    resource.update(request("Update", physical_id=NAME, properties=bare, old_properties=bare))
    assert calls.made == ["DescribeRepositories", "ListTagsForResource"]


def test_a_generated_name_is_the_same_for_the_same_request_and_another_for_another(
    resource: Served,
) -> None:
    first = resource.create(request("Create")).physical_id
    assert resource.create(request("Create")).physical_id == first
    assert resource.create(request("Create", request_id="request-2")).physical_id != first
    assert first.startswith("shop-images-")


def test_an_empty_name_counts_as_none(resource: Served) -> None:
    assert resource.create(request("Create", properties={"RepositoryName": ""})).physical_id.startswith("shop-images-")


def test_the_same_create_delivered_twice_makes_one_repository_and_gives_one_answer(
    resource: Served, ecr: ECRClient
) -> None:
    create = request("Create", properties=FULL)
    assert resource.create(create) == resource.create(create)
    assert names(ecr) == [NAME]


def test_a_create_that_crashed_half_way_is_finished_by_its_retry(
    resource: Served, ecr: ECRClient, calls: Calls
) -> None:
    create = request("Create", properties=FULL)
    calls.failing = {"PutLifecyclePolicy": SystemExit(), "DeleteRepository": SystemExit()}
    with pytest.raises(SystemExit):
        resource.create(create)
    assert names(ecr) == [NAME]
    calls.failing.clear()
    assert resource.create(create).physical_id == NAME
    assert ecr.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"]


@pytest.mark.parametrize("error", [UserError("no"), RetryableError("not now"), ValueError("a defect")])
def test_a_create_that_fails_half_way_takes_back_what_it_made(
    resource: Served, ecr: ECRClient, calls: Calls, error: Exception
) -> None:
    calls.failing = {"PutLifecyclePolicy": error}
    with pytest.raises(type(error)):
        resource.create(request("Create", properties=FULL))
    assert names(ecr) == []


def test_an_adoption_that_fails_half_way_gives_the_repository_back_as_it_was(
    resource: Served, ecr: ECRClient, calls: Calls, tags: Tags
) -> None:
    ecr.create_repository(repositoryName=NAME, tags=[{"Key": "team", "Value": "theirs"}])
    before = ecr.describe_repositories(repositoryNames=[NAME])["repositories"]
    calls.failing = {"PutLifecyclePolicy": UserError("no")}
    adopt = {key: value for key, value in FULL.items() if key != "Encryption"} | {"OnExisting": "Adopt"}
    with pytest.raises(UserError, match="no"):
        resource.create(request("Create", properties=adopt))
    assert ecr.describe_repositories(repositoryNames=[NAME])["repositories"] == before
    assert tags(NAME) == {"team": "theirs"}


def test_what_a_crashed_create_left_is_deleted_if_it_is_empty(resource: Served, ecr: ECRClient, calls: Calls) -> None:
    create = request("Create", properties=FULL)
    calls.failing = {"PutLifecyclePolicy": SystemExit(), "DeleteRepository": SystemExit()}
    with pytest.raises(SystemExit):
        resource.create(create)
    calls.failing.clear()
    resource.delete_failed_create(request("Delete", properties=FULL, request_id="request-2"), create.request_id)
    assert names(ecr) == []


@pytest.mark.parametrize(
    ("create_request_id", "owner", "pushed"),
    [("another", OURS, False), ("request-1", THEIRS, False), ("request-1", [], False), ("request-1", OURS, True)],
    ids=["of another request", "of another stack", "of no stack", "with an image"],
)
def test_the_delete_after_a_failed_create_touches_nothing_else(
    resource: Served, ecr: ECRClient, create_request_id: str, owner: Any, pushed: bool
) -> None:
    origin = [{"Key": "ecr-controller:origin", "Value": "created request-1"}] if owner else []
    ecr.create_repository(repositoryName=NAME, tags=owner + origin)
    if pushed:
        push_image(ecr, NAME, "v1")
    resource.delete_failed_create(request("Delete", properties={"RepositoryName": NAME}), create_request_id)
    assert names(ecr) == [NAME]


def test_a_crashed_create_of_a_generated_name_is_found_by_its_request(resource: Served, ecr: ECRClient) -> None:
    resource.create(request("Create", request_id="the-create"))
    resource.delete_failed_create(request("Delete", request_id="the-delete"), "the-create")
    assert names(ecr) == []


def test_a_repository_kept_from_before_is_no_crashed_create(resource: Served, ecr: ECRClient) -> None:
    resource.create(request("Create", properties={"RepositoryName": NAME}))
    again = request("Create", request_id="request-2", properties={"RepositoryName": NAME})
    with pytest.raises(UserError, match="set OnExisting: Adopt"):
        resource.create(again)


@pytest.mark.parametrize(
    "owner", [[], THEIRS, OURS[:1]], ids=["of no stack", "of another stack", "of another resource"]
)
def test_a_delete_leaves_what_its_tags_do_not_give_to_this_resource(
    resource: Served, ecr: ECRClient, owner: Any
) -> None:
    ecr.create_repository(repositoryName=NAME, tags=owner)
    resource.delete(request("Delete", physical_id=NAME, properties={"EmptyOnDelete": "true"}))
    assert names(ecr) == [NAME]


@pytest.mark.parametrize("physical_id", ["shop-Images-1ABCDEFG", "2026/11/23/[$LATEST]0123", "gone/already", ""])
def test_a_delete_of_what_is_not_there_is_a_success(resource: Served, calls: Calls, physical_id: str) -> None:
    resource.delete(request("Delete", physical_id=physical_id))
    assert calls.writes == []


def test_a_delete_never_validates_properties(resource: Served, ecr: ECRClient) -> None:
    resource.create(request("Create", properties={"RepositoryName": NAME}))
    invalid = {"RepositoryName": ["no"], "LifecycleRules": "no", "Tags": {"a": 1}, "Unknown": None}
    resource.delete(request("Delete", physical_id=NAME, properties=invalid))
    assert names(ecr) == []


def test_a_delete_counts_the_images_that_stand_in_its_way(resource: Served, ecr: ECRClient) -> None:
    resource.create(request("Create", properties={"RepositoryName": NAME}))
    for tag in ("v1", "v2"):
        push_image(ecr, NAME, tag, content=tag)
    with pytest.raises(UserError, match="contains 2 images"):
        resource.delete(request("Delete", physical_id=NAME))


ADOPT = {
    "RepositoryName": NAME,
    "OnExisting": "Adopt",
    "EmptyOnDelete": "true",
    "LifecycleRules": RULES,
    "Tags": [{"Key": "ours", "Value": "1"}, {"Key": "changed", "Value": "1"}],
}


def test_an_adopted_repository_is_released_even_with_empty_on_delete(
    resource: Served, ecr: ECRClient, tags: Tags
) -> None:
    ecr.create_repository(repositoryName=NAME, tags=[{"Key": "team", "Value": "theirs"}])
    resource.create(request("Create", properties=ADOPT))
    assert tags(NAME)["ecr-controller:origin"].startswith("adopted request-1 ")
    arn = ecr.describe_repositories()["repositories"][0]["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "changed", "Value": "by a person"}])

    resource.delete(request("Delete", physical_id=NAME, properties=ADOPT))

    assert tags(NAME) == {"team": "theirs", "changed": "by a person"}
    with pytest.raises(ecr.exceptions.LifecyclePolicyNotFoundException):
        ecr.get_lifecycle_policy(repositoryName=NAME)


def test_a_release_leaves_a_lifecycle_policy_that_a_person_wrote_over_ours(resource: Served, ecr: ECRClient) -> None:
    ecr.create_repository(repositoryName=NAME)
    resource.create(request("Create", properties=ADOPT))
    text = ecr.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"].replace("9999", "7")
    ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=text)
    resource.delete(request("Delete", physical_id=NAME, properties=ADOPT))
    assert ecr.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"] == text


def test_an_update_refuses_to_change_a_repository_that_is_not_ours_and_says_so(
    resource: Served, ecr: ECRClient, calls: Calls
) -> None:
    ecr.create_repository(repositoryName=NAME)
    bare, more = {"RepositoryName": NAME}, {"RepositoryName": NAME, "ImageScanOnPush": "true"}
    with pytest.raises(UserError, match="already exists"):
        resource.update(request("Update", physical_id=NAME, properties=more, old_properties=bare))
    assert calls.writes == ["CreateRepository"]
    resource.update(request("Update", physical_id=NAME, properties=bare, old_properties=more))


def test_a_rollback_to_a_replaced_repository_keeps_it_ours(resource: Served, ecr: ECRClient, tags: Tags) -> None:
    first, second = {"RepositoryName": NAME}, {"RepositoryName": "team/new"}
    resource.create(request("Create", properties=first))
    resource.update(
        request("Update", request_id="request-2", physical_id=NAME, properties=second, old_properties=first)
    )
    back = request("Update", request_id="request-3", physical_id="team/new", properties=first, old_properties=second)
    assert resource.update(back).physical_id == NAME
    assert tags(NAME)["ecr-controller:origin"].startswith("created")


def test_a_rollback_after_a_failed_rename_stays_with_the_generated_name(resource: Served, ecr: ECRClient) -> None:
    generated = resource.create(request("Create")).physical_id
    back = request("Update", request_id="request-2", physical_id=generated, old_properties={"RepositoryName": NAME})
    assert resource.update(back).physical_id == generated
    assert names(ecr) == [generated]


def test_a_rollback_from_invalid_properties_succeeds(resource: Served, calls: Calls) -> None:
    resource.create(request("Create", properties=FULL))
    calls.made.clear()
    bad = FULL | {"RepositoryName": "BAD", "LifecycleRules": [{"MaxImageCount": "0"}]}
    with pytest.raises(InvalidProperties):
        resource.update(request("Update", physical_id=NAME, properties=bad, old_properties=FULL))
    resource.update(request("Update", physical_id=NAME, properties=FULL, old_properties=bad))
    assert calls.writes == []


def test_taking_the_name_away_makes_a_generated_one(resource: Served) -> None:
    resource.create(request("Create", properties={"RepositoryName": NAME}))
    unnamed = request("Update", physical_id=NAME, properties={}, old_properties={"RepositoryName": NAME})
    assert resource.update(unnamed).physical_id.startswith("shop-images-")


@pytest.mark.parametrize(
    ("before", "after", "replaced"),
    [
        ({}, {"Encryption": "KMS"}, True),
        ({"Encryption": "KMS"}, {}, True),
        ({"Encryption": "KMS"}, {"Encryption": "KMS"}, False),
        ({"Encryption": "AES256"}, {}, False),
        ({}, {"Encryption": "AES256"}, False),
    ],
)
def test_another_encryption_is_a_replacement_where_the_name_is_generated(
    resource: Served, before: dict[str, str], after: dict[str, str], replaced: bool
) -> None:
    first = resource.create(request("Create", properties=before)).physical_id
    update = request("Update", request_id="r2", physical_id=first, properties=after, old_properties=before)
    assert (resource.update(update).physical_id != first) == replaced


def test_another_encryption_of_a_given_name_is_an_error_that_says_what_it_has(resource: Served) -> None:
    resource.create(request("Create", properties={"RepositoryName": NAME}))
    kms = {"RepositoryName": NAME, "Encryption": "KMS"}
    with pytest.raises(UserError, match="has Encryption AES256"):
        resource.update(request("Update", physical_id=NAME, properties=kms, old_properties={"RepositoryName": NAME}))


def test_a_repository_of_another_encryption_is_not_adopted(resource: Served, ecr: ECRClient) -> None:
    ecr.create_repository(repositoryName=NAME)
    with pytest.raises(UserError, match="cannot change the encryption"):
        resource.create(
            request("Create", properties={"RepositoryName": NAME, "OnExisting": "Adopt", "Encryption": "KMS"})
        )


@pytest.mark.parametrize("adopted", [False, True], ids=["created", "adopted"])
def test_an_update_of_a_failed_create_outlives_the_clean_up_of_that_create(
    resource: Served, ecr: ECRClient, tags: Callable[[str], dict[str, str]], adopted: bool
) -> None:
    properties = {"RepositoryName": NAME, "OnExisting": "Adopt"}
    if adopted:
        ecr.create_repository(repositoryName=NAME)
    resource.create(request("Create", request_id="failed", properties=properties))
    marker = "ecr-controller:create-failed:failed"
    # The protocol carries out an Update with this ID as a Create.
    resource.create(request("Update", request_id="2", physical_id=marker, properties=properties))
    resource.delete_failed_create(request("Delete", request_id="3", properties=properties), "failed")
    origin = tags(NAME)["ecr-controller:origin"]
    assert origin.startswith("adopted 2 " if adopted else "created 2 ")


@pytest.mark.parametrize("properties", [{}, {"RepositoryName": NAME}], ids=["generated", "named"])
def test_a_made_up_id_does_not_take_what_was_retained_before(
    resource: Served, ecr: ECRClient, properties: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    with monkeypatch.context() as earlier:
        earlier.setattr(time, "time", lambda: now - 3 * 3600)
        retained = resource.create(request("Create", request_id="earlier", properties=properties)).physical_id
    delete = request("Delete", request_id="2", physical_id="shop-Images-1ABCDEFGHIJK", properties=properties)
    resource.delete(delete)
    assert names(ecr) == [retained]


@pytest.mark.parametrize("properties", [{}, {"RepositoryName": NAME}], ids=["generated", "named"])
def test_a_made_up_id_stands_for_the_create_that_was_never_answered(
    resource: Served, ecr: ECRClient, properties: dict[str, str]
) -> None:
    resource.create(request("Create", properties=properties))
    delete = request("Delete", request_id="2", physical_id="shop-Images-1ABCDEFGHIJK", properties=properties)
    resource.delete(delete)
    assert names(ecr) == []


# What the repository allows and the controller bounds

ALLOWS = "ecr-controller:lifecycle-policies"
ALLOWING: dict[str, Any] = {"RepositoryName": NAME, "AllowLifecyclePolicies": "true"}


def test_a_repository_that_allows_lifecycle_policies_of_other_stacks_says_so_in_a_tag(
    resource: Served, tags: Tags, calls: Calls
) -> None:
    resource.create(request("Create", properties=ALLOWING))
    assert (tags(NAME)[ALLOWS], calls.writes) == ("allowed", ["CreateRepository"])
    calls.made.clear()
    resource.update(request("Update", physical_id=NAME, properties=ALLOWING, old_properties=ALLOWING))
    assert calls.writes == []


def test_the_permission_comes_and_goes_with_the_property(resource: Served, tags: Tags) -> None:
    plain = {"RepositoryName": NAME}
    resource.create(request("Create", properties=plain))
    assert ALLOWS not in tags(NAME)
    resource.update(request("Update", physical_id=NAME, properties=ALLOWING, old_properties=plain))
    assert tags(NAME)[ALLOWS] == "allowed"
    declined = {**ALLOWING, "AllowLifecyclePolicies": "false"}
    resource.update(request("Update", physical_id=NAME, properties=declined, old_properties=ALLOWING))
    assert ALLOWS not in tags(NAME)


def test_a_tag_that_somebody_put_is_removed_by_the_next_update(resource: Served, ecr: ECRClient, tags: Tags) -> None:
    result = resource.create(request("Create", properties=FULL))
    ecr.tag_resource(resourceArn=result.data["RepositoryArn"], tags=[{"Key": ALLOWS, "Value": "allowed"}])
    resource.update(request("Update", physical_id=NAME, properties=FULL, old_properties=FULL))
    assert ALLOWS not in tags(NAME)


@pytest.mark.parametrize("declared", [ALLOWING, {"RepositoryName": NAME}])
def test_an_adopted_repository_allows_what_its_owner_declares(
    resource: Served, ecr: ECRClient, tags: Tags, declared: dict[str, Any]
) -> None:
    ecr.create_repository(repositoryName=NAME, tags=[{"Key": ALLOWS, "Value": "allowed"}])
    adopting = {**declared, "OnExisting": "Adopt"}
    resource.create(request("Create", properties=adopting))
    assert (ALLOWS in tags(NAME)) == (declared is ALLOWING)
    resource.update(request("Update", physical_id=NAME, properties=adopting, old_properties=adopting))
    assert (ALLOWS in tags(NAME)) == (declared is ALLOWING)
    resource.delete(request("Delete", physical_id=NAME, properties=adopting))
    assert tags(NAME) == {}


def test_a_new_repository_is_empty_and_needs_no_preview_under_the_ceiling(
    resource: Served, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIFECYCLE_MAX_IMAGES", "0")
    result = resource.create(request("Create", properties=FULL))
    assert calls.writes == ["CreateRepository", "PutLifecyclePolicy"]
    assert (result.data["MatchedImages"], result.data["ExpiringImages"]) == ("0", "0")
    calls.made.clear()
    resource.update(request("Update", physical_id=NAME, properties=FULL, old_properties=FULL))
    assert not any("Preview" in each for each in calls.made)


@pytest.mark.parametrize("adopted", [False, True])
def test_the_ceiling_bounds_a_change_of_the_rules(
    resource: Served, ecr: ECRClient, calls: Calls, monkeypatch: pytest.MonkeyPatch, adopted: bool
) -> None:
    affected = Preview(tuple(PreviewedImage(f"sha256:{n:064d}", (f"v{n}",), "expire", 1) for n in range(3)))
    monkeypatch.setattr(Previews, "preview", lambda *_: affected)
    monkeypatch.setattr(LifecyclePolicies, "describe_images", lambda *_: ())
    monkeypatch.setattr(Stacks, "is_rolling_back", lambda *_: False)
    before = {"RepositoryName": NAME, **({"OnExisting": "Adopt"} if adopted else {})}
    if adopted:
        ecr.create_repository(repositoryName=NAME)
    resource.create(request("Create", properties=before))
    calls.made.clear()
    monkeypatch.setenv("LIFECYCLE_MAX_IMAGES", "2")
    after = {**before, "LifecycleRules": RULES, "ImageScanOnPush": "true"}
    with pytest.raises(UserError, match="exceeds the parameters of the controller's stack"):
        resource.update(request("Update", physical_id=NAME, properties=after, old_properties=before))
    assert calls.writes == []


# How ECR scans the images


def test_the_scan_frequency_is_read_only_where_it_is_declared(resource: Served, calls: Calls) -> None:
    result = resource.create(request("Create", properties={"RepositoryName": NAME}))
    assert result.data["ScanFrequency"] == "unknown"
    assert calls.made == ["CreateRepository"]


@pytest.mark.parametrize(
    ("declared", "frequency", "warns"),
    [
        ("true", "MANUAL", True),
        ("true", "CONTINUOUS_SCAN", False),
        ("false", "CONTINUOUS_SCAN", True),
        ("false", "MANUAL", False),
    ],
)
def test_a_registry_that_overrides_scan_on_push_is_a_warning(
    resource: Served,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    declared: str,
    frequency: str,
    warns: bool,
) -> None:
    monkeypatch.setattr(Repositories, "batch_get_repository_scanning_configuration", lambda *_: frequency)
    result = resource.create(request("Create", properties={"RepositoryName": NAME, "ImageScanOnPush": declared}))
    assert result.data["ScanFrequency"] == frequency
    assert ("the scanning configuration of the registry decides" in caplog.text) is warns


def test_a_scan_frequency_that_cannot_be_read_fails_nothing(resource: Served, calls: Calls) -> None:
    denied: Any = {"Error": {"Code": "AccessDeniedException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    calls.failing["BatchGetRepositoryScanningConfiguration"] = ClientError(denied, "BatchGet")
    result = resource.create(request("Create", properties={"RepositoryName": NAME, "ImageScanOnPush": "true"}))
    assert result.data["ScanFrequency"] == "unknown"


# Aliases of keys

KEY, OTHER_KEY = (f"arn:aws:kms:eu-west-1:123456789012:key/{each * 8}-0000-1111-2222-333344445555" for each in "12")


@pytest.fixture
def aliases(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The keys that aliases name."""
    known = {"alias/app": KEY}
    monkeypatch.setattr(Keys, "describe_key", lambda _self, alias: known[alias])
    return known


def encrypted(key: str, name: str | None = NAME) -> dict[str, Any]:
    return {"EncryptionKey": key} | ({"RepositoryName": name} if name else {})


def test_an_alias_is_resolved_when_the_repository_is_created(
    resource: Served, ecr: ECRClient, aliases: dict[str, str]
) -> None:
    resource.create(request("Create", properties=encrypted("alias/app")))
    [found] = ecr.describe_repositories(repositoryNames=[NAME])["repositories"]
    assert found["encryptionConfiguration"]["kmsKey"] == KEY


@pytest.mark.parametrize("key", [KEY, KEY.rpartition("/")[2]])
def test_another_spelling_of_the_same_key_is_no_change(resource: Served, aliases: dict[str, str], key: str) -> None:
    resource.create(request("Create", properties=encrypted(KEY)))
    for before, after in ((KEY, key), (key, "alias/app"), ("alias/app", key)):
        change = {"properties": encrypted(after), "old_properties": encrypted(before)}
        assert resource.update(request("Update", physical_id=NAME, **change)).physical_id == NAME


def test_an_alias_that_names_another_key_later_changes_nothing(
    resource: Served, calls: Calls, aliases: dict[str, str]
) -> None:
    made = resource.create(request("Create", properties=encrypted("alias/app", None))).physical_id
    aliases["alias/app"] = OTHER_KEY
    calls.made.clear()
    declared = {"properties": encrypted("alias/app", None), "old_properties": encrypted("alias/app", None)}
    assert resource.update(request("Update", physical_id=made, **declared)).physical_id == made
    assert calls.writes == []


def test_an_alias_of_another_key_is_refused_for_an_existing_repository(
    resource: Served, ecr: ECRClient, aliases: dict[str, str]
) -> None:
    configuration: Any = {"encryptionType": "KMS", "kmsKey": OTHER_KEY}
    ecr.create_repository(repositoryName=NAME, encryptionConfiguration=configuration)
    with pytest.raises(UserError, match="ECR cannot change the encryption"):
        resource.create(request("Create", properties=encrypted("alias/app") | {"OnExisting": "Adopt"}))


def test_a_key_that_is_taken_away_is_another_encryption_also_if_it_was_an_alias(
    resource: Served, aliases: dict[str, str]
) -> None:
    made = resource.create(request("Create", properties=encrypted("alias/app", None))).physical_id
    declared = {"properties": {"Encryption": "KMS"}, "old_properties": encrypted("alias/app", None)}
    assert resource.update(request("Update", physical_id=made, **declared)).physical_id != made


# Tags of the stack


def tags_beside_ours(tags: Tags) -> dict[str, str]:
    return {key: value for key, value in tags(NAME).items() if not key.startswith("ecr-controller:")}


def declaring(**tags: str) -> dict[str, Any]:
    return {"RepositoryName": NAME, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def test_the_tags_of_the_stack_are_put_and_declared_ones_win(resource: Served, tags: Tags, stacks: KnownStacks) -> None:
    stacks.tags = {"cost": "1", "team": "shop", "aws:x": "y", "ecr-controller:origin": "forged"}
    resource.create(request("Create", properties=declaring(team="platform")))
    assert tags_beside_ours(tags) == {"cost": "1", "team": "platform"}
    assert tags(NAME)["ecr-controller:origin"].startswith("created ")


def test_the_tags_of_the_stack_may_be_left_out(resource: Served, tags: Tags, stacks: KnownStacks) -> None:
    stacks.tags = {"cost": "1"}
    resource.create(request("Create", properties=declaring(team="platform") | {"StackTags": "false"}))
    assert tags_beside_ours(tags) == {"team": "platform"}
    assert "ecr-controller:stack-tags" not in tags(NAME)


def test_an_update_follows_the_tags_of_the_stack_and_leaves_those_of_others(
    resource: Served, tags: Tags, stacks: KnownStacks, ecr: ECRClient, calls: Calls
) -> None:
    stacks.tags = {"cost": "1", "owner": "shop"}
    resource.create(request("Create", properties=declaring()))
    arn = ecr.describe_repositories(repositoryNames=[NAME])["repositories"][0]["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "theirs", "Value": "x"}])
    declared = {"properties": declaring(), "old_properties": declaring()}

    calls.made.clear()
    resource.update(request("Update", physical_id=NAME, **declared))
    assert calls.writes == []

    stacks.tags = {"cost": "2"}
    resource.update(request("Update", physical_id=NAME, **declared))
    assert tags_beside_ours(tags) == {"cost": "2", "theirs": "x"}

    off = declaring() | {"StackTags": "false"}
    resource.update(request("Update", physical_id=NAME, properties=off, old_properties=declaring()))
    assert tags_beside_ours(tags) == {"theirs": "x"}
    assert "ecr-controller:stack-tags" not in tags(NAME)


def test_an_adopted_repository_gets_its_own_tags_back(
    resource: Served, tags: Tags, stacks: KnownStacks, ecr: ECRClient
) -> None:
    ecr.create_repository(repositoryName=NAME, tags=[{"Key": "cost", "Value": "theirs"}])
    stacks.tags = {"cost": "1", "owner": "shop"}
    declared = declaring() | {"OnExisting": "Adopt"}
    resource.create(request("Create", properties=declared))
    assert tags_beside_ours(tags) == {"cost": "1", "owner": "shop"}
    stacks.tags = {"owner": "shop"}
    resource.update(request("Update", physical_id=NAME, properties=declared, old_properties=declared))
    assert tags_beside_ours(tags) == {"cost": "theirs", "owner": "shop"}
    resource.delete(request("Delete", physical_id=NAME, properties=declared))
    assert tags(NAME) == {"cost": "theirs"}


def test_keys_that_cannot_be_named_stay() -> None:
    long = {f"{number:03}-{'x' * 100}": "1" for number in range(3)}
    found = ownership.from_stack({"a::b": "1", **long}, {})
    assert set(found) == {"a::b", *long, ownership.STACK_TAGS}
    assert set(ownership.of_stack(found)) == {*list(long)[:2], ownership.STACK_TAGS}
    assert ownership.from_stack({"a::b": "1"}, {}) == {"a::b": "1"}
    assert ownership.of_stack({"a": "1"}) == {}
