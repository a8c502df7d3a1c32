"""Options: which go together, and what the help shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from ecrctl.main import app
from tests.unit.cli.conftest import repository_with

if TYPE_CHECKING:
    from tests.unit.cli.conftest import File, Run


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "specify exactly one of --template, --rules-file, and --policy-file"),
        (["--rules-file", "RULES", "--policy-file", "RULES", "--images-file", "IMAGES"], "specify exactly one of"),
        (["--rules-file", "RULES"], "with --repository, or the images with --images-file"),
        (["--rules-file", "RULES", "--images-file", "IMAGES", "--preview"], "specify the repository with --repository"),
        (["--rules-file", "RULES", "--images-file", "IMAGES", "--parameter", "A=1"], "require --template"),
        (["--rules-file", "RULES", "--images-file", "IMAGES", "--resource", "A"], "require --template"),
        (["--rules-file", "-", "--images-file", "-"], "only one option can read standard input"),
        (
            ["--rules-file", "RULES", "--images-file", "IMAGES", "--region", "x"],
            "--region cannot be used with --images",
        ),
        (["--rules-file", "RULES", "--images-file", "IMAGES", "--profile", "x"], "--profile cannot be used with"),
        (["--template", "TEMPLATE", "--images-file", "IMAGES", "--profile", "x"], "--profile cannot be used with"),
        (["--rules-file", "RULES", "--images-file", "IMAGES", "--output", "json", "--limit", "1"], "--limit cannot be"),
        (["--template", "TEMPLATE", "--parameter", "A", "--images-file", "IMAGES"], "'A' is not of the form"),
    ],
)
def test_options_that_cannot_be_combined_are_an_error(
    plan: Run, rules: str, images: str, file: File, options: list[str], message: str
) -> None:
    template = file("t.json", {"Resources": {"R": repository_with([{"MaxImageCount": 2}])}})
    files = {"RULES": rules, "IMAGES": images, "TEMPLATE": template}
    done = plan(*(files.get(option, option) for option in options))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert message in done.stderr


def test_a_region_of_the_environment_does_not_contradict_an_images_file(
    plan: Run, rules: str, images: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert plan("--rules-file", rules, "--images-file", images).exit_code == 2


def test_the_region_is_a_pseudo_parameter_of_the_template(plan: Run, images: str, file: File) -> None:
    repository = repository_with([{"MaxImageCount": 2}], RepositoryName={"Fn::Sub": "x-${AWS::Region}"})
    template = file("t.json", {"Resources": {"R": repository}})
    done = plan("--template", template, "--images-file", images, "--region", "eu-west-1")
    assert done.stdout.startswith("R (x-eu-west-1): 4 images")


@pytest.mark.parametrize("option", ["--rules-file", "--images-file"])
@pytest.mark.parametrize("linked", [False, True])
def test_an_output_never_overwrites_an_input(
    plan: Run, rules: str, images: str, tmp_path: Path, option: str, linked: bool
) -> None:
    given = {"--rules-file": rules, "--images-file": images}
    output = Path(given[option])
    before = output.read_bytes()
    if linked:
        output = tmp_path / "link"
        output.symlink_to(given[option])
    done = plan(*(each for pair in given.items() for each in pair), "--output-file", str(output))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"error: --output-file: {output} is the input of {option}: write to another file\n"
    assert output.read_bytes() == before


def test_a_time_without_offset_is_in_utc(plan: Run, rules: str, images: str) -> None:
    options = ("--rules-file", rules, "--images-file", images)
    assert plan(*options, now="2026-11-01T12:00").stdout == plan(*options, now="2026-11-01T14:00+02:00").stdout


def test_a_time_that_is_not_one_is_an_error(plan: Run, rules: str, images: str) -> None:
    done = plan("--rules-file", rules, "--images-file", images, now="yesterday")
    assert done.exit_code == 1
    assert "--now: 'yesterday' is not an ISO 8601 time" in done.stderr


@pytest.mark.parametrize("command", [[], ["lifecycle"], ["lifecycle", "plan"]])
@pytest.mark.parametrize("columns", ["60", "80"])
def test_the_help_fits_the_terminal_and_has_no_type_beside_flags(
    command: list[str], columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    done = CliRunner().invoke(app, [*command, "--help"])
    assert done.exit_code == 0
    assert re.search(r"--help +Show this message and( exit\.)?", done.stdout)
    assert "<" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= int(columns)
