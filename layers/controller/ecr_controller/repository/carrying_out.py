"""Carrying out changes, all or none."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ecr_controller.errors import ControllerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_controller.repository.changes import Change
    from ecr_controller.repository.ecr import Ecr
    from ecr_controller.repository.model import Repository

logger = logging.getLogger(__name__)


def carry_out(ecr: Ecr, found: Repository, changes: Sequence[Change], *, just_made: bool = False) -> None:
    """Apply the changes in order. Where one fails, those before it are undone; a repository just made is deleted."""
    done: list[Change] = []
    try:
        for change in changes:
            ecr.apply(found, change)
            done.append(change)
            logger.info("%s: %s", found.name, change)
    except BaseException:
        _take_back(ecr, found, done, just_made=just_made)
        raise


def _take_back(ecr: Ecr, found: Repository, done: Sequence[Change], *, just_made: bool) -> None:
    try:
        if not just_made:
            for change in reversed(done):
                ecr.apply(found, change.undone())
        elif not ecr.delete(found.name):
            logger.warning("%s is left although its creation failed: it holds images already", found.name)
    except ControllerError as error:
        logger.warning("%s could not be given back as it was: %s", found.name, error)
