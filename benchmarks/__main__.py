"""`make bench`: every benchmark, one after the other."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
    import_module(f"benchmarks.{path.stem}").main()
