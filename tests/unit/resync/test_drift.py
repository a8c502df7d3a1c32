"""The drift of what stacks declare, and what a resync finishes."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from ecr_controller.lifecycle import guard
from ecr_controller.lifecycle.guard import PreviewSummary
from ecr_controller.resources.lifecycle_policy import LifecyclePolicyResource
from ecr_controller.resources.repository import RepositoryResource
from ecr_controller.resync.drift import LONGEST_REQUEST
from tests.unit.conftest import STACK_ID, Served, request
from tests.unit.resync.conftest import NAME
from tests.unit.resync.test_baselines import RULES, STATEMENT, count, create, put_policy, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from mypy_boto3_ecr import ECRClient

    from ecr_controller.controller_events import ControllerEvent
    from ecr_controller.resync.repository import Resync
    from ecr_controller.shared_documents.parts import PartsTable
    from tests.unit.conftest import Calls
    from tests.unit.resync.conftest import KnownStacks

    Run = Callable[..., Resync]


def declare(**properties: Any) -> Served:
    served = Served(RepositoryResource())
    served.create(request("Create", logical_id="App", properties={"RepositoryName": NAME, **properties}))
    return served


def test_drift_is_reported_with_the_difference(
    ecr: ECRClient, parts: PartsTable, resync: Run, told: list[ControllerEvent]
) -> None:
    declare(LifecycleRules=RULES, ImageScanOnPush="true", Tags=[{"Key": "team", "Value": "shop"}])
    assert resync().tally["Drift"] == 0
    ecr.put_image_scanning_configuration(repositoryName=NAME, imageScanningConfiguration={"scanOnPush": False})
    assert resync().tally["Drift"] == 1
    [event] = told
    assert (event.name, event.repository, event.logical_id) == ("DriftDetected", NAME, "App")
    assert [each.detail() for each in event.differences] == [
        {"setting": "ImageScanOnPush", "found": "false", "declared": "true"}
    ]
    assert not shown(ecr)["imageScanningConfiguration"]["scanOnPush"]


def test_restore_puts_back_what_is_declared(
    ecr: ECRClient, parts: PartsTable, resync: Run, told: list[ControllerEvent]
) -> None:
    declare(LifecycleRules=RULES, OnDrift="Restore", Tags=[{"Key": "team", "Value": "shop"}])
    put_policy(ecr, 3)
    ecr.untag_resource(resourceArn=shown(ecr)["repositoryArn"], tagKeys=["team"])
    assert resync().tally["DriftRestored"] == 1
    assert count(ecr) == 10
    tags = ecr.list_tags_for_resource(resourceArn=shown(ecr)["repositoryArn"])["tags"]
    assert {"Key": "team", "Value": "shop"} in tags
    assert [each.name for each in told] == ["DriftDetected", "DriftRestored"]
    assert resync().tally["Drift"] == 0


def test_what_is_not_declared_is_no_drift(ecr: ECRClient, parts: PartsTable, resync: Run) -> None:
    declare(OnDrift="Restore")
    put_policy(ecr, 3)
    assert resync().tally["Drift"] == 0
    assert count(ecr) == 3


def test_a_declaration_that_is_being_changed_is_not_compared(
    ecr: ECRClient, parts: PartsTable, resync: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(ImageScanOnPush="true", OnDrift="Restore")
    [part] = parts.query_parts(f"declared-repository/{NAME}")
    parts.put_part(f"declared-repository/{NAME}", part.owner, part.content, {"state": "pending"})
    ecr.put_image_scanning_configuration(repositoryName=NAME, imageScanningConfiguration={"scanOnPush": False})
    assert resync().tally["Drift"] == 0


def test_a_lifecycle_policy_of_its_own_resource_is_compared(ecr: ECRClient, parts: PartsTable, resync: Run) -> None:
    create(ecr)
    served = Served(LifecyclePolicyResource())
    properties = {"RepositoryName": NAME, "LifecycleRules": RULES, "OnDrift": "Restore"}
    served.create(request("Create", logical_id="Policy", properties=properties))
    put_policy(ecr, 3)
    assert resync().tally["DriftRestored"] == 1
    assert count(ecr) == 10
    served.delete(request("Delete", logical_id="Policy", physical_id=NAME, properties=properties))
    assert parts.query_parts(f"declared-repository/{NAME}") == ()


def test_missing_statements_are_drift(ecr: ECRClient, parts: PartsTable, resync: Run) -> None:
    declare(PolicyStatements=[STATEMENT], OnDrift="Restore")
    assert resync().tally["Drift"] == 0
    ecr.delete_repository_policy(repositoryName=NAME)
    assert resync().tally["DriftRestored"] == 1
    assert len(json.loads(ecr.get_repository_policy(repositoryName=NAME)["policyText"])["Statement"]) == 1


def test_a_withdrawal_that_a_crash_left_is_finished(
    ecr: ECRClient, parts: PartsTable, resync: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(PolicyStatements=[STATEMENT])
    long_ago = time.time() - 8000
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: long_ago)
        parts.withdraw_part(f"repository-policy/{NAME}", f"{STACK_ID}|App")
    resync()
    assert parts.query_withdrawn(f"repository-policy/{NAME}") == ()
    assert "policyText" not in _policy(ecr)


def _policy(ecr: ECRClient) -> Any:
    try:
        return ecr.get_repository_policy(repositoryName=NAME)
    except ecr.exceptions.RepositoryPolicyNotFoundException:
        return {}


def test_what_a_deleted_repository_left_goes_with_its_stack(
    ecr: ECRClient, parts: PartsTable, resync: Run, stacks: KnownStacks
) -> None:
    declare()
    ecr.delete_repository(repositoryName=NAME)
    resync()
    assert parts.query_parts(f"declared-repository/{NAME}")
    stacks.gone.add(STACK_ID)
    resync()
    assert parts.query_parts(f"declared-repository/{NAME}") == ()


def test_a_policy_beyond_its_guard_is_not_put_back(
    ecr: ECRClient, parts: PartsTable, resync: Run, told: list[ControllerEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(LifecycleRules=RULES, LifecycleGuard={"MaxImages": "0"}, ImageScanOnPush="true", OnDrift="Restore")
    ecr.delete_lifecycle_policy(repositoryName=NAME)
    ecr.put_image_scanning_configuration(repositoryName=NAME, imageScanningConfiguration={"scanOnPush": False})
    image: Any = type("Image", (), {"tags": ("v1",), "digest": "sha256:1", "rule_priority": 1})
    monkeypatch.setattr(guard, "preview", lambda *_given: PreviewSummary(2, 1, (image,)))
    assert resync().tally["PoliciesRefused"] == 1
    assert count(ecr) is None
    assert shown(ecr)["imageScanningConfiguration"]["scanOnPush"]
    assert [each.name for each in told] == ["DriftDetected", "GuardRefused", "DriftRestored"]


def test_statements_of_a_deleted_stack_do_not_come_back(
    ecr: ECRClient, parts: PartsTable, resync: Run, stacks: KnownStacks
) -> None:
    declare(PolicyStatements=[STATEMENT], OnDrift="Restore")
    gone = STACK_ID.replace("shop", "gone")
    theirs = {**STATEMENT, "Sid": "Theirs", "Action": ["ecr:PutImage"]}
    parts.put_part(f"repository-policy/{NAME}", f"{gone}|Grant", {"statements": [theirs]})
    stacks.gone.add(gone)
    ecr.delete_repository_policy(repositoryName=NAME)
    resync()
    found = json.loads(ecr.get_repository_policy(repositoryName=NAME)["policyText"])["Statement"]
    assert [each["Action"] for each in found] == [["ecr:BatchGetImage"]]
    assert len(parts.query_parts(f"repository-policy/{NAME}")) == 1


def test_a_push_to_a_repository_without_baseline_costs_no_request_to_ecr(
    ecr: ECRClient, parts: PartsTable, resync: Run, calls: Calls
) -> None:
    declare()
    calls.made.clear()
    resync(only_unseen=True)
    assert calls.made == []


def test_a_grant_that_is_being_put_is_no_drift(
    ecr: ECRClient, parts: PartsTable, resync: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(ecr)
    parts.put_part(f"repository-policy/{NAME}", f"{STACK_ID}|Grant", {"statements": [STATEMENT]})
    assert resync().tally["Drift"] == 0
    later = time.time() + LONGEST_REQUEST
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: later)
        assert resync().tally["Drift"] == 1


def test_a_deleted_repository_that_a_stack_declares_is_drift(
    ecr: ECRClient, parts: PartsTable, resync: Run, told: list[ControllerEvent]
) -> None:
    declare()
    ecr.delete_repository(repositoryName=NAME)
    assert resync().tally["Drift"] == 1
    assert [(each.name, each.logical_id) for each in told] == [("DriftDetected", "App")]


def test_a_part_that_was_declared_again_is_not_taken_for_a_tombstone(parts: PartsTable) -> None:
    target, owner = f"repository-policy/{NAME}", f"{STACK_ID}|Grant"
    parts.withdraw_part(target, owner)
    [withdrawn] = parts.query_withdrawn(target)
    parts.put_part(target, owner, {"statements": [STATEMENT]})
    parts.delete_marked(target, owner, withdrawn.marks)
    assert [part.owner for part in parts.query_parts(target)] == [owner]
    parts.withdraw_part(target, owner)
    parts.delete_marked(target, owner, parts.query_withdrawn(target)[0].marks)
    assert parts.query_withdrawn(target) == ()
