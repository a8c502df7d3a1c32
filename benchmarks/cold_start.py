"""Cold start of each function as it is deployed, beside boto3 making the same calls, and beside bare Python.

    python -m benchmarks.cold_start [FOLDER]      FOLDER is what `sam build` made; without it, that is run

A Lambda function's surroundings are made in a temporary folder: Python 3.13 with the packages of Lambda's runtime and
their byte code; before them on the path the layers, merged and read-only; nothing writes byte code. AWS is a local
server. Fresh processes take turns, so that what else the machine does meets all alike, and the time that counts is that
of the processor: all else is waiting.
"""

from __future__ import annotations

import json
import operator
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING, Any

import yaml
from botocore import xform_name
from rich.console import Console
from rich.table import Table

from benchmarks._canned_aws import CannedAws, canned_aws
from layers.bytecode import python
from local import deploy
from local.invoke.invocation import addressed_to

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = int(os.environ.get("ROUNDS", "15"))
HANDLE = """
class Context:
    function_name = aws_request_id = log_group_name = log_stream_name = "function"
    memory_limit_in_mb, invoked_function_arn = 512, "arn:aws:lambda:eu-west-1:123456789012:function:function"
    get_remaining_time_in_millis = lambda self: 300_000
import json, sys, app
print(json.dumps(app.handler(json.loads(sys.argv[1]), Context())))
"""
MAKE = """
for call, parameters in calls:
    try:
        call(**parameters)
    except botocore.exceptions.ClientError:
        pass
"""
FLOOR = 'import boto3; boto3.client("ecr")'
MODULES = "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
# A function is measured with its event `create`, which is answered SUCCESS, or:
EVENTS: dict[str, tuple[str, list[str]]] = {
    "on_failure": ("timeout", ["FAILED"]),
    "plan_rescans": ("schedule", []),
    "rescan": ("repository", []),
    "route_scan": ("basic", []),
}
# Modules that a cold start must not pay for.
HEAVY = ("aws_xray_sdk", "boto3", "jsonschema", "pydantic", "requests")


