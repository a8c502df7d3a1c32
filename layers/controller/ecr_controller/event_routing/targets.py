"""The five kinds of target, told by their ARNs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ecr_controller.errors import UserError

_ARN = re.compile(r"arn:[a-z0-9-]+:(sns|sqs|lambda|states|events):([a-z0-9-]+):([0-9]{12}):(.+)")
# What follows the account: the resource, whose name is the group, and for two of them an alias or a version.
_RESOURCES = {
    "sns": ("topic", r"([\w-]+(?:\.fifo)?)"),
    "sqs": ("queue", r"([\w-]+(?:\.fifo)?)"),
    "lambda": ("function", r"function:([\w-]+)(?::[\w$-]+)?"),
    "states": ("state machine", r"stateMachine:([\w-]+)(?::[\w-]+)?"),
    "events": ("event bus", r"event-bus/([\w./-]+)"),
}
BOUNDED = ("function", "state machine")  # only those that the controller's stack names


@dataclass(frozen=True, slots=True)
class Target:
    """Where a scan is told. ``home`` is its account and Region."""

    arn: str
    kind: str
    name: str
    home: tuple[str, str]

    @property
    def is_fifo(self) -> bool:
        """Whether it wants a group and an id for deduplication with each message."""
        return self.name.endswith(".fifo")


def parse(arn: str) -> Target:
    """The target that an ARN names. Raises UserError for any other ARN."""
    found = _ARN.fullmatch(arn)
    kind, pattern = _RESOURCES[found[1]] if found else ("", "")
    resource = re.fullmatch(pattern, found[4]) if found else None
    if found is None or resource is None:
        wanted = "an SNS topic, an SQS queue, a Lambda function, a Step Functions state machine or an event bus"
        raise UserError(f"{arn} is not the ARN of {wanted}")
    return Target(arn, kind, resource[1], (found[3], found[2]))
