"""The calls to Amazon ECR that a repository needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.repository.settings import Encryption, Mutability, Repository

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr.type_defs import RepositoryTypeDef

    from ecr_controller.repository.difference import Change
    from ecr_controller.repository.settings import Declaration


@aws.adapter
class Ecr:
    """Amazon ECR, as far as repositories go. Every method may raise UserError and RetryableError."""

    def __init__(self, client: ECRClient | None = None) -> None:
        self._client = client

    @property
    def _ecr(self) -> ECRClient:
        if self._client is None:
            self._client = aws.client("ecr")
        return self._client

    def create(self, name: str, declared: Declaration, tags: Mapping[str, str]) -> Repository | None:
        """CreateRepository with all that it can take; None when a repository of that name exists."""
        settings, arguments = declared.settings, dict[str, Any]()
        if settings.scan_on_push is not None:
            arguments["imageScanningConfiguration"] = {"scanOnPush": settings.scan_on_push}
        if settings.mutability is not None:
            arguments |= _mutability_arguments(settings.mutability)
        if declared.encryption is not None:
            key = {"kmsKey": declared.encryption.key} if declared.encryption.key else {}
            arguments["encryptionConfiguration"] = {"encryptionType": declared.encryption.type, **key}
        try:
            answer = self._ecr.create_repository(repositoryName=name, tags=_tag_list(tags), **arguments)
        except self._ecr.exceptions.RepositoryAlreadyExistsException:
            return None
        return _repository(answer["repository"], tags, None)

    def find(self, name: str, *, lifecycle_policy: bool = False) -> Repository | None:
        """DescribeRepositories, ListTagsForResource and, if asked for, GetLifecyclePolicy; None where there is none."""
        try:
            described = self._ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
            tags = self._ecr.list_tags_for_resource(resourceArn=described["repositoryArn"])["tags"]
            text = self._lifecycle_text(name) if lifecycle_policy else None
        except self._ecr.exceptions.RepositoryNotFoundException:
            return None
        return _repository(described, {tag["Key"]: tag["Value"] for tag in tags}, text)

    def _lifecycle_text(self, name: str) -> str | None:
        try:
            return self._ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"]
        except self._ecr.exceptions.LifecyclePolicyNotFoundException:
            return None

    def apply(self, repository: Repository, change: Change) -> None:
        """The call that the change needs: one Put, or TagResource and UntagResource, or DeleteLifecyclePolicy."""
        name = repository.name
        match change.setting:
            case "ImageScanOnPush":
                self._ecr.put_image_scanning_configuration(
                    repositoryName=name, imageScanningConfiguration={"scanOnPush": change.new}
                )
            case "ImageTagMutability":
                self._ecr.put_image_tag_mutability(repositoryName=name, **_mutability_arguments(change.new))
            case "LifecyclePolicy" if change.new is None:
                self._ecr.delete_lifecycle_policy(repositoryName=name)
            case "LifecyclePolicy":
                self._ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=change.new)
            case "Tags":
                self.tag(repository.arn, change.new)

    def tag(self, arn: str, tags: Mapping[str, str | None]) -> None:
        """TagResource for the tags with a value, UntagResource for those without."""
        put = {key: value for key, value in tags.items() if value is not None}
        if put:
            self._ecr.tag_resource(resourceArn=arn, tags=_tag_list(put))
        gone = [key for key, value in tags.items() if value is None]
        if gone:
            self._ecr.untag_resource(resourceArn=arn, tagKeys=gone)

    def delete(self, name: str, *, images_too: bool = False) -> bool:
        """DeleteRepository; False when it holds images and is left. True too when it was gone already."""
        try:
            self._ecr.delete_repository(repositoryName=name, force=images_too)
        except self._ecr.exceptions.RepositoryNotEmptyException:
            return False
        except self._ecr.exceptions.RepositoryNotFoundException:
            pass
        return True

    def count_images(self, name: str) -> int:
        """How many images a repository holds, by ListImages: 1,000 tags and digests a call."""
        pages = self._ecr.get_paginator("list_images").paginate(
            repositoryName=name, PaginationConfig={"PageSize": 1000}
        )
        return len({image["imageDigest"] for page in pages for image in page["imageIds"]})


def _tag_list(tags: Mapping[str, str]) -> list[Any]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _mutability_arguments(mutability: Mutability) -> dict[str, Any]:
    arguments: dict[str, Any] = {"imageTagMutability": mutability.value}
    if mutability.exclusion_filters:
        filters = [{"filterType": "WILDCARD", "filter": each} for each in mutability.exclusion_filters]
        arguments["imageTagMutabilityExclusionFilters"] = filters
    return arguments


def _repository(shown: RepositoryTypeDef, tags: Mapping[str, str], lifecycle_text: str | None) -> Repository:
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
        lifecycle_text=lifecycle_text,
    )
