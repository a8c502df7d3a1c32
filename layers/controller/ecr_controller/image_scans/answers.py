"""The answer of DescribeImageScanFindings as a scan, for basic and enhanced scanning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller.image_scans.gate import WITH_FINDINGS, Finding, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def scan_from(pages: Sequence[Mapping[str, Any]], platform: str) -> Scan:
    """The scan that the pages of an answer report, of an image of this platform."""
    shown, found = pages[0]["imageScanStatus"], pages[0].get("imageScanFindings", {})
    status = shown["status"]
    if status in WITH_FINDINGS and "imageScanCompletedAt" not in found:
        # Inspector reports no findings with COMPLETE or ACTIVE until its first scan of the image has ended.
        status = "PENDING"
    return Scan(
        status,
        shown.get("description", ""),
        found.get("findingSeverityCounts", {}),
        tuple(finding for page in pages for finding in _findings(page.get("imageScanFindings", {}))),
        platform,
        _is_enhanced(status, found),
    )


def _is_enhanced(status: str, found: Mapping[str, Any]) -> bool | None:
    """None where nothing was found, because neither kind of findings is there."""
    if status == "ACTIVE" or found.get("enhancedFindings"):
        return True
    return False if found.get("findings") else None


def _findings(found: Mapping[str, Any]) -> Iterator[Finding]:
    for basic in found.get("findings", ()):
        known = {each["key"]: each.get("value", "") for each in basic.get("attributes", ())}
        package = f"{known.get('package_name', '')} {known.get('package_version', '')}".strip()
        yield Finding(basic.get("name", "a finding without a name"), basic.get("severity", "UNDEFINED"), package)
    for enhanced in found.get("enhancedFindings", ()):
        details = enhanced.get("packageVulnerabilityDetails", {})
        [package, *_] = details.get("vulnerablePackages") or [{}]
        named = f"{package.get('name', '')} {package.get('version', '')}".strip()
        name = details.get("vulnerabilityId") or enhanced.get("title", "a finding without a name")
        has_fix = {"YES": True, "PARTIAL": True, "NO": False}.get(enhanced.get("fixAvailable", ""))
        yield Finding(name, enhanced.get("severity", "UNDEFINED"), named, has_fix)
