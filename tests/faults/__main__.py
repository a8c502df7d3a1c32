"""Run every case, or those whose name contains the argument: `make faults`, `make faults ONLY=grant-update`."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from tests.faults import report
from tests.faults.pool import begin, run_all
from tests.faults.runner import Outcome
from tests.faults.scenarios import scenarios

PROCESSES = 2
EXAMPLES = 150  # of histories of a stack, each of many requests


def _histories() -> int:
    """More histories of stacks than the tests go through."""
    command = [sys.executable, "-m", "pytest", "-q", "--timeout=1800", "tests/faults/test_cloudformation_model.py"]
    return subprocess.run(command, env={**os.environ, "FAULTS_EXAMPLES": str(EXAMPLES)}, check=False).returncode


def main(only: str) -> int:
    """Print the failures and their number."""
    names = [each for each in scenarios() if each.startswith(only.split("/")[0]) or only in each]
    cases, failures = 0, list[Outcome]()
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn"), initializer=begin) as pool:
        for done in as_completed([pool.submit(run_all, name, only) for name in names]):
            name, count, failed = done.result()
            cases, failures = cases + count, [*failures, *failed]
            print(f"{name:<52} {count:>5} cases {len(failed):>5} failures", flush=True)
    print(report.in_full(failures[0]) if cases == 1 and failures else report.described(failures))
    print(f"{cases} cases, {len(failures)} failures")
    histories = 0 if only else _histories()
    return 1 if failures or histories else 0


if __name__ == "__main__":
    sys.exit(main(os.environ.get("ONLY", "")))
