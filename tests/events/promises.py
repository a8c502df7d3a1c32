"""What each event in events/ promises: the answer of its function, and what there is in AWS afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.invoke import invocation
from local.invoke.worlds import GROUP, REPOSITORY, ROLE
from tests.events.promise import Promise, Repository

if TYPE_CHECKING:
    from collections.abc import Mapping

MARKER = "ecr-controller:create-failed:"


def failed_create(name: str) -> str:
    """The physical id with which an event that failed to create is answered."""
    return f"{MARKER}{invocation.load(name)['RequestId']}"


PULL = {"BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer"}
PUSH = {"CompleteLayerUpload", "InitiateLayerUpload", "PutImage", "UploadLayerPart"}
WEB, ORGANIZATION = "123456789012:role/web", {"aws:PrincipalOrgID": "o-a1b2c3d4e5", "aws:PrincipalTag/team": "shop"}
POLICY, TOKEN = f"repository-policy/{REPOSITORY}", f"attached-policies/arn:aws:iam::{WEB}/AUTHORIZATION_TOKEN_POLICY"
PUBLIC_TOKEN = "attached-policies/arn:aws:iam::123456789012:group/developers/PUBLIC_GALLERY_AUTHORIZATION_TOKEN_POLICY"
TOKEN_ARN = "arn:aws:iam::123456789012:policy/ecr-controller/"

CREATED = Repository(True, "IMMUTABLE_WITH_EXCLUSION", 2, "Repository", {"team": "platform"})
UPDATED = Repository(False, "IMMUTABLE_WITH_EXCLUSION", 1, "Repository", {"team": "platform"})
ORPHAN = {"repositories": {REPOSITORY: Repository()}}
IN_USE = ORPHAN | {"in use": ["v1"], "parts": [f"held-image/{REPOSITORY}", "keep-in-use/repositories"]}
IN_USE_SEEN = IN_USE | {
    "parts": [
        f"held-image/{REPOSITORY}",
        "in-use-snapshot/sources",
        "in-use-snapshot/sources",
        "keep-in-use/repositories",
    ]
}
HELD = {"faults": [], "isWorthARetry": False, "imagesInUse": 0}
SEEN = HELD | {"imagesInUse": 1}
REMEMBERED = {"held": [REPOSITORY]}
V1, V2, VULNERABLE = (
    "sha256:b234e1cbc185bf6ca9507cd94fbc94c4bf36f8d65ed94aea1d03485a93cd4418",
    "sha256:3dad30bba718bca413a9802b5345c36e4a031e1a37910b8a797a6e15d1c93fcf",
    "sha256:5420968701adb26febbacda0893792a1ff1ea27edac1be6bc77142bd280729ea",
)
CLEAN = {"ImageDigest": V1, "ScanStatus": "COMPLETE", "HighFindings": "0", "LowFindings": "3"}
V1_URI = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/{REPOSITORY}@{V1}"
V1_IMAGE = {"ImageUri": V1_URI, "ImageDigest": V1, "MediaType": "application/vnd.oci.image.manifest.v1+json"}
EVERY_SCAN = {"routes": {"*": (["findings"], None)}}
NO_JSON = "The message is not an EventBridge event, because it is not JSON (Expecting value: line 1 column 1 (char 0))."
BASELINE_ID = "25d87af644b8e4ae:team/*"
BASELINE = {"baselines": ["team/*"]}
FILLED = {"repositories": {REPOSITORY: Repository(True, rules=2, tags={"team": "platform"})}, **BASELINE}
PROCESSED: dict[str, Any] = {"batchItemFailures": []}


def with_rules(number: int) -> dict[str, Any]:
    """The repository of the worlds with a lifecycle policy."""
    return {"repositories": {REPOSITORY: Repository(rules=number)}}


def granted(grantee: str, actions: set[str], conditions: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The repository of the worlds, with a statement in its policy."""
    demanded = {grantee: conditions} if conditions else {}
    return {"repositories": {REPOSITORY: Repository(allows={grantee: actions}, conditions=demanded)}, "parts": [POLICY]}


def scanned(*tags: str) -> dict[str, Any]:
    """The repository of the worlds, with images that have been scanned."""
    return ORPHAN | {"scanned": [*tags]}


