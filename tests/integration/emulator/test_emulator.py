"""The emulator comes up, and leaves nothing behind, however it ends. The processes are read from /proc: Linux only."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from local.emulator import process
from local.emulator.process import Emulator, EmulatorError

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}

PARENT = """
import time
from local.emulator.process import Emulator
with Emulator.start() as aws:
    print(aws.pid, aws.log_path, flush=True)
    time.sleep(600)
"""


def processes_of(group: int) -> list[int]:
    """The living processes of a group: zombies are not."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, its_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it ended meanwhile
            continue
        if int(its_group) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


def invoke_a_function(aws: Emulator) -> bytes:
    """What a function with a worker of its own sees as its endpoint."""
    role = aws.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps({"Statement": [TRUST]}))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("app.py", "import os\ndef handler(event, context): return os.environ['AWS_ENDPOINT_URL']\n")
    functions = aws.client("lambda")
    functions.create_function(
        FunctionName="worker",
        Role=role["Role"]["Arn"],
        Runtime="python3.13",
        Handler="app.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    answer: bytes = functions.invoke(FunctionName="worker")["Payload"].read()
    return answer


def test_an_emulator_answers_its_health_check(aws: Emulator) -> None:
    with urlopen(f"{aws.endpoint}/_ministack/health") as answer:
        assert answer.status == 200


def test_an_emulator_stands_beside_another_and_stopping_it_ends_its_whole_group(aws: Emulator, ecr: ECRClient) -> None:
    with Emulator.start() as other:
        other.client("ecr").create_repository(repositoryName="only-in-the-other")
        assert json.loads(invoke_a_function(other)) == other.endpoint
        assert len(processes_of(other.pid)) > 1
    assert processes_of(other.pid) == []
    assert not other.log_path.parent.exists()
    assert "only-in-the-other" not in [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]


def test_killing_the_parent_leaves_no_process_and_no_folder() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid, log_path = parent.stdout.readline().split()
        assert processes_of(int(pid))
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while processes_of(int(pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_of(int(pid)) == []
    assert not Path(log_path).parent.exists()


def test_an_emulator_that_does_not_come_up_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((process.HOST, 0)) as taken:
        taken.settimeout(0.1)
        monkeypatch.setattr(process, "free_port", lambda: taken.getsockname()[1])
        with pytest.raises(EmulatorError, match="already in use"):
            Emulator.start()


def test_a_child_process_sees_no_other_aws(aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "work")
    environment = aws.environment()
    assert "AWS_PROFILE" not in environment
    assert environment["AWS_ENDPOINT_URL"] == aws.endpoint
    assert environment["PATH"] == os.environ["PATH"]


def test_another_account_has_repositories_of_its_own(aws: Emulator, ecr: ECRClient) -> None:
    other = aws.client("ecr", account="222222222222")
    arn = other.create_repository(repositoryName="theirs")["repository"]["repositoryArn"]
    assert arn == f"arn:aws:ecr:{aws.region}:222222222222:repository/theirs"
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.describe_repositories(repositoryNames=["theirs"])
