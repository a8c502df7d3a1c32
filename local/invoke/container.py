"""`sam local invoke`: a built function in its container, which reaches this machine's loopback."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from local.invoke import invocation
from local.invoke.relay import relay
from local.progress import heading, step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ARCHITECTURE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
IMAGE = f"public.ecr.aws/lambda/python:3.13-{ARCHITECTURE}"  # the one that sam takes
DOCKER = "`sam local invoke` runs functions in Docker,"
CONTAINER = "SAM_CONTAINER_ID: "  # what sam logs once it has made the function's container


def problem() -> str | None:
    """Why no container can run here, if so."""
    if shutil.which("docker") is None:
        return f"{DOCKER} and there is no `docker` on the PATH. Install it first."
    if _docker("info").returncode != 0:
        return f"{DOCKER} and its daemon does not answer. Start it first; `docker info` shows whether it runs."
    return None


def _docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)


@contextmanager
def host(*urls: str) -> Iterator[str]:
    """What a container calls this machine, when it means the loopback ports in these URLs."""
    if platform.system() != "Linux" or "Docker Desktop" in _docker("info").stdout:
        # Its containers run in a virtual machine, which no unix socket reaches.
        yield "host.docker.internal"
        return
    with ExitStack() as stack:
        with step("Starting a relay from containers to this machine"):
            address = stack.enter_context(relay(IMAGE, invocation.ports_of(*urls)))
        yield address


def sam_local_invoke(template: Path, name: str, event: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """The function's result as JSON; its log goes to standard error. Interrupted, it leaves no container behind."""
    path, result = template.with_name("event.json"), template.with_name("result.json")
    path.write_text(json.dumps(event), encoding="utf-8")
    command = ["sam", "local", "invoke", name, "--template", str(template), "--event", str(path)]
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
