"""The calls to Amazon ECR that make, change and delete a repository."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.lifecycle.ecr import LifecyclePolicies
from ecr_controller.repository.lookup import Lookup, as_repository, tag_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_ecr import ECRClient

    from ecr_controller.repository.changes import Change
    from ecr_controller.repository.model import Declaration, Mutability, Repository


@aws.adapter
class Ecr(Lookup):
    """Amazon ECR, as far as repositories go. Every method may raise UserError and RetryableError."""

    def __init__(self, client: ECRClient | None = None) -> None:
        super().__init__(client)
        self._policies = LifecyclePolicies(client)

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
            answer = self._ecr.create_repository(repositoryName=name, tags=tag_list(tags), **arguments)
        except self._ecr.exceptions.RepositoryAlreadyExistsException:
            return None
        return as_repository(answer["repository"], tags)

    def find_whole(self, name: str) -> Repository | None:
        """As `find`, and GetLifecyclePolicy."""
        found = self.find(name)
        return found and replace(found, lifecycle_text=self._policies.text(name))

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
            case "LifecyclePolicy":
                self._policies.put(name, change.new)
            case "Tags":
                self.tag(repository.arn, change.new)

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
        paginator = self._ecr.get_paginator("list_images")
        pages = paginator.paginate(repositoryName=name, PaginationConfig={"PageSize": 1000})
        return len({image["imageDigest"] for page in pages for image in page["imageIds"]})


def _mutability_arguments(mutability: Mutability) -> dict[str, Any]:
    arguments: dict[str, Any] = {"imageTagMutability": mutability.value}
    if mutability.exclusion_filters:
        filters = [{"filterType": "WILDCARD", "filter": each} for each in mutability.exclusion_filters]
        arguments["imageTagMutabilityExclusionFilters"] = filters
    return arguments
