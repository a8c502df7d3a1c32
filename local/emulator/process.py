"""The embedded AWS: MiniStack in a process of its own, with IAM enforced, on a free port of 127.0.0.1.

    with Emulator.start() as aws:
        aws.client("ecr").create_repository(repositoryName="app")
        subprocess.run([...], env=aws.environment())

Nothing of it is left afterwards, also when this process is killed: see `local.emulator.server`.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config

from local import ROOT

KEY = "test"  # MiniStack's own: the root of its account, whose secret is the same
HOST = "127.0.0.1"
START_SECONDS = 60.0  # it takes about two, and more on a machine that is busy
GRACE_SECONDS = 0.5  # MiniStack rarely ends by itself, and there is nothing worth saving
LOG_LINES = 20


class EmulatorError(RuntimeError):
    """The emulator did not start. The message ends with the tail of its log."""


class Emulator:
    """A running AWS. `start` starts it; `stop`, or the end of the `with` block, ends it with all its processes."""

    account = "123456789012"  # the one in events/

    def __init__(self, region: str, port: int, folder: tempfile.TemporaryDirectory[str], *, extended: bool) -> None:
        self.region = region
        self.endpoint = f"http://{HOST}:{port}"
        self.log_path = Path(folder.name) / "ministack.log"
        self._port = port
        self._session, self._making_client = boto3.session.Session(), threading.Lock()
        self._folder = folder
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local.emulator.server", *([] if extended else ["--plain"])],
                cwd=ROOT,
                env=self._server_environment(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @classmethod
    def start(cls, *, region: str = "eu-west-1", extended: bool = True) -> Self:
        """Start MiniStack, with or without our extension, and wait until it answers. Raises EmulatorError."""
        folder = tempfile.TemporaryDirectory(prefix="ecr-controller-", ignore_cleanup_errors=True)
        emulator = cls(region, free_port(), folder, extended=extended)
        try:
            emulator._wait_until_healthy()
        except BaseException:
            emulator.stop()
            raise
        return emulator

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def folder(self) -> Path:
        """A folder for what belongs to this AWS; it is removed with it."""
        return Path(self._folder.name)

    @property
    def pid(self) -> int:
        """The server's process id, which is also that of its process group."""
        return self._process.pid

    def client(self, service: str, *, account: str | None = None, **settings: Any) -> Any:
        """A boto3 client with the permissions of an account's root user, or with other `settings` of boto3."""
        ours = {
            "region_name": self.region,
            "endpoint_url": self.endpoint,
            "aws_access_key_id": account or KEY,
            "aws_secret_access_key": KEY,
            "config": Config(proxies={}),
        }
        make: Any = self._session.client
        with self._making_client:  # a session is not thread-safe, and costs a fifth of a second
            return make(service, **(ours | settings))

    def environment(self) -> dict[str, str]:
        """The environment of a child process that talks to this AWS and to no other."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return inherited | {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), HOST])),
        }

    def stop(self) -> None:
        """End the whole process group and remove its folder. A second call does nothing."""
        if self._process.returncode is not None:
            return
        os.killpg(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while not self._has_ended() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(self.pid, signal.SIGKILL)
        self._process.communicate()
        self._folder.cleanup()

    def _has_ended(self) -> bool:
        """Whether the server ended. It is not reaped, so that no other process gets the id of its group."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _server_environment(self) -> dict[str, str]:
        folder = self._folder.name
        # Functions inherit this too, and must find their code in their layers, not on a path of ours.
        inherited = {name: value for name, value in self.environment().items() if name != "PYTHONPATH"}
        return inherited | {
            "EMULATOR_FOLDER": folder,
            "GATEWAY_PORT": str(self._port),
            "BIND_HOST": HOST,
            "MINISTACK_HOST": HOST,  # in the ResponseURL of custom resources and the URLs of queues
            "MINISTACK_REGION": self.region,
            "MINISTACK_ACCOUNT_ID": self.account,
            "AUTH": "true",
            "IOT_MTLS_ENABLED": "0",
            "DOCKER_HOST": f"unix://{folder}/none",  # it would look for containers of its own
            "TMPDIR": folder,
        }

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._is_healthy():
            if self._has_ended():
                raise EmulatorError(f"the emulator ended while it started:\n{self._log_tail()}")
            if time.monotonic() > deadline:
                raise EmulatorError(f"the emulator did not answer in {START_SECONDS:.0f} s:\n{self._log_tail()}")
            time.sleep(0.05)

    def _is_healthy(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=2)
        try:
            connection.request("GET", "/_ministack/health")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _log_tail(self) -> str:
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-LOG_LINES:])


def free_port() -> int:
    """A port of 127.0.0.1 that the operating system had free a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
