"""Every command that docs/ecrctl.md shows, with the output that it shows, and the members of its JSON document."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from ecr_controller.lifecycle.ecr import Preview
from ecrctl.inputs import ecr
from ecrctl.main import app

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"
PAGE = (ROOT / "docs" / "ecrctl.md").read_text(encoding="utf-8")


def commands() -> Iterator[tuple[str, str]]:
    """Each `ecrctl` command on the page, with the output below it."""
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        for each in re.split(r"^\$ ", block.replace("\\\n", ""), flags=re.MULTILINE)[1:]:
            command, _, output = each.partition("\n")
            if "ecrctl " in command:
                yield command, output


class FakeEcr:
    """The example images, as Amazon ECR returns them."""

    def __init__(self) -> None:
        details = json.loads((EXAMPLES / "images.json").read_text(encoding="utf-8"))["imageDetails"]
        self._children = {each["imageDigest"]: each.pop("children") for each in details if "children" in each}
        self._details = [
            {name: datetime.fromisoformat(value) if name.endswith("At") else value for name, value in each.items()}
            for each in details
        ]

    def get_paginator(self, operation: str) -> FakeEcr:
        assert operation in ("describe_images", "describe_repositories")
        return self

    def paginate(self, **parameters: Any) -> Iterator[dict[str, Any]]:
        assert parameters.get("repositoryName", "team/app") == "team/app"
        yield {"imageDetails": self._details, "repositories": [{"repositoryName": "team/app"}, {"repositoryName": "x"}]}

    def get_lifecycle_policy(self, **_repository: str) -> dict[str, str]:
        return {"lifecyclePolicyText": (EXAMPLES / "lifecycle-policy.json").read_text(encoding="utf-8")}

    def batch_get_image(self, **parameters: Any) -> dict[str, Any]:
        digests = [each["imageDigest"] for each in parameters["imageIds"]]
        manifests = {each: [{"digest": child} for child in self._children.get(each, ())] for each in digests}
        return {
            "images": [
                {"imageId": {"imageDigest": each}, "imageManifest": json.dumps({"manifests": manifests[each]})}
                for each in digests
            ]
        }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the page names, and the example images in Amazon ECR."""
    (tmp_path / "examples").symlink_to(EXAMPLES)
    (tmp_path / "images.json").write_bytes((EXAMPLES / "images.json").read_bytes())
    (tmp_path / "rules.yaml").write_text("- {TagStatus: untagged, MaxImageAge: 7}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ecr, "client", lambda _region, _profile: FakeEcr())
    monkeypatch.setattr("ecr_controller.lifecycle.ecr.Previews.preview", lambda *_: Preview(()))
    return tmp_path


@pytest.mark.parametrize(("command", "output"), list(commands()))
def test_a_command_has_the_output_that_the_page_shows(folder: Path, command: str, output: str) -> None:
    assert folder
    first, _, piped = command.partition(" | ")
    stdin = shlex.split(first)[1] if piped else None
    done = CliRunner().invoke(app, shlex.split(piped or command)[1:], input=stdin)
    assert done.exit_code == 2, done.output
    if output:
        assert [line.rstrip() for line in done.output.rstrip().splitlines()] == output.splitlines()


TEMPLATE = """\
Resources:
  Role:
    Type: AWS::IAM::Role
  Repository:
    Type: Custom::ECRRepository
    Properties:
      ServiceToken: !ImportValue ecr-controller-ECRRepository
      RepositoryName: team/app
      ImageScanOnPush: sometimes
  Grant:
    Type: Custom::ECRRepositoryGrant
    Properties:
      ServiceToken: !ImportValue ecr-controller-ECRRepositoryGrant
      RepositoryName: !Ref Repository
      Access: Pull
      Grantee: !Ref Role
"""


def test_validate_reports_what_the_page_shows(folder: Path) -> None:
    (folder / "template.yaml").write_text(TEMPLATE, encoding="utf-8")
    [(command, output)] = re.findall(r"```sh\n(ecrctl validate .*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)
    done = CliRunner().invoke(app, shlex.split(command)[1:])
    assert (done.exit_code, done.stdout) == (2, output)


def test_cfn_lint_finds_it_with_the_configuration_that_the_page_shows(folder: Path) -> None:
    (folder / "template.yaml").write_text(TEMPLATE.replace("!Ref Role", "111122223333"), encoding="utf-8")
    [configuration] = [each for each in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "append_rules" in each]
    (folder / ".cfnlintrc").write_text(configuration, encoding="utf-8")
    program = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([program, "--", "template.yaml"], cwd=folder, capture_output=True, text=True, check=False)
    found = [line for line in done.stdout.splitlines() if line.startswith("E9100")]
    assert found == ["E9100 ImageScanOnPush: must be true or false"], done.stdout + done.stderr


def test_the_json_document_is_the_one_that_the_page_shows(folder: Path) -> None:
    shown = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0])
    names = ("imageDigest", "imageTags", "imagePushedAt", "imageSizeInBytes")
    image = {name: shown["images"][0][name] for name in names}
    (folder / "images.json").write_text(json.dumps({"imageDetails": [image]}), encoding="utf-8")
    (folder / "rules.yaml").write_text("- MaxImageAge: 30\n", encoding="utf-8")
    options = ["--rules-file", "rules.yaml", "--images-file", "images.json", "--now", shown["summary"]["now"]]
    done = CliRunner().invoke(app, ["lifecycle", "plan", *options, "--output", "json"])
    assert json.loads(done.stdout) == shown
