"""Each piece of the extension, and that MiniStack lacks it: without the extension each of these tests fails.

A test that passes there (XPASS) says that MiniStack has learned it: the piece can go.
"""

from __future__ import annotations

import json
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.images import IN_TOTO, SIGNATURE, push_as_buildx, push_image, push_index, push_referrer
from local.organization import make_units
from local.stack import Stack
from tests.integration.emulator.calls import as_role, event_queue, next_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_ecr import ECRClient

    from local.emulator.process import Emulator

TOKEN_POLICY = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}


@pytest.fixture
def ecr(cloud: Emulator) -> ECRClient:
    client: ECRClient = cloud.client("ecr")
    return client


@pytest.fixture
def name(ecr: ECRClient) -> str:
    """A repository of the test."""
    created = ecr.create_repository(repositoryName=f"app-{uuid.uuid4().hex[:8]}")
    return created["repository"]["repositoryName"]


def scanned(ecr: ECRClient, name: str, image: str) -> Any:
    """The findings of a scan, once it is over, by a tag or a digest."""
    image_id: Any = {"imageDigest": image} if image.startswith("sha256:") else {"imageTag": image}
    for _ in range(100):
        findings = ecr.describe_image_scan_findings(repositoryName=name, imageId=image_id)
        if findings["imageScanStatus"]["status"] != "IN_PROGRESS":
            return findings
        time.sleep(0.1)
    pytest.fail("the scan did not end in ten seconds")


# Authorization


def test_attaching_a_policy_to_a_group_is_checked_on_the_group(cloud: Emulator) -> None:
    iam, group = cloud.client("iam"), f"group-{uuid.uuid4().hex[:8]}"
    arn = iam.create_group(GroupName=group)["Group"]["Arn"]
    document = json.dumps({"Version": "2012-10-17", "Statement": [TOKEN_POLICY]})
    policy = iam.create_policy(PolicyName=group, PolicyDocument=document)["Policy"]["Arn"]
    limited = as_role(cloud, "iam", {"Action": "iam:AttachGroupPolicy", "Resource": arn})
    limited.attach_group_policy(GroupName=group, PolicyArn=policy)


def test_a_key_that_is_named_by_an_alias_is_checked_on_the_key(cloud: Emulator) -> None:
    kms, alias = cloud.client("kms"), f"alias/{uuid.uuid4().hex}"
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    limited = as_role(cloud, "kms", {"Action": "kms:DescribeKey", "Resource": key["Arn"]})
    assert limited.describe_key(KeyId=alias)["KeyMetadata"]["Arn"] == key["Arn"]


def test_a_condition_on_the_policy_arn_is_checked(cloud: Emulator) -> None:
    iam = cloud.client("iam")
    group = f"group-{uuid.uuid4().hex[:8]}"
    iam.create_group(GroupName=group)
    document = json.dumps({"Version": "2012-10-17", "Statement": [TOKEN_POLICY]})
    right, wrong = (iam.create_policy(PolicyName=f"{p}{group}", PolicyDocument=document)["Policy"]["Arn"] for p in "rw")
    condition = {"ArnEquals": {"iam:PolicyARN": right}}
    limited = as_role(cloud, "iam", {"Action": "iam:AttachGroupPolicy", "Resource": "*", "Condition": condition})
    limited.attach_group_policy(GroupName=group, PolicyArn=right)
    with pytest.raises(ClientError, match="AccessDenied"):
        limited.attach_group_policy(GroupName=group, PolicyArn=wrong)


@pytest.mark.parametrize("prefix", ["aws", "ecr"])
def test_a_condition_on_the_tags_of_a_repository_is_checked(cloud: Emulator, prefix: str, name: str) -> None:
    ecr = cloud.client("ecr")
    owned = ecr.create_repository(repositoryName=f"{name}-owned", tags=[{"Key": "Owner:id", "Value": "us"}])
    condition = {"StringEquals": {f"{prefix}:ResourceTag/Owner:id": "us"}}
    limited = as_role(cloud, "ecr", {"Action": "ecr:*", "Resource": "*", "Condition": condition})
    limited.list_images(repositoryName=f"{name}-owned")
    limited.list_tags_for_resource(resourceArn=owned["repository"]["repositoryArn"])
    with pytest.raises(ClientError, match="AccessDenied"):
        limited.list_images(repositoryName=name)


def test_looking_at_an_event_bus_is_checked_on_the_bus(cloud: Emulator) -> None:
    name = f"bus-{uuid.uuid4().hex[:8]}"
    bus = cloud.client("events").create_event_bus(Name=name)["EventBusArn"]
    limited = as_role(cloud, "events", {"Action": "events:DescribeEventBus", "Resource": bus})
    assert limited.describe_event_bus(Name=name)["Arn"] == bus
    with pytest.raises(ClientError, match="AccessDenied"):
        limited.describe_event_bus(Name="default")


