"""What can go wrong, as one small tree.

    ControllerError
    ├── UserError            a person can mend it; the message says how, in the words of the template
    │   └── InvalidProperties    all faults of a resource's properties at once
    └── RetryableError       worth another try: a throttle, a lag, a lost race

Every other exception is a defect of the controller: the answer to CloudFormation says where its log is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class ControllerError(Exception):
    """The root of the tree. The message is written for the person who reads the stack event."""


class UserError(ControllerError):
    """Something that a person can mend."""


class RetryableError(ControllerError):
    """Something that time may mend. It is tried again within the deadline of the request."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one property: ``LifecycleRules[2].MaxImageCount: must be at least 1``."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class InvalidProperties(UserError):
    """Every fault that the properties of one resource have."""

    def __init__(self, what: str, faults: Sequence[Fault]) -> None:
        super().__init__(f"{what} has {_count(faults)}. " + "; ".join(map(str, faults)))
        self.faults = tuple(faults)


def _count(faults: Sequence[Fault]) -> str:
    return "1 invalid property" if len(faults) == 1 else f"{len(faults)} invalid properties"
