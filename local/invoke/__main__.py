"""`make invoke FUNCTION=repository EVENT=create`: one function on one event, in its container, by `sam local invoke`.

It runs against the AWS that AWS_ENDPOINT_URL names, which `make local` prints, or against an embedded one of its own.
What the event needs there is created and printed first (see `worlds`); then come the function's log and its answer. The
exit code is 0 if the function ended well, also where it answers FAILED.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samcli.yamlhelper import yaml_dump, yaml_parse

from local import deploy
from local.emulator.process import Emulator
from local.invoke import container, invocation, worlds
from local.invoke.controller import Controller
from local.invoke.listener import listening
from local.progress import StepFailed, heading, run, say, step
from local.real_aws import RealAws

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

USAGE = "Usage: make invoke FUNCTION=repository EVENT=create"
HOME = ("123456789012", "eu-west-1")  # of the ARNs in events/


def main(function: str, event: str) -> None:
    """Invoke it. Raises StepFailed where that cannot be done, or where the function ended in an error."""
    if {"-h", "--help"} & {function, event}:
        print(USAGE)
        print((__doc__ or "").partition("\n\n")[2].strip())
        return
    problem = unknown(function, event) or container.problem()
    if problem:
        print(problem, file=sys.stderr)
        raise StepFailed(problem)
    with tempfile.TemporaryDirectory(prefix="ecr-controller-") as folder, _aws() as aws, listening() as (url, answers):
        with step("sam build"):
            template = deploy.build(Path(folder), aws.environment())
        if isinstance(aws, Emulator):
            with step("sam deploy of the controller"):
                deploy.deploy(template, aws.environment(), parameters=deploy.EVERYTHING)
        with step("Looking up the controller's resources"):
            controller = Controller(aws, url, answers)
            variables = controller.variables_of(function)
        name = f"{function}/{event}"
        _prepare(aws, name, controller)
        _show(_invoke(aws, template, name, variables, url), answers)


def unknown(function: str, event: str) -> str | None:
    """What to type instead where there is no such event."""
    known = [name.split("/") for name in invocation.names()]
    events = [name for folder, name in known if folder == function]
    if event in events:
        return None
    if events:
        return f"The function `{function}` has no event `{event}`. It has {', '.join(events)}.\n{USAGE}"
    functions = ", ".join(dict.fromkeys(folder for folder, _ in known))
    return f"There is no function `{function}`. There are {functions}.\n{USAGE}"


@contextmanager
def _aws() -> Iterator[Emulator | RealAws]:
    if "AWS_ENDPOINT_URL" in os.environ:
        yield RealAws()
        return
    with step("Starting the embedded AWS"):
        emulator = Emulator.start()
    with emulator as aws:
        yield aws


def _prepare(aws: Emulator | RealAws, name: str, controller: Controller) -> None:
    with step(f"Creating what the event {name} needs in AWS"):
        made = list(worlds.prepare(aws, name, controller.answer_to))
        home = aws.client("sts").get_caller_identity()["Account"], aws.region
    for each in made or ["nothing"]:
        say(each)
    if home != HOME:
        say(f"The ARNs in events/ are of {' in '.join(HOME)}, and this AWS is {' in '.join(home)}.")


def _invoke(aws: Emulator | RealAws, path: Path, name: str, variables: Mapping[str, str], url: str) -> str:
    """The function's result, with these environment variables, and all URLs within the reach of its container."""
    template = yaml_parse(path.read_text(encoding="utf-8"))
    function = invocation.logical_id(name.split("/")[0])
    endpoint = aws.environment()["AWS_ENDPOINT_URL"]
    with container.host(endpoint, url) as host:
        urls = {"AWS_ENDPOINT_URL": endpoint, **variables}
        reached = {key: invocation.seen_from_a_container(value, host) for key, value in urls.items()}
        reached["no_proxy"] = host
        invocation.prepare(template, function, reached)
        path.write_text(yaml_dump(template), encoding="utf-8")
        event = worlds.event(aws, name, invocation.seen_from_a_container(url, host))
        # Sam takes a variable from its own environment where that has it.
        return container.sam_local_invoke(path, function, event, aws.environment() | reached)


def _show(result: str, answers: list[dict[str, Any]]) -> None:
    for answer in answers:
        heading("The answer to CloudFormation")
        print(json.dumps(answer, indent=2))
    if invocation.failed(result):
        heading("The function ended in an error")
        print(result or "It gave no result.")
        raise StepFailed(result)
    if not answers:
        heading("The function returned")
        print(result)


if __name__ == "__main__":
    sys.exit(run(lambda: main(*[*sys.argv[1:], "", ""][:2])))