def test_a_condition_on_the_partition_keys_of_items_is_checked(cloud: Emulator) -> None:
    table, dynamodb = f"table-{uuid.uuid4().hex[:8]}", cloud.client("dynamodb")
    dynamodb.create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "owner", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "owner", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    condition = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "us/*"}}
    limited = as_role(cloud, "dynamodb", {"Action": "dynamodb:*", "Resource": "*", "Condition": condition})

    def calls(owner: str) -> Iterator[tuple[Any, dict[str, Any]]]:
        key: dict[str, Any] = {"owner": {"S": owner}}
        put = {"Put": {"TableName": table, "Item": key}}
        values = {":owner": key["owner"]}
        yield limited.put_item, {"Item": key}
        yield limited.delete_item, {"Key": key}
        yield limited.query, {"KeyConditionExpression": "owner = :owner", "ExpressionAttributeValues": values}
        names = {"#key": "owner"}
        of_name = {"KeyConditionExpression": "#key = :owner", "ExpressionAttributeNames": names}
        yield limited.query, {**of_name, "ExpressionAttributeValues": values}
        yield lambda TableName: limited.transact_write_items(TransactItems=[put]), {}  # noqa: N803

    for call, arguments in calls("us/1"):
        call(TableName=table, **arguments)
    for call, arguments in calls("them/1"):
        with pytest.raises(ClientError, match="AccessDenied"):
            call(TableName=table, **arguments)


@pytest.mark.parametrize("key", ["source", "detail-type"])
def test_conditions_on_all_events_that_are_put_are_checked(cloud: Emulator, key: str) -> None:
    condition = {"ForAllValues:StringEquals": {f"events:{key}": "ours"}, "Null": {f"events:{key}": "false"}}
    limited = as_role(cloud, "events", {"Action": "events:PutEvents", "Resource": "*", "Condition": condition})
    ours = {"Source": "ours", "DetailType": "ours", "Detail": "{}"}
    theirs = ours | {"source": {"Source": "theirs"}, "detail-type": {"DetailType": "theirs"}}[key]
    limited.put_events(Entries=[ours, ours])
    with pytest.raises(ClientError, match="AccessDenied"):
        limited.put_events(Entries=[ours, theirs])


def test_a_call_that_names_a_repository_by_its_arn_is_checked_on_it(cloud: Emulator, ecr: ECRClient, name: str) -> None:
    arn = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]["repositoryArn"]
    limited = as_role(cloud, "ecr", {"Action": "ecr:*", "Resource": arn})
    limited.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "b"}])
    limited.describe_repositories(repositoryNames=[name])
    with pytest.raises(ClientError, match="AccessDenied"):
        limited.describe_repositories()


def test_a_condition_on_the_keys_of_removed_tags_is_checked(cloud: Emulator, ecr: ECRClient, name: str) -> None:
    arn = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]["repositoryArn"]
    condition = {"ForAllValues:StringEquals": {"aws:TagKeys": "free"}}
    limited = as_role(cloud, "ecr", {"Action": "ecr:UntagResource", "Resource": "*", "Condition": condition})
    limited.untag_resource(resourceArn=arn, tagKeys=["free"])
    with pytest.raises(ClientError, match="AccessDenied"):
        limited.untag_resource(resourceArn=arn, tagKeys=["free", "owner"])


def test_creating_with_tags_needs_the_right_to_tag(cloud: Emulator) -> None:
    creator = as_role(cloud, "ecr", {"Action": "ecr:CreateRepository", "Resource": "*"})
    creator.create_repository(repositoryName=f"app-{uuid.uuid4().hex}")
    with pytest.raises(ClientError, match="AccessDenied"):
        creator.create_repository(repositoryName=f"app-{uuid.uuid4().hex}", tags=[{"Key": "a", "Value": "b"}])


# Repositories


@pytest.mark.parametrize("invalid", ["BAD", "a--b/", "_app", "app" * 100])
def test_a_repository_name_that_ecr_refuses_is_refused(ecr: ECRClient, invalid: str) -> None:
    with pytest.raises(ecr.exceptions.InvalidParameterException):
        ecr.create_repository(repositoryName=invalid)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "length greater than or equal to 100"),
        (" " * 30721, "length less than or equal to 30720"),
        ("not JSON" + " " * 100, "Could not map policyString"),
        ("{}" + " " * 100, "missing required properties"),
        ('{"rules": []}' + " " * 100, "array is too short"),
    ],
)
def test_a_lifecycle_policy_that_ecr_refuses_is_refused(cloud: Emulator, name: str, text: str, words: str) -> None:
    ecr = cloud.client("ecr", config=Config(parameter_validation=False))
    with pytest.raises(ecr.exceptions.InvalidParameterException, match=words):
        ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=text)


@pytest.mark.parametrize(
    ("setting", "moves", "stays"),
    [("IMMUTABLE_WITH_EXCLUSION", "dev-1", "v1"), ("MUTABLE_WITH_EXCLUSION", "v1", "dev-1")],
)
def test_exclusion_filters_are_kept_and_honoured(
    ecr: ECRClient, name: str, setting: Any, moves: str, stays: str
) -> None:
    filters: Any = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    ecr.put_image_tag_mutability(
        repositoryName=name, imageTagMutability=setting, imageTagMutabilityExclusionFilters=filters
    )
    repository = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
    assert repository.get("imageTagMutabilityExclusionFilters") == filters
    for content in ("first", "second"):
        push_image(ecr, name, moves, content=content)
    push_image(ecr, name, stays, content="first")
    with pytest.raises(ecr.exceptions.ImageTagAlreadyExistsException):
        push_image(ecr, name, stays, content="second")


