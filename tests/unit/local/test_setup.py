"""`make setup` on a machine that it cannot work on."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from local import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def setup(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it, with the virtual environment in a folder."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "PIP_", "UV_"))}
    command = ["make", "setup", f"VENV={folder / 'venv'}"]
    return subprocess.run(command, cwd=ROOT, env=clean | environment, capture_output=True, text=True, check=False)


def test_without_a_connection_it_says_what_to_check(tmp_path: Path) -> None:
    done = setup(tmp_path, PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="0", PIP_CONFIG_FILE=os.devnull)
    assert done.returncode != 0
    assert "The packages could not be installed; see above. They come from PyPI." in done.stderr
    assert "PIP_INDEX_URL and UV_DEFAULT_INDEX" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "venv" / ".ready").exists()


def test_the_size_of_the_environment_is_said_before_it_is_downloaded(tmp_path: Path) -> None:
    done = setup(tmp_path, PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="0", PIP_CONFIG_FILE=os.devnull)
    assert "(about 500 MB)" in done.stdout


def test_a_python_that_is_too_old_or_missing_is_named(tmp_path: Path) -> None:
    done = setup(tmp_path, PYTHON="python3.99")
    assert "Python 3.11 or newer is required. Choose one with PYTHON=" in done.stdout
