"""``Custom::ECRRepository`` as a user meets it: stacks are deployed, updated and deleted, and ECR is looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ecr import ECRClient

    from local.emulator.process import Emulator
    from local.stack import Stack

    Template = Callable[..., str]

KEEP_PROD = {"TagPrefixList": ["prod"], "MaxImageCount": 9999}
OLDER_THAN_30_DAYS = {"MaxImageAge": 30}
POLICY = (
    '{"rules":['
    '{"rulePriority":1,"selection":{"tagStatus":"tagged","tagPrefixList":["prod"],'
    '"countType":"imageCountMoreThan","countNumber":9999},"action":{"type":"expire"}},'
    '{"rulePriority":2,"selection":{"tagStatus":"any",'
    '"countType":"sinceImagePushed","countNumber":30,"countUnit":"days"},"action":{"type":"expire"}}]}'
)


def described(ecr: ECRClient, name: str) -> Any:
    return ecr.describe_repositories(repositoryNames=[name])["repositories"][0]


def exists(ecr: ECRClient, name: str) -> bool:
    try:
        return bool(described(ecr, name))
    except ecr.exceptions.RepositoryNotFoundException:
        return False


def tags(ecr: ECRClient, name: str) -> dict[str, str]:
    found = ecr.list_tags_for_resource(resourceArn=described(ecr, name)["repositoryArn"])["tags"]
    return {tag["Key"]: tag["Value"] for tag in found}


def policy(ecr: ECRClient, name: str) -> Any:
    try:
        return json.loads(ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])
    except ecr.exceptions.LifecyclePolicyNotFoundException:
        return None


def test_a_repository_comes_with_all_that_is_declared_and_goes(
    stack: Stack, template: Template, ecr: ECRClient, name: str
) -> None:
    deployed = stack.deploy(
        template(
            RepositoryName=name,
            ImageScanOnPush=True,
            ImageTagMutability="IMMUTABLE_WITH_EXCLUSION",
            ImageTagMutabilityExclusionFilters=["latest", "dev-*"],
            LifecycleRules=[KEEP_PROD, OLDER_THAN_30_DAYS],
            Tags=[{"Key": "team", "Value": "platform"}],
        )
    )
    assert deployed.succeeded, deployed
    found = described(ecr, name)
    uri = found["repositoryUri"]
    assert deployed.outputs == {
        "Ref": name,
        "RepositoryName": name,
        "RepositoryArn": found["repositoryArn"],
        "Arn": found["repositoryArn"],
        "RepositoryUri": uri,
        "DualStackRepositoryUri": uri.replace(".dkr.ecr.", ".dkr-ecr.").replace(".amazonaws.com/", ".on.aws/"),
        "RegistryUri": uri.removesuffix(f"/{name}"),
        "RegistryId": found["registryId"],
        "ScanFrequency": "SCAN_ON_PUSH",
    }
    assert found["imageScanningConfiguration"] == {"scanOnPush": True}
    assert found["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert [each["filter"] for each in found["imageTagMutabilityExclusionFilters"]] == ["latest", "dev-*"]
    assert policy(ecr, name) == json.loads(POLICY)
    owned = tags(ecr, name)
    assert owned["team"] == "platform"
    assert owned["ecr-controller:stack-id"] == stack.id
    assert owned["ecr-controller:logical-id"] == "Repository"

    assert stack.delete().succeeded
    assert not exists(ecr, name)


def test_a_repository_has_the_tags_of_its_stack_as_long_as_the_stack_has_them(
    stack: Stack, template: Template, ecr: ECRClient, name: str
) -> None:
    stack.tags = {"cost": "1", "owner": "shop"}
    assert stack.deploy(template(RepositoryName=name)).succeeded
    assert tags(ecr, name) | stack.tags == tags(ecr, name)
    stack.tags = {"cost": "2"}
    changed = stack.deploy(template(RepositoryName=name, Tags=[{"Key": "team", "Value": "platform"}]))
    assert changed.succeeded, changed
    assert {key: value for key, value in tags(ecr, name).items() if not key.startswith("ecr-controller:")} == {
        "cost": "2",
        "team": "platform",
    }
    assert stack.delete().succeeded


def test_a_key_can_be_named_by_its_id_and_by_an_alias(
    aws: Emulator, stack: Stack, template: Template, ecr: ECRClient, name: str
) -> None:
    kms, alias = aws.client("kms"), f"alias/{name}"
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    for spelling in (alias, key["KeyId"], key["Arn"], alias):
        deployed = stack.deploy(template(RepositoryName=name, EncryptionKey=spelling))
        assert deployed.succeeded, deployed
        assert described(ecr, name)["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": key["Arn"]}
    assert stack.delete().succeeded


def test_a_registry_that_overrides_scan_on_push_shows_in_the_attribute(
    stack: Stack, template: Template, ecr: ECRClient, name: str
) -> None:
    filters: Any = [{"filter": "others/*", "filterType": "WILDCARD"}]
    rules: Any = [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": filters}]
    ecr.put_registry_scanning_configuration(scanType="BASIC", rules=rules)
    try:
        deployed = stack.deploy(template(RepositoryName=name, ImageScanOnPush=True))
    finally:
        ecr.put_registry_scanning_configuration(scanType="BASIC", rules=[])
    assert deployed.outputs["ScanFrequency"] == "MANUAL"


def test_an_update_changes_what_is_declared_and_defaults_what_no_longer_is(
    stack: Stack, template: Template, ecr: ECRClient, name: str
) -> None:
    first = {"ImageScanOnPush": True, "ImageTagMutability": "IMMUTABLE", "LifecycleRules": [OLDER_THAN_30_DAYS]}
    assert stack.deploy(template(RepositoryName=name, Tags=[{"Key": "a", "Value": "1"}], **first)).succeeded
    ecr.tag_resource(resourceArn=described(ecr, name)["repositoryArn"], tags=[{"Key": "theirs", "Value": "stays"}])

    second = stack.deploy(template(RepositoryName=name, ImageScanOnPush=True, Tags=[{"Key": "b", "Value": "2"}]))

    assert second.succeeded, second
    found = described(ecr, name)
    assert found["imageScanningConfiguration"] == {"scanOnPush": True}
    assert found["imageTagMutability"] == "MUTABLE"
    assert policy(ecr, name) is None
    left = tags(ecr, name)
    assert "a" not in left
    assert (left["b"], left["theirs"]) == ("2", "stays")


def test_all_faults_are_reported_at_once_and_nothing_is_created(
    stack: Stack, template: Template, ecr: ECRClient, name: str
) -> None:
    deployed = stack.deploy(
        template(
            RepositoryName=name,
            ImageScanOnPsh=True,
            Encryption="AES512",
            LifecycleRules=[KEEP_PROD, OLDER_THAN_30_DAYS, {"TagStatus": "untagged", "MaxImageCount": 0}],
        )
    )
    assert deployed.status == "ROLLBACK_COMPLETE"
    assert deployed.seconds < 30
    [reason, *_] = [each for each in deployed.reasons if "invalid properties" in each]
    assert "LifecycleRules[2].MaxImageCount: must be at least 1" in reason
    assert "Encryption: must be one of AES256, KMS, KMS_DSSE" in reason
    assert "ImageScanOnPsh: is not a known property (did you mean ImageScanOnPush?)" in reason
    assert not exists(ecr, name)


@pytest.mark.parametrize("properties", [{}, {"ImageScanOnPush": "maybe"}])
def test_an_existing_repository_of_the_same_name_is_unharmed(
    stack: Stack,
    template: Template,
    ecr: ECRClient,
    name: str,
    push: Callable[[str, str], str],
    properties: dict[str, Any],
) -> None:
    ecr.create_repository(repositoryName=name, tags=[{"Key": "theirs", "Value": "stays"}])
    push(name, "v1")
    deployed = stack.deploy(template(RepositoryName=name, **properties))
    assert deployed.status == "ROLLBACK_COMPLETE"
    assert tags(ecr, name) == {"theirs": "stays"}
    assert len(ecr.describe_images(repositoryName=name)["imageDetails"]) == 1
    if not properties:
        assert any("set OnExisting: Adopt" in reason for reason in deployed.reasons)


def test_an_adopted_repository_is_released_with_its_images(
    stack: Stack, template: Template, ecr: ECRClient, name: str, push: Callable[[str, str], str]
) -> None:
    ecr.create_repository(
        repositoryName=name, imageTagMutability="IMMUTABLE", tags=[{"Key": "theirs", "Value": "stays"}]
    )
    push(name, "v1")

    assert stack.deploy(template(RepositoryName=name, OnExisting="Adopt", ImageScanOnPush=True)).succeeded
    found = described(ecr, name)
    assert found["imageScanningConfiguration"] == {"scanOnPush": True}
    assert found["imageTagMutability"] == "IMMUTABLE"
    assert tags(ecr, name)["ecr-controller:stack-id"] == stack.id

    assert stack.delete().succeeded
    assert tags(ecr, name) == {"theirs": "stays"}
    assert len(ecr.describe_images(repositoryName=name)["imageDetails"]) == 1


def test_a_repository_of_another_stack_is_not_adopted(
    stack: Stack, template: Template, ecr: ECRClient, name: str
) -> None:
    other = {"ecr-controller:stack-id": stack.name + "-other", "ecr-controller:logical-id": "Theirs"}
    ecr.create_repository(repositoryName=name, tags=[{"Key": key, "Value": value} for key, value in other.items()])
    deployed = stack.deploy(template(RepositoryName=name, OnExisting="Adopt"))
    assert deployed.status == "ROLLBACK_COMPLETE"
    assert any("belongs to Theirs in the stack" in reason for reason in deployed.reasons)
    assert tags(ecr, name) == other


@pytest.mark.parametrize("remove", ["delete the stack", "remove the resource"])
def test_a_repository_that_its_stack_retained_is_taken_over(
    stack: Stack, other_stack: Stack, template: Template, ecr: ECRClient, name: str, remove: str
) -> None:
    theirs = json.loads(template(RepositoryName=name, LifecycleRules=[OLDER_THAN_30_DAYS]))
    theirs["Resources"]["Repository"]["DeletionPolicy"] = "Retain"
    kept = json.loads(template(RepositoryName=f"{name}-kept"))["Resources"]["Repository"]
    theirs["Resources"]["Kept"], theirs["Outputs"] = kept, {}
    assert other_stack.deploy(json.dumps(theirs)).succeeded
    adopting = template(RepositoryName=name, OnExisting="Adopt", LifecycleRules=[KEEP_PROD])

    refused = stack.deploy(adopting)
    assert refused.status == "ROLLBACK_COMPLETE"
    assert any("DeletionPolicy: Retain" in reason for reason in refused.reasons), refused
    stack.delete()
    stack.id = ""  # the next one is another stack of the same name

    if remove == "delete the stack":
        assert other_stack.delete().succeeded
    else:
        assert other_stack.deploy(json.dumps({"Resources": {"Kept": kept}})).succeeded
    adopted = stack.deploy(adopting)
    assert adopted.succeeded, adopted
    assert tags(ecr, name)["ecr-controller:origin"].startswith("adopted")
    assert stack.delete().succeeded
    assert exists(ecr, name)
    assert tags(ecr, name) == {}


def test_an_adopted_repository_is_given_back_as_it_was(
    stack: Stack, template: Template, ecr: ECRClient, name: str
) -> None:
    before = json.dumps(json.loads(POLICY.replace("30", "77")))
    ecr.create_repository(repositoryName=name, imageTagMutability="IMMUTABLE", tags=[{"Key": "team", "Value": "one"}])
    ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=before)
    declared = {"RepositoryName": name, "OnExisting": "Adopt", "LifecycleRules": [KEEP_PROD]}
    changed = {"ImageTagMutability": "MUTABLE", "Tags": [{"Key": "team", "Value": "two"}]}
    assert stack.deploy(template(**declared, **changed)).succeeded
    assert described(ecr, name)["imageTagMutability"] == "MUTABLE"
    # What is no longer declared is as it was before the adoption.
    assert stack.deploy(template(**declared)).succeeded
    assert described(ecr, name)["imageTagMutability"] == "IMMUTABLE"
    assert tags(ecr, name)["team"] == "one"
    assert stack.delete().succeeded
    assert (policy(ecr, name), tags(ecr, name)) == (json.loads(before), {"team": "one"})


def test_another_name_replaces_the_repository(stack: Stack, template: Template, ecr: ECRClient, name: str) -> None:
    assert stack.deploy(template(RepositoryName=name)).succeeded
    renamed = stack.deploy(template(RepositoryName=f"{name}-2"))
    assert renamed.outputs["Ref"] == f"{name}-2"
    assert exists(ecr, f"{name}-2")
    assert not exists(ecr, name)


def test_a_failed_replacement_leaves_the_old_repository_in_place(
    stack: Stack, template: Template, ecr: ECRClient, name: str
) -> None:
    ecr.create_repository(repositoryName=f"{name}-taken")
    created = stack.deploy(template())
    failed = stack.deploy(template(RepositoryName=f"{name}-taken"))
    assert failed.status == "UPDATE_ROLLBACK_COMPLETE"
    assert failed.outputs["Ref"] == created.outputs["Ref"]
    assert exists(ecr, created.outputs["Ref"])
    assert tags(ecr, f"{name}-taken") == {}


def test_a_repository_that_was_deleted_outside_the_stack_is_created_again(
    stack: Stack, template: Template, ecr: ECRClient, name: str
) -> None:
    assert stack.deploy(template(RepositoryName=name)).succeeded
    ecr.delete_repository(repositoryName=name)
    assert stack.deploy(template(RepositoryName=name, LifecycleRules=[OLDER_THAN_30_DAYS])).succeeded
    assert policy(ecr, name)["rules"][0]["selection"]["countNumber"] == 30
    assert tags(ecr, name)["ecr-controller:stack-id"] == stack.id


def test_another_encryption_replaces_a_generated_name_and_is_an_error_for_a_given_one(
    stack: Stack, template: Template, ecr: ECRClient, name: str, prefix: str
) -> None:
    first = stack.deploy(template()).outputs["Ref"]
    assert first.startswith(f"{prefix}-")
    second = stack.deploy(template(Encryption="KMS")).outputs["Ref"]
    assert second != first
    assert not exists(ecr, first)
    assert described(ecr, second)["encryptionConfiguration"]["encryptionType"] == "KMS"

    assert stack.deploy(template(Encryption="KMS", RepositoryName=name)).succeeded
    failed = stack.deploy(template(Encryption="AES256", RepositoryName=name))
    assert failed.status == "UPDATE_ROLLBACK_COMPLETE"
    assert any("cannot change the encryption" in reason for reason in failed.reasons)
    assert exists(ecr, name)


def test_images_keep_a_repository_unless_empty_on_delete_says_otherwise(
    stack: Stack, template: Template, ecr: ECRClient, name: str, push: Callable[[str, str], str]
) -> None:
    assert stack.deploy(template(RepositoryName=name)).succeeded
    push(name, "v1")
    push(name, "v2")
    failed = stack.delete()
    assert failed.status == "DELETE_FAILED"
    assert any("contains 2 images" in reason for reason in failed.reasons)
    assert len(ecr.describe_images(repositoryName=name)["imageDetails"]) == 2
    for image in ecr.describe_images(repositoryName=name)["imageDetails"]:
        ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageDigest": image["imageDigest"]}])
    assert stack.delete().succeeded


def test_empty_on_delete_deletes_the_images_too(
    stack: Stack, template: Template, ecr: ECRClient, name: str, push: Callable[[str, str], str]
) -> None:
    assert stack.deploy(template(RepositoryName=name, EmptyOnDelete=True)).succeeded
    push(name, "v1")
    assert stack.delete().succeeded
    assert not exists(ecr, name)


def test_a_name_outside_of_those_of_the_controller_is_refused(stack: Stack, template: Template, ecr: ECRClient) -> None:
    deployed = stack.deploy(template(RepositoryName="outside/of-the-prefix"))
    assert deployed.status == "ROLLBACK_COMPLETE"
    assert any("may not manage outside/of-the-prefix" in reason for reason in deployed.reasons)
    assert not exists(ecr, "outside/of-the-prefix")


def test_the_quickstart_deploys_as_it_is_shown(stack: Stack, ecr: ECRClient, name: str, controller_stack: str) -> None:
    quickstart = (Path(__file__).parents[2] / "examples" / "quickstart.yaml").read_text(encoding="utf-8")
    deployed = stack.deploy(quickstart.replace("team/app", name), Controller=controller_stack)
    assert deployed.succeeded, deployed
    assert deployed.outputs["RepositoryUri"] == described(ecr, name)["repositoryUri"]
