"""`ecrctl lifecycle plan` with files, as a person uses it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from ecr_controller import __version__
from ecrctl.main import app
from tests.unit.cli.conftest import detail, digest

if TYPE_CHECKING:
    from tests.unit.cli.conftest import File, Run

KEEP_TWO = {"TagStatus": "any", "MaxImageCount": 2}


# The table.


def test_the_headline_says_how_many_images_go_and_what_is_freed(plan: Run, rules: str, images: str) -> None:
    done = plan("--rules-file", rules, "--images-file", images)
    assert done.stdout.startswith("2 of 4 images go, which frees at most 2.0 MB\n")
    assert "2 expired, 2 kept, at 2026-11-01 12:00 UTC" in done.stdout
    assert done.exit_code == 2


def test_each_rule_is_said_in_words_with_what_it_matches_and_takes(plan: Run, rules: str, images: str) -> None:
    shown = " ".join(plan("--rules-file", rules, "--images-file", images).stdout.split())
    assert "1 expire all images, keeping the 2 youngest 4 2 only two" in shown


def test_images_that_go_are_listed_oldest_first_with_age_size_and_push(plan: Run, rules: str, images: str) -> None:
    done = plan("--rules-file", rules, "--images-file", images)
    rows = [line.split() for line in done.stdout.splitlines() if " expire  " in line]
    assert rows == [
        ["1", "expire", "d", "4", "d", "1.0", "MB", "2026-10-28"],
        ["1", "expire", "c", "3", "d", "1.0", "MB", "2026-10-29"],
    ]
    assert "2 claimed by rule 1" in done.stdout


def test_an_untagged_image_is_shown_by_its_digest(plan: Run, rules: str, file: File) -> None:
    images = file("images.json", {"imageDetails": [detail(each, i, tags=[]) for i, each in enumerate("abc")]})
    assert f"{digest('c')[:19]} untagged" in plan("--rules-file", rules, "--images-file", images).stdout


def test_a_long_list_is_cut_and_says_what_is_left_out(plan: Run, rules: str, file: File) -> None:
    many = file("images.json", {"imageDetails": [detail(f"a{i}", 1) for i in range(1302)]})
    done = plan("--rules-file", rules, "--images-file", many)
    assert done.stdout.count(" expire  ") == 50
    assert "... and 1,250 more" in done.stdout
    assert "... and 1,299 more" in plan("--rules-file", rules, "--images-file", many, "--limit", "1").stdout


def test_no_line_is_wider_than_80_columns(plan: Run, file: File) -> None:
    long = "long-" * 40
    rules = [
        {"Description": long, "TagPrefixList": ["long-", "x" * 90], "MaxImageCount": 1},
        {"TagPatternList": ["long-*", "l*"], "MaxImageAge": 1},
        {"TagPatternList": ["*g-*"], "MaxDaysSincePull": 1},
    ]
    tags = [[long], [f"v{i}" for i in range(90)], [], [f"{long}2", f"{long}3"]]
    images = {"imageDetails": [detail(f"a{i}", i * 9, tags=each) for i, each in enumerate(tags)]}
    template = {"Resources": {"R" * 200: repository_with(rules)}}
    done = plan("--template", file("t.json", template), "--images-file", file("i.json", images))
    assert done.exit_code == 2, done.output
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_table_has_no_colour_unless_it_goes_to_a_terminal(plan: Run, rules: str, images: str) -> None:
    assert "\x1b" not in plan("--rules-file", rules, "--images-file", images).output


def test_nothing_in_a_file_can_move_the_cursor_or_be_taken_for_markup(plan: Run, file: File) -> None:
    images = {"imageDetails": [detail("a", 1, tags=["\x1b[2J[bold]:smile:"]), detail("b", 0)]}
    rules = [{"Description": "[red]\x1b[1m", "MaxImageCount": 1}]
    shown = plan("--rules-file", file("r.json", rules), "--images-file", file("i.json", images)).stdout
    assert "\x1b" not in shown
    assert "[2J[bold]:smile:" in shown
    assert "[red]" in shown


# What a person should mind.


def test_rules_that_match_nothing_and_rules_that_are_shadowed_are_told(plan: Run, file: File, images: str) -> None:
    rules = [
        {"TagPatternList": ["*"], "MaxImageCount": 3},
        {"TagPrefixList": ["a"], "MaxImageAge": 1},
        {"TagPrefixList": ["zz"], "MaxImageAge": 1},
    ]
    shown = " ".join(plan("--rules-file", file("r.json", rules), "--images-file", images).stdout.split())
    assert "Rule 2 is shadowed: rule 1 claims all of the 1 image that it matches" in shown
    assert "Rule 3 matches no image." in shown
    assert "Rule 1 " not in shown.partition("Mind")[2]


def test_a_reference_artifact_that_goes_with_its_subject_is_told(plan: Run, file: File) -> None:
    details = [detail("a", 1), detail("b", 9), detail("c", 0, tags=[], subjectManifestDigest=digest("b"))]
    rules = [{"TagStatus": "untagged", "MaxImageCount": 5}, {"MaxImageAge": 5}]
    images = file("i.json", {"imageDetails": details})
    shown = " ".join(plan("--rules-file", file("r.json", rules), "--images-file", images).stdout.split())
    assert f"goes with its subject, within 24 hours: {digest('c')[:19]}." in shown


INDEX = "application/vnd.oci.image.index.v1+json"


def test_children_that_the_file_names_are_held_by_their_manifest_list(plan: Run, file: File) -> None:
    lists = detail("a", 1, imageManifestMediaType=INDEX, children=[digest("b")])
    images = file("i.json", {"imageDetails": [lists, detail("b", 9, tags=[])]})
    rules = file("r.json", [{"TagStatus": "untagged", "MaxImageAge": 1}])
    done = plan("--rules-file", rules, "--images-file", images)
    assert done.exit_code == 0
    assert "none of 2 images goes" in done.stdout
    shown = " ".join(done.stdout.split())
    assert "1 image that rule 1 marks stays, because a manifest list that is kept refers to it." in shown


def test_a_manifest_list_without_children_is_told(plan: Run, rules: str, file: File) -> None:
    images = file("i.json", {"imageDetails": [detail("a", 1, imageManifestMediaType=INDEX)]})
    shown = " ".join(plan("--rules-file", rules, "--images-file", images).stdout.split())
    assert "1 manifest list comes without its children" in shown


# JSON.


def test_json_names_the_rule_that_takes_an_image_and_the_one_that_claims_it(plan: Run, rules: str, images: str) -> None:
    answer = json.loads(plan("--rules-file", rules, "--images-file", images, "--output", "json").stdout)
    assert [(each["action"], each["rulePriority"], each["claimedBy"]) for each in answer["images"]] == [
        ("keep", None, 1),
        ("keep", None, 1),
        ("expire", 1, 1),
        ("expire", 1, 1),
    ]
    assert {name: answer["summary"][name] for name in ("images", "expire", "archive", "keep", "bytesFreed")} == {
        "images": 4,
        "expire": 2,
        "archive": 0,
        "keep": 2,
        "bytesFreed": 2_000_000,
    }
    rule = answer["summary"]["rules"][0]
    assert (rule["rulePriority"], rule["matched"], rule["acted"], rule["shadowedBy"]) == (1, 4, 2, [])


def repository_with(rules: list[dict[str, Any]], **properties: Any) -> dict[str, Any]:
    return {"Type": "Custom::ECRRepository", "Properties": {"LifecycleRules": rules, **properties}}


def test_several_resources_make_several_plans_and_one_can_be_chosen(plan: Run, file: File, images: str) -> None:
    resources = {
        "A": repository_with([KEEP_TWO], RepositoryName="team/a"),
        "B": repository_with([{"MaxImageCount": 9}]),
    }
    options = ("--template", file("t.json", {"Resources": resources}), "--images-file", images, "--output", "json")
    plans = json.loads(plan(*options).stdout)["plans"]
    assert [(each["resource"], each["repositoryName"]) for each in plans] == [("A", "team/a"), ("B", None)]
    assert [each["summary"]["expire"] for each in plans] == [2, 0]
    chosen = plan(*options, "--resource", "B")
    assert json.loads(chosen.stdout)["summary"]["expire"] == 0
    assert chosen.exit_code == 0


# Inputs and outputs.


@pytest.mark.parametrize("option", ["--rules-file", "--images-file", "--template", "--policy-file"])
def test_any_file_may_come_from_standard_input(plan: Run, rules: str, images: str, option: str) -> None:
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
def test_the_result_goes_to_a_file_if_asked(plan: Run, rules: str, images: str, file: File, output: str) -> None:
    path = file("out", "")
    options = ("--rules-file", rules, "--images-file", images, "--output", output)
    done = plan(*options, "--output-file", path)
    assert (done.stdout, done.exit_code) == ("", 2)
    assert Path(path).read_text(encoding="utf-8") == plan(*options).stdout


def test_a_time_without_offset_is_in_utc(plan: Run, rules: str, images: str) -> None:
    options = ("--rules-file", rules, "--images-file", images)
    assert plan(*options, now="2026-11-01T12:00").stdout == plan(*options, now="2026-11-01T14:00+02:00").stdout


# Errors.


def test_all_faults_are_told_one_a_line_in_the_words_of_the_resources(plan: Run, file: File, images: str) -> None:
    rules = file("r.yaml", "[{MaxImageCount: 0}, {MaxImageAge: 1, MaxImageCount: 1}, {TagStatus: some}]")
    done = plan("--rules-file", rules, "--images-file", images)
    assert (done.exit_code, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert lines[0] == "error: LifecycleRules[0].MaxImageCount: must be at least 1"
    assert len(lines) == 3
    assert all(line.startswith("error: LifecycleRules[") for line in lines)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "exactly one of --template, --rules-file and --policy-file"),
        (["--rules-file", "RULES", "--policy-file", "RULES", "--images-file", "IMAGES"], "exactly one of"),
        (["--rules-file", "RULES"], "give --repository or --images-file"),
        (["--rules-file", "RULES", "--images-file", "IMAGES", "--preview"], "give --repository"),
        (["--rules-file", "RULES", "--images-file", "IMAGES", "--parameter", "A=1"], "only with --template"),
        (["--rules-file", "-", "--images-file", "-"], "standard input can be read only once"),
        (["--rules-file", "missing.yaml", "--images-file", "IMAGES"], "missing.yaml: cannot be read: No such file"),
        (["--rules-file", "RULES", "--images-file", "RULES"], "rules.yaml: cannot be read as JSON"),
        (["--rules-file", "RULES", "--images-file", "LIST"], "list.json: must be an object with imageDetails"),
        (["--rules-file", "RULES", "--images-file", "BAD"], "bad.json: imageDetails[0].imageDigest: is missing"),
        (["--rules-file", "RULES", "--images-file", "CHILD"], "imageDetails[0].children: must be a list of digests"),
        (["--rules-file", "NOYAML", "--images-file", "IMAGES"], "no.yaml: cannot be read as YAML"),
        (["--rules-file", "EMPTY", "--images-file", "IMAGES"], "LifecycleRules: "),
        (["--rules-file", "RULES", "--images-file", "IMAGES", "--output-file", "/no/where"], "cannot be written"),
        (["--policy-file", "NOYAML", "--images-file", "IMAGES"], "LifecyclePolicyText: cannot be read as JSON"),
        (["--template", "RULES", "--images-file", "IMAGES"], "the template has no Resources"),
        (["--template", "TEMPLATE", "--parameter", "A", "--images-file", "IMAGES"], "'A' is not NAME=VALUE"),
        (["--template", "TEMPLATE"], "R.RepositoryName: is not declared"),
    ],
)
def test_an_error_is_told_on_stderr_with_exit_code_1(
    plan: Run, rules: str, images: str, file: File, options: list[str], told: str
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
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_time_that_is_none_is_told(plan: Run, rules: str, images: str) -> None:
    done = plan("--rules-file", rules, "--images-file", images, now="yesterday")
    assert done.exit_code == 1
    assert "--now: 'yesterday' is no time in ISO 8601" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["--nonsense"], ["lifecycle", "plan", "--nonsense"], ["lifecycle", "plan", "--output", "xml"], ["no"]]
)
def test_a_wrong_option_is_an_error_and_not_the_2_of_images_that_go(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, done.stdout) == (1, "")


def test_the_version_and_the_help_are_told() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"ecrctl {__version__}\n"
    shown = CliRunner().invoke(app, ["lifecycle", "plan", "--help"])
    assert shown.exit_code == 0
    assert "before anything does" in " ".join(shown.stdout.split())
