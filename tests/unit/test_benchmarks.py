"""The benchmarks that count, and do not measure time, run to their end."""

from __future__ import annotations

import subprocess
import sys

import pytest

from local import ROOT


@pytest.mark.parametrize("name", ["api_calls", "resync", "trips"])
def test_a_count_is_made(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
