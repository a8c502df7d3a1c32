"""Tags of images, times of pulls, and lifecycle policies that are carried out, as in Amazon ECR."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from local import ROOT
from local.expire import expire
from local.images import push_as_buildx, push_image, push_referrer

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

    from local.emulator.process import Emulator

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def manifest_of(ecr: ECRClient, repository: str, digest: str) -> str:
    found = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])
    return found["images"][0]["imageManifest"]


def images(ecr: ECRClient, repository: str) -> dict[str, Any]:
    """What DescribeImages shows, by digest."""
    return {each["imageDigest"]: each for each in ecr.describe_images(repositoryName=repository)["imageDetails"]}


def put_policy(ecr: ECRClient, repository: str, **selection: Any) -> None:
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=json.dumps({"rules": [rule]}))


@pytest.fixture
def own(ecr: ECRClient) -> str:
    """A repository of the test, on the emulator with the extension alone."""
    name = f"app-{uuid.uuid4().hex[:8]}"
    ecr.create_repository(repositoryName=name)
    return name


@pytest.mark.parametrize("mutability", ["MUTABLE", "IMMUTABLE"])
def test_one_more_tag_keeps_the_time_of_the_push(ecr: ECRClient, own: str, mutability: Any) -> None:
    ecr.put_image_tag_mutability(repositoryName=own, imageTagMutability=mutability)
    digest = push_image(ecr, own, "v1", created=LONG_AGO)
    text = manifest_of(ecr, own, digest)
    given = ecr.put_image(repositoryName=own, imageManifest=text, imageTag="by-digest", imageDigest=digest)
    found = ecr.put_image(repositoryName=own, imageManifest=text, imageTag="by-manifest")
    assert [each["image"]["imageId"] for each in (given, found)] == [
        {"imageDigest": digest, "imageTag": "by-digest"},
        {"imageDigest": digest, "imageTag": "by-manifest"},
    ]
    [image] = images(ecr, own).values()
    assert image["imageTags"] == ["v1", "by-digest", "by-manifest"]
    assert image["imagePushedAt"] == LONG_AGO


@pytest.mark.parametrize("excluded", [False, True])
def test_a_tag_that_moves_leaves_the_image_untagged(ecr: ECRClient, own: str, excluded: bool) -> None:
    if excluded:
        ecr.put_image_tag_mutability(
            repositoryName=own,
            imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
            imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "latest"}],
        )
    first, second = (push_image(ecr, own, "latest", content=content) for content in ("first", "second"))
    shown = images(ecr, own)
    assert {digest: image.get("imageTags") for digest, image in shown.items()} == {first: None, second: ["latest"]}


def test_an_image_that_would_not_change_is_refused(cloud: Emulator, repository: str) -> None:
    ecr: ECRClient = cloud.client("ecr")
    digest = push_image(ecr, repository, "v1")
    text = manifest_of(ecr, repository, digest)
    for tag in ({"imageTag": "v1"}, {}):
        with pytest.raises(ecr.exceptions.ImageAlreadyExistsException):
            ecr.put_image(repositoryName=repository, imageManifest=text, imageDigest=digest, **tag)
    assert push_image(ecr, repository, "v1") == digest  # as `docker push` does


def test_a_digest_that_is_not_that_of_the_manifest_is_refused(cloud: Emulator, repository: str) -> None:
    ecr: ECRClient = cloud.client("ecr")
    text = manifest_of(ecr, repository, push_image(ecr, repository, "v1"))
    with pytest.raises(ecr.exceptions.ImageDigestDoesNotMatchException):
        ecr.put_image(repositoryName=repository, imageManifest=text, imageTag="v2", imageDigest=f"sha256:{'0' * 64}")


def test_an_image_has_at_most_a_thousand_tags(cloud: Emulator, repository: str) -> None:
    ecr: ECRClient = cloud.client("ecr")
    text = manifest_of(ecr, repository, push_image(ecr, repository, "tag-0"))
    for number in range(1, 1000):
        ecr.put_image(repositoryName=repository, imageManifest=text, imageTag=f"tag-{number}")
    with pytest.raises(ecr.exceptions.LimitExceededException):
        ecr.put_image(repositoryName=repository, imageManifest=text, imageTag="tag-1000")
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "tag-7"}])
    ecr.put_image(repositoryName=repository, imageManifest=text, imageTag="tag-1000")


def test_an_image_is_got_by_the_id_that_was_asked_for(cloud: Emulator, repository: str) -> None:
    ecr: ECRClient = cloud.client("ecr")
    digest = push_image(ecr, repository, "v1")
    push_image(ecr, repository, "v2")
    ids: Any = [{"imageTag": "v1"}, {"imageTag": "missing"}, {"imageDigest": digest}]
    found = ecr.batch_get_image(repositoryName=repository, imageIds=ids)
    assert [each["imageId"] for each in found["images"]] == [
        {"imageDigest": digest, "imageTag": "v1"},
        {"imageDigest": digest},
    ]
    assert [each["imageId"] for each in found["failures"]] == [{"imageTag": "missing"}]


def test_an_image_shows_when_it_was_pulled_and_rules_count_from_then(cloud: Emulator, repository: str) -> None:
    ecr: ECRClient = cloud.client("ecr")
    yesterday = (datetime.now(UTC) - timedelta(days=1)).replace(microsecond=0)
    unused = push_image(ecr, repository, "unused", content="unused", created=LONG_AGO)
    used = push_image(ecr, repository, "used", created=LONG_AGO, pulled=yesterday)
    assert images(ecr, repository)[used].get("lastRecordedPullTime") == yesterday
    assert "lastRecordedPullTime" not in images(ecr, repository)[unused]
    put_policy(ecr, repository, tagStatus="any", countType="sinceImagePulled", countUnit="days", countNumber=7)
    assert expire(ecr, repository) == [unused]
    assert set(images(ecr, repository)) == {used}


def test_a_stored_policy_is_carried_out_with_all_that_belongs_to_an_image(cloud: Emulator, repository: str) -> None:
    ecr: ECRClient = cloud.client("ecr")
    old = push_as_buildx(ecr, repository, "v1", {"linux/amd64": None}, created=LONG_AGO)
    signature = push_referrer(ecr, repository, old.index)
    new = push_image(ecr, repository, "v2")
    put_policy(ecr, repository, tagStatus="any", countType="sinceImagePushed", countUnit="days", countNumber=30)
    gone = {old.index, *old.images.values(), *old.attestations.values(), signature}
    assert set(expire(ecr, repository)) == gone
    assert set(images(ecr, repository)) == {new}


def test_a_command_carries_policies_out(aws: Emulator, ecr: ECRClient, own: str) -> None:
    tags = ("v1", "v2", "v3")
    digests = [push_image(ecr, own, tag, content=tag, created=LONG_AGO) for tag in tags]
    put_policy(ecr, own, tagStatus="any", countType="imageCountMoreThan", countNumber=1)
    command = [sys.executable, "-m", "local.expire", own]
    done = subprocess.run(command, cwd=ROOT, env=aws.environment(), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{own} {digest}" for digest in (digests[1], digests[0])]
