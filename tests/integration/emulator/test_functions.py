"""Functions of AWS Lambda that are images: the digests of their versions, pages, events, authorization."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local.images import push_image
from local.stack import Stack
from tests.integration.emulator.calls import as_role, next_event, queue_of

if TYPE_CHECKING:
    from local.emulator.process import Emulator


@pytest.fixture
def functions(cloud: Emulator) -> Any:
    return cloud.client("lambda")


@pytest.fixture
def role(cloud: Emulator) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Statement": [trust]})
    made = cloud.client("iam").create_role(RoleName=f"role-{uuid.uuid4().hex[:8]}", AssumeRolePolicyDocument=document)
    return str(made["Role"]["Arn"])


@pytest.fixture
def name() -> str:
    return f"function-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def image(cloud: Emulator, repository: str) -> str:
    """The URI of the repository, without a tag."""
    return f"{cloud.account}.dkr.ecr.{cloud.region}.amazonaws.com/{repository}"


def create(functions: Any, name: str, role: str, image: str, **more: Any) -> None:
    functions.create_function(FunctionName=name, Role=role, PackageType="Image", Code={"ImageUri": image}, **more)


def resolved(functions: Any, name: str, **qualifier: str) -> str:
    return str(functions.get_function(FunctionName=name, **qualifier)["Code"]["ResolvedImageUri"])


def test_a_function_keeps_the_image_that_the_tag_named_when_its_code_was_set(
    cloud: Emulator, functions: Any, role: str, name: str, repository: str, image: str
) -> None:
    ecr = cloud.client("ecr")
    first = push_image(ecr, repository, "v1", content="first")
    create(functions, name, role, f"{image}:v1")
    functions.publish_version(FunctionName=name)
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    second = push_image(ecr, repository, "v1", content="second")
    assert resolved(functions, name) == f"{image}@{first}"
    functions.update_function_code(FunctionName=name, ImageUri=f"{image}:v1", Publish=True)
    shown = [resolved(functions, name, **at) for at in ({}, {"Qualifier": "1"}, {"Qualifier": "live"})]
    assert shown == [f"{image}@{second}", f"{image}@{first}", f"{image}@{first}"]
    assert resolved(functions, name, Qualifier="2") == f"{image}@{second}"
    functions.update_alias(FunctionName=name, Name="live", FunctionVersion="2")
    assert resolved(functions, name, Qualifier="live") == f"{image}@{second}"


def test_a_function_of_a_stack_keeps_its_image_too(
    cloud: Emulator, functions: Any, role: str, name: str, repository: str, image: str
) -> None:
    ecr = cloud.client("ecr")
    digests = [push_image(ecr, repository, tag, content=tag) for tag in ("v1", "v2")]
    stack = Stack(cloud.client("cloudformation"), name)
    for tag, digest in zip(("v1", "v2"), digests, strict=True):
        code = {"ImageUri": f"{image}:{tag}"}
        properties = {"FunctionName": name, "PackageType": "Image", "Role": role, "Code": code}
        resources = {"Function": {"Type": "AWS::Lambda::Function", "Properties": properties}}
        assert stack.deploy(json.dumps({"Resources": resources})).succeeded
        push_image(ecr, repository, tag, content=f"later {tag}")
        assert resolved(functions, name) == f"{image}@{digest}"


def test_an_image_that_does_not_exist_is_refused(
    cloud: Emulator, functions: Any, role: str, name: str, repository: str, image: str
) -> None:
    with pytest.raises(functions.exceptions.InvalidParameterValueException, match="does not exist"):
        create(functions, name, role, f"{image}:missing")
    digest = push_image(cloud.client("ecr"), repository, "v1")
    create(functions, name, role, f"{image}:v1")
    with pytest.raises(functions.exceptions.InvalidParameterValueException, match="does not exist"):
        functions.update_function_code(FunctionName=name, ImageUri=f"{image}:missing")
    assert resolved(functions, name) == f"{image}@{digest}"


def test_all_versions_of_all_functions_come_in_pages(
    cloud: Emulator, functions: Any, role: str, name: str, repository: str, image: str
) -> None:
    push_image(cloud.client("ecr"), repository, "v1")
    for number in range(3):
        create(functions, f"{name}-{number}", role, f"{image}:v1", Publish=True)
    every = functions.get_paginator("list_functions").paginate(FunctionVersion="ALL", PaginationConfig={"PageSize": 2})
    pages = [each["Functions"] for each in every]
    assert all(len(each) <= 2 for each in pages)
    arns = [each["FunctionArn"] for shown in pages for each in shown if name in each["FunctionName"]]
    prefix = f"arn:aws:lambda:{cloud.region}:{cloud.account}:function:{name}"
    assert arns == [f"{prefix}-{number}:{version}" for number in range(3) for version in ("$LATEST", "1")]
    latest = functions.get_paginator("list_functions").paginate()
    unqualified = [
        each["FunctionArn"] for shown in latest for each in shown["Functions"] if name in each["FunctionArn"]
    ]
    assert unqualified == [f"{prefix}-{number}" for number in range(3)]
    listed = functions.list_versions_by_function(FunctionName=f"{name}-0")["Versions"]
    assert [each["Version"] for each in listed] == ["$LATEST", "1"]


def test_deployments_are_events(
    cloud: Emulator, functions: Any, role: str, name: str, repository: str, image: str
) -> None:
    push_image(cloud.client("ecr"), repository, "v1")
    detail = {"requestParameters": {"functionName": [name]}}
    pattern = {"source": ["aws.lambda"], "detail-type": ["AWS API Call via CloudTrail"], "detail": detail}
    queue = queue_of(cloud, pattern)
    create(functions, name, role, f"{image}:v1")
    functions.update_function_code(FunctionName=name, ImageUri=f"{image}:v1")
    functions.publish_version(FunctionName=name)
    names = [next_event(cloud, queue)["detail"]["eventName"] for _ in range(3)]
    assert names == ["CreateFunction20150331", "UpdateFunctionCode20150331v2", "PublishVersion20150331"]


def test_what_is_done_with_an_alias_is_an_action_of_its_own(
    cloud: Emulator, functions: Any, role: str, name: str, repository: str, image: str
) -> None:
    push_image(cloud.client("ecr"), repository, "v1")
    create(functions, name, role, f"{image}:v1", Publish=True)
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    arn = f"arn:aws:lambda:{cloud.region}:{cloud.account}:function:{name}"
    limited = as_role(
        cloud,
        "lambda",
        {"Action": ["lambda:GetAlias", "lambda:GetFunction"], "Resource": [arn, f"{arn}:*"]},
        {"Action": "lambda:ListFunctions", "Resource": "*"},
    )
    assert limited.get_alias(FunctionName=name, Name="live")["FunctionVersion"] == "1"
    assert limited.get_function(FunctionName=name, Qualifier="live")["Code"]["RepositoryType"] == "ECR"
    assert limited.list_functions(FunctionVersion="ALL")["Functions"]
    refused: Any = [
        lambda: limited.list_aliases(FunctionName=name),
        lambda: limited.update_alias(FunctionName=name, Name="live", FunctionVersion="1"),
        lambda: limited.delete_alias(FunctionName=name, Name="live"),
        lambda: limited.get_function(FunctionName=f"{name}-other"),
        lambda: limited.list_versions_by_function(FunctionName=name),
    ]
    for call in refused:
        with pytest.raises(ClientError, match="AccessDenied"):
            call()
