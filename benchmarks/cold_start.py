"""Cold start of each function, against bare Python and against the floor ``import boto3; boto3.client("ecr")``.

Fresh processes, in turn, so that what the machine does meanwhile meets all alike; medians, and ratios within the run.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = int(os.environ.get("ROUNDS", "15"))
BARE = "pass"
FLOOR = 'import boto3; boto3.client("ecr")'
CLIENT = 'from ecr_controller import aws; aws.client("ecr")'
# Modules that a cold start must not pay for: see peers' figures in docs/benchmarks.md.
HEAVY = ("aws_xray_sdk", "jsonschema", "pydantic", "requests")


def programs() -> dict[str, str]:
    """What is measured: each function up to its handler, and with its first client where it has one."""
    found = {"bare Python": BARE, "boto3 with an ECR client (the floor)": FLOOR}
    for path in sorted((ROOT / "functions").glob("*/app.py")):
        load = f"import sys; sys.path[:0] = [{str(path.parent)!r}, {str(ROOT / 'layers/controller')!r}]; import app"
        found[path.parent.name] = load
        if "ecr_controller" in path.read_text(encoding="utf-8"):
            found[f"{path.parent.name} with an ECR client"] = f"{load}; {CLIENT}"
    return found


def milliseconds(program: str) -> float:
    """The time of one fresh process."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, env=environment())
    return (time.perf_counter() - started) * 1000


def modules(program: str) -> set[str]:
    """The top-level modules that are loaded in the end."""
    show = f"{program}\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", show], check=True, env=environment(), capture_output=True, text=True)
    return set(json.loads(ended.stdout.splitlines()[-1]))


def environment() -> dict[str, str]:
    """What Lambda sets, as far as it matters here."""
    region = {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    return {"PATH": os.environ["PATH"], "PARTS_TABLE": "parts", **region}


def main() -> None:
    """Measure and print."""
    measured = programs()
    for program in measured.values():
        milliseconds(program)
    times: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(ROUNDS):
        for name, program in measured.items():
            times[name].append(milliseconds(program))
    medians = {name: statistics.median(each) for name, each in times.items()}
    bare, floor = medians["bare Python"], medians["boto3 with an ECR client (the floor)"]
    table = Table(
        "cold start", "ms", "over bare, ms", "to the floor", "modules", "heavy ones", title=f"{ROUNDS} rounds"
    )
    for name, program in measured.items():
        loaded = modules(program)
        heavy = ", ".join(each for each in HEAVY if each in loaded) or "none"
        ratio = f"{medians[name] / floor:.2f}"
        table.add_row(name, f"{medians[name]:.0f}", f"{medians[name] - bare:.0f}", ratio, str(len(loaded)), heavy)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
