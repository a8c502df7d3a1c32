"""What the properties of ``Custom::ECREventRoute`` and of its narrower form, ``Custom::ECRImageScanRoute``, declare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller.errors import UserError
from ecr_controller.event_routing import targets
from ecr_controller.event_routing.api_calls import CALLED
from ecr_controller.event_routing.messages import FOR_PEOPLE
from ecr_controller.event_routing.routes import ANY_STATUS, Route
from ecr_controller.event_routing.scans import SCAN_COMPLETED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Home
    from ecr_controller.errors import Faults

# Those of Amazon ECR and Amazon Inspector that need no trail.
DEFAULT_EVENTS = (
    *("Pushed", "Deleted", "Archived", "Restored", "Replicated", "ReplicationFailed", "PulledThrough"),
    *("PullThroughFailed", "ReferrerRestored", SCAN_COMPLETED),
)
# Those that have a severity.
_RATED = (SCAN_COMPLETED, "Finding")


def parse_scan_route(values: Values, faults: Faults, home: Home) -> Route | None:
    """The route of scans."""
    status = values.get("ScanStatus", "COMPLETE")
    if "MinimumSeverity" in values and status not in ("COMPLETE", ANY_STATUS):
        faults.add(
            "MinimumSeverity",
            f"is only supported with ScanStatus COMPLETE or *; a scan that ends with {status} has no findings",
        )
    return _route(values, faults, home, events=(SCAN_COMPLETED,), scan_status=status, form=SCAN_COMPLETED)


def parse_event_route(values: Values, faults: Faults, home: Home) -> Route | None:
    """The route of events."""
    events = tuple(dict.fromkeys(each for each in values.get("Events", ()) if each)) or DEFAULT_EVENTS
    if values.is_invalid("Events"):
        return None
    if values.declares("ApiCalls") and CALLED not in events:
        faults.add("ApiCalls", f"is only supported with {CALLED} among Events")
    if values.declares("MinimumSeverity") and not set(events) & set(_RATED):
        faults.add("MinimumSeverity", "is only supported with ScanCompleted or Finding among Events")
    if values.declares("Window") and "Finding" not in events:
        faults.add("Window", "is only supported with Finding among Events")
    return _route(values, faults, home, events=events, scan_status=ANY_STATUS, form="Json")


def _route(
    values: Values, faults: Faults, home: Home, *, events: tuple[str, ...], scan_status: str, form: str
) -> Route | None:
    """The route with these events, and what both types declare. ``form`` is the default format."""
    arns = values.get("Targets", ())
    form = {"Json": form}.get(declared := values.get("Format", "Json"), declared)
    _validate_targets(arns, form, home, faults)
    valid = tuple(dict.fromkeys(arn for arn in arns if arn))
    if not valid or "RepositoryName" not in values:
        return None
    return Route(
        repositories=values["RepositoryName"],
        targets=valid,
        image_tags=tuple(tag for tag in values.get("ImageTags", ()) if tag),
        scan_status=scan_status,
        minimum_severity=values.get("MinimumSeverity"),
        events=events,
        api_calls=tuple(call for call in values.get("ApiCalls", ()) if call),
        form=form,
        includes_controller=values.get("IncludeController", False),
        window_minutes=values.get("Window", 0),
    )


def _validate_targets(arns: Sequence[str | None], form: str, home: Home, faults: Faults) -> None:
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
        if form in FOR_PEOPLE and not isinstance(target, targets.Topic):
            faults.add(f"Targets[{i}]", f"must be an SNS topic, because Format is {form}")
