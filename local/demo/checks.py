"""What the demo expects of each step: it stops where something else happens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from local import ROOT

if TYPE_CHECKING:
    from local.stack import Deployment


class DemoError(Exception):
    """Something else happened than the demo shows."""


def expect(deployment: Deployment, status: str) -> Deployment:
    """The deployment, if it ended in this status. Raises DemoError."""
    if deployment.status != status:
        reasons = "; ".join(deployment.reasons) or "no reason given"
        raise DemoError(f"The stack is in {deployment.status}, not in {status}: {reasons}")
    return deployment


def example(name: str) -> str:
    """The text of examples/<name>.yaml."""
    return Path(ROOT, "examples", f"{name}.yaml").read_text(encoding="utf-8")
