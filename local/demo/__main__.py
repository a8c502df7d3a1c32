"""`make demo`: everything that the controller does, once, on an embedded AWS."""

from __future__ import annotations

import argparse
import sys

from local.demo.authority import BOUNDARIES, show_boundaries
from local.demo.baselines import show_baseline
from local.demo.grants import show_grants
from local.demo.repositories import show_adoption, show_create, show_delete, show_faults, show_guard, show_update
from local.demo.scans import show_events, show_gate, show_routes
from local.progress import heading, run
from local.serve import running_controller


def main() -> None:
    """Start the AWS, deploy the controller, show each scene in the order in which a user meets it, delete all."""
    argparse.ArgumentParser(prog="make demo", description="Show what the controller does.").parse_args()
    with running_controller(Boundaries=BOUNDARIES) as aws:
        show_create(aws, 1)
        show_faults(aws, 2)
        show_adoption(aws, 3)
        show_update(aws, 4)
        show_guard(aws, 5)
        show_gate(aws, 6)
        show_routes(aws, 7)
        show_events(aws, 8)
        show_grants(aws, 9)
        show_boundaries(aws, 10)
        show_baseline(aws, 11)
        show_delete(aws, 12)
    heading("That was everything. `make local` starts the same AWS for you to try things by hand.")


if __name__ == "__main__":
    sys.exit(run(main))
