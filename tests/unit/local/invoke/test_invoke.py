"""`make invoke`: what it says where Docker is missing, what it hands to `sam local invoke`, and the relay."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from local.invoke import __main__ as invoke
from local.invoke import invocation, relay

if TYPE_CHECKING:
    from pathlib import Path

ANSWER = "http://127.0.0.1:5000/answer"
ECHOED = b"0123456789abcdef" * 65_536


def docker(folder: Path, script: str) -> Path:
    """A folder with a `docker` that runs a script of sh."""
    (folder / "docker").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / "docker").chmod(0o755)
    return folder


def run(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m local.invoke` with a PATH that holds one folder."""
    return subprocess.run(
        [sys.executable, "-m", "local.invoke", *arguments],
        cwd=invoke.EVENTS.parent,
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
        " Start it first; `docker info` tells whether it runs.\n"
    )


@pytest.mark.parametrize("arguments", [("repository", "creat"), ("", "")])
def test_an_event_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path, arguments: tuple[str, str]) -> None:
    ended = run(tmp_path, *arguments)
    assert ended.returncode == 1
    assert ended.stderr.startswith("There is no event events/")
    assert "\n  FUNCTION=on_failure EVENT=timeout\n" in ended.stderr
    assert "\n  FUNCTION=repository EVENT=create\n" in ended.stderr


@pytest.mark.parametrize(
    ("system", "info"), [("Darwin", "Docker Engine"), ("Linux", " Operating System: Docker Desktop")]
)
def test_containers_in_a_virtual_machine_call_this_machine_by_docker_s_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, info: str
) -> None:
    monkeypatch.setenv("PATH", str(docker(tmp_path, f"echo '{info}'")))
    monkeypatch.setattr(platform, "system", lambda: system)
    with invoke._host(ANSWER) as host:
        assert host == "host.docker.internal"


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("http://127.0.0.1:4566", "http://relay:4566"),
        ("http://localhost:4566/queue?a=b", "http://relay:4566/queue?a=b"),
        ("http://127.0.0.1/answer", "http://relay:80/answer"),
        ("https://ecr.eu-west-1.amazonaws.com", "https://ecr.eu-west-1.amazonaws.com"),
        ("ecr-controller-PartsTable", "ecr-controller-PartsTable"),
    ],
)
def test_only_a_url_of_the_loopback_names_the_relay(url: str, seen: str) -> None:
    assert invocation.seen_from_a_container(url, "relay") == seen


def test_the_ports_to_relay_are_those_of_the_loopback() -> None:
    assert invocation.ports_of("http://127.0.0.1:4566", "http://localhost/", "https://aws.example:9") == [4566, 80]


def test_the_response_url_is_replaced_also_in_the_request_of_a_function_that_died() -> None:
    request = {"RequestType": "Create", "ResponseURL": "https://old"}
    answered = request | {"ResponseURL": ANSWER}
    assert invocation.addressed_to(ANSWER, request) == answered
    assert invocation.addressed_to(ANSWER, {"requestPayload": request}) == {"requestPayload": answered}
    assert invocation.addressed_to(ANSWER, {"Records": []}) == {"Records": []}
    assert request["ResponseURL"] == "https://old"


@pytest.fixture
def template() -> dict[str, Any]:
    variables = {"PARTS_TABLE": {"Ref": "PartsTable"}, "LEVEL": {"Ref": "LogLevel"}, "MAX_RECEIVES": "4", "ANSWER": 5}
    properties = {"CodeUri": "../../functions/route_scan", "Timeout": 900, "Environment": {"Variables": variables}}
    resources = {
        "Layer": {"Properties": {"ContentUri": "layers/controller"}},
        "RouteScanFunction": {"Properties": properties},
        "OnFailureFunction": {"Properties": {"CodeUri": "functions/on_failure"}},
        "PartsTable": {"Properties": {}},
    }
    return {"Resources": resources}


def test_a_function_is_found_by_its_folder(template: dict[str, Any]) -> None:
    assert invocation.logical_id(template, "route_scan") == "RouteScanFunction"
    with pytest.raises(KeyError, match="no function in functions/route"):
        invocation.logical_id(template, "route")


def test_the_variables_that_refer_to_resources_are_known(template: dict[str, Any]) -> None:
    assert invocation.references(template, "RouteScanFunction") == {"PARTS_TABLE": "PartsTable"}
    assert invocation.references(template, "OnFailureFunction") == {}


@pytest.mark.parametrize("name", ["RouteScanFunction", "OnFailureFunction"])
def test_a_function_gets_a_bounded_time_and_its_variables(template: dict[str, Any], name: str) -> None:
    invocation.prepare(template, name, {"AWS_ENDPOINT_URL": "http://relay:1", "PARTS_TABLE": "parts"})
    properties = template["Resources"][name]["Properties"]
    assert properties["Timeout"] == invocation.SECONDS
    assert properties["Environment"]["Variables"]["AWS_ENDPOINT_URL"] == "http://relay:1"
    assert invocation.references(template, name) == {}


@pytest.mark.parametrize(
    ("output", "is_failure"),
    [
        ("null", False),
        ('{"batchItemFailures": []}', False),
        ('"done"', False),
        ('{"errorMessage": "no", "errorType": "KeyError"}', True),
        ("", True),
        ("Internal Server Error", True),
    ],
)
def test_a_function_failed_if_its_result_is_an_error_or_none_at_all(output: str, is_failure: bool) -> None:
    assert invocation.failed(output) is is_failure


def echo(server: socket.socket) -> None:
    """Take one connection, read it to its end, and only then send everything back."""
    connection, _ = server.accept()
    with connection:
        read = b"".join(iter(lambda: connection.recv(65_536), b""))
        connection.sendall(read)


def test_what_a_container_sends_and_gets_crosses_both_sides_of_the_relay_whole(tmp_path: Path) -> None:
    socket_path, front = str(tmp_path / "5000"), str(tmp_path / "front")
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=echo, args=(server,), daemon=True).start()
        inside, outside = relay.forwarding(front, socket_path), relay.forwarding(socket_path, server.getsockname())
        with outside, inside, socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(front)
            client.sendall(ECHOED)
            client.shutdown(socket.SHUT_WR)
            assert b"".join(iter(lambda: client.recv(65_536), b"")) == ECHOED


def test_where_nobody_listens_the_relay_closes_the_connection(tmp_path: Path) -> None:
    front = str(tmp_path / "front")
    with relay.forwarding(front, str(tmp_path / "nobody")), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(front)
        assert client.recv(1) == b""


def test_the_relay_s_container_ends_by_the_end_of_its_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = tmp_path / "ended"
    path = docker(tmp_path, f"echo $* >{tmp_path}/arguments; echo 172.17.0.2; cat; touch {ended}")
    monkeypatch.setenv("PATH", str(path), prepend=os.pathsep)
    with relay.relay("an-image", [4566]) as address:
        assert address == "172.17.0.2"
        assert not ended.exists()
    assert ended.exists()
    assert (tmp_path / "arguments").read_text().endswith("--entrypoint python3 an-image /relay/relay.py 4566\n")


def test_a_relay_that_does_not_start_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(docker(tmp_path, "exit 125")))
    with pytest.raises(relay.RelayError, match="did not start"), relay.relay("an-image", []):
        pytest.fail("it has no address")
