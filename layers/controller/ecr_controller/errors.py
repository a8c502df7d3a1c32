"""The errors of the controller, as one small tree.

    ControllerError
    ├── UserError                the user can fix it; the message says how, in terms of the template
    │   ├── InvalidProperties    all faults of a resource's properties at once
    │   └── NotFound             the repository or the principal does not exist
    └── RetryableError           worth a retry: a throttle, a lagging read, a lost race
        └── TooLateError         the deadline has passed, so that no AWS call is made any more

Any other exception is a defect of the controller: the answer to CloudFormation says where its log is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class ControllerError(Exception):
    """The root of the tree. The message is written for the person who reads the stack event."""


class UserError(ControllerError):
    """Something that the user can fix. ``event`` is the name of the event that reports it, if there is one."""

    event: ClassVar[str] = ""


class NotFound(UserError):
    """The repository or the principal does not exist, so there is nothing to withdraw from it."""


class RetryableError(ControllerError):
    """Something that is worth a retry. It is retried within the deadline of the request."""


class TooLateError(RetryableError):
    """The deadline has passed. What is left of the work would fail in the same way."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one property: ``LifecycleRules[2].MaxImageCount: must be at least 1``."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class Faults(list[Fault]):
    """The faults of one resource's properties, in the order in which they are found."""

    def add(self, path: str, message: str) -> None:
        """Add a fault. The message continues the path: ``must be at least 1``."""
        self.append(Fault(path, message))

    def raise_if_any(self, what: str) -> None:
        """Raise InvalidProperties, if anything was added. ``what`` is the type or the source of the properties."""
        if self:
            raise InvalidProperties(what, self)


class InvalidProperties(UserError):
    """Every fault that the properties of one resource have."""

    def __init__(self, what: str, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(
            f"{what} has {count(len(self.faults), 'invalid property', 'invalid properties')}. " + self._list()
        )

    def _list(self) -> str:
        return "; ".join(map(str, self.faults))


def listed(names: Sequence[str], total: int) -> str:
    """``v1, v2 and 3 more``: the names of the first of ``total`` things."""
    more = total - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more > 0 else "")


def count(number: int, singular: str, plural: str = "") -> str:
    """``1 image``, ``2 images``, ``1,200 images``. The plural is needed only where it is not the singular and an s."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
