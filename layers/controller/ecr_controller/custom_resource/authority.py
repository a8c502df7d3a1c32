"""What a request may do before a resource carries it out: CloudFormation makes it, and its stack may manage what it
names."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource.boundaries import Boundaries, OutsideBoundaries
from ecr_controller.custom_resource.verification import verify
from ecr_controller.stacks import Stacks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecr_controller.custom_resource.request import Home, Request

logger = logging.getLogger(__name__)


class Authority:
    """``home`` is where the function is. With None, the developer who runs the function makes the request."""

    def __init__(self, home: Home | None) -> None:
        self._home, self._stacks = home, Stacks()

    def verify(self, request: Request[Any]) -> None:
        """Raise UnverifiedRequest unless CloudFormation makes the request; see `verification.verify`."""
        if self._home is not None:
            verify(request, self._home, self._stacks)

    def authorize(self, request: Request[Any], repositories: Iterable[str]) -> None:
        """Raise OutsideBoundaries unless the stack may manage the repositories, which may be patterns.

        A rollback returns to what was allowed when it was deployed, and must not fail. Calls DescribeStacks, if the
        stack may not manage them.
        """
        try:
            Boundaries.configured().verify(request.stack_name, repositories)
        except OutsideBoundaries as error:
            if request.type != "Update" or not self._stacks.is_rolling_back(request.stack_id):
                raise
            logger.warning("Boundaries are not enforced during a rollback: %s", error)
