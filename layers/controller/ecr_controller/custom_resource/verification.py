"""Whether CloudFormation makes a request. Whoever may invoke a function can send an event that looks like a request.

CloudFormation must show that it changes this very resource now. Its reads may lag, so a mismatch counts only when it
lasts.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource import answer
from ecr_controller.errors import UserError

if TYPE_CHECKING:
    from ecr_controller.custom_resource.request import Home, Request
    from ecr_controller.stacks import StackResource, Stacks

logger = logging.getLogger(__name__)

# Seconds between two questions to CloudFormation.
PAUSES = (0.5, 1.0, 2.0, 4.0)
# The statuses of a resource while CloudFormation waits for the answer. A Create may replace a resource of another type.
_IN_PROGRESS = {
    "Create": ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"),
    "Update": ("UPDATE_IN_PROGRESS",),
    "Delete": ("DELETE_IN_PROGRESS",),
}


class UnverifiedRequest(UserError):
    """CloudFormation does not make this request. Nothing has been read or written elsewhere."""

    event = "RequestNotBelieved"


def verify(request: Request[Any], home: Home, stacks: Stacks) -> None:
    """Raise UnverifiedRequest unless a stack in ``home``, where the function is, makes the request at this moment.

    May also raise RetryableError, and UserError if CloudFormation cannot be asked. Calls DescribeStackResource, and
    DescribeStacks for a Delete that may clean up after a replacement.
    """
    if request.home != home:
        raise UnverifiedRequest(_reason("its StackId is not of the account and Region of this function"))
    pauses = iter(PAUSES)
    while (mismatch := _mismatch(request, stacks)) is not None:
        pause = next(pauses, None)
        if pause is None or time.time() + pause >= request.deadline:
            logger.error("%s of %s is refused: %s", request.type, request.logical_id, mismatch)
            raise UnverifiedRequest(_reason(mismatch))
        time.sleep(pause)


def _reason(mismatch: str) -> str:
    return f"The controller could not verify that CloudFormation makes this request, because {mismatch}."


def _mismatch(request: Request[Any], stacks: Stacks) -> str | None:
    """Why the request is not the one that CloudFormation makes now, or None if it is."""
    shown = stacks.describe_stack_resource(request.stack_id, request.logical_id)
    if shown is None:
        return "CloudFormation shows no such stack or resource"
    mismatch = _mismatch_of(request, shown)
    # What was replaced is deleted when the resource has another physical ID, and maybe another type.
    may_clean_up = request.type == "Delete" and shown.physical_id != request.physical_id
    if mismatch is not None and may_clean_up and stacks.is_cleaning_up(request.stack_id):
        return None
    return mismatch


def _mismatch_of(request: Request[Any], shown: StackResource) -> str | None:
    if shown.type != request.resource_type:
        return f"the resource is not of type {request.resource_type}"
    if shown.status not in _IN_PROGRESS.get(request.type, ()):
        return f"no {request.type} of the resource is in progress"
    if request.type != "Create" and not _is_physical_id(request, shown):
        return "the resource has another physical ID"
    return None


def _is_physical_id(request: Request[Any], shown: StackResource) -> bool:
    if shown.physical_id:
        return shown.physical_id == request.physical_id
    # A Create that was never answered has no physical ID yet; CloudFormation makes one up for its Delete.
    return request.has_made_up_id or request.physical_id.startswith(answer.FAILED_CREATE)
