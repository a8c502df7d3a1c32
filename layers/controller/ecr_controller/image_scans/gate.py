"""The findings of the scans of an image, and whether a deployment may continue with them.

Nothing here calls AWS or knows of a request.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecr_controller.errors import count, listed
from ecr_controller.severity import SEVERITIES, at_least, rank

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

# A scan that has not ended. Every other status is final, including unknown ones.
WAITING = ("PENDING", "IN_PROGRESS")
# COMPLETE is of basic scanning, and of Inspector after a push; ACTIVE is of Inspector's continuous scanning.
WITH_FINDINGS = ("COMPLETE", "ACTIVE")
NAMED = 5  # findings that a refusal names


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: ``CVE-2026-1`` of a severity, in the package ``openssl 1.0.0``, if that is known.

    ``has_fix`` is None where the scan cannot know, which is in basic scanning.
    """

    name: str
    severity: str
    package: str = ""
    has_fix: bool | None = None

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(filter(None, [self.severity, self.package]))})"

    @property
    def known_severity(self) -> str:
        """The severity; an unknown one counts as UNDEFINED."""
        return self.severity if self.severity in SEVERITIES else "UNDEFINED"


@dataclass(frozen=True, slots=True)
class Scan:
    """The scan of one image as ECR reports it. ``counts`` has the severities that were found.

    ``platform`` is that of an image in an index, such as ``linux/arm64``. ``is_enhanced`` is whether Amazon Inspector
    scanned the image, and None where that is not known.
    """

    status: str
    description: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    platform: str = ""
    is_enhanced: bool | None = None

    @property
    def has_findings(self) -> bool:
        """Whether the image was scanned, so that no finding means none."""
        return self.status in WITH_FINDINGS

    def tally(self) -> Counter[str]:
        """The number of findings of each severity. An unknown one counts as UNDEFINED.

        ECR's counts and its list may disagree; the larger number counts.
        """
        counted: Counter[str] = Counter()
        for severity, number in self.counts.items():
            counted[severity if severity in SEVERITIES else "UNDEFINED"] += number
        return counted | Counter(finding.known_severity for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Exemption:
    """One finding that is accepted to the end of a day in UTC, and why."""

    finding: str
    until: date
    reason: str

    def __str__(self) -> str:
        return f"{self.finding} until {self.until} ({self.reason})"


@dataclass(frozen=True, slots=True)
class Gate:
    """What a deployment allows.

    ``max_findings`` is for ``fail_on`` and all higher severities together, ``by_severity`` for single severities.
    Findings that are accepted, or that have no fix where only those with a fix count, are not among them.
    """

    fail_on: str | None = None
    max_findings: int = 0
    by_severity: Mapping[str, int] = field(default_factory=dict)
    only_fixable: bool = False
    accepted: tuple[Exemption, ...] = ()
    passes_unscannable: bool = False

    def refusals(self, image: str, scans: Sequence[Scan], today: date) -> Iterator[str]:
        """Why the deployment must stop, in sentences for the stack event; none if it may continue.

        ``scans`` are those of all images that ``image`` names: one, or one for each image of an index.
        """
        scanned = [scan for scan in scans if scan.has_findings]
        if len(scanned) < len(scans) and not self.passes_unscannable:
            yield from (_unscannable(image, scan) for scan in scans if not scan.has_findings)
        elif self.only_fixable and any(_is_basic(scan) for scan in scanned):
            yield (
                f"The image {image} was scanned by basic scanning, which does not report whether a finding has a fix. "
                "OnlyFixable requires enhanced scanning. Remove OnlyFixable, or turn on enhanced scanning in the "
                "scanning configuration of the registry."
            )
        elif exceeded := list(self._exceeded(image, self.counted(scanned, today))):
            yield from exceeded
            yield from self._most_severe(scanned, today)
            yield from self._ended(scanned, today)

    def counted(self, scans: Sequence[Scan], today: date) -> Counter[str]:
        """The findings that count, by severity: all but those that are listed and exempt."""
        total: Counter[str] = Counter()
        for scan in scans:
            if scan.has_findings:
                exempt = [each for each in scan.findings if self._is_exempt(each, today)]
                total += scan.tally() - Counter(finding.known_severity for finding in exempt)
        return total

    def used(self, scans: Sequence[Scan], today: date) -> list[Exemption]:
        """The exemptions that are in force and that a finding has."""
        found = {finding.name for scan in scans for finding in scan.findings}
        return [each for each in self.accepted if each.until >= today and each.finding in found]

    def _is_exempt(self, finding: Finding, today: date) -> bool:
        is_accepted = any(each.finding == finding.name and each.until >= today for each in self.accepted)
        return is_accepted or (self.only_fixable and finding.has_fix is False)

    def _exceeded(self, image: str, counted: Counter[str]) -> Iterator[str]:
        kinds = ("finding with a fix", "findings with a fix") if self.only_fixable else ("finding", "findings")
        if self.fail_on is not None:
            found = {each: counted[each] for each in at_least(self.fail_on) if counted[each]}
            if sum(found.values()) > self.max_findings:
                by_severity = ", ".join(f"{number} {severity}" for severity, number in found.items())
                yield (
                    f"The image {image} has {count(sum(found.values()), *kinds)} of severity {self.fail_on} or higher "
                    f"({by_severity}). MaxFindings allows {self.max_findings}."
                )
        for severity, allowed in self.by_severity.items():
            if counted[severity] > allowed:
                yield (
                    f"The image {image} has {count(counted[severity], *kinds)} of severity {severity}. "
                    f"MaxFindingsBySeverity allows {allowed}."
                )

    def _most_severe(self, scans: Sequence[Scan], today: date) -> Iterator[str]:
        """The most severe findings that count, each with the platform of its image."""
        severities = {*self.by_severity, *(at_least(self.fail_on) if self.fail_on else ())}
        severe = sorted(
            (rank(finding.severity), finding.name, f"{finding}{_of(scan)}")
            for scan in scans
            for finding in scan.findings
            if finding.known_severity in severities and not self._is_exempt(finding, today)
        )
        counted = self.counted(scans, today)
        if severe:
            named = listed([text for *_, text in severe[:NAMED]], sum(counted[each] for each in severities))
            yield f"Findings: {named}."

    def _ended(self, scans: Sequence[Scan], today: date) -> Iterator[str]:
        found = {finding.name for scan in scans for finding in scan.findings}
        ended = [each for each in self.accepted if each.until < today and each.finding in found]
        if ended:
            yield f"Exceptions in Accepted that have ended: {', '.join(f'{e.finding} on {e.until}' for e in ended)}."


def _is_basic(scan: Scan) -> bool:
    return scan.is_enhanced is False or (scan.is_enhanced is None and scan.tally().total() > 0)


def _of(scan: Scan) -> str:
    return f" in {scan.platform}" if scan.platform else ""


def _unscannable(image: str, scan: Scan) -> str:
    description = f": {scan.description.rstrip('.')}" if scan.description else ""
    return (
        f"The image {image}{_of(scan)} has no scan findings ({scan.status}{description}). To deploy it without "
        "findings, set OnUnscannable: Pass."
    )


_ATTRIBUTES = {
    "Critical": ("CRITICAL",),
    "High": ("HIGH",),
    "Medium": ("MEDIUM",),
    "Low": ("LOW",),
    "Informational": ("INFORMATIONAL",),
    "Undefined": ("UNTRIAGED", "UNDEFINED"),
}


def attributes(digest: str, scans: Sequence[Scan], gate: Gate, today: date) -> dict[str, str]:
    """The attributes of a resource: ImageDigest, ScanStatus, and the counts after exceptions and before.

    The status is that of the first image without findings, if there is one. The counts are ``unknown`` if no image was
    scanned.
    """
    unscanned = [scan.status for scan in scans if not scan.has_findings]
    scanned = [scan for scan in scans if scan.has_findings]
    after, before = gate.counted(scanned, today), sum((scan.tally() for scan in scanned), Counter[str]())
    counts = {
        f"{name}Findings{suffix}": str(sum(counted[each] for each in severities)) if scanned else "unknown"
        for suffix, counted in (("", after), ("BeforeExceptions", before))
        for name, severities in _ATTRIBUTES.items()
    }
    return {"ImageDigest": digest, "ScanStatus": [*unscanned, *(scan.status for scan in scanned)][0], **counts}
