"""What AWS CloudFormation shows of a resource and of a stack while it waits for a custom resource.

MiniStack records a resource when its request has been answered, and has no status for the clean-up after an update.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ministack.core.responses import now_iso
from ministack.services.cloudformation import custom_resource, handlers

if TYPE_CHECKING:
    from local.emulator.extension.store import Json

_ministack_invoke = custom_resource.invoke_custom_resource
_ministack_describe = handlers._describe_stack_resource  # noqa: SLF001

# By the ID of the stack and the logical ID: what was shown last in the operation of the stack that is in progress.
_shown: dict[tuple[str, str], Json] = {}


def install() -> None:
    """Replace what MiniStack looks up at each request."""
    custom_resource.invoke_custom_resource = invoke_custom_resource
    handlers._ACTION_HANDLERS["DescribeStackResource"] = describe_stack_resource  # noqa: SLF001


def invoke_custom_resource(
    kind: str,
    logical_id: str,
    properties: Json,
    stack_name: str,
    stack_id: str,
    resource_type: str,
    physical_id: str | None = None,
    old_props: Json | None = None,
) -> Any:
    """Make a request, and show it as in progress until it is answered."""
    key, stack = (stack_id, logical_id), _stack(stack_id)
    before = stack.get("StackStatus", "")
    if kind == "Delete" and before == "UPDATE_IN_PROGRESS":
        # An update deletes what it replaced or removed when all else is done.
        stack["StackStatus"] = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    current = _shown.get(key, {}).get("PhysicalResourceId", physical_id)
    cleans_up = kind == "Delete" and current != physical_id and before.startswith("UPDATE")
    shown = {"PhysicalResourceId": physical_id or "", "ResourceType": resource_type, "Timestamp": now_iso()}
    if not cleans_up:
        _shown[key] = {**shown, "ResourceStatus": f"{kind.upper()}_IN_PROGRESS"}
    arguments = kind, logical_id, properties, stack_name, stack_id, resource_type, physical_id, old_props
    try:
        answer = _ministack_invoke(*arguments)
    except Exception:
        if not cleans_up:
            _shown[key]["ResourceStatus"] = f"{kind.upper()}_FAILED"
        raise
    else:
        if not cleans_up:
            _shown[key] |= {"PhysicalResourceId": answer[0], "ResourceStatus": f"{kind.upper()}_COMPLETE"}
        return answer
    finally:
        if stack.get("StackStatus") == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
            stack["StackStatus"] = before


def describe_stack_resource(parameters: Json) -> Any:
    """DescribeStackResource, with what MiniStack does not know yet."""
    stack = _stack(_parameter(parameters, "StackName"))
    logical_id = _parameter(parameters, "LogicalResourceId")
    shown = _shown.get((stack.get("StackId", ""), logical_id))
    if shown is None or not stack.get("StackStatus", "").endswith("_IN_PROGRESS"):
        return _ministack_describe(parameters)
    recorded = stack.setdefault("_resources", {})
    kept = recorded.get(logical_id)
    recorded[logical_id] = {**(kept or {}), **shown}
    try:
        return _ministack_describe(parameters)
    finally:
        if kept is None:
            del recorded[logical_id]
        else:
            recorded[logical_id] = kept


def _stack(name: str) -> Json:
    found: Json | None = handlers._resolve_stack(name)  # noqa: SLF001
    return {} if found is None else found


def _parameter(parameters: Json, name: str) -> str:
    return str(handlers._p(parameters, name))  # noqa: SLF001
