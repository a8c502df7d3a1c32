"""What `ImageResource` does for each request. ECR's answers are scripted, and checked against its model."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from ecr_controller import aws
from ecr_controller.errors import InvalidProperties, UserError
from ecr_controller.resources.image import ImageResource
from tests.unit.conftest import STACK_ID, Served, request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_controller.custom_resource.request import Result

NAME, DIGEST = "team/app", f"sha256:{'0a' * 32}"
REPOSITORY_URI = "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team/app"
URI = f"{REPOSITORY_URI}@{DIGEST}"
TAGGED = {"RepositoryName": NAME, "ImageTag": "latest"}
DETAIL = {
    "imageDigest": DIGEST,
    "imagePushedAt": datetime(2026, 11, 23, 12, tzinfo=UTC),
    "imageSizeInBytes": 25_000_000,
    "imageManifestMediaType": "application/vnd.oci.image.index.v1+json",
}
KNOWN = {
    "ImageUri": URI,
    "ImageDigest": DIGEST,
    "ImagePushedAt": "2026-11-23T12:00:00+00:00",
    "ImageSizeInBytes": "25000000",
    "MediaType": "application/vnd.oci.image.index.v1+json",
}


class Script:
    """What ECR and CloudFormation are asked, in this order, and what they answer."""

    def __init__(self) -> None:
        self.ecr = Stubber(aws.client("ecr"))
        self.cloudformation = Stubber(aws.client("cloudformation"))

    def updating(self, status: str = "UPDATE_IN_PROGRESS") -> Script:
        stack = {"StackName": "shop", "StackStatus": status, "CreationTime": datetime(2026, 11, 23, tzinfo=UTC)}
        self.cloudformation.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": STACK_ID})
        return self

    def named(self, detail: dict[str, Any] = DETAIL, **image_id: str) -> Script:
        expected = {"repositoryName": NAME, "imageIds": [image_id or {"imageTag": "latest"}]}
        self.ecr.add_response("describe_images", {"imageDetails": [detail]}, expected)
        repository = {"repositoryName": NAME, "repositoryUri": REPOSITORY_URI}
        self.ecr.add_response("describe_repositories", {"repositories": [repository]}, {"repositoryNames": [NAME]})
        return self


@pytest.fixture
def script(moto: None) -> Iterator[Script]:
    made = Script()
    with made.ecr, made.cloudformation:
        yield made
        made.ecr.assert_no_pending_responses()
        made.cloudformation.assert_no_pending_responses()


def create(**properties: Any) -> Result:
    return Served(ImageResource()).create(request("Create", properties=TAGGED | properties))


def update(physical_id: str = URI) -> Result:
    return Served(ImageResource()).update(request("Update", physical_id=physical_id, properties=TAGGED))


def test_a_tag_is_resolved_to_the_uri_by_digest(script: Script) -> None:
    script.named()
    result = create()
    assert (result.physical_id, result.data) == (URI, KNOWN)


def test_an_image_can_be_named_by_its_digest(script: Script) -> None:
    script.named(imageDigest=DIGEST)
    declared = {"RepositoryName": NAME, "ImageDigest": DIGEST}
    assert Served(ImageResource()).create(request("Create", properties=declared)).physical_id == URI


def test_what_ecr_does_not_report_is_unknown(script: Script) -> None:
    script.named({"imageDigest": DIGEST})
    unknown = dict.fromkeys(("ImagePushedAt", "ImageSizeInBytes", "MediaType"), "unknown")
    assert create().data == {"ImageUri": URI, "ImageDigest": DIGEST, **unknown}


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("ImageNotFoundException", "The repository team/app contains no image latest. Push the image"),
        ("RepositoryNotFoundException", "The repository team/app does not exist in this account and Region"),
    ],
)
def test_an_image_that_does_not_exist_is_an_error_that_says_what_to_do(
    script: Script, error: str, message: str
) -> None:
    script.ecr.add_client_error("describe_images", error, "ECR says no.")
    with pytest.raises(UserError, match=message):
        create()


def test_a_tag_that_moved_is_a_replacement(script: Script) -> None:
    script.updating().named()
    assert update(f"{REPOSITORY_URI}@sha256:{'1b' * 32}").physical_id == URI


def test_an_update_fails_without_the_image(script: Script) -> None:
    script.updating().ecr.add_client_error("describe_images", "ImageNotFoundException", "ECR says no.")
    with pytest.raises(UserError, match="contains no image latest"):
        update()


def test_a_rollback_resolves_the_tag(script: Script) -> None:
    script.updating("UPDATE_ROLLBACK_IN_PROGRESS").named()
    assert update().data == KNOWN


def test_a_rollback_goes_on_without_the_image(script: Script) -> None:
    script.updating("UPDATE_ROLLBACK_IN_PROGRESS")
    script.ecr.add_client_error("describe_images", "ImageNotFoundException", "ECR says no.")
    result = update()
    assert (result.physical_id, result.data["ImageUri"], result.data["ImageDigest"]) == (URI, URI, DIGEST)
    assert result.data["ImagePushedAt"] == "unknown"


@pytest.mark.parametrize("properties", [{"ImageDigest": DIGEST}, {"ImageTag": None}, {"ImageTag": ".x"}])
def test_invalid_properties_make_no_call(script: Script, properties: dict[str, Any]) -> None:
    with pytest.raises(InvalidProperties):
        create(**properties)


def test_a_delete_makes_no_call(script: Script) -> None:
    Served(ImageResource()).delete(request("Delete", physical_id=URI, properties=TAGGED))
    Served(ImageResource()).delete_failed_create(request("Delete", physical_id=URI, properties={}), "request-0")
