"""The command as other programs run it: its contract, exit codes and standard output."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ecr_controller import __version__
from ecrctl.main import app

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
    by_rule = [image for image in plan["images"] if image["subject"] is None]
    assert all((image["action"] == "keep") == (image["rulePriority"] is None) for image in by_rule)
    [signature] = [image for image in plan["images"] if image["subject"] is not None]
    assert (signature["action"], signature["rulePriority"]) == ("expire", None)
    assert all(image["claimedBy"] is not None for image in plan["images"])
    counted = {action: sum(image["action"] == action for image in by_rule) for action in ("expire", "archive")}
    assert plan["summary"]["referrers"] == {"expire": 1, "archive": 0}
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


@pytest.mark.parametrize(
    "arguments", [["--nonsense"], ["lifecycle", "plan", "--nonsense"], ["lifecycle", "plan", "--output", "xml"], ["no"]]
)
def test_the_exit_code_of_a_wrong_option_is_not_that_of_a_plan_with_effect(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, done.stdout) == (1, "")


def test_the_version() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"ecrctl {__version__}\n"


PLAN = ["lifecycle", "plan", "--policy-file", str(POLICY), "--images-file", str(IMAGES)]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], PLAN, [*PLAN, "--output", "json"]])
def test_a_full_disk_behind_standard_output_is_an_error(arguments: list[str]) -> None:
    command = str(Path(sys.executable).with_name("ecrctl"))
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([command, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.stderr == "error: standard output: cannot be written: No space left on device\n"
    assert done.returncode == 1


def test_a_reader_that_stops_reading_is_no_error() -> None:
    command = f"{Path(sys.executable).with_name('ecrctl')} {' '.join(PLAN)} --output json | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("{\n", "")


# Manners


def test_help_and_the_version_load_nothing_that_a_command_needs() -> None:
    code = """
import sys
from ecrctl.main import app
heavy = {"botocore", "yaml", "rich.table", "ecrctl.inputs", "ecrctl.outputs", "ecr_controller.custom_resource"}
assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


COMMANDS = [
    ["status"],
    ["drift"],
    ["baseline", "plan"],
    ["validate"],
    ["lifecycle", "plan"],
    ["in-use"],
    ["findings"],
    ["export"],
    ["adopt"],
]


def test_every_command_is_known_here() -> None:
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "120"}).stdout
    assert {each[0] for each in COMMANDS} == {
        line.split()[1]
        for line in shown.partition("Commands")[2].splitlines()
        if line.startswith("\u2502 ") and line[2] != " "
    }


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_a_command_has_examples_and_no_internal_types(command: list[str]) -> None:
    shown = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "100"}).stdout
    assert f"$ ecrctl {' '.join(command)} " in shown
    assert "<" not in shown


def test_shells_complete_the_commands() -> None:
    done = CliRunner().invoke(
        app,
        [],
        env={"_ECRCTL_COMPLETE": "complete_bash", "COMP_WORDS": "ecrctl li", "COMP_CWORD": "1"},
        prog_name="ecrctl",
    )
    assert done.stdout.split() == ["lifecycle"]
