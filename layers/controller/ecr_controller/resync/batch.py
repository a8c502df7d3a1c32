"""What the parts of a resync share: the invocation, its metrics and events, and the bounds of lifecycle policies."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ecr_controller.baselines import baseline as baselines
from ecr_controller.config import is_sam_local
from ecr_controller.controller_events import ControllerEvent, Difference, emit
from ecr_controller.custom_resource.request import Request
from ecr_controller.deadline import DEADLINE
from ecr_controller.lifecycle import guard
from ecr_controller.lifecycle.ecr import LifecyclePolicies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_controller.custom_resource.request import Home
    from ecr_controller.lifecycle.policy import LifecyclePolicy
    from ecr_controller.repository.changes import Change
    from ecr_controller.repository.model import Repository

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """One invocation, with its ID and its metrics."""

    home: Home
    request_id: str
    tally: Counter[str] = field(default_factory=Counter)

    def request(self, owner: str, repository: str) -> Request[Any]:
        """A request of the resource that owns what is changed, as the settings take one."""
        stack_id, logical_id, *_ = owner.split("|")
        return Request(
            type="Update",
            request_id=self.request_id,
            stack_id=stack_id,
            logical_id=logical_id,
            resource_type=f"Custom::{baselines.TYPE}",
            physical_id=repository,
            deadline=DEADLINE.get(time.time() + 60),
            # Its entries in the ledger are those of one repository, of which there may be many.
            type_name=f"{baselines.TYPE}/{repository}",
        )

    def send(
        self,
        event: str,
        repository: str,
        owner: str,
        type_name: str,
        differing: Sequence[Change[Any]],
        differences: tuple[Difference, ...] = (),
        message: str = "",
    ) -> None:
        """Send an event of the controller about a repository and the resource that owns what is changed."""
        stack_id, logical_id, *_ = owner.split("|")
        found = tuple(map(_difference, differing)) or differences
        about = (stack_id, logical_id, f"Custom::{type_name}" if type_name else "")
        if not is_sam_local():
            emit([ControllerEvent(event, repository, *about, message, found)])

    def refuses(
        self, found: Repository, owner: str, type_name: str, policy_: LifecyclePolicy | None, own: guard.Guard | None
    ) -> bool:
        """Whether the policy would expire more than its LifecycleGuard or the ceiling allows."""
        if policy_ is None or not guard.applies(own):
            return False
        summary = guard.preview(found.name, policy_, DEADLINE.get(time.time() + 60))
        reason = guard.refusal(own or guard.Guard(), summary, found.name, guard.ceiling() or guard.Guard())
        if reason:
            self.tally["PoliciesRefused"] += 1
            logger.warning("The lifecycle policy of %s is not put: %s", found.name, reason)
            self.send("GuardRefused", found.name, owner, type_name, (), message=reason)
        return reason is not None


def with_policy(found: Repository) -> Repository:
    """GetLifecyclePolicy: the repository with its lifecycle policy."""
    return replace(found, lifecycle_text=LifecyclePolicies().get_lifecycle_policy(found.name))


def _difference(change: Change[Any]) -> Difference:
    describe = change.setting.describe
    return Difference(change.setting.name, describe(change.old), describe(change.new))