def test_filters_without_a_setting_that_takes_them_are_refused(ecr: ECRClient, name: str) -> None:
    with pytest.raises(ecr.exceptions.InvalidParameterException):
        ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability="IMMUTABLE_WITH_EXCLUSION")


def test_kms_encryption_without_a_key_uses_the_key_of_aws(ecr: ECRClient, name: str) -> None:
    kms = ecr.create_repository(repositoryName=f"{name}-kms", encryptionConfiguration={"encryptionType": "KMS"})
    assert kms["repository"]["encryptionConfiguration"].get("kmsKey", "").startswith("arn:aws:kms:")


def test_repositories_come_in_pages(ecr: ECRClient, name: str) -> None:
    ecr.create_repository(repositoryName=f"{name}-2")
    pages = list(ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 1}))
    assert all(len(each["repositories"]) == 1 for each in pages)
    assert {name, f"{name}-2"} <= {each["repositories"][0]["repositoryName"] for each in pages}


# Images


def test_images_come_in_pages_with_one_id_for_each_tag(ecr: ECRClient, name: str) -> None:
    for tag in ("1", "2", None):
        push_image(ecr, name, tag, content=tag or "untagged")
    push_image(ecr, name, "one", content="1")
    listed = list(ecr.get_paginator("list_images").paginate(repositoryName=name, PaginationConfig={"PageSize": 3}))
    assert [len(each["imageIds"]) for each in listed] == [3, 1]
    assert {each.get("imageTag") for page in listed for each in page["imageIds"]} == {"1", "2", "one", None}
    tagged = ecr.describe_images(repositoryName=name, filter={"tagStatus": "TAGGED"}, maxResults=1)
    assert len(tagged["imageDetails"]) == 1
    rest = ecr.describe_images(repositoryName=name, filter={"tagStatus": "TAGGED"}, nextToken=tagged["nextToken"])
    assert [each["imageTags"] for each in rest["imageDetails"]] == [["2"]]


def test_describing_an_unknown_image_is_a_fault(ecr: ECRClient, name: str) -> None:
    with pytest.raises(ecr.exceptions.ImageNotFoundException):
        ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": "unknown"}])


def test_an_image_shows_its_size_and_the_time_that_it_was_given(ecr: ECRClient, name: str) -> None:
    created = datetime(2026, 1, 2, tzinfo=UTC)
    child = push_image(ecr, name, None, created=created, size=1234)
    index = push_index(ecr, name, "index", [child], created=created)
    images = ecr.describe_images(repositoryName=name)["imageDetails"]
    assert [image["imageDigest"] for image in images] == [child, index]
    assert {(image["imageSizeInBytes"], image["imagePushedAt"]) for image in images} == {(1234, created)}


def test_deleting_one_of_two_tags_keeps_the_image(ecr: ECRClient, name: str) -> None:
    for tag in ("1", "2"):
        push_image(ecr, name, tag)
    ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "1"}])
    assert [image["imageTags"] for image in ecr.describe_images(repositoryName=name)["imageDetails"]] == [["2"]]
    ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "2"}])
    assert ecr.describe_images(repositoryName=name)["imageDetails"] == []


def test_the_image_of_an_index_is_not_deleted_before_it(ecr: ECRClient, name: str) -> None:
    child = push_image(ecr, name, None)
    index = push_index(ecr, name, "index", [child])
    refused = ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageDigest": child}])
    assert [each.get("failureCode") for each in refused["failures"]] == ["ImageReferencedByManifestList"]
    both = ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageDigest": index}, {"imageDigest": child}])
    assert both["failures"] == []


def test_a_push_emits_an_event(cloud: Emulator, ecr: ECRClient, name: str) -> None:
    queue = event_queue(cloud, "ECR Image Action", name)
    digest = push_image(ecr, name, "v1")
    event = next_event(cloud, queue)
    assert event["resources"] == []
    assert event["detail"] == {
        "result": "SUCCESS",
        "repository-name": name,
        "image-digest": digest,
        "action-type": "PUSH",
        "image-tag": "v1",
    }


# Scans


def test_a_scan_ends_with_its_findings_and_an_event(cloud: Emulator, ecr: ECRClient, name: str) -> None:
    queue = event_queue(cloud, "ECR Image Scan", name)
    digest = push_image(ecr, name, "v1", findings="CRITICAL=1,HIGH=2")
    started = ecr.start_image_scan(repositoryName=name, imageId={"imageTag": "v1"})
    assert started["imageScanStatus"]["status"] == "IN_PROGRESS"
    findings = scanned(ecr, name, "v1")["imageScanFindings"]
    assert findings["findingSeverityCounts"] == {"CRITICAL": 1, "HIGH": 2}
    assert [each["severity"] for each in findings["findings"]] == ["CRITICAL", "HIGH", "HIGH"]
    event = next_event(cloud, queue)
    assert (event["source"], event["account"], event["region"]) == ("aws.ecr", cloud.account, cloud.region)
    assert event["resources"] == [f"arn:aws:ecr:{cloud.region}:{cloud.account}:repository/{name}"]
    assert event["detail"] == {
        "scan-status": "COMPLETE",
        "repository-name": name,
        "finding-severity-counts": {"CRITICAL": 1, "HIGH": 2},
        "image-digest": digest,
        "image-tags": ["v1"],
    }


