"""The files of a repository on GitHub: each names what is there, and agrees with the Makefile."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from typing import TYPE_CHECKING, Any

import click
import pytest
import yaml
from samcli.commands.deploy.guided_config import GuidedConfig

from local import ROOT
from tools import reference

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GITHUB = ROOT / ".github"
DEFAULTS = "samconfig.toml"


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def parsed(path: str) -> Any:
    return yaml.safe_load(text(path))


def files() -> Iterator[Path]:
    """What Git has, and what it would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    yield from (ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file())


class TestWorkflow:
    """GitHub runs what everybody runs."""

    steps = parsed(".github/workflows/ci.yaml")["jobs"]["test"]["steps"]

    def test_it_runs_the_command_of_ci_and_no_other(self) -> None:
        assert [each["run"] for each in self.steps if "run" in each] == [".ci/run"]
        assert (ROOT / ".ci/run").stat().st_mode & stat.S_IXUSR

    def test_it_sets_up_every_python_that_the_command_uses(self) -> None:
        [versions] = [each["with"]["python-version"] for each in self.steps if "python-version" in each.get("with", {})]
        assert set(versions.split()) == set(re.findall(r"python_of (3\.\d+)", text(".ci/run")))

    def test_it_may_only_read(self) -> None:
        workflow = parsed(".github/workflows/ci.yaml")
        assert workflow["permissions"] == {"contents": "read"}
        assert not any("permissions" in job for job in workflow["jobs"].values())

    def test_sam_sends_no_telemetry(self) -> None:
        assert parsed(".github/workflows/ci.yaml")["env"]["SAM_CLI_TELEMETRY"] == "0"


def test_dependency_updates_find_their_files() -> None:
    updates = parsed(".github/dependabot.yml")["updates"]
    folders = {each["directory"] for each in updates if each["package-ecosystem"] == "pip"}
    locked = {path.parent for path in files() if path.match("requirements*.txt")}
    assert {ROOT / folder.lstrip("/") for folder in folders} == locked
    assert "github-actions" in {each["package-ecosystem"] for each in updates}


def test_the_devcontainer_sets_up_the_environment_with_telemetry_off() -> None:
    container = json.loads(text(".devcontainer/devcontainer.json"))
    assert container["containerEnv"]["SAM_CLI_TELEMETRY"] == "0"
    target = container["postCreateCommand"].removeprefix("make ")
    assert re.search(rf"^{target}:", text("Makefile"), re.MULTILINE)
    version = re.search(r":(3\.\d+)-", container["image"])
    assert version
    assert f"python_of {version[1]}" in text(".ci/run")


