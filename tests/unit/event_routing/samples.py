"""Events as AWS documents them, and scans for the tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_controller.event_routing import reading
from ecr_controller.event_routing.scans import ScanCompleted

if TYPE_CHECKING:
    from ecr_controller.event_routing.events import EcrEvent

DOCUMENTED = Path(__file__).parent / "documented"
SCANS = (
    "ecr-image-scan-complete",
    "ecr-image-scan-failed",
    "inspector2-scan-initial-complete",
    "inspector2-scan-initial-complete-ecr-userguide",
)
OTHERS = sorted(path.stem for path in DOCUMENTED.glob("*.json") if path.stem not in SCANS)


def documented(name: str) -> Any:
    """The event of that name."""
    return json.loads((DOCUMENTED / f"{name}.json").read_text(encoding="utf-8"))


def basic(**detail: Any) -> dict[str, Any]:
    """A basic scan's event with other details; None takes one out."""
    event: dict[str, Any] = documented("ecr-image-scan-complete")
    changed = event["detail"] | {name.replace("_", "-"): value for name, value in detail.items()}
    return event | {"detail": {name: value for name, value in changed.items() if value is not None}}


def scan(**detail: Any) -> ScanCompleted:
    """The scan that such an event reports."""
    [found] = reading.parse(basic(**detail))
    assert isinstance(found, ScanCompleted)
    return found


def event(name: str, **detail: Any) -> EcrEvent:
    """What the documented event of that name reports, with other details."""
    document = documented(name)
    changed = {key.replace("_", "-"): value for key, value in detail.items()}
    [found] = reading.parse(document | {"detail": document["detail"] | changed})
    return found