def test_a_push_is_scanned_where_the_repository_says_so(ecr: ECRClient, name: str) -> None:
    ecr.put_image_scanning_configuration(repositoryName=name, imageScanningConfiguration={"scanOnPush": True})
    push_image(ecr, name, "v1", scan_status="UNSUPPORTED_IMAGE")
    assert scanned(ecr, name, "v1")["imageScanStatus"]["status"] == "UNSUPPORTED_IMAGE"


def test_an_image_is_scanned_once_a_day(ecr: ECRClient, name: str) -> None:
    push_image(ecr, name, "v1")
    ecr.start_image_scan(repositoryName=name, imageId={"imageTag": "v1"})
    with pytest.raises(ecr.exceptions.LimitExceededException):
        ecr.start_image_scan(repositoryName=name, imageId={"imageTag": "v1"})


def test_scans_that_cannot_be_are_faults(ecr: ECRClient, name: str) -> None:
    push_index(ecr, name, "index", [push_image(ecr, name, "v1")])
    with pytest.raises(ecr.exceptions.UnsupportedImageTypeException):
        ecr.start_image_scan(repositoryName=name, imageId={"imageTag": "index"})
    with pytest.raises(ecr.exceptions.ImageNotFoundException):
        ecr.start_image_scan(repositoryName=name, imageId={"imageTag": "unknown"})
    with pytest.raises(ecr.exceptions.ScanNotFoundException):
        ecr.describe_image_scan_findings(repositoryName=name, imageId={"imageTag": "v1"})


def test_attestations_cannot_be_scanned(ecr: ECRClient, name: str) -> None:
    pushed = push_as_buildx(ecr, name, "v1", {"linux/amd64": "HIGH=1"})
    for digest in (pushed.images["linux/amd64"], pushed.attestations["linux/amd64"]):
        ecr.start_image_scan(repositoryName=name, imageId={"imageDigest": digest})
    assert scanned(ecr, name, pushed.images["linux/amd64"])["imageScanStatus"]["status"] == "COMPLETE"
    assert scanned(ecr, name, pushed.attestations["linux/amd64"])["imageScanStatus"]["status"] == "UNSUPPORTED_IMAGE"


@pytest.fixture
def registry_rule(ecr: ECRClient) -> Iterator[Callable[..., None]]:
    """Sets the scanning configuration of the registry to one rule; it is as before after the test."""

    def put(scan_type: str, frequency: str, pattern: str) -> None:
        filters = [{"filter": pattern, "filterType": "WILDCARD"}]
        rules: Any = [{"scanFrequency": frequency, "repositoryFilters": filters}]
        ecr.put_registry_scanning_configuration(scanType=scan_type, rules=rules)  # type: ignore[arg-type]

    yield put
    ecr.put_registry_scanning_configuration(scanType="BASIC", rules=[])


def test_the_registry_decides_what_is_scanned(ecr: ECRClient, name: str, registry_rule: Callable[..., None]) -> None:
    ecr.put_image_scanning_configuration(repositoryName=name, imageScanningConfiguration={"scanOnPush": True})
    assert frequency(ecr, name) == "SCAN_ON_PUSH"
    registry_rule("BASIC", "SCAN_ON_PUSH", "others/*")
    assert frequency(ecr, name) == "MANUAL"
    registry_rule("ENHANCED", "CONTINUOUS_SCAN", name[:6])
    assert frequency(ecr, name) == "CONTINUOUS_SCAN"
    found = ecr.batch_get_repository_scanning_configuration(repositoryNames=["none"])
    assert [each["failureCode"] for each in found["failures"]] == ["REPOSITORY_NOT_FOUND"]
    assert ecr.get_registry_scanning_configuration()["scanningConfiguration"]["scanType"] == "ENHANCED"


def frequency(ecr: ECRClient, name: str) -> str:
    [found] = ecr.batch_get_repository_scanning_configuration(repositoryNames=[name])["scanningConfigurations"]
    return found["scanFrequency"]


@pytest.mark.parametrize(("how", "status"), [("SCAN_ON_PUSH", "COMPLETE"), ("CONTINUOUS_SCAN", "ACTIVE")])
def test_enhanced_scanning_has_findings_when_it_has_a_time_of_completion(
    cloud: Emulator, ecr: ECRClient, name: str, registry_rule: Callable[..., None], how: str, status: str
) -> None:
    registry_rule("ENHANCED", how, name)
    queue = event_queue(cloud, "Inspector2 Scan", name, source="aws.inspector2")
    push_image(ecr, name, "v1", findings="CRITICAL=1,LOW=1", fix="NO")
    begun = ecr.describe_image_scan_findings(repositoryName=name, imageId={"imageTag": "v1"})
    assert begun["imageScanStatus"]["status"] == status
    assert "imageScanCompletedAt" not in begun["imageScanFindings"]
    with pytest.raises(ecr.exceptions.ValidationException, match="This feature is disabled"):
        ecr.start_image_scan(repositoryName=name, imageId={"imageTag": "v1"})
    event = next_event(cloud, queue)
    assert event["detail"]["finding-severity-counts"] == {"CRITICAL": 1, "HIGH": 0, "MEDIUM": 0, "TOTAL": 2}
    ended = ecr.describe_image_scan_findings(repositoryName=name, imageId={"imageTag": "v1"})
    assert ended["imageScanStatus"]["status"] == status
    assert "imageScanCompletedAt" in ended["imageScanFindings"]
    assert [each["fixAvailable"] for each in ended["imageScanFindings"]["enhancedFindings"]] == ["NO", "NO"]


