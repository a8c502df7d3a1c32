"""Redrive of dead letters in Amazon SQS: StartMessageMoveTask and ListMessageMoveTasks, which MiniStack lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ministack.services import sqs

if TYPE_CHECKING:
    from local.emulator.extension.store import Json

_tasks: dict[str, Json] = {}


def install() -> None:
    """Add the operations to those of MiniStack."""
    sqs._HANDLERS.update(  # noqa: SLF001
        {"StartMessageMoveTask": start_message_move_task, "ListMessageMoveTasks": list_message_move_tasks}
    )


def start_message_move_task(data: Json, _url: str) -> Json:
    """Move all messages of a dead-letter queue, with their attributes, at once. AWS waits for those in flight."""
    source, destination = _queue(data.get("SourceArn")), _queue(data.get("DestinationArn"))
    moved = source["messages"][:]
    source["messages"].clear()
    # They are new messages of the destination: nobody has received them there.
    unreceived = {"receipt_handle": None, "receive_count": 0, "first_receive_at": None, "visible_at": sqs.time.time()}
    destination["messages"].extend(each | {"id": sqs.new_uuid(), **unreceived} for each in moved)
    sqs.esm_wake.set()
    handle = sqs.new_uuid()
    _tasks[handle] = {
        "TaskHandle": handle,
        "Status": "COMPLETED",
        "SourceArn": data["SourceArn"],
        "DestinationArn": data["DestinationArn"],
        "ApproximateNumberOfMessagesMoved": len(moved),
        "ApproximateNumberOfMessagesToMove": len(moved),
    }
    return {"TaskHandle": handle}


def list_message_move_tasks(data: Json, _url: str) -> Json:
    """The tasks of a source queue, the newest first, without their handles, because they have ended."""
    tasks = [task for task in reversed(_tasks.values()) if task["SourceArn"] == data.get("SourceArn")]
    ended = [{name: value for name, value in task.items() if name != "TaskHandle"} for task in tasks]
    return {"Results": ended[: data.get("MaxResults") or 1]}


def _queue(arn: str | None) -> Json:
    queue: Json | None = sqs._queue_by_arn(arn or "")  # noqa: SLF001
    if queue is None:
        raise sqs._Err("ResourceNotFoundException", f"The resource {arn} does not exist.", 404)  # noqa: SLF001
    return queue
