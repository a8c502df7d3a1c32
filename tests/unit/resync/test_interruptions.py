"""A pass that dies after any call to AWS is completed by the next one, and nothing of others is lost."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

from ecr_controller.resources.repository_baseline import RepositoryBaselineResource
from tests.unit.conftest import Deaths, Served, request
from tests.unit.resync.conftest import NAME
from tests.unit.resync.test_baselines import RULES, STATEMENT, create, policy, put_policy, shown, tags

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ecr import ECRClient

    from ecr_controller.resync.repository import Resync
    from ecr_controller.shared_documents.parts import PartsTable

    Run = Callable[..., Resync]

PROPERTIES = {
    "RepositoryName": "team/*",
    "Mode": "Enforce",
    "LifecycleRules": RULES,
    "ImageScanOnPush": "true",
    "ImageTagMutability": "IMMUTABLE",
    "Tags": [{"Key": "team", "Value": "shop"}],
    "PolicyStatements": [STATEMENT],
}
FOREIGN = {"Sid": "Theirs", "Effect": "Allow", "Principal": "*", "Action": ["ecr:BatchGetImage"]}


def state(ecr: ECRClient) -> Any:
    described = shown(ecr)
    return {
        "rules": policy(ecr),
        "scan": described["imageScanningConfiguration"],
        "mutability": described["imageTagMutability"],
        "tags": tags(ecr, described["repositoryArn"]),
        "policy": json.loads(ecr.get_repository_policy(repositoryName=NAME)["policyText"])["Statement"],
    }


def in_use(ecr: ECRClient) -> None:
    """A repository with settings that people chose."""
    create(ecr, team="other", owner="people")
    put_policy(ecr, 99)
    text = json.dumps({"Version": "2012-10-17", "Statement": [FOREIGN]})
    ecr.set_repository_policy(repositoryName=NAME, policyText=text)


def test_a_pass_that_dies_is_completed_and_can_be_taken_back(
    ecr: ECRClient, parts: PartsTable, baseline: Callable[..., str], resync: Run, deaths: Deaths
) -> None:
    expected: Any = None
    for number in count():
        in_use(ecr)
        before = state(ecr)
        baseline_id = baseline(**PROPERTIES)
        ended = deaths.run(number, resync)
        resync()
        if expected is None:
            expected = state(ecr)
            assert expected != before
        assert state(ecr) == expected, number
        removed = request("Delete", logical_id="Defaults", physical_id=baseline_id, properties=PROPERTIES)
        Served(RepositoryBaselineResource()).delete(removed)
        resync()
        assert state(ecr) == before, number
        assert parts.query_parts(f"baseline-repository/{NAME}") == ()
        assert parts.query_parts(f"repository-policy/{NAME}") == ()
        ecr.delete_repository(repositoryName=NAME, force=True)
        if ended:
            break
    assert number > 10


def test_a_return_that_dies_is_completed(
    ecr: ECRClient, parts: PartsTable, baseline: Callable[..., str], resync: Run, deaths: Deaths
) -> None:
    for number in count():
        in_use(ecr)
        before = state(ecr)
        baseline_id = baseline(**PROPERTIES)
        resync()
        removed = request("Delete", logical_id="Defaults", physical_id=baseline_id, properties=PROPERTIES)
        Served(RepositoryBaselineResource()).delete(removed)
        ended = deaths.run(number, resync)
        resync()
        assert state(ecr) == before, number
        assert parts.query_parts(f"baseline-repository/{NAME}") == ()
        ecr.delete_repository(repositoryName=NAME, force=True)
        if ended:
            break
    assert number > 10