@dataclass(frozen=True, slots=True)
class Program:
    """Python code with an argument, and the environment that makes it a Lambda function."""

    interpreter: Path
    environment: dict[str, str]
    code: str
    argument: str = ""

    def run(self, more: str = "") -> tuple[str, float]:
        """What a fresh process prints, and the milliseconds that it computes."""
        with TemporaryFile("w+", encoding="utf-8") as output:
            process = subprocess.Popen(
                [self.interpreter, "-P", "-c", self.code + more, self.argument],
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            printed = output.read()
        assert process.returncode == 0, printed
        return printed, (usage.ru_utime + usage.ru_stime) * 1000

    def modules(self) -> set[str]:
        """What is loaded in the end."""
        printed, _milliseconds = self.run(MODULES)
        return set(json.loads(printed.splitlines()[-1]))


@dataclass(frozen=True, slots=True)
class Function:
    """Up to its handler; with a whole request; and boto3 with the calls to AWS of that request, where it makes any."""

    start: Program
    request: Program
    boto3: Program | None
    calls: int


def runtime(python313: str, folder: Path) -> Path:
    """The interpreter of a virtual environment like Lambda's: boto3 and what it needs, in the versions that are locked
    here. Lambda has its own, which differ from Region to Region."""
    subprocess.run([python313, "-m", "venv", "--without-pip", folder], check=True)
    locked = ["--constraint", str(ROOT / "requirements-dev.txt"), "--python", str(folder)]
    subprocess.run(["uv", "pip", "install", "--quiet", "--compile-bytecode", *locked, "boto3"], check=True)
    return folder / "bin" / "python"


def functions(template: Path, opt: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Each function of a built template, by the name of its code's folder, with its own part of the environment. The
    layers are merged in `opt`."""
    content = yaml.safe_load(template.read_text(encoding="utf-8"))
    resources = [(each["Type"], each["Properties"]) for each in content["Resources"].values()]
    for properties in (each for kind, each in resources if kind == "AWS::Serverless::LayerVersion"):
        shutil.copytree(template.parent / properties["ContentUri"] / "python", opt, dirs_exist_ok=True)
    subprocess.run(["chmod", "-R", "a-w", opt], check=True)
    shared = content["Globals"]["Function"]["Environment"]["Variables"]
    for properties in (each for kind, each in resources if kind == "AWS::Serverless::Function"):
        code = (template.parent / properties["CodeUri"]).resolve()
        variables = shared | properties.get("Environment", {}).get("Variables", {})
        environment = {name: text_of(value, content["Parameters"]) for name, value in variables.items()}
        # What a makefile builds is in a folder with the name of the resource.
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", code.name.removesuffix("Function")).lower()
        yield name, {**environment, "PYTHONPATH": f"{code}:{opt}" if "Layers" in properties else str(code)}


def text_of(value: Any, parameters: Mapping[str, Any]) -> str:
    """A variable's value; a resource's name stands for what only a deployment knows, and ``*`` for a parameter without
    a default, which is a pattern of repositories."""
    if not isinstance(value, dict):
        return str(value)
    [(intrinsic, argument)] = value.items()
    if intrinsic == "Fn::Join":
        return text_of(argument[1], parameters)
    parameter = parameters.get(str(argument))
    return str(argument if parameter is None else parameter.get("Default", "*"))


def lambda_environment(aws: CannedAws) -> dict[str, str]:
    """What Lambda sets, as far as it matters here."""
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "c"}
    region = {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1"}
    return {**keys, **region, "PATH": "/usr/bin:/bin", "AWS_ENDPOINT_URL": aws.url, "PYTHONDONTWRITEBYTECODE": "1"}


def event_of(function: str, name: str, url: str) -> str:
    """An event of a function."""
    path = ROOT / "events" / function / f"{name}.json"
    event = addressed_to(url, json.loads(path.read_text(encoding="utf-8")))
    if function == "image_scan_route":
        del event["ResourceProperties"]["ImageTags"]  # so that the event of route_scan goes this way
    return json.dumps(event)


def same_calls(aws: CannedAws) -> str:
    """Code that makes the calls of `aws` with boto3, errors included."""
    names = {"states": "stepfunctions"}  # where a service signs its requests with another name than boto3's
    clients = {each.service: f"boto3.client({names.get(each.service, each.service)!r})" for each in aws.calls}
    made = [f"{service} = {client}" for service, client in clients.items()]
    calls = [f"({each.service}.{xform_name(each.operation)}, {each.parameters!r})" for each in aws.calls]
    return "\n".join(["import boto3, botocore.exceptions", *made, f"calls = [{', '.join(calls)}]", MAKE])


def prepare(name: str, start: Program, aws: CannedAws) -> Function:
    """Run a function and its counterpart once. Raises AssertionError where one does not do what is measured."""
    event, expected = EVENTS.get(name, ("create", ["SUCCESS"]))
    request = replace(start, code=HANDLE, argument=event_of(name, event, aws.url))
    asked = json.loads(request.argument)
    asked = asked.get("requestPayload", asked)
    if "LogicalResourceId" in asked:
        aws.requests[asked["LogicalResourceId"]] = asked
    aws.clear()
    printed, _milliseconds = request.run()
    assert [answer["Status"] for answer in aws.answers] == expected, aws.answers
    assert "itemIdentifier" not in printed, printed  # of a message that failed
    calls = list(aws.calls)
    if not calls:
        return Function(start, request, None, 0)
    boto3 = replace(start, environment=start.environment | {"PYTHONPATH": ""}, code=same_calls(aws))
    aws.clear()
    boto3.run()
    assert aws.calls == calls
    return Function(start, request, boto3, len(calls))


def measure(programs: Mapping[str, Program]) -> dict[str, list[float]]:
    """The milliseconds of each program in each round."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(ROUNDS):
        for name, program in programs.items():
            times[name].append(program.run()[1])
    return times


def table_of(prepared: Mapping[str, Function], times: Mapping[str, list[float]]) -> Table:
    """A line for each function. Differences and ratios are the medians of those of the rounds."""
    bare, floor = times["bare"], times["floor"]
    title = f"Cold start, ms, {ROUNDS} rounds; bare Python {median(bare):.0f}, {FLOOR} {median(floor):.0f}"
    table = Table("function", title=title)
    for column in ("start, over bare", "to the floor", "request", "calls", "boto3", "ratio", "modules", "heavy"):
        table.add_column(column, justify="right")
    for name, each in prepared.items():
        start = list(map(operator.sub, times[f"{name} start"], bare))
        request, boto3 = times[f"{name} request"], times.get(f"{name} boto3")
        compared = (
            (f"{median(boto3):.0f}", f"{median(map(operator.truediv, request, boto3)):.2f}") if boto3 else ("", "")
        )
        loaded = each.request.modules()
        heavy = ", ".join(module for module in HEAVY if module in loaded) or "none"
        to_floor = f"{median(map(operator.truediv, start, floor)):.2f}"
        numbers = (f"{median(start):.0f}", to_floor, f"{median(request):.0f}", str(each.calls), *compared)
        table.add_row(name, *numbers, str(len(loaded)), heavy)
    return table


def main(build: Path | None = None) -> None:
    """Measure and print."""
    python313 = python()
    if python313 is None:
        print("Cold starts are measured with Lambda's Python 3.13, which is neither on the PATH nor in pyenv nor uv's.")
        return
    with TemporaryDirectory(prefix="cold-start-") as temporary, canned_aws() as aws:
        folder = Path(temporary)
        template = build / "template.yaml" if build else deploy.build(folder, os.environ)
        interpreter = runtime(python313, folder / "runtime")
        bare = Program(interpreter, lambda_environment(aws), "pass")
        prepared = {
            name: prepare(name, replace(bare, environment=bare.environment | variables, code="import app"), aws)
            for name, variables in sorted(functions(template, folder / "opt"))
        }
        programs = {"bare": bare, "floor": replace(bare, code=FLOOR)}
        for name, each in prepared.items():
            programs |= {f"{name} start": each.start, f"{name} request": each.request}
            programs |= {f"{name} boto3": each.boto3} if each.boto3 else {}
        times = measure(programs)
        Console(width=110).print(table_of(prepared, times))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
