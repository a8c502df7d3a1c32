"""A stand-in for Docker's command."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def docker(folder: Path, script: str) -> Path:
    """A folder with a `docker` that runs a script of sh."""
    (folder / "docker").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / "docker").chmod(0o755)
    return folder
