"""How ECR scans the images of a repository, which the scanning configuration of the registry may decide."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ecr_controller.errors import ControllerError

if TYPE_CHECKING:
    from ecr_controller.repository.ecr import Repositories

logger = logging.getLogger(__name__)

UNKNOWN = "unknown"


def scan_frequency(repositories: Repositories, name: str, scan_on_push: bool | None) -> str:
    """SCAN_ON_PUSH, CONTINUOUS_SCAN or MANUAL. A warning is logged if ``scan_on_push`` is not what is in force.

    ``unknown`` if ImageScanOnPush is not declared, or if ECR cannot be asked, which does not fail the request. Calls
    BatchGetRepositoryScanningConfiguration.
    """
    if scan_on_push is None:
        return UNKNOWN
    try:
        frequency = repositories.batch_get_repository_scanning_configuration(name) or UNKNOWN
    except ControllerError as error:
        logger.warning("How images of %s are scanned is not known: %s", name, error)
        return UNKNOWN
    if frequency != UNKNOWN and scan_on_push != (frequency != "MANUAL"):
        logger.warning(
            "ImageScanOnPush of %s is %s, but the scanning configuration of the registry decides: the scan frequency "
            "is %s. Change the configuration with PutRegistryScanningConfiguration",
            name,
            str(scan_on_push).lower(),
            frequency,
        )
    return frequency
