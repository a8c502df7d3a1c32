"""The commands that `make local` prints: help, misuse, and an AWS that cannot be reached."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from local import ROOT

CLOSED = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
CLOSED |= {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_MAX_ATTEMPTS": "1"}


def run(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m local.<command>`, with no AWS but that of the environment."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        [sys.executable, "-m", *f"local.{command}".split()],
        cwd=ROOT,
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("command", ["push", "show", "stack"])
def test_help_names_the_command_and_its_arguments(command: str) -> None:
    shown = run(f"{command} --help")
    assert shown.returncode == 0
    assert shown.stdout.startswith(f"usage: python -m local.{command} [-h] ")


@pytest.mark.parametrize("command", ["push", "push team/app", "show", "stack"])
def test_missing_arguments_are_named(command: str) -> None:
    shown = run(command, **CLOSED)
    assert (shown.returncode, shown.stdout) == (2, "")
    assert "error: the following arguments are required: " in shown.stderr


def test_nothing_is_pushed_to_real_aws() -> None:
    shown = run("push team/app v1")
    assert (shown.returncode, shown.stdout) == (2, "")
    assert "AWS_ENDPOINT_URL is not set" in shown.stderr


@pytest.mark.parametrize("command", ["push team/app v1", "show team/app", "stack shop"])
def test_an_aws_that_cannot_be_reached_is_an_error_of_one_line(command: str) -> None:
    shown = run(command, **CLOSED)
    assert (shown.returncode, shown.stdout) == (1, "")
    assert 'Could not connect to the endpoint URL: "http://127.0.0.1:9/"' in shown.stderr
    assert shown.stderr.count("\n") == 1


def test_the_tests_on_real_aws_need_credentials() -> None:
    shown = run("real_aws", AWS_EC2_METADATA_DISABLED="true", AWS_CONFIG_FILE=os.devnull, HOME="/nowhere")
    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr == "The tests need credentials for an AWS account: Unable to locate credentials\n"
