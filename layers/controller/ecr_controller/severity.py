"""The severities of scan findings, basic and enhanced.

Source: "Image scanning" in the Amazon ECR user guide, "Severity levels for findings" in that of Amazon Inspector.
"""

from __future__ import annotations

# From the most severe down. UNTRIAGED is Inspector's alone, UNDEFINED is basic scanning's.
SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNTRIAGED", "UNDEFINED")


def at_least(severity: str) -> tuple[str, ...]:
    """This severity and all that are more severe, from the most severe down."""
    return SEVERITIES[: SEVERITIES.index(severity) + 1]


def rank(severity: str) -> int:
    """0 for the most severe; an unknown severity ranks as UNDEFINED."""
    return SEVERITIES.index(severity if severity in SEVERITIES else "UNDEFINED")
