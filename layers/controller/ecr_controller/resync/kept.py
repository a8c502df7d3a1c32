"""KeepInUse of baselines, and of resources that are gone."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from ecr_controller.baselines.baseline import TYPE
from ecr_controller.errors import UserError
from ecr_controller.in_use.declared import Declarations
from ecr_controller.in_use.keeping import Keeping
from ecr_controller.stacks import Stacks

if TYPE_CHECKING:
    from ecr_controller.baselines.baseline import Baseline

logger = logging.getLogger(__name__)

# Seconds.
_SHARED = 60


def keep(repository: str, baseline: Baseline, *, looks: bool, asked_at: float) -> bool:
    """Have the images in use kept, as the baseline declares it; whether its lifecycle policy may be put.

    With ``looks``, those of now are held first. What runs is read once a minute for all repositories of a resync, and
    not before it was asked for, at ``asked_at``. Raises RetryableError.
    """
    wanted = (baseline.owner, baseline.spec.keep_in_use)
    if not looks and any((each.owner, each.keep) == wanted for each in Declarations().of(repository).declarations):
        return True
    try:
        Keeping(repository, baseline.owner, TYPE).begin(
            baseline.spec.keep_in_use, max(asked_at, time.time() - _SHARED), looks=looks
        )
    except UserError as error:
        logger.warning("The lifecycle policy of %s is not put: %s", repository, error)
        return False
    return True


def end_others(repository: str, owner: str = "") -> None:
    """End what baselines keep, but for the one with this owner, and what resources keep that their stacks do not have
    any more. Raises UserError and RetryableError."""
    for each in Declarations().of(repository).declarations:
        stack_id, logical_id, *_ = each.owner.split("|")
        if each.type_name == TYPE:
            is_ended = each.owner != owner
        else:
            is_ended = not Stacks().may_have_resource(stack_id, logical_id, repository)
        if is_ended:
            Keeping(repository, each.owner, each.type_name).end()
