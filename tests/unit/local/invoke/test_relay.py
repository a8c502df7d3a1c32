"""The way from containers to this machine's loopback."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from local.invoke import relay
from tests.unit.local.invoke.docker import docker

if TYPE_CHECKING:
    from pathlib import Path

ECHOED = b"0123456789abcdef" * 65_536


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
