"""Valid documents, from which fuzzing starts: the properties of each type, requests, scan events and messages."""

from __future__ import annotations

from typing import Any

from tests.faults.account import BUS, GROUP, QUEUE, ROLE, TOPIC, USER
from tests.faults.cloudformation import ACCOUNT, REGION
from tests.unit.event_routing.samples import OTHERS, SCANS, documented

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1a2b3c4d-0000-4000-8000-000000000000"
STACK_UUID = "7d6f1c80-cbd1-11f0-9d2c-0a1b2c3d4e5f"
STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/shop/{STACK_UUID}"
POLICY_TEXT = (
    '{"rules": [{"rulePriority": 1, "description": "old", "selection": {"tagStatus": "tagged", "tagPrefixList": ["v"], '
    '"countType": "sinceImagePushed", "countUnit": "days", "countNumber": 30}, "action": {"type": "expire"}}]}'
)
RULES = [
    {"Description": "releases", "TagPrefixList": ["prod"], "MaxImageCount": "9999"},
    {"TagPatternList": ["v*"], "MaxDaysSincePull": "90", "Action": "archive"},
    {"MaxImageAge": "30"},
]
STATEMENTS = [
    {
        "Sid": "Pull",
        "Effect": "Allow",
        "Principal": {"AWS": [ROLE["web"], f"arn:aws:iam::{ACCOUNT}:root"]},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Condition": {"StringEquals": {"aws:PrincipalTag/team": ["web"]}},
    }
]
PROPERTIES: dict[str, list[dict[str, Any]]] = {
    "repository Custom::ECRRepository": [
        {
            "RepositoryName": "team/app",
            "ImageScanOnPush": "true",
            "ImageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
            "ImageTagMutabilityExclusionFilters": ["latest", "dev*"],
            "Encryption": "KMS",
            "EncryptionKey": KEY,
            "LifecycleRules": RULES,
            "LifecycleGuard": {"MaxImages": "10", "MaxPercent": "20"},
            "KeepInUse": {"Sources": ["ECS", "Lambda", "Inspector"], "PulledWithinDays": "30", "GraceDays": "7"},
            "PolicyStatements": STATEMENTS,
            "EmptyOnDelete": "true",
            "OnExisting": "Fail",
            "Tags": [{"Key": "team", "Value": "shop"}],
        },
        {"RepositoryName": "adopt/app", "OnExisting": "Adopt", "LifecyclePolicyText": POLICY_TEXT},
        {},
    ],
    "baseline Custom::ECRRepositoryBaseline": [
        {
            "RepositoryName": "team/*",
            "Except": ["team/keep-*"],
            "Mode": "Enforce",
            "ImageScanOnPush": "true",
            "LifecycleRules": RULES,
            "LifecycleGuard": {"MaxImages": "10"},
            "PolicyStatements": STATEMENTS,
            "Tags": [{"Key": "team", "Value": "shop"}],
        },
        {"RepositoryName": "*", "LifecyclePolicyText": POLICY_TEXT},
    ],
    "lifecycle_policy Custom::ECRLifecyclePolicy": [
        {"RepositoryName": "lifecycle/bare", "LifecycleRules": RULES, "LifecycleGuard": {"MaxImages": "10"}},
        {"RepositoryName": "lifecycle/bare", "LifecyclePolicyText": POLICY_TEXT, "KeepInUse": {"Sources": ["ECS"]}},
    ],
    "grant Custom::ECRRepositoryGrant": [
        {
            "RepositoryName": "shared/app",
            "Grantee": ROLE["web"],
            "Access": "PullPush",
            "AuthorizationToken": "true",
            "Conditions": {"StringEquals": {"aws:PrincipalTag/team": ["web"]}},
        },
        {
            "RepositoryName": "shared/app",
            "Grantee": "lambda.amazonaws.com",
            "Actions": ["ecr:BatchGetImage"],
            "SourceArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:*",
        },
    ],
    "grant Custom::ECRAuthorizationTokenGrant": [{"Grantee": USER}, {"Grantee": GROUP}],
    "grant Custom::ECRPublicGalleryAuthorizationTokenGrant": [{"Grantee": ROLE["api"]}],
    "image_scan_route Custom::ECREventRoute": [
        {
            "RepositoryName": "team/*",
            "Events": ["Pushed", "Called", "Finding"],
            "ImageTags": ["prod*"],
            "ApiCalls": ["SetRepositoryPolicy"],
            "MinimumSeverity": "HIGH",
            "IncludeController": "true",
            "Window": "5",
            "Format": "Json",
            "Targets": [QUEUE["one"], TOPIC, BUS],
        }
    ],
    "image_scan_route Custom::ECRImageScanRoute": [
        {
            "RepositoryName": "team/*",
            "ImageTags": ["prod*", "*-rc*"],
            "ScanStatus": "COMPLETE",
            "MinimumSeverity": "HIGH",
            "Targets": [QUEUE["one"], TOPIC, BUS],
        }
    ],
    "image_scan Custom::ECRImageScan": [
        {"RepositoryName": "adopt/app", "ImageTag": "v1", "FailOnSeverity": "HIGH", "MaxFindings": "3"},
        {"RepositoryName": "adopt/app", "ImageDigest": f"sha256:{'0a' * 32}", "OnUnscannable": "Pass"},
        {
            "RepositoryName": "adopt/app",
            "ImageTag": "v1",
            "MaxFindingsBySeverity": {"HIGH": "1"},
            "OnlyFixable": "true",
            "Accepted": [{"Finding": "CVE-2026-1", "Until": "2027-01-01", "Reason": "none"}],
            "RequireSignature": "true",
        },
    ],
    "image_scan Custom::ECRImage": [
        {"RepositoryName": "adopt/app", "ImageTag": "v1", "Version": "1"},
        {"RepositoryName": "adopt/app", "ImageDigest": f"sha256:{'0a' * 32}"},
    ],
}
"""By the folder of the function and the type."""
PHYSICAL_IDS = [
    *("team/app", "adopt/app", "lifecycle/bare", "shared/app|R", f"{ROLE['web']}|R", "foreign/app", "theirs/app"),
    *("ecr-controller:create-failed:r1", "ecr-controller:create-failed:", "shop-R-1A2B3C4D5E6F", "x|R", "|", ":", "*"),
    *("arn:|R", "arn:aws:iam::123456789012:role/|R", "adopt/app@sha256:0", "a/" * 300, "team/app\n", "TEAM/app"),
]
SCAN_EVENTS = [documented(name) for name in SCANS]
EVENTS = [*SCAN_EVENTS, *(documented(name) for name in OTHERS)]
ON_FAILURE = {
    "version": "1.0",
    "timestamp": "2026-11-23T18:30:05.123Z",
    "requestContext": {
        "requestId": "1c8b6d41",
        "functionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:ecr-controller-repository:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 1,
    },
    "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
    "responsePayload": {"errorType": "Runtime.ExitError", "errorMessage": "Runtime exited: signal: killed"},
}


def request(kind: str, type_: str, physical_id: str, declared: Any, old: Any) -> dict[str, Any]:
    """A request of CloudFormation, without its ResponseURL."""
    made = {
        "RequestType": kind,
        "ServiceToken": "arn:aws:lambda:eu-west-1:123456789012:function:ecr-controller",
        "ResponseURL": "",
        "StackId": STACK_ID,
        "RequestId": "r1",
        "LogicalResourceId": "R",
        "ResourceType": type_,
        "ResourceProperties": declared,
    }
    if kind != "Create":
        made["PhysicalResourceId"] = physical_id
    if kind == "Update":
        made["OldResourceProperties"] = old
    return made