def test_enhanced_scanning_leaves_out_repositories_without_a_rule(
    ecr: ECRClient, name: str, registry_rule: Callable[..., None]
) -> None:
    registry_rule("ENHANCED", "CONTINUOUS_SCAN", "others/*")
    push_image(ecr, name, "v1")
    with pytest.raises(ecr.exceptions.ScanNotFoundException):
        ecr.describe_image_scan_findings(repositoryName=name, imageId={"imageTag": "v1"})


def test_the_scanning_configuration_of_a_repository_is_checked_on_the_repository(
    cloud: Emulator, ecr: ECRClient, name: str
) -> None:
    arn = f"arn:aws:ecr:{cloud.region}:{cloud.account}:repository/{name}"
    limited = as_role(cloud, "ecr", {"Action": "ecr:BatchGetRepositoryScanningConfiguration", "Resource": arn})
    assert frequency(limited, name) == "MANUAL"
    with pytest.raises(ClientError, match="AccessDenied"):
        frequency(limited, "others")


# Indexes, signatures and attestations


def test_a_referrer_is_listed_with_its_subject(ecr: ECRClient, name: str) -> None:
    subject = push_image(ecr, name, "v1")
    signature = push_referrer(ecr, name, subject)
    sbom = push_referrer(ecr, name, subject, artifact_type="application/spdx+json")
    listed = ecr.list_image_referrers(repositoryName=name, subjectId={"imageDigest": subject})["referrers"]
    assert {each["digest"]: each["artifactType"] for each in listed} == {
        signature: SIGNATURE,
        sbom: "application/spdx+json",
    }
    some = ecr.list_image_referrers(
        repositoryName=name, subjectId={"imageDigest": subject}, filter={"artifactTypes": [SIGNATURE]}
    )
    assert [each["digest"] for each in some["referrers"]] == [signature]
    details = ecr.describe_images(repositoryName=name, imageIds=[{"imageDigest": signature}])["imageDetails"]
    assert [(each["subjectManifestDigest"], each["artifactMediaType"]) for each in details] == [(subject, SIGNATURE)]


def test_the_status_of_managed_signing_is_described(ecr: ECRClient, name: str) -> None:
    push_image(ecr, name, "v1", signing_status="COMPLETE")
    push_image(ecr, name, "v2", content="unsigned")
    shown = [
        ecr.describe_image_signing_status(repositoryName=name, imageId={"imageTag": tag})["signingStatuses"]
        for tag in ("v1", "v2")
    ]
    assert [[each["status"] for each in statuses] for statuses in shown] == [["COMPLETE"], []]


def test_a_push_as_of_buildx_is_an_index_of_images_and_attestations(ecr: ECRClient, name: str) -> None:
    pushed = push_as_buildx(ecr, name, "v1", {"linux/amd64": None, "linux/arm64/v8": None})
    [image] = ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": "v1"}])["images"]
    entries = json.loads(image["imageManifest"])["manifests"]
    assert [each["platform"] for each in entries] == [
        {"os": "linux", "architecture": "amd64"},
        {"os": "linux", "architecture": "arm64", "variant": "v8"},
        {"os": "unknown", "architecture": "unknown"},
        {"os": "unknown", "architecture": "unknown"},
    ]
    assert [each["annotations"]["vnd.docker.reference.type"] for each in entries[2:]] == ["attestation-manifest"] * 2
    [attestation] = ecr.batch_get_image(repositoryName=name, imageIds=[{"imageDigest": entries[2]["digest"]}])["images"]
    assert json.loads(attestation["imageManifest"])["layers"][0]["mediaType"] == IN_TOTO
    details = ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": "v1"}])["imageDetails"]
    assert [each["imageDigest"] for each in details] == [pushed.index]
    assert details[0]["imageSizeInBytes"] == 25_000_000  # of the largest image


# What CloudFormation shows while it waits for a custom resource

