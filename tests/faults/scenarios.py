"""The scenarios: one request of each kind for each resource type, and what has happened before it.

The AWS calls of a request are not listed here: a run without a fault records them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING

from tests.faults.account import BUS, GROUP, NOBODY, QUEUE, ROLE, TOPIC, USER, Account, arn

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.cloudformation import Json


class Step(Enum):
    """The request that meets the fault."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    CLEAN_UP = "clean-up"
    """The Delete after an Update that replaced the resource."""
    FAILED_CREATE = "failed-create"
    """The Delete of a Create whose function died after its last call."""
    ROLLBACK = "rollback"
    """The Update back, after an Update that succeeded."""
    FAILED_UPDATE = "failed-update"
    """The Update back, after an Update whose function died after its last call."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """``declared`` are the properties of the last Create or Update, ``before`` those before an Update. ``refused``: the
    request is answered FAILED without a fault. ``meddle`` is what somebody else does right before the request."""

    name: str
    type: str
    step: Step
    declared: Json
    before: Json | None = None
    refused: bool = False
    meddle: Callable[[Account], None] | None = None


NAMED: Json = {"RepositoryName": "team/app"}
RENAMED: Json = {"RepositoryName": "team/new"}
ADOPTED: Json = {"RepositoryName": "adopt/app", "OnExisting": "Adopt"}
RULES: Json = {"LifecycleRules": [{"TagPrefixList": ["prod"], "MaxImageCount": 9}, {"MaxImageAge": 30}]}
OTHER_RULES: Json = {"LifecycleRules": [{"MaxImageCount": 5, "Description": "the newest five"}]}
SETTINGS: Json = {
    "ImageScanOnPush": True,
    "ImageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "ImageTagMutabilityExclusionFilters": ["latest"],
    "Tags": [{"Key": "team", "Value": "a"}, {"Key": "cost", "Value": "1"}],
    **RULES,
}
OTHER_SETTINGS: Json = {
    "ImageScanOnPush": False,
    "ImageTagMutability": "IMMUTABLE",
    "Tags": [{"Key": "team", "Value": "b"}, {"Key": "new", "Value": "2"}],
    **OTHER_RULES,
}
STATED: Json = {
    "PolicyStatements": [
        {"Sid": "Build", "Principal": {"AWS": ROLE["web"]}, "Action": ["ecr:PutImage"]},
        {"Principal": {"AWS": ROLE["api"]}, "Action": "ecr:ListImages"},
    ]
}
RESTATED: Json = {
    "PolicyStatements": [
        {"Sid": "Build", "Principal": {"AWS": ROLE["worker"]}, "Action": ["ecr:PutImage", "ecr:ListImages"]}
    ]
}
UNKNOWN: Json = {"PolicyStatements": [{"Principal": {"AWS": NOBODY}, "Action": "ecr:ListImages"}]}
ALLOWING: Json = {"AllowLifecyclePolicies": True}
KEPT: Json = {"KeepInUse": {"Sources": ["ECS"]}}
GUARDED: Json = {"LifecycleGuard": {"MaxImages": 3}}
FULL, OTHER = {**NAMED, **SETTINGS}, {**NAMED, **OTHER_SETTINGS}

_Rows = dict[tuple[str, Step], tuple["Json", "Json | None"]]


def _tagged(**values: str) -> Json:
    return {"Tags": [{"Key": key, "Value": value} for key, value in values.items()]}


def _push(account: Account) -> None:
    account.push("team/app")


def _delete_it(account: Account) -> None:
    account.client("ecr").delete_repository(repositoryName="team/app")


MEDDLING: dict[str, Callable[[Account], None]] = {
    "images-too": _push,
    "with-images": _push,
    "recreated": _delete_it,
}
"""By the name of the scenario."""
REFUSED = ("existing", "unknown-principal", "with-images", "policy-of-others", "nowhere", "unknown-queue")
"""Names of scenarios that end so are refused."""


def _repositories() -> _Rows:
    full = {**FULL, **STATED}
    return {
        ("bare", Step.CREATE): (NAMED, None),
        ("generated", Step.CREATE): ({}, None),
        ("full", Step.CREATE): (FULL, None),
        ("statements", Step.CREATE): ({**NAMED, **STATED}, None),
        ("full-statements", Step.CREATE): (full, None),
        ("existing", Step.CREATE): ({"RepositoryName": "foreign/app"}, None),
        ("unknown-principal", Step.CREATE): ({**FULL, **UNKNOWN}, None),
        ("adopted", Step.CREATE): (ADOPTED, None),
        ("adopted-full", Step.CREATE): ({**SETTINGS, **ADOPTED}, None),
        ("adopted-statements", Step.CREATE): ({**SETTINGS, **ADOPTED, **STATED}, None),
        ("adopted-guarded", Step.CREATE): ({**SETTINGS, **ADOPTED, **GUARDED}, None),
        ("kept", Step.CREATE): ({**NAMED, **RULES, **KEPT}, None),
        ("adopted-kept", Step.CREATE): ({**SETTINGS, **ADOPTED, **GUARDED, **KEPT}, None),
        ("adopted-unknown-principal", Step.CREATE): ({**SETTINGS, **ADOPTED, **UNKNOWN}, None),
        ("scan", Step.UPDATE): ({**NAMED, "ImageScanOnPush": True}, NAMED),
        ("mutability", Step.UPDATE): ({**NAMED, "ImageTagMutability": "IMMUTABLE"}, NAMED),
        ("tags", Step.UPDATE): ({**NAMED, **_tagged(team="b", new="2")}, {**NAMED, **_tagged(team="a", cost="1")}),
        ("policies-allowed", Step.UPDATE): ({**NAMED, **RULES, **ALLOWING}, NAMED),
        ("adopted-policies-declined", Step.UPDATE): (ADOPTED, {**ADOPTED, **ALLOWING}),
        ("rules-added", Step.UPDATE): ({**NAMED, **RULES}, NAMED),
        ("rules-changed", Step.UPDATE): ({**NAMED, **OTHER_RULES}, {**NAMED, **RULES}),
        ("rules-removed", Step.UPDATE): (NAMED, {**NAMED, **RULES}),
        ("kept", Step.UPDATE): ({**NAMED, **RULES, **KEPT}, {**NAMED, **RULES}),
        ("kept-no-more", Step.UPDATE): ({**NAMED, **RULES}, {**NAMED, **RULES, **KEPT}),
        ("statements-added", Step.UPDATE): ({**NAMED, **STATED}, NAMED),
        ("statements-changed", Step.UPDATE): ({**NAMED, **RESTATED}, {**NAMED, **STATED}),
        ("statements-removed", Step.UPDATE): (NAMED, {**NAMED, **STATED}),
        ("all", Step.UPDATE): (OTHER, FULL),
        ("nothing-declared", Step.UPDATE): (NAMED, full),
        ("adopted", Step.UPDATE): ({**OTHER_SETTINGS, **ADOPTED}, {**SETTINGS, **ADOPTED}),
        ("adopted-nothing-declared", Step.UPDATE): (ADOPTED, {**SETTINGS, **ADOPTED}),
        ("recreated", Step.UPDATE): ({**FULL, **_tagged(team="b")}, NAMED),
        ("unknown-principal", Step.UPDATE): ({**OTHER, **UNKNOWN}, full),
        ("renamed", Step.UPDATE): (RENAMED, NAMED),
        ("renamed-full", Step.UPDATE): ({**SETTINGS, **RENAMED}, FULL),
        ("renamed-statements", Step.UPDATE): ({**RENAMED, **STATED}, {**NAMED, **STATED}),
        ("renamed-to-adopted", Step.UPDATE): ({**SETTINGS, **ADOPTED, "LifecycleRules": None}, NAMED),
        ("renamed-unknown-principal", Step.UPDATE): ({**RENAMED, **UNKNOWN}, NAMED),
        ("encrypted", Step.UPDATE): ({"Encryption": "KMS"}, {}),
        ("bare", Step.DELETE): (NAMED, None),
        ("kept", Step.DELETE): ({**NAMED, **RULES, **KEPT}, None),
        ("full", Step.DELETE): (FULL, None),
        ("statements", Step.DELETE): (full, None),
        ("images-too", Step.DELETE): ({**FULL, "EmptyOnDelete": True}, None),
        ("with-images", Step.DELETE): (FULL, None),
        ("adopted", Step.DELETE): ({**SETTINGS, **ADOPTED}, None),
        ("adopted-statements", Step.DELETE): ({**SETTINGS, **ADOPTED, **STATED}, None),
        ("renamed", Step.CLEAN_UP): ({**SETTINGS, **RENAMED, **STATED}, full),
        ("from-adopted", Step.CLEAN_UP): (NAMED, {**SETTINGS, **ADOPTED, **STATED}),
        ("encrypted", Step.CLEAN_UP): ({"Encryption": "KMS"}, {}),
        ("bare", Step.FAILED_CREATE): (NAMED, None),
        ("generated", Step.FAILED_CREATE): ({}, None),
        ("full-statements", Step.FAILED_CREATE): (full, None),
        ("adopted", Step.FAILED_CREATE): ({**SETTINGS, **ADOPTED}, None),
        ("adopted-kept", Step.FAILED_CREATE): ({**SETTINGS, **ADOPTED, **KEPT}, None),
        ("adopted-policies-allowed", Step.FAILED_CREATE): ({**ADOPTED, **ALLOWING}, None),
        ("adopted-statements", Step.FAILED_CREATE): ({**ADOPTED, **STATED}, None),
        ("all", Step.ROLLBACK): (OTHER, full),
        ("statements", Step.ROLLBACK): ({**NAMED, **RESTATED}, {**NAMED, **STATED}),
        ("renamed", Step.ROLLBACK): ({**SETTINGS, **RENAMED}, FULL),
        ("renamed-statements", Step.ROLLBACK): ({**RENAMED, **STATED}, {**NAMED, **STATED}),
        ("encrypted", Step.ROLLBACK): ({"Encryption": "KMS"}, {}),
        ("adopted", Step.ROLLBACK): ({**OTHER_SETTINGS, **ADOPTED}, {**SETTINGS, **ADOPTED}),
        ("kept", Step.ROLLBACK): ({**NAMED, **RULES, **KEPT}, {**NAMED, **RULES}),
        ("kept-no-more", Step.FAILED_UPDATE): ({**NAMED, **RULES}, {**NAMED, **RULES, **KEPT}),
        ("all", Step.FAILED_UPDATE): (OTHER, full),
        ("renamed", Step.FAILED_UPDATE): ({**RENAMED, **STATED}, {**NAMED, **STATED}),
        ("renamed-to-adopted", Step.FAILED_UPDATE): ({**SETTINGS, **ADOPTED}, NAMED),
        ("encrypted", Step.FAILED_UPDATE): ({"Encryption": "KMS"}, {}),
    }


def _lifecycle_policies() -> _Rows:
    free: Json = {"RepositoryName": "lifecycle/bare"}
    taken: Json = {"RepositoryName": "lifecycle/app", "OnExisting": "Replace"}
    return {
        ("free", Step.CREATE): ({**free, **RULES}, None),
        ("replacing", Step.CREATE): ({**taken, **RULES}, None),
        ("guarded", Step.CREATE): ({**taken, **RULES, **GUARDED}, None),
        ("kept", Step.CREATE): ({**taken, **RULES, **GUARDED, **KEPT}, None),
        ("policy-of-others", Step.CREATE): ({**RULES, "RepositoryName": "lifecycle/app"}, None),
        ("nowhere", Step.CREATE): ({**RULES, "RepositoryName": "no/such"}, None),
        ("free", Step.UPDATE): ({**free, **OTHER_RULES}, {**free, **RULES}),
        ("replacing", Step.UPDATE): ({**taken, **OTHER_RULES}, {**taken, **RULES}),
        ("moved", Step.UPDATE): ({**taken, **RULES}, {**free, **RULES}),
        ("free", Step.DELETE): ({**free, **RULES}, None),
        ("replacing", Step.DELETE): ({**taken, **RULES}, None),
        ("moved", Step.CLEAN_UP): ({**free, **RULES}, {**taken, **RULES}),
        ("free", Step.FAILED_CREATE): ({**free, **RULES}, None),
        ("kept", Step.DELETE): ({**free, **RULES, **KEPT}, None),
        ("kept", Step.FAILED_CREATE): ({**free, **RULES, **KEPT}, None),
        ("kept-elsewhere", Step.UPDATE): ({**taken, **RULES, **KEPT}, {**free, **RULES, **KEPT}),
        ("kept-elsewhere", Step.ROLLBACK): ({**taken, **RULES, **KEPT}, {**free, **RULES, **KEPT}),
        ("replacing", Step.FAILED_CREATE): ({**taken, **RULES}, None),
        ("replacing", Step.ROLLBACK): ({**taken, **OTHER_RULES}, {**taken, **RULES}),
        ("moved", Step.ROLLBACK): ({**taken, **RULES}, {**free, **RULES}),
        ("free", Step.FAILED_UPDATE): ({**free, **OTHER_RULES}, {**free, **RULES}),
        ("moved", Step.FAILED_UPDATE): ({**taken, **RULES}, {**free, **RULES}),
    }


def _repository_grants() -> _Rows:
    pull: Json = {"RepositoryName": "shared/app", "Grantee": ROLE["web"], "Access": "Pull"}
    push, other = {**pull, "Access": "PullPush"}, {**pull, "Grantee": USER}
    alone = {**pull, "RepositoryName": "theirs/app"}
    without = {**pull, "AuthorizationToken": False}
    return {
        ("shared", Step.CREATE): (pull, None),
        ("alone", Step.CREATE): (alone, None),
        ("account", Step.CREATE): ({**pull, "Grantee": "999999999999"}, None),
        ("nowhere", Step.CREATE): ({**pull, "RepositoryName": "no/such"}, None),
        ("unknown-principal", Step.CREATE): ({**pull, "Grantee": NOBODY}, None),
        ("access", Step.UPDATE): (push, pull),
        ("grantee", Step.UPDATE): (other, pull),
        ("token-declined", Step.UPDATE): (without, pull),
        ("token-added", Step.UPDATE): (pull, without),
        ("unknown-principal", Step.UPDATE): ({**pull, "Grantee": NOBODY}, pull),
        ("moved", Step.UPDATE): (alone, pull),
        ("shared", Step.DELETE): (pull, None),
        ("alone", Step.DELETE): (alone, None),
        ("moved", Step.CLEAN_UP): (alone, pull),
        ("shared", Step.FAILED_CREATE): (pull, None),
        ("alone", Step.FAILED_CREATE): (alone, None),
        ("access", Step.ROLLBACK): (push, pull),
        ("grantee", Step.ROLLBACK): (other, pull),
        ("moved", Step.ROLLBACK): (alone, pull),
        ("grantee", Step.FAILED_UPDATE): (other, pull),
        ("moved", Step.FAILED_UPDATE): (alone, pull),
    }


def _token_grants() -> _Rows:
    ours, shared, other = ({"Grantee": each} for each in (ROLE["web"], ROLE["worker"], USER))
    return {
        ("role", Step.CREATE): (ours, None),
        ("shared", Step.CREATE): (shared, None),
        ("unknown-principal", Step.CREATE): ({"Grantee": NOBODY}, None),
        ("moved", Step.UPDATE): (other, ours),
        ("role", Step.DELETE): (ours, None),
        ("shared", Step.DELETE): (shared, None),
        ("moved", Step.CLEAN_UP): (other, ours),
        ("role", Step.FAILED_CREATE): (ours, None),
        ("moved", Step.ROLLBACK): (other, ours),
        ("moved", Step.FAILED_UPDATE): (other, ours),
    }


def _public_token_grants() -> _Rows:
    return {
        ("group", Step.CREATE): ({"Grantee": GROUP}, None),
        ("group", Step.DELETE): ({"Grantee": GROUP}, None),
        ("group", Step.FAILED_CREATE): ({"Grantee": GROUP}, None),
    }


def _routes() -> _Rows:
    one: Json = {"RepositoryName": "team/*", "Targets": [QUEUE["one"], TOPIC]}
    two: Json = {"RepositoryName": "team/*", "Targets": [QUEUE["one"], BUS], "MinimumSeverity": "HIGH"}
    elsewhere: Json = {"RepositoryName": "other/*", "Targets": [QUEUE["one"]]}
    return {
        ("two-targets", Step.CREATE): (one, None),
        ("unknown-queue", Step.CREATE): ({**one, "Targets": [arn("sqs", "no-such")]}, None),
        ("targets", Step.UPDATE): (two, one),
        ("moved", Step.UPDATE): (elsewhere, one),
        ("two-targets", Step.DELETE): (one, None),
        ("moved", Step.CLEAN_UP): (elsewhere, one),
        ("two-targets", Step.FAILED_CREATE): (one, None),
        ("targets", Step.ROLLBACK): (two, one),
        ("moved", Step.ROLLBACK): (elsewhere, one),
        ("targets", Step.FAILED_UPDATE): (two, one),
        ("moved", Step.FAILED_UPDATE): (elsewhere, one),
    }


def _event_routes() -> _Rows:
    one: Json = {"RepositoryName": "team/*", "Events": ["Pushed"], "Targets": [QUEUE["one"]]}
    return {
        ("events", Step.CREATE): (one, None),
        ("events", Step.UPDATE): ({**one, "Events": ["Deleted"]}, one),
        ("events", Step.DELETE): (one, None),
    }


def _baselines() -> _Rows:
    one: Json = {"RepositoryName": "team/*", "ImageScanOnPush": "true"}
    elsewhere: Json = {**one, "RepositoryName": "other/*"}
    return {
        ("settings", Step.CREATE): (one, None),
        ("settings", Step.UPDATE): ({**one, "Mode": "Enforce"}, one),
        ("moved", Step.UPDATE): (elsewhere, one),
        ("settings", Step.DELETE): (one, None),
        ("moved", Step.CLEAN_UP): (elsewhere, one),
        ("settings", Step.FAILED_CREATE): (one, None),
        ("settings", Step.ROLLBACK): ({**one, "Mode": "Enforce"}, one),
        ("moved", Step.ROLLBACK): (elsewhere, one),
        ("moved", Step.FAILED_UPDATE): (elsewhere, one),
    }


def _image_scans() -> _Rows:
    image: Json = {"RepositoryName": "foreign/app", "ImageTag": "v1"}
    return {
        ("image", Step.CREATE): (image, None),
        ("image", Step.UPDATE): (image, {**image, "RepositoryName": "adopt/app"}),
        ("image", Step.DELETE): (image, None),
    }


TYPES = {
    "repository": ("Custom::ECRRepository", _repositories),
    "lifecycle-policy": ("Custom::ECRLifecyclePolicy", _lifecycle_policies),
    "baseline": ("Custom::ECRRepositoryBaseline", _baselines),
    "grant": ("Custom::ECRRepositoryGrant", _repository_grants),
    "token": ("Custom::ECRAuthorizationTokenGrant", _token_grants),
    "public-token": ("Custom::ECRPublicGalleryAuthorizationTokenGrant", _public_token_grants),
    "route": ("Custom::ECRImageScanRoute", _routes),
    "event-route": ("Custom::ECREventRoute", _event_routes),
    "scan": ("Custom::ECRImageScan", _image_scans),
    "image": ("Custom::ECRImage", _image_scans),
}


@cache
def scenarios() -> dict[str, Scenario]:
    """All of them by name, which is ``<type>-<step>-<what is special>``."""
    found = {}
    for prefix, (type_, rows) in TYPES.items():
        for (what, step), (declared, before) in rows().items():
            name = f"{prefix}-{step.value}-{what}"
            found[name] = Scenario(
                name, type_, step, declared, before, refused=what.endswith(REFUSED), meddle=MEDDLING.get(what)
            )
    return found
