"""Adds byte code for Lambda's Python 3.13 to a built layer, where this machine has such a Python.

    python3 bytecode.py FOLDER

Layers are read-only on Lambda: what comes without byte code is compiled at every cold start. Python trusts byte code
only while its source has a certain size and time, and a ZIP archive changes the time; hence `unchecked-hash` (PEP 552).
All releases of Python 3.13 read the same byte code: they have one magic number.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = "f30d0d0a"  # 3571, in every release since 3.13.0b1
SHOW = "import importlib.util, sys; print(importlib.util.MAGIC_NUMBER.hex(), sys.executable)"
WITHOUT = """\
No Python 3.13 was found: not as python3.13 or python3 on the PATH, nor in pyenv, nor by uv. So this layer has no byte
code, and cold starts take twice as long. To change that, install Python 3.13 and run `sam build --no-cached`, or run
`sam build --use-container`."""


def commands() -> Iterator[str]:
    """What may be a Python 3.13."""
    yield "python3.13"
    yield sys.executable
    versions = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    yield from map(str, sorted(versions.glob("3.13*/bin/python3.13")))
    yield printed("uv", "python", "find", "--no-python-downloads", "3.13")


def printed(*command: str) -> str:
    """What the command prints; nothing where it fails, or is not there."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def python() -> str | None:
    """The first of the commands that is Python 3.13, and runs: that of a version manager may not."""
    for command in commands():
        magic, _, executable = printed(command, "-c", SHOW).partition(" ")
        if magic == MAGIC:
            return executable
    return None


def compile_layer(executable: str, folder: str) -> None:
    """Compile it as Lambda runs it, without optimization and at /opt. The same sources give the same bytes."""
    options = ["-q", "-f", "-o", "0", "--invalidation-mode", "unchecked-hash", "-s", folder, "-p", "/opt"]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPYCACHEPREFIX": ""}
    subprocess.run([executable, "-P", "-m", "compileall", *options, f"{folder}/python"], env=environment, check=True)


def main(folder: str) -> None:
    """Compile it, or say that this cannot be done."""
    executable = python()
    if executable is None:
        print(WITHOUT)
        return
    compile_layer(executable, folder)
    print(f"This layer has byte code, made by {executable}.")


if __name__ == "__main__":
    main(sys.argv[1])
