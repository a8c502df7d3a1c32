"""CreateRepository where IAM answers before Amazon ECR says that the repository exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from ecr_controller import aws
from ecr_controller.errors import UserError
from ecr_controller.repository.ecr import Repositories

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

NAME, ARN = "team/app", "arn:aws:ecr:eu-west-1:123456789012:repository/team/app"


def created(ecr: ECRClient, *, exists: bool) -> Any:
    """What CreateRepository returns where IAM denies it."""
    stubber = Stubber(ecr)
    stubber.add_client_error("create_repository", "AccessDeniedException", "not authorized to perform: ecr:TagResource")
    if exists:
        shown = {"repositoryName": NAME, "repositoryArn": ARN, "repositoryUri": "uri", "registryId": "123456789012"}
        stubber.add_response("describe_repositories", {"repositories": [shown]})
        stubber.add_response("list_tags_for_resource", {"tags": []})
    else:
        stubber.add_client_error("describe_repositories", "RepositoryNotFoundException")
    with stubber:
        try:
            return Repositories(ecr).create_repository(NAME, {"team": "web"}, None, {})
        finally:
            stubber.assert_no_pending_responses()


@pytest.mark.usefixtures("moto")
def test_a_repository_that_exists_and_may_not_be_tagged_is_one_that_exists() -> None:
    assert created(aws.client("ecr"), exists=True) is None


@pytest.mark.usefixtures("moto")
def test_a_denial_of_a_repository_that_does_not_exist_is_reported() -> None:
    with pytest.raises(UserError, match=r"AWS rejected CreateRepository \(AccessDeniedException\)"):
        created(aws.client("ecr"), exists=False)
