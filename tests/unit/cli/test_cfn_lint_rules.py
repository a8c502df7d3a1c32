"""The rules for cfn-lint: they find what `ecrctl validate` finds, at the same place."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from ecrctl.main import app

if TYPE_CHECKING:
    from tests.unit.cli.conftest import File

TEMPLATE = """\
Transform: AWS::LanguageExtensions
Parameters:
  Maybe: {Type: String, Default: maybe}
Resources:
  Fn::ForEach::Repositories:
    - Name
    - [a, b]
    - Repository${Name}:
        Type: Custom::ECRRepository
        Properties:
          ServiceToken: !ImportValue ecr-controller-ECRRepository
          RepositoryName: !Sub team/${Name}
          LifecycleRules:
            - {MaxImageCount: 0}
  Other:
    Type: Custom::ECRRepository
    Properties:
      ServiceToken: !ImportValue ecr-controller-ECRRepository
      ImageScanOnPush: !Ref Maybe
      ImageScanningConfiguration: {ScanOnPush: true}
  Grant:
    Type: Custom::ECRRepositoryGrant
    Properties:
      ServiceToken: !ImportValue ecr-controller-ECRRepositoryGrant
      RepositoryName: !ImportValue name
      Access: Pull
      Grantee: o-a1b2c3d4e5
"""


def lint(template: str, *options: str) -> list[tuple[int, int, str]]:
    """The matches of cfn-lint, which a process of its own reports: it keeps its rules in globals."""
    program = Path(sys.executable).with_name("cfn-lint")
    rules = ["--append-rules", "ecrctl.cfn_lint_rules"]
    done = subprocess.run(
        [program, *rules, "--format", "json", *options, "--", template], capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    matches = json.loads(done.stdout)
    start = [each["Location"]["Start"] for each in matches]
    return sorted(
        (at["LineNumber"], at["ColumnNumber"], f"{each['Rule']['Id']} {each['Message']}")
        for at, each in zip(start, matches, strict=True)
    )


def test_they_find_what_validate_finds_where_it_does(file: File) -> None:
    template = file("t.yaml", TEMPLATE)
    found = json.loads(CliRunner().invoke(app, ["validate", template, "--output", "json"]).stdout)
    [report] = found["files"]
    # cfn-lint reports what two resources of one Fn::ForEach have in common once.
    ours = {(each["line"], each["column"], f"E9100 {each['path']}: {each['message']}") for each in report["faults"]}
    assert len(ours) == 4
    assert lint(template) == sorted(ours)


def test_the_parameters_of_the_controller_are_configured(file: File) -> None:
    template = file("t.yaml", TEMPLATE)
    configured = ["--configure-rule", "E9100:GranteeOrganization=o-a1b2c3d4e5"]
    assert len(lint(template, *configured)) == len(lint(template)) - 1


def test_what_is_no_template_is_left_to_the_rules_of_cfn_lint(file: File) -> None:
    assert not any("E9100" in message for *_, message in lint(file("t.yaml", "Resources: {A: 5}\n")))