PROMISES = {
    "baseline/bad-properties": Promise(
        "FAILED",
        failed_create("baseline/bad-properties"),
        reasons=("RepositoryName: is required", "Mode: must be one of", "Except[0]: must consist of"),
    ),
    "baseline/create": Promise("SUCCESS", BASELINE_ID, after=BASELINE, data={"BaselineId": BASELINE_ID}),
    "baseline/delete": Promise("SUCCESS", BASELINE_ID),
    "baseline/update": Promise("SUCCESS", BASELINE_ID, after=BASELINE, data={"BaselineId": BASELINE_ID}),
    "grant/bad-properties": Promise(
        "FAILED",
        failed_create("grant/bad-properties"),
        reasons=(
            "4 invalid properties",
            "did you mean Access?",
            "Conditions.StringEqual: ",
            "Grantee: developers is a group",
        ),
    ),
    "grant/create": Promise(
        "SUCCESS", f"{REPOSITORY}|Pull", granted(WEB, PULL) | {"attached": {ROLE: ["token"]}, "parts": [TOKEN, POLICY]}
    ),
    "grant/create-for-a-service": Promise(
        "SUCCESS",
        f"{REPOSITORY}|Lambda",
        granted(
            "lambda.amazonaws.com",
            {"BatchGetImage", "GetDownloadUrlForLayer"},
            {"aws:SourceArn": "arn:aws:lambda:eu-west-1:999999999999:function:*"},
        ),
    ),
    "grant/create-for-an-account": Promise("SUCCESS", f"{REPOSITORY}|Account", granted("999999999999:root", PULL)),
    "grant/create-for-an-organization": Promise(
        "SUCCESS", f"{REPOSITORY}|Organization", granted("*", PULL | PUSH, ORGANIZATION)
    ),
    "grant/create-public-gallery-token": Promise(
        "SUCCESS",
        "arn:aws:iam::123456789012:group/developers|PublicToken",
        {"attached": {GROUP: ["public gallery token"]}, "parts": [PUBLIC_TOKEN]},
    ),
    "grant/create-token": Promise(
        "SUCCESS", f"arn:aws:iam::{WEB}|Token", {"attached": {ROLE: ["token"]}, "parts": [TOKEN]}
    ),
    "grant/delete": Promise("SUCCESS", f"{REPOSITORY}|Pull", ORPHAN),
    "grant/update": Promise(
        "SUCCESS",
        f"{REPOSITORY}|Pull",
        granted(WEB, PULL | PUSH) | {"attached": {ROLE: ["token"]}, "parts": [TOKEN, POLICY]},
    ),
    "image_scan/bad-properties": Promise(
        "FAILED",
        failed_create("image_scan/bad-properties"),
        reasons=(
            "5 invalid properties",
            "did you mean FailOnSeverity?",
            "ImageDigest: must be `sha256:`",
            "MaxFindings: must be an integer",
        ),
    ),
    "image_scan/create": Promise("SUCCESS", f"{REPOSITORY}@{V1}", scanned("v1"), CLEAN),
    "image_scan/create-by-digest": Promise("SUCCESS", f"{REPOSITORY}@{V1}", scanned("v1"), CLEAN),
    "image_scan/create-for-an-index": Promise(
        "FAILED",
        failed_create("image_scan/create-for-an-index"),
        scanned("untagged", "untagged"),
        reasons=("1 finding of severity HIGH or higher (1 CRITICAL)", "in linux/arm64."),
    ),
    "image_scan/create-refused": Promise(
        "FAILED",
        failed_create("image_scan/create-refused"),
        scanned("vulnerable"),
        reasons=("3 findings of severity HIGH or higher (1 CRITICAL, 2 HIGH)",),
    ),
    "image_scan/create-tolerant": Promise(
        "SUCCESS", f"{REPOSITORY}@{VULNERABLE}", scanned("vulnerable"), {"CriticalFindings": "1", "HighFindings": "2"}
    ),
    "image_scan/delete": Promise("SUCCESS", f"{REPOSITORY}@{V1}", scanned("v1")),
    "image_scan/forget-image": Promise("SUCCESS", V1_URI, ORPHAN),
    "image_scan/resolve-image": Promise("SUCCESS", V1_URI, ORPHAN, V1_IMAGE),
    "image_scan/resolve-image-again": Promise("SUCCESS", V1_URI, ORPHAN, V1_IMAGE),
    "image_scan/resolve-missing-image": Promise(
        "FAILED",
        failed_create("image_scan/resolve-missing-image"),
        ORPHAN,
        reasons=("The repository team/app contains no image missing. Push the image before you deploy the stack.",),
    ),
    "image_scan/replace": Promise("SUCCESS", f"{REPOSITORY}@{V2}", scanned("v1", "v2"), {"MediumFindings": "1"}),
    "image_scan/update": Promise("SUCCESS", f"{REPOSITORY}@{V1}", scanned("v1"), CLEAN),
    "image_scan_route/bad-properties": Promise(
        "FAILED",
        failed_create("image_scan_route/bad-properties"),
        reasons=(
            "3 invalid properties",
            "RepositoryName: ",
            "MinimumSeverity: must be one of",
            "Targets[0]: arn:aws:s3",
        ),
    ),
    "image_scan_route/create": Promise(
        "SUCCESS",
        "28b7e6a1e8d55e4c:team/*",
        {"routes": {"team/*": (["event-bus/default"], "HIGH")}},
        {"RouteId": "28b7e6a1e8d55e4c:team/*"},
    ),
    "image_scan_route/create-for-a-queue": Promise("SUCCESS", "9dff7cdd64030d1f:*", EVERY_SCAN),
    "image_scan_route/create-for-events": Promise("SUCCESS", "f55d5b596192e25d:*", EVERY_SCAN),
    "image_scan_route/delete": Promise("SUCCESS", "28b7e6a1e8d55e4c:team/*"),
    "image_scan_route/missing-target": Promise(
        "FAILED",
        failed_create("image_scan_route/missing-target"),
        reasons=("Targets[0]: ", "arn:aws:sqs:eu-west-1:123456789012:missing"),
    ),
    "image_scan_route/update": Promise(
        "SUCCESS", "28b7e6a1e8d55e4c:team/*", {"routes": {"team/*": (["event-bus/default"], "CRITICAL")}}
    ),
    "lifecycle_policy/bad-properties": Promise(
        "FAILED",
        failed_create("lifecycle_policy/bad-properties"),
        reasons=(
            "RepositoryName: is required",
            "LifecycleRules[0].MaxImageCount: must be at least 1",
            "LifecycleRules[1].TagPrefixList: ",
            "LifecycleGuard.MaxPercent: must be at most 100",
        ),
    ),
    "in_use/function-updated": Promise(after=IN_USE, returned=HELD),
    "in_use/one-repository": Promise(after=IN_USE_SEEN, returned=SEEN),
    "in_use/schedule": Promise(after=IN_USE_SEEN, returned=SEEN),
    "in_use/service-deployed": Promise(after=IN_USE, returned=HELD),
    "in_use/task-runs": Promise(after=IN_USE, returned=HELD),
    "lifecycle_policy/create": Promise("SUCCESS", REPOSITORY, with_rules(2) | REMEMBERED),
    "lifecycle_policy/delete": Promise("SUCCESS", REPOSITORY, ORPHAN),
    "lifecycle_policy/delete-of-a-failed-create": Promise("SUCCESS", failed_create("lifecycle_policy/create"), ORPHAN),
    "lifecycle_policy/replace-the-policy-of-another": Promise("SUCCESS", REPOSITORY, with_rules(2) | REMEMBERED),
    "lifecycle_policy/update": Promise("SUCCESS", REPOSITORY, with_rules(1) | REMEMBERED),
    "on_failure/crash-at-import": Promise(
        "FAILED",
        f"{MARKER}a3b06e89-d39a-4fa3-8ec7-b264528dafe5",
        reasons=("RepositoryFunction", "Unable to import module 'app'"),
    ),
    "on_failure/timeout": Promise(
        "FAILED",
        f"{MARKER}b4c17f9a-e4ab-40b4-9fd8-c375639ebf06",
        reasons=("RepositoryFunction", "Task timed out after 300.00 seconds"),
    ),
    "plan_rescans/schedule": Promise(after=ORPHAN | {"to rescan": [REPOSITORY]}),
    "repository/adopt": Promise(
        "SUCCESS",
        REPOSITORY,
        {
            "repositories": {REPOSITORY: Repository(scan_on_push=True, owner="Repository")},
            "parts": [f"adopted-repository/{REPOSITORY}"],
        },
    ),
    "repository/bad-properties": Promise(
        "FAILED",
        failed_create("repository/bad-properties"),
        reasons=(
            "ImageTagMutabilty: is not a known property (did you mean ImageTagMutability?)",
            "ImageScanOnPush: must be true or false",
            "LifecycleRules[2].MaxImageCount: must be at least 1",
        ),
    ),
    "repository/create": Promise(
        "SUCCESS",
        REPOSITORY,
        {"repositories": {REPOSITORY: CREATED}},
        {"RepositoryName": REPOSITORY, "RepositoryArn": "arn:aws:ecr:eu-west-1:123456789012:repository/team/app"},
    ),
    "repository/delete": Promise("SUCCESS", REPOSITORY),
    "repository/delete-of-a-failed-create": Promise("SUCCESS", failed_create("repository/create")),
    "repository/replace": Promise(
        "SUCCESS", "team/new-app", {"repositories": {REPOSITORY: CREATED, "team/new-app": CREATED}}
    ),
    "repository/update": Promise("SUCCESS", REPOSITORY, {"repositories": {REPOSITORY: UPDATED}}),
    "plan_resync/one-repository": Promise(after=ORPHAN | {"to resync": [REPOSITORY]}, returned={"repositories": 1}),
    "plan_resync/schedule": Promise(after=ORPHAN | {"to resync": [REPOSITORY]}, returned={"repositories": 1}),
    "resync/first-push": Promise(after=FILLED, returned=PROCESSED),
    "resync/repository": Promise(after=FILLED, returned=PROCESSED),
    "rescan/repository": Promise(after=scanned("v1") | EVERY_SCAN, returned=PROCESSED),
    "route_scan/archived": Promise(after=EVERY_SCAN | {"delivered": [("ubuntu", "Archived")]}, returned=PROCESSED),
    "route_scan/basic": Promise(
        after=EVERY_SCAN | {"delivered": [(REPOSITORY, "BASIC", "COMPLETE", "v1")]}, returned=PROCESSED
    ),
    "route_scan/batch-with-poison": Promise(
        after=EVERY_SCAN
        | {
            "delivered": [(REPOSITORY, "BASIC", "COMPLETE", "v1"), (REPOSITORY, "ENHANCED", "COMPLETE", "latest")],
            "dead letters": [
                (
                    "this is no event",
                    NO_JSON,
                )
            ],
        },
        returned=PROCESSED,
    ),
    "route_scan/called": Promise(after=EVERY_SCAN | {"delivered": [("testrepo", "Called")]}, returned=PROCESSED),
    "route_scan/deleted": Promise(
        after=EVERY_SCAN | {"delivered": [("my-repository-name", "Deleted", "latest")]}, returned=PROCESSED
    ),
    "route_scan/enhanced": Promise(
        after=EVERY_SCAN | {"delivered": [(REPOSITORY, "ENHANCED", "COMPLETE", "latest")]}, returned=PROCESSED
    ),
    "route_scan/failed": Promise(
        after=EVERY_SCAN | {"delivered": [(REPOSITORY, "BASIC", "FAILED", "v1")]}, returned=PROCESSED
    ),
    "route_scan/finding": Promise(
        after=EVERY_SCAN | {"delivered": [("inspector2", "Finding", "ubuntu_latest")]}, returned=PROCESSED
    ),
    "route_scan/guard-refused": Promise(
        after=EVERY_SCAN | {"delivered": [(REPOSITORY, "GuardRefused")]}, returned=PROCESSED
    ),
    "route_scan/pull-through-failed": Promise(
        after=EVERY_SCAN | {"delivered": [("docker-hub/alpine", "PullThroughFailed", "3.17.2")]}, returned=PROCESSED
    ),
    "route_scan/pulled-through": Promise(
        after=EVERY_SCAN | {"delivered": [("docker-hub/alpine", "PulledThrough", "3.17.2")]}, returned=PROCESSED
    ),
    "route_scan/pushed": Promise(
        after=EVERY_SCAN | {"delivered": [("my-repository-name", "Pushed", "latest")]}, returned=PROCESSED
    ),
    "route_scan/referrer-restored": Promise(
        after=EVERY_SCAN | {"delivered": [("sbom", "ReferrerRestored")]}, returned=PROCESSED
    ),
    "route_scan/replicated": Promise(
        after=EVERY_SCAN | {"delivered": [("docker-hub/alpine", "Replicated", "3.17.2")]}, returned=PROCESSED
    ),
    "route_scan/replication-failed": Promise(
        after=EVERY_SCAN | {"delivered": [("my-app", "ReplicationFailed", "latest")]}, returned=PROCESSED
    ),
    "route_scan/restored": Promise(after=EVERY_SCAN | {"delivered": [("ubuntu", "Restored")]}, returned=PROCESSED),
    "route_scan/scan-frequency-changed": Promise(
        after=EVERY_SCAN | {"delivered": [(f"repository-{i}", "ScanFrequencyChanged") for i in (1, 2, 3)]},
        returned=PROCESSED,
    ),
    "route_scan/untagged": Promise(
        after=EVERY_SCAN | {"delivered": [(REPOSITORY, "BASIC", "COMPLETE")]}, returned=PROCESSED
    ),
}
