"""The part of the AWS CLI that docs/operations.md uses, so that a test can run the page without the CLI.

It takes operations, options and types from the API models, as the CLI does, and refuses what they do not have.
Values of lists and maps are JSON. There is no shorthand syntax.
"""

from __future__ import annotations

import json
import sys
import threading
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import jmespath  # type: ignore[import-untyped]
from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from botocore.model import Shape

GLOBAL = {"--query", "--output", "--region"}


class UsageError(Exception):
    """An option that the operation does not have, or a value that is not of its type."""


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    output: str
    error: str = ""
    code: int = 0


@dataclass(frozen=True)
class AwsCommand:
    """`aws`, with clients of an AWS. `folder` is where files are."""

    client: Callable[[str], Any]
    folder: Path

    def run(self, arguments: Sequence[str]) -> Answer:
        """What `aws` with these arguments does."""
        try:
            return Answer(self._run(arguments))
        except (UsageError, BotoCoreError, KeyError) as error:
            return Answer("", f"aws: {type(error).__name__}: {error}\n", 252)
        except ClientError as error:
            return Answer("", f"aws: {error}\n", 254)

    def _run(self, arguments: Sequence[str]) -> str:
        service, operation, *rest = arguments
        client = self.client(service)
        if operation == "wait":
            self._wait(client, *rest)
            return ""
        method = operation.replace("-", "_")
        settings, parameters, positional = self._parsed(client, client.meta.method_to_api_mapping[method], rest)
        if settings.get("--region", client.meta.region_name) != client.meta.region_name:
            raise UsageError("The clients are of another Region")
        if client.can_paginate(method):
            answer = client.get_paginator(method).paginate(**parameters).build_full_result()
        else:
            answer = getattr(client, method)(**parameters)
        answer.pop("ResponseMetadata", None)
        for file in positional:  # the output of a function, the only operation here that has one
            (self.folder / file).write_bytes(answer.pop("Payload").read())
        result = jmespath.search(settings["--query"], answer) if "--query" in settings else answer
        if settings.get("--output") == "text":
            return text(result)
        return "" if result in (None, {}) else json.dumps(result, indent=4, default=str) + "\n"

    def _wait(self, client: Any, name: str, *rest: str) -> None:
        waiter = client.get_waiter(name.replace("-", "_"))
        _, parameters, _ = self._parsed(client, waiter.config.operation, rest)
        waiter.wait(**parameters, WaiterConfig={"Delay": 1})

    def _parsed(
        self, client: Any, operation: str, rest: Sequence[str]
    ) -> tuple[dict[str, str], dict[str, Any], list[str]]:
        """The global options, the parameters of the operation, and what is neither."""
        shape = client.meta.service_model.operation_model(operation).input_shape
        members = {f"--{xform_name(name, '-')}": name for name in shape.members}
        settings, parameters, positional = dict[str, str](), dict[str, Any](), list[str]()
        words = list(rest)
        while words:
            option = words.pop(0)
            values = []
            while option.startswith("--") and words and not words[0].startswith("--"):
                values.append(words.pop(0))
                if option not in members or shape.members[members[option]].type_name != "list":
                    break
            if option in GLOBAL:
                settings[option] = values[0]
            elif option in members:
                parameters[members[option]] = self._converted(values, shape.members[members[option]])
            elif option.startswith("--"):
                raise UsageError(f"Unknown options: {option}")
            else:
                positional.append(option)
        return settings, parameters, positional

    def _converted(self, values: list[str], shape: Shape) -> Any:
        """The value of an option."""
        if not values:
            raise UsageError(f"expected one argument for {shape.name}")
        value, kind = values[0], shape.type_name
        if value.startswith("file://"):
            value = (self.folder / value.removeprefix("file://")).read_text(encoding="utf-8")
        if kind == "list" and not value.startswith("["):
            return values
        if kind in ("list", "map", "structure"):
            return json.loads(value)
        return int(value) if kind in ("integer", "long") else value


def text(result: Any) -> str:
    """A result as `--output text` prints it."""
    if not isinstance(result, list):
        return f"{result}\n"
    if not any(isinstance(each, list) for each in result):
        return "\t".join(map(str, result)) + "\n" if result else ""
    return "".join(text(each) for each in result)


# The program `aws`: it has the test process run the command, because importing boto3 takes longer than all the rest.
PROGRAM = """#!{python} -IS
import json, socket, sys
with socket.socket(socket.AF_UNIX) as test:
    test.connect({path!r})
    test.sendall(json.dumps(sys.argv[1:]).encode())
    test.shutdown(socket.SHUT_WR)
    answer = json.load(test.makefile())
sys.stdout.write(answer["output"])
sys.stderr.write(answer["error"])
sys.exit(answer["code"])
"""


@contextmanager
def installed(programs: Path, command: AwsCommand) -> Iterator[None]:
    """Put the program `aws` into a folder for programs, and run its commands meanwhile."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            answer = command.run(json.loads(self.rfile.read()))
            self.wfile.write(json.dumps(asdict(answer)).encode())

    # The path of a socket may have about 100 characters.
    with TemporaryDirectory() as folder, ThreadingUnixStreamServer(f"{folder}/aws", Handler) as server:
        (programs / "aws").write_text(PROGRAM.format(python=sys.executable, path=f"{folder}/aws"), encoding="utf-8")
        (programs / "aws").chmod(0o755)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
