"""`make quickstart`, after its environment is there."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from local import ROOT
from tests.integration.conftest import ON_REAL_AWS


@pytest.mark.skipif(ON_REAL_AWS, reason="it starts an embedded AWS")
def test_the_quickstart_shows_its_repository_within_a_minute_and_a_half() -> None:
    started = time.monotonic()
    command = [sys.executable, "-m", "local.quickstart"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app" in done.stdout
    assert "Repository in the stack shop, which created it" in done.stdout
    assert time.monotonic() - started < 90
