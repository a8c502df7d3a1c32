"""The part of the AWS CLI that docs/operations.md uses, so that a test can run the page without the CLI.

It takes operations, options and types from the API models, as the CLI does, and refuses what they do not have.
Values of lists and maps are JSON. There is no shorthand syntax.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import jmespath  # type: ignore[import-untyped]
from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botocore.model import Shape

GLOBAL = {"--query", "--output"}


class UsageError(Exception):
    """An option that the operation does not have, or a value that is not of its type."""


def run(arguments: Sequence[str]) -> str:
    """What `aws` with these arguments prints. Raises UsageError, ClientError and BotoCoreError."""
    service, operation, *rest = arguments
    client: Any = boto3.client(service)  # type: ignore[call-overload]
    if operation == "wait":
        operation, *rest = rest
        name = operation.replace("-", "_")
        waiter = client.get_waiter(name)
        _, parameters, _ = parsed(rest, client.meta.service_model.operation_model(waiter.config.operation).input_shape)
        waiter.wait(**parameters, WaiterConfig={"Delay": 1})
        return ""
    method = operation.replace("-", "_")
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    settings, parameters, positional = parsed(rest, model.input_shape)
    if client.can_paginate(method):
        answer = client.get_paginator(method).paginate(**parameters).build_full_result()
    else:
        answer = getattr(client, method)(**parameters)
    answer.pop("ResponseMetadata", None)
    for file in positional:  # the output of a function, the only operation here that has one
        Path(file).write_bytes(answer.pop("Payload").read())
    result = jmespath.search(settings["--query"], answer) if "--query" in settings else answer
    if settings.get("--output") == "text":
        return text(result)
    return "" if result in (None, {}) else json.dumps(result, indent=4, default=str) + "\n"


def parsed(rest: Sequence[str], shape: Shape | None) -> tuple[dict[str, str], dict[str, Any], list[str]]:
    """The global options, the parameters of the operation, and what is neither."""
    members = {f"--{xform_name(name, '-')}": name for name in getattr(shape, "members", {})}
    settings, parameters, positional = dict[str, str](), dict[str, Any](), list[str]()
    words = list(rest)
    while words:
        option = words.pop(0)
        values = []
        while option.startswith("--") and words and not words[0].startswith("--"):
            values.append(words.pop(0))
            if not _takes_more(option, members, shape):
                break
        if option in GLOBAL:
            settings[option] = values[0]
        elif option in members:
            parameters[members[option]] = converted(values, shape.members[members[option]])  # type: ignore[union-attr]
        elif option.startswith("--"):
            raise UsageError(f"Unknown options: {option}")
        else:
            positional.append(option)
    return settings, parameters, positional


def _takes_more(option: str, members: dict[str, str], shape: Any) -> bool:
    return option in members and shape.members[members[option]].type_name == "list"


def converted(values: list[str], shape: Shape) -> Any:
    """The value of an option."""
    kind = shape.type_name
    if kind == "boolean":
        return True
    if not values:
        raise UsageError(f"expected one argument for {shape.name}")
    value = values[0]
    if value.startswith("file://"):
        value = Path(value.removeprefix("file://")).read_text(encoding="utf-8")
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


def main() -> int:
    """The exit code, as that of the CLI."""
    try:
        sys.stdout.write(run(sys.argv[1:]))
    except (UsageError, ClientError, BotoCoreError, KeyError) as error:
        print(f"aws: {type(error).__name__}: {error}", file=sys.stderr)
        return 254 if isinstance(error, ClientError) else 252
    return 0


if __name__ == "__main__":
    sys.exit(main())
