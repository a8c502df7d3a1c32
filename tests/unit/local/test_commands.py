"""The commands of `local/`: help, misuse, an AWS that cannot be reached, and errors that nobody expected."""

from __future__ import annotations

import os
import re
import runpy
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from local import ROOT, progress
from local.serve import TRY

if TYPE_CHECKING:
    from collections.abc import Callable

    # The exit code, and what was printed to standard output and to standard error.
    Run = Callable[[str], tuple[object, str, str]]


# Those that a person runs, and those that only other processes of ours start.
COMMANDS = [
    *("demo", "expire", "grace", "invoke", "organization", "push", "queues", "quickstart", "real_aws", "run_service"),
    *("serve", "show", "stack"),
]
OF_PROCESSES = {"child_process", "emulator.server", "invoke.in_process", "invoke.relay"}


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


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_the_command_and_what_it_is_for(run: Run, command: str) -> None:
    code, printed, _ = run(f"{command} --help")
    assert code == 0
    usage, what, *_ = printed.split("\n\n")
    assert usage.startswith(f"usage: python -m local.{command} [-h]")
    assert what.endswith(".")


def test_these_are_all_commands_that_a_person_runs() -> None:
    found = {path for path in (ROOT / "local").rglob("*.py") if '__name__ == "__main__"' in path.read_text("utf-8")}
    names = {".".join(path.relative_to(ROOT / "local").with_suffix("").parts) for path in found}
    assert {name.removesuffix(".__main__") for name in names} - OF_PROCESSES == set(COMMANDS)


@pytest.mark.parametrize("command", ["expire", "grace", "push", "push team/app", "run_service web", "show", "stack"])
@pytest.mark.usefixtures("unreachable")
def test_missing_arguments_are_named(run: Run, command: str) -> None:
    code, printed, error = run(command)
    assert (code, printed) == (2, "")
    assert "error: the following arguments are required: " in error


@pytest.mark.parametrize(
    "command", ["expire team/app", "grace team/app 8", "push team/app v1", "queues", "run_service web team/app:v1"]
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
        "queues",
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


def test_a_profile_that_does_not_exist_is_an_error_of_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nope")
    code, printed, error = run("real_aws")
    assert (code, printed) == (1, "")
    assert error == "The tests need credentials for an AWS account: The config profile (nope) could not be found\n"


@pytest.mark.usefixtures("unreachable")
def test_an_error_that_nobody_expected_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: str) -> None:
        raise ValueError("first\nsecond")

    monkeypatch.setattr(boto3, "client", broken)
    assert run("stack shop") == (1, "", "ValueError: first second\n")


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (BrokenPipeError(), 1)])
def test_an_end_by_the_user_is_no_error(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended() -> None:
        raise error

    monkeypatch.setattr(os, "dup2", lambda *_: None)
    assert progress.exit_code(ended) == code
    assert "Traceback" not in capsys.readouterr().err


def test_queues_are_listed_with_their_messages(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"DEFAULT_REGION": "eu-west-1", "ENDPOINT_URL": ""}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        assert run("queues") == (1, "", "There is no queue.\n")
        sqs = boto3.client("sqs")
        url = sqs.create_queue(QueueName="ecr-controller-ScanDeadLetters-1")["QueueUrl"]
        sqs.create_queue(QueueName="ecr-controller-ScanQueue-1")
        sqs.send_message(QueueUrl=url, MessageBody='{"version": "1"}')
        dead, idle = "ScanDeadLetters-1: 1 waiting, 0 in flight\n", "ScanQueue-1: 0 waiting, 0 in flight\n"
        assert run("queues") == (0, f"ecr-controller-{dead}ecr-controller-{idle}", "")
        for _ in range(2):
            assert run("queues DeadLetters") == (0, f'ecr-controller-{dead}{{"version": "1"}}\n', "")
        assert run("queues Nope") == (1, "", "There is no queue with Nope in its name.\n")


def test_the_events_of_a_stack_are_listed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    cloudformation = boto3.client("cloudformation", aws_access_key_id="test", aws_secret_access_key="test")
    at = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
    known = {"StackId": "1", "StackName": "shop", "Timestamp": at}
    reason = {"ResourceStatusReason": "team/app contains 1 image."}
    failed = {**known, "EventId": "2", "LogicalResourceId": "Repository", "ResourceStatus": "DELETE_FAILED", **reason}
    begun = {**known, "EventId": "1", "LogicalResourceId": "shop", "ResourceStatus": "DELETE_IN_PROGRESS"}
    described = {"Stacks": [{"StackName": "shop", "StackStatus": "DELETE_FAILED", "CreationTime": at}]}
    monkeypatch.setattr(boto3, "client", lambda _: cloudformation)
    with Stubber(cloudformation) as stubber:
        for _ in range(2):
            stubber.add_response("describe_stacks", described)
            stubber.add_response("describe_stacks", described)
            stubber.add_response("describe_stack_events", {"StackEvents": [failed, begun]})
        last = "09:30:00 Repository DELETE_FAILED: team/app contains 1 image."
        assert run("stack shop") == (0, f"shop DELETE_FAILED\n{last}\n", "")
        assert run("stack shop --events") == (
            0,
            f"shop DELETE_FAILED\n09:30:00 shop DELETE_IN_PROGRESS\n{last}\n",
            "",
        )


def test_make_local_prints_commands_that_are_there() -> None:
    """With telemetry off, and for queues and the events of stacks."""
    shown = re.findall(r"python -m local\.(\w+)", TRY)
    assert set(shown) <= set(COMMANDS)
    assert {"queues", "stack"} <= set(shown)
    assert "--events" in TRY
    assert "SAM_CLI_TELEMETRY=0" in TRY
    TRY.format(endpoint="", region="", bin="")
