"""What a scan found, and whether a deployment may go on with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecr_controller.event_routing.events import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Mapping

# A scan that is on its way. Every other status is the end of it, also one that is not known yet.
WAITING = ("PENDING", "IN_PROGRESS")
# Of basic scanning; and of enhanced scanning, which never ends.
WITH_FINDINGS = ("COMPLETE", "ACTIVE")
WORST = 5  # findings that a refusal names


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: ``CVE-2026-1`` of a severity, in the package ``openssl 1.0.0``, where it is known."""

    name: str
    severity: str
    package: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(filter(None, [self.severity, self.package]))})"


@dataclass(frozen=True, slots=True)
class Scan:
    """The scan of an image as ECR tells it. ``counts`` has the severities that were found."""

    status: str
    description: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def has_findings(self) -> bool:
        """Whether the image was looked at, so that no finding means none."""
        return self.status in WITH_FINDINGS

    def count(self, severity: str) -> int:
        """The findings of this severity. One that is not known counts as UNDEFINED."""
        if severity != "UNDEFINED":
            return self.counts.get(severity, 0)
        return sum(count for each, count in self.counts.items() if each == severity or each not in SEVERITIES)


@dataclass(frozen=True, slots=True)
class Gate:
    """What a deployment tolerates: so many findings of a severity or a worse one, and no image without findings."""

    fail_on: str | None = None
    max_findings: int = 0
    passes_unscannable: bool = False

    def refusal(self, image: str, scan: Scan) -> str | None:
        """Why the deployment must stop, for the stack event, or None where it may go on."""
        if not scan.has_findings:
            return None if self.passes_unscannable else _unscannable(image, scan)
        if self.fail_on is None:
            return None
        severities = SEVERITIES[: SEVERITIES.index(self.fail_on) + 1]
        counts = {each: count for each in severities if (count := scan.count(each))}
        if sum(counts.values()) <= self.max_findings:
            return None
        return self._too_many(image, scan, counts)

    def _too_many(self, image: str, scan: Scan, counts: Mapping[str, int]) -> str:
        total = sum(counts.values())
        by_severity = ", ".join(f"{count} {severity}" for severity, count in counts.items())
        worst = sorted((each for each in scan.findings if rank(each.severity) <= rank(self.fail_on)), key=_order)
        named = ", ".join(map(str, worst[:WORST]))
        return (
            f"The image {image} has {'1 finding' if total == 1 else f'{total} findings'} of severity {self.fail_on} or "
            f"worse ({by_severity}); MaxFindings allows {self.max_findings}."
            + (f" {'The worst' if total > WORST else 'Found'}: {named}." if named else "")
        )


def rank(severity: str | None) -> int:
    """0 for the worst; a severity that is not known ranks as UNDEFINED."""
    return SEVERITIES.index(severity if severity in SEVERITIES else "UNDEFINED")


def _order(finding: Finding) -> tuple[int, str]:
    return rank(finding.severity), finding.name


def _unscannable(image: str, scan: Scan) -> str:
    told = f": {scan.description.rstrip('.')}" if scan.description else ""
    return (
        f"The image {image} has no scan findings ({scan.status}{told}). To deploy such an image nevertheless, set "
        "OnUnscannable: Pass."
    )


_ATTRIBUTES = {
    "CriticalFindings": ("CRITICAL",),
    "HighFindings": ("HIGH",),
    "MediumFindings": ("MEDIUM",),
    "LowFindings": ("LOW",),
    "InformationalFindings": ("INFORMATIONAL",),
    "UndefinedFindings": ("UNTRIAGED", "UNDEFINED"),
}


def attributes(digest: str, scan: Scan) -> dict[str, str]:
    """The attributes of a resource: ImageDigest, ScanStatus, and the counts: ``unknown`` of what was not scanned."""
    counts = {
        name: str(sum(map(scan.count, severities))) if scan.has_findings else "unknown"
        for name, severities in _ATTRIBUTES.items()
    }
    return {"ImageDigest": digest, "ScanStatus": scan.status, **counts}
