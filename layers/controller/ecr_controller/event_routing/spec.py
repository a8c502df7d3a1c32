"""From the properties of ``Custom::ECRImageScanRoute`` to a route, with every fault at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource import properties
from ecr_controller.errors import Fault, InvalidProperties, UserError
from ecr_controller.event_routing import targets
from ecr_controller.event_routing.routes import ANY_STATUS, Route

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TYPE = "ECRImageScanRoute"


def read(declared: Mapping[str, Any], home: tuple[str, str]) -> Route:
    """The route that is declared. ``home`` is the controller's account and Region. Raises InvalidProperties."""
    values, faults = properties.check(TYPE, declared)
    faults += [*_severity_faults(values), *_target_faults(values.get("Targets", ()), home)]
    if faults:
        raise InvalidProperties(f"Custom::{TYPE}", faults)
    return Route(
        repositories=values["RepositoryName"],
        targets=tuple(dict.fromkeys(values["Targets"])),
        image_tags=tuple(values.get("ImageTags", ())),
        scan_status=values.get("ScanStatus", "COMPLETE"),
        minimum_severity=values.get("MinimumSeverity"),
    )


def refuse_targets(refused: Mapping[int, str]) -> None:
    """Raise InvalidProperties for the targets, by their places, that were refused with these words."""
    if refused:
        raise InvalidProperties(f"Custom::{TYPE}", [Fault(f"Targets[{i}]", why) for i, why in refused.items()])


def _severity_faults(values: Mapping[str, Any]) -> Iterator[Fault]:
    status = values.get("ScanStatus", "COMPLETE")
    if "MinimumSeverity" in values and status not in ("COMPLETE", ANY_STATUS):
        yield Fault(
            "MinimumSeverity", f"goes only with ScanStatus COMPLETE or *: a scan that ends {status} has no counts"
        )


def _target_faults(arns: Sequence[str | None], home: tuple[str, str]) -> Iterator[Fault]:
    for i, arn in enumerate(arns):
        if arn is None:
            continue
        try:
            target = targets.parse(arn)
        except UserError as error:
            yield Fault(f"Targets[{i}]", str(error))
            continue
        if target.home != home:
            yield Fault(f"Targets[{i}]", f"{arn} is not in the controller's account and Region, {' and '.join(home)}")
