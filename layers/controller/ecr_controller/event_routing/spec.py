"""What the properties of ``Custom::ECRImageScanRoute`` declare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller.errors import UserError
from ecr_controller.event_routing import targets
from ecr_controller.event_routing.routes import ANY_STATUS, Route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Home
    from ecr_controller.errors import Faults


def parse_route(values: Values, faults: Faults, home: Home) -> Route | None:
    """The route that the properties declare."""
    status = values.get("ScanStatus", "COMPLETE")
    if "MinimumSeverity" in values and status not in ("COMPLETE", ANY_STATUS):
        faults.add(
            "MinimumSeverity",
            f"is only supported with ScanStatus COMPLETE or *; a scan that ends with {status} has no findings",
        )
    arns = values.get("Targets", ())
    _validate_targets(arns, home, faults)
    valid = tuple(dict.fromkeys(arn for arn in arns if arn))
    if not valid or "RepositoryName" not in values:
        return None
    return Route(
        repositories=values["RepositoryName"],
        targets=valid,
        image_tags=tuple(tag for tag in values.get("ImageTags", ()) if tag),
        scan_status=status,
        minimum_severity=values.get("MinimumSeverity"),
    )


def _validate_targets(arns: Sequence[str | None], home: Home, faults: Faults) -> None:
    for i, arn in enumerate(arns):
        if arn is None:
            continue
        try:
            target = targets.parse(arn)
        except UserError as error:
            faults.add(f"Targets[{i}]", str(error))
            continue
        if (target.account, target.region) != (home.account, home.region):
            faults.add(
                f"Targets[{i}]",
                f"{arn} is not in the controller's account and Region, {home.account} and {home.region}",
            )
