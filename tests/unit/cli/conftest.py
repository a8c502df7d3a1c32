"""Files to plan from, Amazon ECR with stubbed responses, and a way to run the command."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber
from typer.testing import CliRunner

from ecrctl.inputs import ecr
from ecrctl.main import app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from typer.testing import Result

    Run = Callable[..., Result]
    File = Callable[[str, Any], str]

NOW = "2026-11-01T12:00:00+00:00"
INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def plan() -> Run:
    """Runs `ecrctl lifecycle plan` with options, by default at NOW."""

    def run(*options: str, now: str | None = NOW, stdin: str | None = None) -> Result:
        at = () if now is None else ("--now", now)
        return CliRunner().invoke(app, ["lifecycle", "plan", *options, *at], input=stdin)

    return run


@pytest.fixture
def file(tmp_path: Path) -> File:
    """Writes a file, text as it is and all else as JSON, and returns its path."""

    def write(name: str, content: Any) -> str:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def rules(file: File) -> str:
    """A rules file that keeps 2 images."""
    return file("rules.yaml", "- {Description: only two, MaxImageCount: 2}\n")


@pytest.fixture
def images(file: File) -> str:
    """An images file with four images, of which `d` is the oldest."""
    return file("images.json", {"imageDetails": [detail(name, days) for days, name in enumerate("abcd", start=1)]})


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """The responses of Amazon ECR to the command, in order."""
    client = boto3.client("ecr", region_name="eu-west-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="x")
    monkeypatch.setattr(ecr, "client", lambda *_given, **_options: client)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def page(*names: str, token: str | None = None, **members: Any) -> dict[str, Any]:
    """A response of DescribeImages."""
    details = [detail(name, 1 + i) | members for i, name in enumerate(names)]
    for each in details:
        each["imagePushedAt"] = datetime.fromisoformat(each["imagePushedAt"])
    return {"imageDetails": details} | ({"nextToken": token} if token else {})


def asks_for(repository: str, **more: Any) -> dict[str, Any]:
    """The parameters of DescribeImages."""
    return {"repositoryName": repository, "filter": {"imageStatus": "ANY"}, "maxResults": 1000, **more}


def repository_with(rules: list[dict[str, Any]], **properties: Any) -> dict[str, Any]:
    """A Custom::ECRRepository with LifecycleRules."""
    return {"Type": "Custom::ECRRepository", "Properties": {"LifecycleRules": rules, **properties}}


def digest(name: str) -> str:
    """A digest, one for each name."""
    return f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"


def detail(name: str, days: int, *, tags: list[str] | None = None, **members: Any) -> dict[str, Any]:
    """An entry of imageDetails, pushed so many days before NOW, with the name as tag."""
    return {
        "imageDigest": digest(name),
        "imageTags": [name] if tags is None else tags,
        "imageSizeInBytes": 1_000_000,
        "imagePushedAt": (datetime.fromisoformat(NOW) - timedelta(days=days)).isoformat(),
        **members,
    }
