"""Benchmarks of the controller. Run ``python -m benchmarks.<name>`` in the root folder of the repository."""

import sys
from pathlib import Path

# In Lambda the layer puts the package on the path.
sys.path.insert(0, str(Path(__file__).parents[1] / "layers" / "controller"))
