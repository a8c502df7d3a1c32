"""`make quickstart`: deploy examples/quickstart.yaml on an embedded AWS."""

from __future__ import annotations

import sys

from local import ROOT
from local.progress import console, heading, run, step
from local.serve import running_controller
from local.show import repository
from local.stack import Stack

EXAMPLE = ROOT / "examples" / "quickstart.yaml"
NEXT = """
  make demo     # go through adoption, guards, grants, scans and baselines
  make local    # keep the embedded AWS running, with commands to try
"""


class DeploymentError(Exception):
    """The stack failed. The message has the reasons."""


def main() -> None:
    """Deploy the controller and the example, and show the repository."""
    with running_controller() as aws:
        with step("Deploying examples/quickstart.yaml as the stack shop"):
            deployed = Stack(aws.client("cloudformation"), "shop").deploy(EXAMPLE.read_text(encoding="utf-8"))
            if not deployed.succeeded:
                raise DeploymentError("; ".join(deployed.reasons))
        console.print(repository(aws.client("ecr"), "team/app"))
    heading("The embedded AWS is stopped. Next:")
    print(NEXT)


if __name__ == "__main__":
    sys.exit(run(main))
