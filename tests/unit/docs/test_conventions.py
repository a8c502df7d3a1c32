"""The files that tools and people expect at the top of a repository: they can be read, and name what exists."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from local import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FORMS = sorted((ROOT / ".github").rglob("*.yml"))


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_every_file_of_github_is_yaml(path: Path) -> None:
    assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)


def test_the_workflow_runs_what_ci_runs() -> None:
    [job] = read(".github/workflows/ci.yml")["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


@pytest.mark.parametrize("form", ["bug", "feature"])
def test_a_form_has_fields_with_names_of_their_own(form: str) -> None:
    fields = read(f".github/ISSUE_TEMPLATE/{form}.yml")["body"]
    assert len({each["id"] for each in fields}) == len(fields)
    assert all(each["attributes"]["label"] for each in fields)


def test_dependabot_looks_where_dependencies_are_pinned() -> None:
    updates = read(".github/dependabot.yml")["updates"]
    folders = {each["directory"] for each in updates if each["package-ecosystem"] == "pip"}
    pinned = {f"/{path.parent.relative_to(ROOT)}".replace("/.", "/") for path in ROOT.glob("*requirements*.in")}
    pinned |= {f"/{path.parent.relative_to(ROOT)}" for path in (ROOT / "layers").rglob("requirements.in")}
    assert folders == pinned


def test_hooks_run_tools_of_the_lock() -> None:
    lock = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    for hook in read(".pre-commit-config.yaml")["repos"][0]["hooks"]:
        program = shlex.split(hook["entry"])[0].removeprefix(".venv/bin/")
        assert re.search(rf"^{program}==", lock, re.MULTILINE), program


def test_the_devcontainer_sets_up_with_make() -> None:
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert container["postCreateCommand"] == "make setup"
    for schema in container["customizations"]["vscode"]["settings"]["yaml.schemas"]:
        assert (ROOT / schema).is_file()


def test_what_sam_saves_is_not_tracked() -> None:
    # `sam deploy --guided` writes samconfig.toml, which takes precedence over samconfig.yaml.
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "samconfig.toml" in ignored
    assert read("samconfig.yaml")["default"]["global"]["parameters"]["stack_name"] == "ecr-controller"
