"""The JSON document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.unit.cli.conftest import repository_with

if TYPE_CHECKING:
    from tests.unit.cli.conftest import File, Run


def test_json_has_the_rule_that_acts_on_an_image_and_the_one_that_claims_it(plan: Run, rules: str, images: str) -> None:
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


def test_several_resources_have_several_plans_and_one_can_be_chosen(plan: Run, file: File, images: str) -> None:
    resources = {
        "A": repository_with([{"MaxImageCount": 2}], RepositoryName="team/a"),
        "B": repository_with([{"MaxImageCount": 9}]),
    }
    options = ("--template", file("t.json", {"Resources": resources}), "--images-file", images, "--output", "json")
    plans = json.loads(plan(*options).stdout)["plans"]
    assert [(each["resource"], each["repositoryName"]) for each in plans] == [("A", "team/a"), ("B", None)]
    assert [each["summary"]["expire"] for each in plans] == [2, 0]
    chosen = plan(*options, "--resource", "B")
    assert json.loads(chosen.stdout)["summary"]["expire"] == 0
    assert chosen.exit_code == 0
