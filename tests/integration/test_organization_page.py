"""Every command of docs/organization.md, in the order of the page."""

from __future__ import annotations

import re
import sys
from functools import cache
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from local import ROOT
from local.emulator.process import Emulator
from tests.integration import aws_command
from tests.integration.conftest import ON_REAL_AWS
from tests.integration.pages import Shell, split

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(ON_REAL_AWS, reason="it makes an organization"),
    pytest.mark.timeout(600),
]

PAGE = (ROOT / "docs" / "organization.md").read_text(encoding="utf-8")


@pytest.fixture
def aws() -> Iterator[Emulator]:
    with Emulator.start() as emulator:
        yield emulator


@pytest.fixture
def shell(aws: Emulator, tmp_path: Path) -> Iterator[Shell]:
    """A shell in a folder that looks like the project, with the programs of this environment."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("examples", "layers", "functions", "schemas", "tools", "local", "template.yaml", "samconfig.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name, command in {
        "sam": f'{sys.executable} -m samcli "$@" --no-confirm-changeset > sam.txt',
        "make": f'make --no-print-directory -C {ROOT} VENV={sys.prefix} "$@"',
        "python": f'{sys.executable} "$@"',
    }.items():
        # `make` itself is found behind this folder.
        text = f"#!/bin/sh\nPATH=${{PATH#{programs}:}} exec {command}\n"
        (programs / name).write_text(text, encoding="utf-8")
        (programs / name).chmod(0o755)
    environment = aws.environment()
    environment |= {"PATH": f"{programs}:{environment['PATH']}", "SAM_CLI_TELEMETRY": "0"}
    with aws_command.installed(programs, aws_command.AwsCommand(cache(aws.client), tmp_path)):
        opened = Shell(tmp_path, environment)
        yield opened
        opened.close()


def test_every_command_of_the_page_runs_and_prints_what_the_page_shows(aws: Emulator, shell: Shell) -> None:
    blocks = [dedent(text) for text in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)]
    commands = [split(each) for text in blocks for each in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]]
    assert len(commands) >= 10
    for shown in commands:
        printed = shell.run(shown.command)
        assert re.fullmatch(shown.pattern, printed.strip() + "\n" * bool(shown.pattern)), f"{shown.command}\n{printed}"
    names = [each["StackName"] for each in aws.client("cloudformation").describe_stacks()["Stacks"]]
    assert {"ecr-controller-artifacts", "ecr-controller-hub", "ecr-controllers"} <= set(names)
