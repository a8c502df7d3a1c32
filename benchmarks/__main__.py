"""`make bench`: runs all benchmarks."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
    import_module(f"benchmarks.{path.stem}").main()
