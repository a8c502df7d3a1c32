"""The calls to Amazon ECR that create, find, tag and delete repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.repository.model import Encryption, Repository

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr.type_defs import RepositoryTypeDef


@aws.translates_errors
class Repositories:
    """The private repositories of this account and Region."""

    _ecr: aws.Client[ECRClient] = aws.Client("ecr")

    def __init__(self, ecr: ECRClient | None = None) -> None:
        if ecr is not None:
            self._ecr = ecr

    def create_repository(
        self, name: str, tags: Mapping[str, str], encryption: Encryption | None, arguments: Mapping[str, Any]
    ) -> Repository | None:
        """CreateRepository, with the arguments that settings add; None if a repository of that name exists."""
        encrypted: dict[str, Any] = {}
        if encryption is not None:
            key = {"kmsKey": encryption.key} if encryption.key else {}
            encrypted["encryptionConfiguration"] = {"encryptionType": encryption.type, **key}
        try:
            answer = self._ecr.create_repository(repositoryName=name, tags=_tag_list(tags), **encrypted, **arguments)
        except self._ecr.exceptions.RepositoryAlreadyExistsException:
            return None
        except self._ecr.exceptions.ClientError as error:
            # IAM may look at the tags of an existing repository, and refuse to put those of a new one on it.
            if error.response["Error"]["Code"] == "AccessDeniedException" and self.describe_repository(name):
                return None
            raise
        return _repository(answer["repository"], tags)

    def describe_repository(self, name: str) -> Repository | None:
        """DescribeRepositories and ListTagsForResource; None if it does not exist. The lifecycle policy is not read."""
        try:
            described = self._ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
        except self._ecr.exceptions.RepositoryNotFoundException:
            return None
        return self.with_tags(described)

    def with_tags(self, shown: RepositoryTypeDef) -> Repository | None:
        """ListTagsForResource for a repository that was described; None if it does not exist any more."""
        try:
            tags = self._ecr.list_tags_for_resource(resourceArn=shown["repositoryArn"])["tags"]
        except self._ecr.exceptions.RepositoryNotFoundException:
            return None
        return _repository(shown, {tag["Key"]: tag["Value"] for tag in tags})

    def describe_page(self, token: str | None) -> tuple[Sequence[RepositoryTypeDef], str | None]:
        """DescribeRepositories: up to 1,000 repositories, and the token of the next page, if there is one."""
        answer = self._ecr.describe_repositories(maxResults=1000, **({"nextToken": token} if token else {}))
        return answer["repositories"], answer.get("nextToken")

    def batch_get_repository_scanning_configuration(self, name: str) -> str | None:
        """BatchGetRepositoryScanningConfiguration: SCAN_ON_PUSH, CONTINUOUS_SCAN or MANUAL; None if it is not said."""
        answer = self._ecr.batch_get_repository_scanning_configuration(repositoryNames=[name])
        return next((each.get("scanFrequency") for each in answer.get("scanningConfigurations", ())), None)

    def tag_resource(self, arn: str, tags: Mapping[str, str | None]) -> None:
        """TagResource for the tags with a value, UntagResource for those without."""
        put = {key: value for key, value in tags.items() if value is not None}
        if put:
            self._ecr.tag_resource(resourceArn=arn, tags=_tag_list(put))
        removed = [key for key, value in tags.items() if value is None]
        if removed:
            self._ecr.untag_resource(resourceArn=arn, tagKeys=removed)

    def delete_repository(self, name: str, *, with_images: bool = False) -> bool:
        """DeleteRepository; False if it contains images and is kept. True also if it did not exist."""
        try:
            self._ecr.delete_repository(repositoryName=name, force=with_images)
        except self._ecr.exceptions.RepositoryNotEmptyException:
            return False
        except self._ecr.exceptions.RepositoryNotFoundException:
            pass
        return True

    def count_images(self, name: str) -> int:
        """ListImages, 1,000 tags and digests a page: how many images the repository contains."""
        paginator = self._ecr.get_paginator("list_images")
        pages = paginator.paginate(repositoryName=name, PaginationConfig={"PageSize": 1000})
        return len({image["imageDigest"] for page in pages for image in page["imageIds"]})


def _tag_list(tags: Mapping[str, str]) -> list[Any]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _repository(shown: RepositoryTypeDef, tags: Mapping[str, str]) -> Repository:
    """What DescribeRepositories and CreateRepository return."""
    encryption = shown.get("encryptionConfiguration", {"encryptionType": "AES256"})
    return Repository(
        name=shown["repositoryName"],
        arn=shown["repositoryArn"],
        uri=shown["repositoryUri"],
        registry_id=shown["registryId"],
        encryption=Encryption(encryption["encryptionType"], encryption.get("kmsKey")),
        shown=shown,
        tags=dict(tags),
    )
