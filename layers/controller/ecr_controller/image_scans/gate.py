"""The findings of a scan, and whether a deployment may continue with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecr_controller.errors import count, listed
from ecr_controller.severity import SEVERITIES, at_least, rank

if TYPE_CHECKING:
    from collections.abc import Mapping

# A scan that has not ended. Every other status is final, including unknown ones.
WAITING = ("PENDING", "IN_PROGRESS")
# COMPLETE is of basic scanning; ACTIVE of enhanced scanning, which is continuous.
WITH_FINDINGS = ("COMPLETE", "ACTIVE")
NAMED = 5  # findings that a refusal names


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: ``CVE-2026-1`` of a severity, in the package ``openssl 1.0.0``, if that is known."""

    name: str
    severity: str
    package: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(filter(None, [self.severity, self.package]))})"


@dataclass(frozen=True, slots=True)
class Scan:
    """The scan of an image as ECR reports it. ``counts`` has the severities that were found."""

    status: str
    description: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def has_findings(self) -> bool:
        """Whether the image was scanned, so that no finding means none."""
        return self.status in WITH_FINDINGS

    def count(self, severity: str) -> int:
        """The number of findings of this severity. An unknown one counts as UNDEFINED."""
        if severity != "UNDEFINED":
            return self.counts.get(severity, 0)
        return sum(number for each, number in self.counts.items() if each == severity or each not in SEVERITIES)


@dataclass(frozen=True, slots=True)
class Gate:
    """What a deployment allows: a number of findings of a severity or higher, and images without findings."""

    fail_on: str | None = None
    max_findings: int = 0
    passes_unscannable: bool = False

    def refusal(self, image: str, scan: Scan) -> str | None:
        """Why the deployment must stop, for the stack event, or None if it may continue."""
        if not scan.has_findings:
            return None if self.passes_unscannable else _unscannable(image, scan)
        if self.fail_on is None:
            return None
        severities = at_least(self.fail_on)
        counts = {each: number for each in severities if (number := scan.count(each))}
        if sum(counts.values()) <= self.max_findings:
            return None
        return self._too_many(image, scan, self.fail_on, counts)

    def _too_many(self, image: str, scan: Scan, fail_on: str, counts: Mapping[str, int]) -> str:
        total = sum(counts.values())
        by_severity = ", ".join(f"{number} {severity}" for severity, number in counts.items())
        severe = sorted((each for each in scan.findings if rank(each.severity) <= rank(fail_on)), key=_order)
        named = listed([str(each) for each in severe[:NAMED]], total)
        return (
            f"The image {image} has {count(total, 'finding')} of severity {fail_on} or higher ({by_severity}). "
            f"MaxFindings allows {self.max_findings}." + (f" Findings: {named}." if severe else "")
        )


def _order(finding: Finding) -> tuple[int, str]:
    return rank(finding.severity), finding.name


def _unscannable(image: str, scan: Scan) -> str:
    description = f": {scan.description.rstrip('.')}" if scan.description else ""
    return (
        f"The image {image} has no scan findings ({scan.status}{description}). To deploy it without findings, set "
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
    """The attributes of a resource: ImageDigest, ScanStatus, and the counts, ``unknown`` if it was not scanned."""
    counts = {
        name: str(sum(map(scan.count, severities))) if scan.has_findings else "unknown"
        for name, severities in _ATTRIBUTES.items()
    }
    return {"ImageDigest": digest, "ScanStatus": scan.status, **counts}
