"""Changes as the log shows them."""

from __future__ import annotations

import pytest

from ecr_controller.repository.changes import NOTHING, Change, difference
from ecr_controller.repository.model import Encryption, Mutability, Repository
from ecr_controller.repository.settings import (
    ImageScanOnPush,
    ImageTagMutability,
    LifecyclePolicyText,
    PolicyStatements,
    Tags,
    settings,
)
from ecr_controller.repository.spec import RepositorySpec
from ecr_controller.resources.repository import RepositoryResource
from tests.unit.conftest import declared, request

REQUEST = request("Update").for_resource(RepositoryResource())
STATEMENT = {"Principal": {"AWS": "123456789012"}, "Action": "ecr:BatchGetImage"}
[STATED] = declared(RepositoryResource(), {"PolicyStatements": [STATEMENT]}).statements
SHOWN = {"imageScanningConfiguration": {"scanOnPush": False}, "imageTagMutability": "MUTABLE"}
FOUND = Repository("app", "arn", "uri/app", "123456789012", Encryption(), SHOWN, {"team": "web"})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (Change(ImageScanOnPush(), False, True), "ImageScanOnPush: false -> true"),
        (
            Change(ImageTagMutability(), Mutability(), Mutability("IMMUTABLE_WITH_EXCLUSION", ("a", "b*"))),
            "ImageTagMutability: MUTABLE -> IMMUTABLE_WITH_EXCLUSION (a, b*)",
        ),
        (Change(Tags(), {"a": None, "b": "1"}, {"a": "2", "b": None}), "Tags: a (none), b=1 -> a=2, b (none)"),
        (Change(LifecyclePolicyText(), None, "{}"), "LifecyclePolicy: none -> {}"),
        (Change(PolicyStatements(REQUEST), (), (STATED,)), "PolicyStatements: 0 statements -> 1 statement"),
    ],
)
def test_a_change_can_be_printed_and_reverted(change: Change[object], text: str) -> None:
    name, _, values = text.partition(": ")
    old, _, new = values.partition(" -> ")
    assert str(change) == text
    assert str(change.reverted()) == f"{name}: {new} -> {old}"


def test_only_what_differs_changes_in_the_order_of_the_settings() -> None:
    spec = RepositorySpec(scan_on_push=True, mutability=Mutability(), tags={"team": "api"}, statements=(STATED,))
    changes = difference(settings(REQUEST), FOUND, spec)
    assert [change.setting.name for change in changes] == ["ImageScanOnPush", "Tags", "PolicyStatements"]


def test_what_is_no_longer_declared_returns_to_the_default_of_ecr() -> None:
    shown = {"imageScanningConfiguration": {"scanOnPush": True}, "imageTagMutability": "IMMUTABLE"}
    found = Repository("app", "arn", "uri/app", "123456789012", Encryption(), shown, {"team": "web", "other": "x"})
    before = RepositorySpec(scan_on_push=True, mutability=Mutability("IMMUTABLE"), tags={"team": "web"})
    changes = difference(settings(REQUEST), found, NOTHING, before)
    assert [change.new for change in changes] == [False, Mutability(), {"team": None}]
    assert difference(settings(REQUEST), found, NOTHING) == []
