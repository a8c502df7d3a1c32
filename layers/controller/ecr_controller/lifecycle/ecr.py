"""The calls to AWS that lifecycle policies need."""

from __future__ import annotations

from ecr_controller import aws
from ecr_controller.lifecycle.images import Image, parse_images


@aws.adapter
class LifecyclePolicies(aws.EcrAdapter):
    """The lifecycle policies of Amazon ECR. Every method may raise UserError and RetryableError."""

    def text(self, repository: str) -> str | None:
        """GetLifecyclePolicy; None where there is no policy, or no such repository."""
        try:
            return self._ecr.get_lifecycle_policy(repositoryName=repository)["lifecyclePolicyText"]
        except (
            self._ecr.exceptions.LifecyclePolicyNotFoundException,
            self._ecr.exceptions.RepositoryNotFoundException,
        ):
            return None

    def put(self, repository: str, text: str | None) -> None:
        """PutLifecyclePolicy, or DeleteLifecyclePolicy for None."""
        if text is not None:
            self._ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=text)
            return
        try:
            self._ecr.delete_lifecycle_policy(repositoryName=repository)
        except self._ecr.exceptions.LifecyclePolicyNotFoundException:
            return

    def images(self, repository: str) -> tuple[Image, ...]:
        """DescribeImages, 1,000 a page, archived ones too."""
        pages = self._ecr.get_paginator("describe_images").paginate(
            repositoryName=repository, filter={"imageStatus": "ANY"}, PaginationConfig={"PageSize": 1000}
        )
        return parse_images([detail for page in pages for detail in page["imageDetails"]])
