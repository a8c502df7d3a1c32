"""`ecrctl lifecycle plan` with files: where they are read from, where the result goes, and what errors name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.conftest import repository_with

if TYPE_CHECKING:
    from tests.unit.cli.conftest import File, Run

KEEP_TWO = {"TagStatus": "any", "MaxImageCount": 2}


@pytest.mark.parametrize("option", ["--rules-file", "--images-file", "--template", "--policy-file"])
def test_any_file_can_be_standard_input(plan: Run, rules: str, images: str, option: str) -> None:
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 2}
    policy = {"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]}
    texts = {
        "--rules-file": "[{MaxImageCount: 2}]",
        "--images-file": json.dumps({"imageDetails": []}),
        "--template": json.dumps({"Resources": {"A": repository_with([KEEP_TWO])}}),
        "--policy-file": json.dumps(policy),
    }
    other = ("--rules-file", rules) if option == "--images-file" else ("--images-file", images)
    done = plan(option, "-", *other, stdin=texts[option])
    assert done.exit_code == (0 if option == "--images-file" else 2), done.output


@pytest.mark.parametrize("output", ["table", "json", "html"])
def test_the_result_goes_to_a_file_if_requested(plan: Run, rules: str, images: str, file: File, output: str) -> None:
    path = file("out", "")
    options = ("--rules-file", rules, "--images-file", images, "--output", output)
    done = plan(*options, "--output-file", path)
    assert (done.stdout, done.stderr, done.exit_code) == ("", f"Output written to {path}.\n", 2)
    assert Path(path).read_text(encoding="utf-8") == plan(*options).stdout


def test_all_faults_are_reported_one_a_line_with_file_and_property(plan: Run, file: File, images: str) -> None:
    rules = file("r.yaml", "[{MaxImageCount: 0}, {MaxImageAge: 1, MaxImageCount: 1}, {TagStatus: some}]")
    done = plan("--rules-file", rules, "--images-file", images)
    assert (done.exit_code, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert lines[0] == f"error: {rules}: LifecycleRules[0].MaxImageCount: must be at least 1"
    assert len(lines) == 3
    assert all(line.startswith(f"error: {rules}: LifecycleRules[") for line in lines)


def test_faults_of_a_policy_document_have_its_own_paths(plan: Run, file: File, images: str) -> None:
    selection = {"tagStatus": "any", "countType": "sinceImagePushed", "countNumber": 2}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    counted = {"rulePriority": 1, "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan"}}
    policy = file("p.json", {"rules": [rule, counted | {"action": {"type": "expire"}}]})
    done = plan("--policy-file", policy, "--images-file", images)
    assert [line.split(": ")[2] for line in done.stderr.splitlines()] == [
        "rules[1].selection.countNumber",
        "rules[0].selection.countUnit",
    ]
    rules = [rule | {"selection": selection | {"countUnit": "days", "tagStatus": each}} for each in ("any", "untagged")]
    done = plan("--policy-file", file("p.json", {"rules": rules}), "--images-file", images)
    assert "LifecyclePolicyText" not in done.stderr
    assert "rules[0]" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rules-file", "missing.yaml", "--images-file", "IMAGES"], "missing.yaml: cannot be read: No such file"),
        (["--rules-file", "RULES", "--images-file", "RULES"], "rules.yaml: cannot be read as JSON"),
        (["--rules-file", "RULES", "--images-file", "LIST"], "list.json: must be a JSON object with imageDetails"),
        (["--rules-file", "RULES", "--images-file", "BAD"], "bad.json: imageDetails[0].imageDigest: is missing"),
        (["--rules-file", "RULES", "--images-file", "CHILD"], "imageDetails[0].children: must be a list of digests"),
        (["--rules-file", "NOYAML", "--images-file", "IMAGES"], "no.yaml: cannot be read as YAML"),
        (["--template", "NOYAML", "--images-file", "IMAGES"], "no.yaml: cannot be read as YAML"),
        (["--policy-file", "NOYAML", "--images-file", "IMAGES"], "no.yaml: is not valid JSON"),
        (["--rules-file", "EMPTY", "--images-file", "IMAGES"], "empty.json: LifecycleRules: "),
        (["--rules-file", "RULES", "--images-file", "IMAGES", "--output-file", "/no/where"], "cannot be written"),
        (
            ["--rules-file", "RULES", "--images-file", "IMAGES", "--output-file", "/dev/full"],
            "cannot be written: No sp",
        ),
        (["--template", "RULES", "--images-file", "IMAGES"], "rules.yaml: the template has no Resources section"),
        (["--template", "TEMPLATE"], "t.json: R.RepositoryName: is not declared"),
        (
            ["--template", "TEMPLATE", "--parameter", "A=1", "--images-file", "IMAGES"],
            "t.json: the template has no par",
        ),
    ],
)
def test_an_error_names_the_file(
    plan: Run, rules: str, images: str, file: File, options: list[str], message: str
) -> None:
    files = {
        "RULES": rules,
        "IMAGES": images,
        "LIST": file("list.json", []),
        "BAD": file("bad.json", {"imageDetails": [{}]}),
        "CHILD": file("child.json", {"imageDetails": [{"children": "x"}]}),
        "NOYAML": file("no.yaml", "{a: ["),
        "EMPTY": file("empty.json", []),
        "TEMPLATE": file("t.json", {"Resources": {"R": repository_with([KEEP_TWO])}}),
    }
    done = plan(*(files.get(option, option) for option in options))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
