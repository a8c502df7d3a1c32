"""``Custom::ECRImage`` as a user meets it: a tag is resolved to its digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local import ROOT
from local.images import push_as_buildx, push_image

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

    from local.stack import Stack


def test_the_example_deploys_the_digest_until_a_release_resolves_the_tag_again(
    stack: Stack, controller_stack: str, ecr: ECRClient, name: str
) -> None:
    example = (ROOT / "examples" / "image.yaml").read_text(encoding="utf-8")
    given = {"Controller": controller_stack, "RepositoryName": name}
    uri = ecr.create_repository(repositoryName=name)["repository"]["repositoryUri"]

    missing = stack.deploy(example, **given, Release="1")
    assert f"The repository {name} contains no image latest. Push the image" in missing.reasons[0]
    stack.delete()

    stack.id = ""
    first = push_image(ecr, name, "latest")
    deployed = stack.deploy(example, **given, Release="1")
    assert deployed.succeeded, deployed
    assert deployed.outputs["Image"] == f"{uri}@{first}"

    second = push_as_buildx(ecr, name, "latest", {"linux/amd64": None}).index
    assert stack.deploy(example, **given, Release="2").outputs["Image"] == f"{uri}@{second}"
    assert stack.delete().succeeded
    assert ecr.describe_images(repositoryName=name, imageIds=[{"imageDigest": second}])["imageDetails"]
