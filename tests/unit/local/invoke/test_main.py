"""`make invoke`: what it says where it cannot run, and what a container calls this machine."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from local import ROOT
from local.invoke import container
from tests.unit.local.invoke.docker import docker

if TYPE_CHECKING:
    from pathlib import Path

ANSWER = "http://127.0.0.1:5000/answer"


def run(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m local.invoke` with a PATH that holds one folder."""
    return subprocess.run(
        [sys.executable, "-m", "local.invoke", *arguments],
        cwd=ROOT,
        env={**os.environ, "PATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_without_docker_it_says_so(tmp_path: Path) -> None:
    ended = run(tmp_path, "repository", "create")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "`sam local invoke` runs functions in Docker, and there is no `docker` on the PATH. Install it first.\n"
    )


def test_where_the_daemon_does_not_run_it_says_so(tmp_path: Path) -> None:
    ended = run(docker(tmp_path, "echo Cannot connect to the Docker daemon >&2; exit 1"), "repository", "create")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        "`sam local invoke` runs functions in Docker, and its daemon does not answer."
        " Start it first; `docker info` shows whether it runs.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (("on_failure", "creat"), "The function `on_failure` has no event `creat`. It has crash-at-import, timeout."),
        (("on_failure",), "The function `on_failure` has no event ``. It has crash-at-import, timeout."),
        (("",), "There is no function ``. There are baseline, grant, image_scan, image_scan_route, "),
        (
            ("../events/repository", "create"),
            "There is no function `../events/repository`. There are baseline, grant, ",
        ),
    ],
)
def test_an_event_that_is_not_there_is_answered_with_those_that_are(
    tmp_path: Path, arguments: tuple[str, ...], answer: str
) -> None:
    ended = run(tmp_path, *arguments)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(answer)
    assert ended.stderr.endswith("\nUsage: make invoke FUNCTION=repository EVENT=create\n")


@pytest.mark.parametrize(
    ("system", "info"), [("Darwin", "Docker Engine"), ("Linux", " Operating System: Docker Desktop")]
)
def test_containers_in_a_virtual_machine_call_this_machine_by_docker_s_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, info: str
) -> None:
    monkeypatch.setenv("PATH", str(docker(tmp_path, f"echo '{info}'")))
    monkeypatch.setattr(platform, "system", lambda: system)
    with container.host(ANSWER) as host:
        assert host == "host.docker.internal"
