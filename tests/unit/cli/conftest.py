"""What the tests of the command share: files to plan from, and a way to run it."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from ecrctl.main import app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Run = Callable[..., Result]
    File = Callable[[str, Any], str]

NOW = "2026-11-01T12:00:00+00:00"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def plan() -> Run:
    """Runs `ecrctl lifecycle plan` with options, at NOW unless told otherwise."""

    def run(*options: str, now: str | None = NOW, stdin: str | None = None) -> Result:
        at = () if now is None else ("--now", now)
        return CliRunner().invoke(app, ["lifecycle", "plan", *options, *at], input=stdin)

    return run


@pytest.fixture
def file(tmp_path: Path) -> File:
    """Writes a file and gives its path: text as it is, all else as JSON."""

    def write(name: str, content: Any) -> str:
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def rules(file: File) -> str:
    """A rules file: keep 2 images, whatever they are."""
    return file("rules.yaml", "- {Description: only two, MaxImageCount: 2}\n")


@pytest.fixture
def images(file: File) -> str:
    """An images file: four images, of which `d` is the oldest."""
    return file("images.json", {"imageDetails": [detail(name, days) for days, name in enumerate("abcd", start=1)]})


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
