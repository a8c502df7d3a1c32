"""Functions of AWS Lambda that are images, and their versions. They need never run.

MiniStack does not look at the image of a function, lists no versions with the functions, and authorizes what is done
with one alias as ListAliases. As on AWS with a trail, each deployment is an event of AWS CloudTrail.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

from local.emulator.extension import events
from local.emulator.extension.references import by_digest, digest_of
from local.emulator.extension.store import Fault, Json, page

if TYPE_CHECKING:
    from collections.abc import Callable

RESOLVED = "ResolvedImageUri"  # in a configuration, so that a version that is published keeps it
PAGE = 50  # functions at most
ALIAS_ACTIONS = {"GET": "lambda:GetAlias", "PUT": "lambda:UpdateAlias", "DELETE": "lambda:DeleteAlias"}

_ministack_build_config = lambda_svc._build_config  # noqa: SLF001
_ministack_create_function = lambda_svc._create_function  # noqa: SLF001
_ministack_get_function = lambda_svc._get_function  # noqa: SLF001
_ministack_publish_version = lambda_svc._publish_version  # noqa: SLF001
_ministack_update_code = lambda_svc._update_code  # noqa: SLF001
_ministack_create_in_stack = provisioners._lambda_create  # noqa: SLF001


def install() -> None:
    """Replace what MiniStack looks up at each request."""
    lambda_svc._build_config = build_config  # noqa: SLF001
    lambda_svc._create_function = _answering(create_function)  # noqa: SLF001
    lambda_svc._get_function = get_function  # noqa: SLF001
    lambda_svc._list_functions = list_functions  # noqa: SLF001
    lambda_svc._publish_version = publish_version  # noqa: SLF001
    lambda_svc._update_code = _answering(update_code)  # noqa: SLF001
    provisioners._lambda_create = create_in_stack  # noqa: SLF001
    provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]["create"] = create_in_stack  # noqa: SLF001


def _answering(operation: Callable[..., Any]) -> Callable[..., Any]:
    def answer(*arguments: Any) -> Any:
        try:
            return operation(*arguments)
        except Fault as fault:
            return error_response_json(fault.code, fault.message)

    return answer


def build_config(name: str, data: Json, *code: Any) -> Json:
    """The configuration of a function that is created."""
    config: Json = _ministack_build_config(name, data, *code)
    return config | _resolved(data.get("Code", {}))


def _resolved(code: Json) -> Json:
    """What is kept of the image of a function, by its digest. Raises Fault where there is no such image."""
    if "ImageUri" not in code:
        return {}
    digest = digest_of(code["ImageUri"])
    if digest is None:
        message = f"Source image {code['ImageUri']} does not exist. Provide a valid source image."
        raise Fault("InvalidParameterValueException", message)
    return {RESOLVED: by_digest(code["ImageUri"], digest)}


def create_function(data: Json) -> Any:
    """CreateFunction. What it publishes has an ARN of its own."""
    return _emitted(
        "CreateFunction20150331", _with_version_arns(data["FunctionName"], _ministack_create_function(data))
    )


def create_in_stack(logical_id: str, properties: Json, stack_name: str) -> Any:
    """Create a function of a stack, which MiniStack does not do by CreateFunction."""
    try:
        resolved = _resolved(properties.get("Code", {}))
    except Fault as fault:
        raise ValueError(fault.message) from fault
    answer = _ministack_create_in_stack(logical_id, properties, stack_name)
    config: Json = lambda_svc._functions[answer[0]]["config"]  # noqa: SLF001
    config |= resolved
    _emitted("CreateFunction20150331", json_response(config))
    return answer


def update_code(name: str, data: Json) -> Any:
    """UpdateFunctionCode. A function that is refused stays as it is."""
    config: Json = (lambda_svc._functions.get(name) or {"config": {}})["config"]  # noqa: SLF001
    before, resolved = config.get(RESOLVED), _resolved(data)
    config |= resolved
    answer = _ministack_update_code(name, data)
    if answer[0] != 200 and resolved:
        config[RESOLVED] = before
    return _emitted("UpdateFunctionCode20150331v2", _with_version_arns(name, answer))


def _with_version_arns(name: str, answer: Any) -> Any:
    function: Json = lambda_svc._functions.get(name) or {"config": {}, "versions": {}}  # noqa: SLF001
    for version, record in function["versions"].items():
        record["config"]["FunctionArn"] = f"{function['config']['FunctionArn']}:{version}"
    return answer


def publish_version(name: str, data: Json) -> Any:
    """PublishVersion."""
    return _emitted("PublishVersion20150331", _ministack_publish_version(name, data))


def _emitted(event: str, answer: Any) -> Any:
    """The answer of MiniStack, of which a success is an event."""
    status, _, body = answer
    if status < 300:
        events.function_deployed(event, json.loads(body))
    return answer


def get_function(name: str, qualifier: str | None = None) -> Any:
    """GetFunction, with the image that the tag named when the code was set."""
    status, headers, body = _ministack_get_function(name, qualifier)
    answer: Json = json.loads(body)
    if RESOLVED not in answer.get("Configuration", {}):
        return status, headers, body
    answer["Code"][RESOLVED] = answer["Configuration"][RESOLVED]
    return json_response(answer)


def list_functions(parameters: Json) -> Any:
    """ListFunctions, with all versions where they are asked for."""

    def parameter(name: str) -> str:
        return str(lambda_svc._qp_first(parameters, name) or "")  # noqa: SLF001

    functions = [each for _, each in sorted(lambda_svc._functions.items())]  # noqa: SLF001
    if parameter("FunctionVersion") == "ALL":
        found = [config for function in functions for config in _versions(function)]
    else:
        found = [function["config"] for function in functions]
    asked = {"maxResults": min(int(parameter("MaxItems") or PAGE), PAGE), "nextToken": parameter("Marker")}
    shown, following = page(found, asked)
    marker = {"NextMarker": following["nextToken"]} if following else {}
    return json_response({"Functions": shown, **marker})


def _versions(function: Json) -> list[Json]:
    latest = function["config"] | {"FunctionArn": f"{function['config']['FunctionArn']}:$LATEST"}
    return [latest, *(function["versions"][number]["config"] for number in sorted(function["versions"], key=int))]


def action_of(method: str, path: str) -> str | None:
    """The action of a request about one alias; of others None."""
    parts = [part for part in path.split("/") if part]
    is_alias = parts[1:2] == ["functions"] and parts[3:4] == ["aliases"] and len(parts) == 5
    return ALIAS_ACTIONS.get(method) if is_alias else None
