"""The commands that `make local` prints: help, misuse, and an AWS that cannot be reached."""

from __future__ import annotations

import os
import runpy
import sys
from typing import TYPE_CHECKING

import boto3
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    # The exit code, and what was printed to standard output and to standard error.
    Run = Callable[[str], tuple[object, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `python -m local.<command>`, without AWS."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)

    def run_it(command: str) -> tuple[object, str, str]:
        module, *arguments = f"local.{command}".split()
        monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.setattr(sys, "argv", [module, *arguments])
        with pytest.raises(SystemExit) as ended:
            runpy.run_module(module, run_name="__main__")
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run_it


@pytest.fixture
def unreachable(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint at which nothing listens."""
    known = {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "eu-west-1", "MAX_ATTEMPTS": "1"}
    for name, value in {**known, "ENDPOINT_URL": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)


@pytest.mark.parametrize("command", ["expire", "grace", "push", "run_service", "show", "stack"])
def test_help_names_the_command_and_its_arguments(run: Run, command: str) -> None:
    code, printed, _ = run(f"{command} --help")
    assert code == 0
    assert printed.startswith(f"usage: python -m local.{command} [-h] ")


@pytest.mark.parametrize("command", ["expire", "grace", "push", "push team/app", "run_service web", "show", "stack"])
@pytest.mark.usefixtures("unreachable")
def test_missing_arguments_are_named(run: Run, command: str) -> None:
    code, printed, error = run(command)
    assert (code, printed) == (2, "")
    assert "error: the following arguments are required: " in error


@pytest.mark.parametrize(
    "command", ["expire team/app", "grace team/app 8", "push team/app v1", "run_service web team/app:v1"]
)
def test_nothing_changes_on_real_aws(run: Run, command: str) -> None:
    code, printed, error = run(command)
    assert (code, printed) == (2, "")
    assert "AWS_ENDPOINT_URL is not set" in error


@pytest.mark.parametrize(
    "command",
    [
        "expire team/app",
        "grace team/app 8",
        "push team/app v1",
        "run_service web team/app:v1",
        "show team/app",
        "stack shop",
    ],
)
@pytest.mark.usefixtures("unreachable")
def test_an_aws_that_cannot_be_reached_is_an_error_of_one_line(run: Run, command: str) -> None:
    code, printed, error = run(command)
    assert (code, printed, error.count("\n")) == (1, "", 1)
    assert 'Could not connect to the endpoint URL: "http://127.0.0.1:9/"' in error


def test_the_tests_on_real_aws_need_credentials(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG_FILE", "SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(f"AWS_{name}", os.devnull)
    code, printed, error = run("real_aws")
    assert (code, printed) == (1, "")
    assert error == "The tests need credentials for an AWS account: Unable to locate credentials\n"