WITNESS = """
import boto3, json, urllib.request

def handler(event, context):
    seen = {"RequestType": event["RequestType"]}
    cloudformation, stack = boto3.client("cloudformation"), event["StackId"]
    seen["stack"] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    try:
        resource = cloudformation.describe_stack_resource(
            StackName=stack, LogicalResourceId=event["LogicalResourceId"]
        )["StackResourceDetail"]
        seen |= {"status": resource["ResourceStatus"], "type": resource["ResourceType"],
                 "physical": resource.get("PhysicalResourceId")}
    except Exception as error:
        seen["error"] = str(error)
    boto3.client("sqs").send_message(QueueUrl=event["ResourceProperties"]["Queue"], MessageBody=json.dumps(seen))
    answer = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")} | {
        "Status": "SUCCESS", "PhysicalResourceId": event["ResourceProperties"]["Name"]}
    if event["RequestType"] == "Delete":
        answer["PhysicalResourceId"] = event["PhysicalResourceId"]
    body = json.dumps(answer).encode()
    urllib.request.urlopen(
        urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT"))
"""


def witness(role: str, queue: str, name: str) -> str:
    """A template with a custom resource whose function sends what it sees of itself to the queue."""
    code = {"ZipFile": WITNESS}
    function = {"Runtime": "python3.13", "Handler": "index.handler", "Role": role, "Code": code, "Timeout": 60}
    resource = {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}, "Queue": queue, "Name": name}
    return json.dumps(
        {
            "Resources": {
                "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
                "Witness": {"Type": "Custom::Witness", "Properties": resource},
            }
        }
    )


def test_a_custom_resource_is_shown_while_its_request_is_in_progress(cloud: Emulator) -> None:
    cloudformation, sqs = cloud.client("cloudformation"), cloud.client("sqs")
    stack = f"witness-{uuid.uuid4().hex[:8]}"
    queue = sqs.create_queue(QueueName=stack)["QueueUrl"]
    trust = json.dumps({"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}]})
    iam = cloud.client("iam")
    role = iam.create_role(RoleName=stack, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    rights = {"Effect": "Allow", "Action": ["cloudformation:Describe*", "sqs:SendMessage"], "Resource": "*"}
    iam.put_role_policy(RoleName=stack, PolicyName="rights", PolicyDocument=json.dumps({"Statement": [rights]}))

    def seen() -> Any:
        [message] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2).get("Messages", [{"Body": "{}"}])
        if "ReceiptHandle" in message:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return json.loads(message["Body"])

    cloudformation.create_stack(StackName=stack, TemplateBody=witness(role, queue, "first"))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    assert seen() == {
        "RequestType": "Create",
        "stack": "CREATE_IN_PROGRESS",
        "status": "CREATE_IN_PROGRESS",
        "type": "Custom::Witness",
        "physical": "",
    }
    cloudformation.update_stack(StackName=stack, TemplateBody=witness(role, queue, "second"))
    cloudformation.get_waiter("stack_update_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    assert seen() == {
        "RequestType": "Update",
        "stack": "UPDATE_IN_PROGRESS",
        "status": "UPDATE_IN_PROGRESS",
        "type": "Custom::Witness",
        "physical": "first",
    }
    cleaned = seen()
    assert cleaned["stack"] == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    assert (cleaned["RequestType"], cleaned["physical"]) == ("Delete", "second")
    cloudformation.delete_stack(StackName=stack)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    deleted = seen()
    assert (deleted["status"], deleted["physical"]) == ("DELETE_IN_PROGRESS", "second")


# Lifecycle policy previews


def lifecycle_rule(priority: int, *, tags: str | None = None, keep: int, action: str = "expire") -> dict[str, Any]:
    selection: dict[str, Any] = {"tagStatus": "tagged", "tagPatternList": [tags]} if tags else {"tagStatus": "any"}
    selection |= {"countType": "imageCountMoreThan", "countNumber": keep}
    return {"rulePriority": priority, "selection": selection, "action": {"type": action}}


def previewed(ecr: ECRClient, name: str, *rules: dict[str, Any]) -> Any:
    """The pages of a preview of these rules, two images a page, once it is over."""
    text = json.dumps({"rules": rules})
    started = ecr.start_lifecycle_policy_preview(repositoryName=name, lifecyclePolicyText=text)
    assert started["status"] == "IN_PROGRESS"
    for _ in range(100):
        if ecr.get_lifecycle_policy_preview(repositoryName=name)["status"] == "COMPLETE":
            pages = ecr.get_paginator("get_lifecycle_policy_preview")
            return list(pages.paginate(repositoryName=name, PaginationConfig={"PageSize": 2}))
        time.sleep(0.1)
    pytest.fail("the preview did not end in ten seconds")


def test_a_preview_lists_what_the_rules_would_expire_in_pages(ecr: ECRClient, name: str) -> None:
    for day, tag in enumerate(["v1", "dev-1", "v2", "dev-2", "v3"], start=1):
        push_image(ecr, name, tag, content=tag, created=datetime(2026, 1, day, tzinfo=UTC))
    pages = previewed(ecr, name, lifecycle_rule(1, tags="dev-*", keep=1), lifecycle_rule(2, keep=2))
    assert [len(each["previewResults"]) for each in pages] == [2, 1]
    results = {each["imageTags"][0]: each for page in pages for each in page["previewResults"]}
    assert {tag: each["appliedRulePriority"] for tag, each in results.items()} == {"v1": 2, "dev-1": 1, "v2": 2}
    assert {each["action"]["type"] for each in results.values()} == {"EXPIRE"}
    assert pages[0]["summary"] == {"expiringImageTotalCount": 3}
    assert results["v1"]["imagePushedAt"] == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_preview_keeps_the_images_of_an_index_that_stays(ecr: ECRClient, name: str) -> None:
    child = push_image(ecr, name, None, created=datetime(2026, 1, 1, tzinfo=UTC))
    push_index(ecr, name, "index", [child], created=datetime(2026, 1, 2, tzinfo=UTC))
    assert previewed(ecr, name, lifecycle_rule(1, keep=1))[0]["previewResults"] == []


def test_one_preview_is_made_at_a_time(ecr: ECRClient, name: str) -> None:
    text = json.dumps({"rules": [lifecycle_rule(1, keep=1)]})
    ecr.start_lifecycle_policy_preview(repositoryName=name, lifecyclePolicyText=text)
    with pytest.raises(ecr.exceptions.LifecyclePolicyPreviewInProgressException):
        ecr.start_lifecycle_policy_preview(repositoryName=name, lifecyclePolicyText=text)


def test_a_preview_that_was_never_started_is_a_fault(ecr: ECRClient, name: str) -> None:
    with pytest.raises(ecr.exceptions.LifecyclePolicyPreviewNotFoundException):
        ecr.get_lifecycle_policy_preview(repositoryName=name)


def test_a_preview_of_what_is_no_policy_is_refused(ecr: ECRClient, name: str) -> None:
    text = json.dumps({"rules": [lifecycle_rule(1, keep=1) | {"selection": {"tagStatus": "any", "countNumber": 5}}]})
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="countType"):
        ecr.start_lifecycle_policy_preview(repositoryName=name, lifecyclePolicyText=text + " " * 100)


# Repository policies


def statement(principal: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": ["ecr:BatchGetImage"], **more}


def set_policy(ecr: ECRClient, name: str, *statements: dict[str, Any]) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    ecr.set_repository_policy(repositoryName=name, policyText=text)


def new_role(cloud: Emulator, *, account: str | None = None, **tags: str) -> tuple[str, str]:
    """The name and the ARN of a role that anybody may assume."""
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    made = cloud.client("iam", account=account).create_role(
        RoleName=f"role-{uuid.uuid4().hex[:8]}",
        AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}),
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    return made["Role"]["RoleName"], made["Role"]["Arn"]


@pytest.mark.parametrize("kind", ["role", "user"])
@pytest.mark.parametrize("account", ["123456789012", "111111111111"])
def test_a_policy_that_names_a_principal_that_does_not_exist_is_refused(
    ecr: ECRClient, name: str, kind: str, account: str
) -> None:
    nobody = {"AWS": ["arn:aws:iam::123456789012:root", f"arn:aws:iam::{account}:{kind}/nobody"]}
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="Principal not found"):
        set_policy(ecr, name, statement("*"), statement(nobody))


