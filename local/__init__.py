"""The controller on this machine: an embedded AWS, the controller deployed to it, and the commands that use both."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
