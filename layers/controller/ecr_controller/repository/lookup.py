"""Finding a repository, and tagging it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.repository.model import Encryption, Mutability, Repository

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_ecr.type_defs import RepositoryTypeDef


@aws.adapter
class Lookup(aws.EcrAdapter):
    """Repositories as they are. Every method may raise UserError and RetryableError."""

    def find(self, name: str) -> Repository | None:
        """DescribeRepositories and ListTagsForResource; None when it is not there."""
        try:
            described = self._ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
            tags = self._ecr.list_tags_for_resource(resourceArn=described["repositoryArn"])["tags"]
        except self._ecr.exceptions.RepositoryNotFoundException:
            return None
        return as_repository(described, {tag["Key"]: tag["Value"] for tag in tags})

    def tag(self, arn: str, tags: Mapping[str, str | None]) -> None:
        """TagResource for the tags with a value, UntagResource for those without."""
        put = {key: value for key, value in tags.items() if value is not None}
        if put:
            self._ecr.tag_resource(resourceArn=arn, tags=tag_list(put))
        gone = [key for key, value in tags.items() if value is None]
        if gone:
            self._ecr.untag_resource(resourceArn=arn, tagKeys=gone)


def tag_list(tags: Mapping[str, str]) -> list[Any]:
    """Tags as ECR takes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def as_repository(shown: RepositoryTypeDef, tags: Mapping[str, str]) -> Repository:
    """What DescribeRepositories and CreateRepository show."""
    encryption = shown.get("encryptionConfiguration", {"encryptionType": "AES256"})
    filters = shown.get("imageTagMutabilityExclusionFilters", [])
    return Repository(
        name=shown["repositoryName"],
        arn=shown["repositoryArn"],
        uri=shown["repositoryUri"],
        registry_id=shown["registryId"],
        scan_on_push=shown.get("imageScanningConfiguration", {}).get("scanOnPush", False),
        mutability=Mutability(shown.get("imageTagMutability", "MUTABLE"), tuple(each["filter"] for each in filters)),
        encryption=Encryption(encryption["encryptionType"], encryption.get("kmsKey")),
        tags=dict(tags),
    )