def test_a_policy_that_names_a_deleted_principal_by_its_id_is_refused(ecr: ECRClient, name: str) -> None:
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="Principal not found"):
        set_policy(ecr, name, statement({"AWS": "AROA1234567890123456"}))


@pytest.mark.parametrize("more", [{"Resource": "*"}, {"NotResource": "*"}])
def test_a_policy_with_a_resource_is_refused(ecr: ECRClient, name: str, more: dict[str, str]) -> None:
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="Invalid repository policy provided"):
        set_policy(ecr, name, statement("*", **more))


@pytest.mark.parametrize("text", ["no JSON", "{}", '{"Statement": [{"Effect": "Allow", "Principal": "*"}]}'])
def test_a_policy_that_is_none_is_refused(ecr: ECRClient, name: str, text: str) -> None:
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="Invalid repository policy provided"):
        ecr.set_repository_policy(repositoryName=name, policyText=text)


def test_a_policy_has_at_most_10240_characters(cloud: Emulator, name: str) -> None:
    ecr = cloud.client("ecr", config=Config(parameter_validation=False))
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="less than or equal to 10240"):
        set_policy(ecr, name, statement("*", Sid="x" * 10_240))


def test_a_deleted_principal_is_shown_by_its_id(cloud: Emulator, ecr: ECRClient, name: str) -> None:
    role, arn = new_role(cloud)
    role_id = cloud.client("iam").get_role(RoleName=role)["Role"]["RoleId"]
    set_policy(ecr, name, statement({"AWS": arn}))
    before = ecr.get_repository_policy(repositoryName=name)["policyText"]
    cloud.client("iam").delete_role(RoleName=role)
    after = ecr.get_repository_policy(repositoryName=name)["policyText"]
    assert arn in before
    assert after == before.replace(arn, role_id)


def test_a_new_role_may_be_unknown_to_ecr_for_a_while(cloud: Emulator, ecr: ECRClient, name: str) -> None:
    _, arn = new_role(cloud, **{"local.iam/visible-in": "3600"})
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="Principal not found"):
        set_policy(ecr, name, statement({"AWS": arn}))


