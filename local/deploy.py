"""`sam build`, `sam deploy` and `sam delete` of template.yaml, on the AWS that the environment names."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from layers.bytecode import compile_layer
from local import ROOT, child_process

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STACK_NAME = "ecr-controller"
# Parameters with which the functions of rescans are there: once a year, so that nothing is scanned meanwhile.
RESCANS = {"RescanSchedule": '"cron(0 3 1 1 ? *)"'}
# Parameters with which the events in events/ can grant access to another account and to an organization.
GRANTEES = {"GranteeAccounts": "999999999999", "GranteeOrganization": "o-a1b2c3d4e5"}
# Those of a controller that has every function, and may manage every repository.
EVERYTHING = {"RepositoryNames": "*", **RESCANS, **GRANTEES}


class CommandError(Exception):
    """A command failed. The message contains its output."""


def build(folder: Path, environment: Mapping[str, str], tree: Path = ROOT) -> Path:
    """Run `sam build` into a folder of its own, so that several can run at once; return the built template.

    ``tree`` is the project that is built, if it is not this one.
    """
    built = folder / "build"
    _run(["sam", "build", "--build-dir", str(built), "--no-cached"], environment, tree)
    # The embedded AWS runs functions with this interpreter, each invocation at a time in a process of its own.
    # It unpacks the layers for each process, so they hold no byte code of another interpreter.
    for layer in built.glob("*Layer"):
        for compiled in layer.rglob("*.pyc"):
            compiled.unlink()
        compile_layer(sys.executable, str(layer))
    return built / "template.yaml"


def deploy(
    template: Path,
    environment: Mapping[str, str],
    stack_name: str = STACK_NAME,
    parameters: Mapping[str, str] | None = None,
) -> None:
    """Run `sam deploy` of a built template."""
    overrides = [f"{name}={value}" for name, value in (parameters or {}).items()]
    options = ["--no-confirm-changeset", "--no-progressbar", "--no-fail-on-empty-changeset"]
    command = ["sam", "deploy", "--template-file", str(template), "--stack-name", stack_name, "--resolve-s3"]
    command += ["--capabilities", "CAPABILITY_IAM", *options]
    _run(command + (["--parameter-overrides", *overrides] if overrides else []), environment)


def delete(environment: Mapping[str, str], stack_name: str = STACK_NAME) -> None:
    """Run `sam delete`, which also removes what `sam deploy` uploaded."""
    _run(["sam", "delete", "--stack-name", stack_name, "--no-prompts"], environment)


def _run(command: list[str], environment: Mapping[str, str], folder: Path = ROOT) -> None:
    quiet = {"SAM_CLI_TELEMETRY": "0", "PYTHONWARNINGS": "ignore"}
    code, output = child_process.run(command, cwd=folder, env={**environment, **quiet})
    if code != 0:
        raise CommandError(f"{' '.join(command[:2])} failed with exit code {code}:\n{output}")
