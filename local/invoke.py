"""`make invoke FUNCTION=repository EVENT=create`: one function on one event, in its container, by `sam local invoke`.

It runs against the AWS that AWS_ENDPOINT_URL names, which `make local` prints, or against an embedded one of its own.
The function's log and what it answers to the ResponseURL are printed. The exit code is 0 if the function ended well,
also where what it answers is FAILED.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from local import controller
from local.emulator import Emulator
from local.relay import relay
from local.steps import StepFailed, heading, run, step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EVENTS = controller.ROOT / "events"
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
IMAGE = f"public.ecr.aws/lambda/python:3.13-{ARCHITECTURE}"  # the one that sam takes
DOCKER = "`sam local invoke` runs functions in Docker,"
SECONDS = 60  # that the function gets; it keeps a quarter of them for its answer
GRACE_SECONDS = 20.0  # that sam gets to remove the function's container
LOOPBACK = ("127.0.0.1", "localhost")


def main(function: str, event: str) -> None:
    """Invoke it. Raises StepFailed where that cannot be done, or where the function ended in an error."""
    path = EVENTS / function / f"{event}.json"
    problem = _problem(path)
    if problem:
        print(problem, file=sys.stderr)
        raise StepFailed(problem)
    with (
        tempfile.TemporaryDirectory(prefix="ecr-controller-") as folder,
        _aws() as environment,
        listener() as (url, answers),
    ):
        with step("sam build"):
            template = controller.build(Path(folder), environment)
        endpoint = environment["AWS_ENDPOINT_URL"]
        with _host(endpoint, url) as host:
            name = _prepare(template, function, seen_from_a_container(endpoint, host), host)
            request = addressed_to(seen_from_a_container(url, host), json.loads(path.read_text(encoding="utf-8")))
            heading(f"sam local invoke of {name} on {path.relative_to(controller.ROOT)}")
            output = _sam_local_invoke(template, name, request, environment)
        for answer in answers:
            heading("The answer to CloudFormation")
            print(json.dumps(answer, indent=2))
        if failed(output):
            heading("The function ended in an error")
            print(output or "It gave no result.")
            raise StepFailed(name)


def _problem(path: Path) -> str | None:
    if not path.is_file():
        known = sorted(f"FUNCTION={each.parent.name} EVENT={each.stem}" for each in EVENTS.glob("*/*.json"))
        return "\n  ".join([f"There is no event {path.relative_to(controller.ROOT)}. There are:", *known])
    if shutil.which("docker") is None:
        return f"{DOCKER} and there is no `docker` on the PATH. Install it first."
    if _docker("info").returncode != 0:
        return f"{DOCKER} and its daemon does not answer. Start it first; `docker info` tells whether it runs."
    return None


def _docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)


@contextmanager
def _aws() -> Iterator[dict[str, str]]:
    """The environment of a process that talks to the AWS to use."""
    if "AWS_ENDPOINT_URL" in os.environ:
        yield dict(os.environ)
        return
    with step("Starting the embedded AWS"):
        emulator = Emulator.start()
    with emulator as aws:
        yield aws.environment()


@contextmanager
def _host(*urls: str) -> Iterator[str]:
    """What a container calls this machine, when it means the loopback ports in these URLs."""
    if platform.system() != "Linux" or "Docker Desktop" in _docker("info").stdout:
        # Its containers run in a virtual machine, which no unix socket reaches.
        yield "host.docker.internal"
        return
    parts = [urlsplit(url) for url in urls]
    with relay(IMAGE, [each.port or 80 for each in parts if each.hostname in LOOPBACK]) as address:
        yield address


def seen_from_a_container(url: str, host: str) -> str:
    """The URL with this machine's name in it, if it is one of the loopback."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{host}:{parts.port or 80}").geturl() if parts.hostname in LOOPBACK else url


def addressed_to(url: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with another ResponseURL, in its own request or in that of a function that died."""
    changed = dict(event)
    if "ResponseURL" in event:
        changed["ResponseURL"] = url
    if "requestPayload" in event:
        changed["requestPayload"] = addressed_to(url, event["requestPayload"])
    return changed


def _prepare(template: Path, function: str, endpoint: str, host: str) -> str:
    """Give the function its endpoint and its time: sam passes on only what a template names. Its logical id."""
    built = yaml.safe_load(template.read_text(encoding="utf-8"))
    codes = {name: each["Properties"].get("CodeUri") for name, each in built["Resources"].items()}
    name = next(name for name, code in codes.items() if isinstance(code, str) and Path(code).name == function)
    properties = built["Resources"][name]["Properties"]
    properties["Timeout"] = SECONDS
    variables = properties.setdefault("Environment", {}).setdefault("Variables", {})
    variables |= {"AWS_ENDPOINT_URL": endpoint, "no_proxy": host}
    template.write_text(yaml.safe_dump(built), encoding="utf-8")
    return name


def _sam_local_invoke(template: Path, name: str, event: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """The function's result as JSON; its log goes to standard error. Interrupted, it leaves no container behind."""
    path = template.with_name("event.json")
    path.write_text(json.dumps(event), encoding="utf-8")
    command = ["sam", "local", "invoke", name, "--template", str(template), "--event", str(path), "--mount-symlinks"]
    command += ["--parameter-overrides", f"Architecture={ARCHITECTURE}"]
    command += ["--skip-pull-image"] if _docker("image", "inspect", IMAGE).returncode == 0 else []
    # In a session of its own, so that sam hears of Ctrl-C from here, once, and is waited for.
    with subprocess.Popen(
        command, env=dict(environment), stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            output, _ = process.communicate()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            process.wait(GRACE_SECONDS)
            raise
    return output.strip()


def failed(output: str) -> bool:
    """Whether the function ended in an error, by its result as sam prints it: nothing when it was ended by force."""
    try:
        result = json.loads(output)
    except ValueError:
        return True
    return isinstance(result, dict) and "errorType" in result


@contextmanager
def listener() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A ResponseURL on this machine's loopback, and what is PUT to it."""
    answers: list[dict[str, Any]] = []

    class Listener(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/answer", answers
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    sys.exit(run(lambda: main(*sys.argv[1:3])))
