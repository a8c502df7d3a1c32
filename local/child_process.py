"""Processes that end with their parent, however it ends: they read a pipe from it, and kill their own process group at
end of file.

`python -m local.child_process COMMAND …` runs a command in that way.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def run(command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> tuple[int, str]:
    """Run a command to its end; its exit code and what it printed. Nothing of it outlives this process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "local.child_process", *command],
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            output = process.stdout.read() if process.stdout else ""
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, output


def end_with_parent(folder: str | None = None) -> None:
    """Kill this process group, and remove a folder, once the parent is gone. To be called by a group's leader."""
    threading.Thread(target=_watch, args=(folder,), daemon=True).start()


def _watch(folder: str | None) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    end_with_parent()
    sys.exit(subprocess.call(sys.argv[1:], stdin=subprocess.DEVNULL))
