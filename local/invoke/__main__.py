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
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from local import ROOT, deploy
from local.emulator.process import Emulator
from local.invoke import invocation
from local.invoke.relay import relay
from local.progress import StepFailed, heading, run, step
from local.real_aws import RealAws

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EVENTS = ROOT / "events"
ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
IMAGE = f"public.ecr.aws/lambda/python:3.13-{ARCHITECTURE}"  # the one that sam takes
DOCKER = "`sam local invoke` runs functions in Docker,"
CONTAINER = "SAM_CONTAINER_ID: "  # what sam logs once it has made the function's container


def main(function: str, event: str) -> None:
    """Invoke it. Raises StepFailed where that cannot be done, or where the function ended in an error."""
    path = EVENTS / function / f"{event}.json"
    problem = _problem(path)
    if problem:
        print(problem, file=sys.stderr)
        raise StepFailed(problem)
    with tempfile.TemporaryDirectory(prefix="ecr-controller-") as folder, _aws() as aws, _listener() as (url, answers):
        with step("sam build"):
            template = deploy.build(Path(folder), aws.environment())
        result = _invoke(aws, template, function, json.loads(path.read_text(encoding="utf-8")), url)
        for answer in answers:
            heading("The answer to CloudFormation")
            print(json.dumps(answer, indent=2))
        if invocation.failed(result):
            heading("The function ended in an error")
            print(result or "It gave no result.")
            raise StepFailed(function)


def _problem(path: Path) -> str | None:
    if not path.is_file():
        known = sorted(f"FUNCTION={each.parent.name} EVENT={each.stem}" for each in EVENTS.glob("*/*.json"))
        return "\n  ".join([f"There is no event {path.relative_to(EVENTS.parent)}. There are:", *known])
    if shutil.which("docker") is None:
        return f"{DOCKER} and there is no `docker` on the PATH. Install it first."
    if _docker("info").returncode != 0:
        return f"{DOCKER} and its daemon does not answer. Start it first; `docker info` tells whether it runs."
    return None


def _docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)


@contextmanager
def _aws() -> Iterator[Emulator | RealAws]:
    if "AWS_ENDPOINT_URL" in os.environ:
        yield RealAws()
        return
    with step("Starting the embedded AWS"):
        emulator = Emulator.start()
    with emulator as aws:
        yield aws


def _invoke(aws: Emulator | RealAws, path: Path, function: str, event: Mapping[str, Any], url: str) -> str:
    """The function's result, with this machine's AWS and ResponseURL within the reach of its container."""
    template = yaml.safe_load(path.read_text(encoding="utf-8"))
    name = invocation.logical_id(template, function)
    referred = _physical_ids(aws, path, invocation.references(template, name))
    endpoint = aws.environment()["AWS_ENDPOINT_URL"]
    with _host(endpoint, url) as host:
        reached = {"AWS_ENDPOINT_URL": endpoint, **referred}
        variables = {key: invocation.seen_from_a_container(value, host) for key, value in reached.items()}
        variables["no_proxy"] = host
        invocation.prepare(template, name, variables)
        path.write_text(yaml.safe_dump(template), encoding="utf-8")
        request = invocation.addressed_to(invocation.seen_from_a_container(url, host), event)
        # Sam takes a variable from its own environment where that has it.
        return _sam_local_invoke(path, name, request, aws.environment() | variables)


def _physical_ids(aws: Emulator | RealAws, template: Path, references: Mapping[str, str]) -> dict[str, str]:
    """The variables with the physical ids that they refer to, of the deployed controller: our own AWS has none yet."""
    if not references:
        return {}
    if isinstance(aws, Emulator):
        with step("sam deploy of the controller, whose resources the function uses"):
            deploy.deploy(template, aws.environment())
    with step("Looking up the controller's resources"):
        stack = aws.client("cloudformation").describe_stack_resources(StackName=deploy.STACK_NAME)
    ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in stack["StackResources"]}
    return {variable: ids[target] for variable, target in references.items()}


@contextmanager
def _host(*urls: str) -> Iterator[str]:
    """What a container calls this machine, when it means the loopback ports in these URLs."""
    if platform.system() != "Linux" or "Docker Desktop" in _docker("info").stdout:
        # Its containers run in a virtual machine, which no unix socket reaches.
        yield "host.docker.internal"
        return
    with ExitStack() as stack:
        with step("Starting a relay from containers to this machine"):
            address = stack.enter_context(relay(IMAGE, invocation.ports_of(*urls)))
        yield address


def _sam_local_invoke(template: Path, name: str, event: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """The function's result as JSON; its log goes to standard error. Interrupted, it leaves no container behind."""
    path, result = template.with_name("event.json"), template.with_name("result.json")
    path.write_text(json.dumps(event), encoding="utf-8")
    command = ["sam", "local", "invoke", name, "--template", str(template), "--event", str(path), "--mount-symlinks"]
    command += ["--parameter-overrides", f"Architecture={ARCHITECTURE}"]
    command += ["--skip-pull-image"] if _docker("image", "inspect", IMAGE).returncode == 0 else []
    heading(f"sam local invoke {name}")
    with (
        result.open("w", encoding="utf-8") as output,
        # In a session of its own: interrupted, sam removes the container, and then sits out the function's time.
        subprocess.Popen(
            command, env=dict(environment), stdout=output, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as sam,
    ):
        containers: list[str] = []
        try:
            for line in sam.stderr or ():
                containers += [line.split()[1]] if line.startswith(CONTAINER) else []
                print(line, end="", file=sys.stderr)
        except BaseException:
            sam.kill()
            _docker("rm", "--force", *containers)
            raise
    return result.read_text(encoding="utf-8").strip()


@contextmanager
def _listener() -> Iterator[tuple[str, list[dict[str, Any]]]]:
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
