"""A repository that replication created has the policies of its source."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller import aws
from ecr_controller.errors import InvalidProperties, UserError
from ecr_controller.resync.messages import Wanted, parse
from tests.unit.resync.conftest import NAME
from tests.unit.resync.test_baselines import STATEMENT, count, create, put_policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ecr import ECRClient

    from ecr_controller.resync.repository import Resync
    from ecr_controller.shared_documents.parts import PartsTable

    Run = Callable[..., Resync]

THERE = "us-east-1"


@pytest.fixture
def source(moto: None) -> ECRClient:
    client: ECRClient = aws.client("ecr", region=THERE)
    client.create_repository(repositoryName=NAME)
    put_policy(client, 10)
    policy(client, STATEMENT)
    return client


def policy(client: ECRClient, *statements: Any) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    client.set_repository_policy(repositoryName=NAME, policyText=text)


def statements(ecr: ECRClient) -> list[Any]:
    try:
        text = ecr.get_repository_policy(repositoryName=NAME)["policyText"]
    except ecr.exceptions.RepositoryPolicyNotFoundException:
        return []
    found: list[Any] = json.loads(text)["Statement"]
    return found


def test_a_replica_follows_its_source(
    ecr: ECRClient, source: ECRClient, baseline: Callable[..., str], resync: Run, parts: PartsTable
) -> None:
    create(ecr)
    baseline(LikeSource="true")
    resync()
    assert count(ecr) is None
    resync(only_unseen=True, source_region=THERE)
    assert count(ecr) == 10
    [copied] = statements(ecr)
    assert copied["Sid"].startswith("EcrController")
    assert (copied["Action"], "123456789012" in copied["Principal"]["AWS"]) == (["ecr:BatchGetImage"], True)
    put_policy(source, 20)
    source.delete_repository_policy(repositoryName=NAME)
    resync()
    assert (count(ecr), statements(ecr)) == (20, [])
    ecr.delete_repository(repositoryName=NAME)
    resync()
    assert parts.query_parts(f"replica-source/{NAME}") == ()


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Deny", "NotPrincipal": {"AWS": "123456789012"}, "Action": "ecr:BatchGetImage"},
        {"Effect": "Allow", "Principal": {"AWS": "999999999999"}, "Action": "ecr:BatchGetImage"},
    ],
)
def test_what_cannot_be_copied_is_refused_as_a_whole(
    ecr: ECRClient, source: ECRClient, baseline: Callable[..., str], resync: Run, statement: Any
) -> None:
    create(ecr)
    policy(source, STATEMENT, statement)
    baseline(LikeSource="true")
    with pytest.raises(UserError, match="source of"):
        resync(source_region=THERE)
    assert (count(ecr), statements(ecr)) == (None, [])


def test_a_baseline_declares_its_policies_or_takes_them_from_the_source(baseline: Callable[..., str]) -> None:
    with pytest.raises(InvalidProperties, match="cannot be combined with LikeSource"):
        baseline(LikeSource="true", LifecycleRules=[{"MaxImageCount": 1}])


@pytest.mark.parametrize(
    ("changes", "region"),
    [
        ({}, THERE),
        ({"source-account": "210987654321"}, ""),
        ({"source-region": "eu-west-1"}, ""),
        ({"result": "FAILED"}, ""),
    ],
)
def test_an_event_of_replication_names_the_source(changes: dict[str, str], region: str) -> None:
    detail = {"repository-name": NAME, "result": "SUCCESS", "source-account": "123456789012", "source-region": THERE}
    event = {"detail-type": "ECR Replication Action", "account": "123456789012", "region": "eu-west-1"}
    assert parse(json.dumps({**event, "detail": detail | changes})) == Wanted(
        NAME, only_unseen=True, source_region=region
    )
