"""The command as other programs run it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
POLICY, IMAGES = EXAMPLES / "lifecycle-policy.json", EXAMPLES / "images.json"


def test_the_examples_make_a_plan_in_json() -> None:
    command = [str(Path(sys.executable).with_name("ecrctl")), "lifecycle", "plan"]
    options = ["--policy-file", str(POLICY), "--images-file", str(IMAGES), "--now", "2026-11-01T12:00:00Z"]
    done = subprocess.run([*command, *options, "--output", "json"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "")
    plan = json.loads(done.stdout)
    given = json.loads(IMAGES.read_text(encoding="utf-8"))["imageDetails"]
    assert [image["imageDigest"] for image in plan["images"]] == [image["imageDigest"] for image in given]
    assert [image["imageTags"] for image in plan["images"]] == [image.get("imageTags", []) for image in given]
    assert {image["action"] for image in plan["images"]} == {"expire", "archive", "keep"}
    assert all((image["action"] == "keep") == (image["rulePriority"] is None) for image in plan["images"])
    assert all(image["claimedBy"] is not None for image in plan["images"])
    counted = {action: sum(image["action"] == action for image in plan["images"]) for action in ("expire", "archive")}
    assert counted == {"expire": plan["summary"]["expire"], "archive": plan["summary"]["archive"]}


def test_boto3_is_not_loaded_for_a_plan_from_files() -> None:
    code = f"""
import sys
from ecrctl.main import app
try:
    app(["lifecycle", "plan", "--policy-file", {str(POLICY)!r}, "--images-file", {str(IMAGES)!r}])
except SystemExit as end:
    assert end.code == 2, end
assert "botocore" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
