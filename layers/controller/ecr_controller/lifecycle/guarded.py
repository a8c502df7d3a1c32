"""Looking at what a lifecycle policy would do before it is put, and refusing what is past its guard."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ecr_controller.errors import UserError
from ecr_controller.lifecycle.evaluation import evaluate
from ecr_controller.lifecycle.ecr import LifecyclePolicies
from ecr_controller.lifecycle.guard import Outlook, refusal
from ecr_controller.lifecycle.preview import Previews
from ecr_controller.stacks import Stacks

if TYPE_CHECKING:
    from ecr_controller.custom_resource.protocol import Request
    from ecr_controller.lifecycle.guard import Guard
    from ecr_controller.lifecycle.policy import LifecyclePolicy

logger = logging.getLogger(__name__)


class GuardedPolicies:
    """What stands between a declared policy and ECR."""

    def __init__(self) -> None:
        self._policies = LifecyclePolicies()
        self._previews = Previews()
        self._stacks = Stacks()

    def look(self, request: Request, repository: str, policy: LifecyclePolicy, guard: Guard) -> Outlook:
        """What the policy would do now, by ECR's own preview. Raises UserError where it is past the guard.

        A rollback is told in the log, and let through: it must never be held up.
        """
        going = self._previews.preview(repository, policy.text(), request.deadline).results
        images = self._policies.images(repository)
        fates = evaluate(policy, images, datetime.now(UTC)).fates
        matched = sum(fate.claimed_by is not None for fate in fates)
        outlook = Outlook(len(images), matched, going)
        logger.info("The policy matches %d of %d images of %s; %d go", matched, len(images), repository, len(going))
        if not matched:
            logger.warning("The lifecycle policy of %s does nothing: it matches none of its images", repository)
        reason = refusal(guard, outlook, repository)
        if reason and self._stacks.is_rolling_back(request.stack_id):
            logger.warning("Let through, because the stack is rolling back: %s", reason)
        elif reason:
            raise UserError(reason)
        return outlook