def test_a_repository_of_another_account_is_reached_by_its_registry_id_where_its_policy_allows_it(
    cloud: Emulator, ecr: ECRClient, name: str
) -> None:
    push_image(ecr, name, "v1")
    role, arn = new_role(cloud, account="111111111111")
    rights = json.dumps({"Statement": [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}]})
    cloud.client("iam", account="111111111111").put_role_policy(
        RoleName=role, PolicyName="rights", PolicyDocument=rights
    )
    session = cloud.client("sts", account="111111111111").assume_role(RoleArn=arn, RoleSessionName="test")
    keys = session["Credentials"]
    theirs = cloud.client(
        "ecr",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    wanted: Any = {"registryId": cloud.account, "repositoryName": name, "imageIds": [{"imageTag": "v1"}]}
    with pytest.raises(ClientError, match="AccessDenied"):
        theirs.batch_get_image(**wanted)
    set_policy(ecr, name, statement({"AWS": "arn:aws:iam::111111111111:root"}))
    assert len(theirs.batch_get_image(**wanted)["images"]) == 1


# Queues


def test_dead_letters_are_moved_with_their_attributes(cloud: Emulator) -> None:
    sqs = cloud.client("sqs")
    dead, queue = (sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"] for _ in range(2))
    arns = [f"arn:aws:sqs:{cloud.region}:{cloud.account}:{url.rpartition('/')[2]}" for url in (dead, queue)]
    attributes = {"Reason": {"DataType": "String", "StringValue": "it failed"}}
    sqs.send_message(QueueUrl=dead, MessageBody="event", MessageAttributes=attributes)
    sqs.start_message_move_task(SourceArn=arns[0], DestinationArn=arns[1])
    [task] = sqs.list_message_move_tasks(SourceArn=arns[0])["Results"]
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 1)
    assert "Messages" not in sqs.receive_message(QueueUrl=dead)
    [message] = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"])["Messages"]
    assert (message["Body"], message["MessageAttributes"]) == ("event", attributes)


def test_dead_letters_are_moved_only_to_a_queue_that_exists(cloud: Emulator) -> None:
    sqs = cloud.client("sqs")
    name = uuid.uuid4().hex
    sqs.create_queue(QueueName=name)
    arn = f"arn:aws:sqs:{cloud.region}:{cloud.account}:{name}"
    with pytest.raises(sqs.exceptions.ResourceNotFoundException):
        sqs.start_message_move_task(SourceArn=arn, DestinationArn=f"{arn}-missing")


# Templates


def test_a_stack_set_makes_a_stack_in_each_account_of_its_units_and_deletes_it(cloud: Emulator) -> None:
    [(_, unit, account)] = make_units(cloud.client("organizations"), [f"unit-{uuid.uuid4().hex[:8]}"])
    body = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    properties = {
        "StackSetName": f"set-{uuid.uuid4().hex[:8]}",
        "PermissionModel": "SERVICE_MANAGED",
        "TemplateBody": body,
        "StackInstancesGroup": [
            {"Regions": ["eu-west-1"], "DeploymentTargets": {"OrganizationalUnitIds": [unit]}},
        ],
    }
    template = {"Resources": {"Set": {"Type": "AWS::CloudFormation::StackSet", "Properties": properties}}}
    stack = Stack(cloud.client("cloudformation"), f"stack-{uuid.uuid4().hex[:8]}")
    assert stack.deploy(json.dumps(template)).succeeded
    theirs = cloud.client("cloudformation", account=account)
    [made] = theirs.describe_stacks()["Stacks"]
    assert made["StackName"].startswith(f"StackSet-{properties['StackSetName']}-")
    assert stack.delete().succeeded
    assert theirs.describe_stacks()["Stacks"] == []


def test_a_bucket_is_read_by_the_stacks_of_another_account(cloud: Emulator) -> None:
    bucket, s3 = f"bucket-{uuid.uuid4().hex[:8]}", cloud.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket=bucket, Key="template.json", Body=b'{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}')
    theirs, name = cloud.client("cloudformation", account="111111111111"), f"stack-{uuid.uuid4().hex[:8]}"
    theirs.create_stack(StackName=name, TemplateURL=f"{cloud.endpoint}/{bucket}/template.json")
    theirs.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})


def test_a_condition_on_a_list_that_is_joined_is_evaluated(cloud: Emulator) -> None:
    cloudformation, found = cloud.client("cloudformation"), {}
    template = {
        "Parameters": {"Names": {"Type": "CommaDelimitedList", "Default": ""}},
        "Conditions": {"HasNames": {"Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", {"Ref": "Names"}]}, ""]}]}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"Found": {"Value": {"Fn::If": ["HasNames", "some", "none"]}}},
    }
    for names in ("", "one", "one,two"):
        parameters: Any = [{"ParameterKey": "Names", "ParameterValue": names}] if names else []
        stack = f"stack-{uuid.uuid4().hex[:8]}"
        cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template), Parameters=parameters)
        cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
        [output] = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
        found[names] = output["OutputValue"]
    assert found == {"": "none", "one": "some", "one,two": "some"}


def test_messages_are_sent_in_batches_with_the_permission_to_send_one(cloud: Emulator) -> None:
    url = cloud.client("sqs").create_queue(QueueName=f"queue-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    limited = as_role(cloud, "sqs", {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"})
    sent = limited.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "text"}])
    assert [each["Id"] for each in sent["Successful"]] == ["1"]
