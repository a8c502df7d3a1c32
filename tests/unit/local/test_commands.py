"""The commands that `make local` prints: help, misuse, and an AWS that cannot be reached."""

from __future__ import annotations

import os
import re
import runpy
import sys
from typing import TYPE_CHECKING

import boto3
import pytest

from local import ROOT, progress
from local.serve import TRY

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


# Every module of `local` that people run. The others with a `main` are processes that these start.
COMMANDS = ["push", "show", "stack", "messages", "serve", "demo.__main__", "invoke.__main__", "real_aws"]
PROCESSES = {"child_process", "emulator.server", "invoke.in_process", "invoke.relay"}


def test_every_module_that_is_run_is_a_command_or_a_process() -> None:
    folder = ROOT / "local"
    run = [each for each in folder.rglob("*.py") if 'if __name__ == "__main__"' in each.read_text(encoding="utf-8")]
    names = {".".join(each.relative_to(folder).with_suffix("").parts) for each in run}
    assert names == {*COMMANDS, *PROCESSES}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help(run: Run, command: str) -> None:
    code, printed, error = run(f"{command} --help")
    assert (code, error) == (0, "")
    assert printed.lower().startswith("usage: ")


@pytest.mark.parametrize("ends", [progress.run, progress.exit_code])
def test_a_defect_is_an_error_of_one_line(
    ends: Callable[[Callable[[], None]], int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def main() -> None:
        raise ZeroDivisionError("by zero")

    assert ends(main) == 1
    assert capsys.readouterr().err == "ZeroDivisionError: by zero (for a traceback, set TRACEBACK=1)\n"
    monkeypatch.setenv("TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        ends(main)


def test_the_commands_that_make_local_prints_exist() -> None:
    names = set(re.findall(r"python -m local\.(\w+)", TRY))
    assert names == {"push", "show", "stack", "messages"}
    assert "SAM_CLI_TELEMETRY=0" in TRY
    for template in re.findall(r"--template-file (\S+)", TRY):
        assert (ROOT / template).is_file()


@pytest.mark.parametrize("command", ["push", "show", "stack"])
def test_help_names_the_command_and_its_arguments(run: Run, command: str) -> None:
    code, printed, _ = run(f"{command} --help")
    assert code == 0
    assert printed.startswith(f"usage: python -m local.{command} [-h] ")


@pytest.mark.parametrize("command", ["push", "push team/app", "show", "stack"])
@pytest.mark.usefixtures("unreachable")
def test_missing_arguments_are_named(run: Run, command: str) -> None:
    code, printed, error = run(command)
    assert (code, printed) == (2, "")
    assert "error: the following arguments are required: " in error


def test_nothing_is_pushed_to_real_aws(run: Run) -> None:
    code, printed, error = run("push team/app v1")
    assert (code, printed) == (2, "")
    assert "AWS_ENDPOINT_URL is not set" in error


@pytest.mark.parametrize("command", ["push team/app v1", "show team/app", "stack shop", "messages", "messages q"])
@pytest.mark.usefixtures("unreachable")
def test_an_aws_that_cannot_be_reached_is_an_error_of_one_line(run: Run, command: str) -> None:
    code, printed, error = run(command)
    assert (code, printed, error.count("\n")) == (1, "", 1)
    assert 'Could not connect to the endpoint URL: "http://127.0.0.1:9/"' in error


def test_the_tests_on_real_aws_name_a_profile_that_is_not_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    code, printed, error = run("real_aws")
    assert (code, printed) == (1, "")
    assert error == ("The tests need credentials for an AWS account: The config profile (nobody) could not be found\n")


def test_the_tests_on_real_aws_need_credentials(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG_FILE", "SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(f"AWS_{name}", os.devnull)
    code, printed, error = run("real_aws")
    assert (code, printed) == (1, "")
    assert error == "The tests need credentials for an AWS account: Unable to locate credentials\n"
