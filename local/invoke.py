"""`make invoke FUNCTION=repository EVENT=create`: one function on one event with `sam local invoke`.

It runs against the AWS that AWS_ENDPOINT_URL names, which `make local` prints, or against an embedded one of its own.
What the function answers to the ResponseURL is printed.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from local import controller
from local.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS = controller.ROOT / "events"
IMAGE = "public.ecr.aws/lambda/python:3.13"
DOCKER = "`sam local invoke` runs functions in Docker,"
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


def main(function: str, event: str) -> int:
    """Invoke it; the exit code of `sam local invoke`."""
    path = EVENTS / function / f"{event}.json"
    problem = _problem(path)
    if problem:
        print(problem, file=sys.stderr)
        return 1
    with (
        tempfile.TemporaryDirectory(prefix="ecr-controller-") as folder,
        _environment() as environment,
        _listener() as url,
    ):
        template = _with_endpoint(controller.build(Path(folder), environment), environment["AWS_ENDPOINT_URL"])
        request = json.loads(path.read_text(encoding="utf-8"))
        if "ResponseURL" in request:
            request["ResponseURL"] = url
        command = [
            "sam",
            "local",
            "invoke",
            f"{function.title().replace('_', '')}Function",
            "--template",
            str(template),
        ]
        command += ["--event", "-", "--docker-network", "host", "--parameter-overrides", f"Architecture={ARCHITECTURE}"]
        command += ["--skip-pull-image"] if _has_image() else []
        return subprocess.run(command, env=environment, input=json.dumps(request), text=True, check=False).returncode


def _problem(path: Path) -> str | None:
    if not path.is_file():
        known = sorted(f"FUNCTION={each.parent.name} EVENT={each.stem}" for each in EVENTS.glob("*/*.json"))
        return "\n  ".join([f"There is no event {path.relative_to(controller.ROOT)}. There are:", *known])
    if shutil.which("docker") is None:
        return f"{DOCKER} and there is no `docker` on the PATH. Install it first."
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
        return f"{DOCKER} and its daemon does not answer. Start it first; `docker info` tells whether it runs."
    return None


def _has_image() -> bool:
    return subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, check=False).returncode == 0


@contextmanager
def _environment() -> Iterator[dict[str, str]]:
    if "AWS_ENDPOINT_URL" in os.environ:
        yield dict(os.environ)
        return
    with Emulator.start() as aws:
        yield aws.environment()


def _with_endpoint(template: Path, endpoint: str) -> Path:
    """The built template, with the endpoint in the functions' environment: sam passes on only what a template names."""
    built = yaml.safe_load(template.read_text(encoding="utf-8"))
    built["Globals"]["Function"]["Environment"]["Variables"]["AWS_ENDPOINT_URL"] = endpoint
    template.write_text(yaml.safe_dump(built), encoding="utf-8")
    return template


@contextmanager
def _listener() -> Iterator[str]:
    """A URL that prints what is PUT to it."""

    class Printer(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            answer: Any = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            print("\nThe answer to CloudFormation:\n" + json.dumps(answer, indent=2), flush=True)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Printer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/answer"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