@pytest.mark.parametrize("form", sorted(GITHUB.glob("ISSUE_TEMPLATE/[!c]*.yml")), ids=lambda path: path.name)
def test_an_issue_form_is_one_that_github_accepts(form: Path) -> None:
    found = yaml.safe_load(form.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= set(found)
    fields = [each for each in found["body"] if each["type"] != "markdown"]
    assert {each["type"] for each in fields} <= {"input", "textarea", "dropdown", "checkboxes"}
    assert all(each["attributes"]["label"] for each in fields)
    assert len({each["id"] for each in fields}) == len(fields)


def test_what_the_templates_and_guides_name_is_there() -> None:
    for page in [*GITHUB.rglob("*.*"), ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]:
        shown = page.read_text(encoding="utf-8")
        for named in re.findall(r"\b(?:docs|tests|local|schemas|events|\.ci)/[\w/.-]*[\w/]", shown):
            assert (ROOT / named).exists(), f"{page.name}: {named}"
        for target in re.findall(r"`make ([a-z-]+)", shown):
            assert re.search(rf"^{target}:", text("Makefile"), re.MULTILINE), f"{page.name}: make {target}"


class TestPreCommit:
    """Hooks that run what `make setup` installs."""

    hooks = parsed(".pre-commit-config.yaml")["repos"][0]["hooks"]

    def test_they_are_local_and_download_nothing(self) -> None:
        assert [each["repo"] for each in parsed(".pre-commit-config.yaml")["repos"]] == ["local"]
        assert {each["language"] for each in self.hooks} == {"system"}

    @pytest.mark.parametrize("hook", hooks, ids=lambda hook: hook["id"])
    def test_its_tool_is_locked(self, hook: dict[str, Any]) -> None:
        folder, _, tool = hook["entry"].split()[0].rpartition("/")
        assert folder == ".venv/bin"
        assert tool == "python" or re.search(rf"^{tool}==", text("requirements-dev.txt"), re.MULTILINE)

    @pytest.mark.parametrize("hook", [hook for hook in hooks if "files" in hook], ids=lambda hook: hook["id"])
    def test_it_has_files(self, hook: dict[str, Any]) -> None:
        assert any(re.search(hook["files"], path.relative_to(ROOT).as_posix()) for path in files())


def test_all_files_are_as_editorconfig_says() -> None:
    """UTF-8, LF, and a newline at the end."""
    config, lint = text(".editorconfig"), re.search(r"^line-length = (\d+)$", text("pyproject.toml"), re.MULTILINE)
    assert lint
    assert f"max_line_length = {lint[1]}\n" in config
    assert "insert_final_newline = true\n" in config
    texts = {path: content for path in files() if b"\0" not in (content := path.read_bytes())}
    assert [path for path, content in texts.items() if b"\r\n" in content] == []
    ended = {path for path, content in texts.items() if not content or content.endswith(b"\n")}
    assert set(texts) - ended <= {reference.PAGE}
    for content in texts.values():
        content.decode("utf-8")


class TestSamConfiguration:
    """`sam deploy --guided` writes to samconfig.toml, and Git leaves that out after `make setup`."""

    @pytest.fixture
    def clone(self, tmp_path: Path) -> Path:
        """A clone after `make setup`, as far as it matters here."""
        for name in (".gitignore", DEFAULTS):
            (tmp_path / name).write_text(text(name), encoding="utf-8")
        (tmp_path / "template.yaml").write_text("Resources: {}\n", encoding="utf-8")
        self.git(tmp_path, "init", "--quiet")
        self.git(tmp_path, "add", ".")
        options = ("user.name=a", "user.email=a@example.com", "commit.gpgsign=false")
        self.git(tmp_path, *(each for option in options for each in ("-c", option)), "commit", "--quiet", "-m", "Begin")
        self.make(tmp_path)
        return tmp_path

    @staticmethod
    def git(folder: Path, *arguments: str) -> str:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        command = ["git", *arguments]
        return subprocess.run(command, cwd=folder, env=clean, check=True, capture_output=True, text=True).stdout

    @staticmethod
    def make(folder: Path) -> None:
        subprocess.run(["make", "-f", str(ROOT / "Makefile"), "samconfig"], cwd=folder, check=True)

    def guided(self, clone: Path, **answers: Any) -> None:
        """What `sam deploy --guided` does with the answers."""
        with click.Context(click.Command("deploy"), info_name="deploy"):
            config = GuidedConfig(template_file=str(clone / "template.yaml"), section="parameters")
            config.save_config({"RepositoryNames": {"Value": "team/*"}}, config_file="samconfig.toml", **answers)

    def test_guided_leaves_the_working_tree_clean(self, clone: Path) -> None:
        before = (clone / "samconfig.toml").read_bytes()
        self.guided(clone, region="eu-west-1", confirm_changeset=True)
        assert (clone / "samconfig.toml").read_bytes() != before
        assert self.git(clone, "status", "--porcelain") == ""

    def test_answers_are_kept_by_the_next_setup(self, clone: Path) -> None:
        self.guided(clone, region="eu-west-1")
        saved = (clone / "samconfig.toml").read_bytes()
        self.make(clone)
        assert (clone / "samconfig.toml").read_bytes() == saved

    def test_the_defaults_stay_beside_the_answers(self, clone: Path) -> None:
        self.guided(clone, region="eu-west-1")
        saved = (clone / "samconfig.toml").read_text(encoding="utf-8")
        for line in text(DEFAULTS).splitlines():
            assert line in saved

    def test_setup_does_it(self) -> None:
        assert re.search(r"^setup: .*\bsamconfig\b", text("Makefile"), re.MULTILINE)
