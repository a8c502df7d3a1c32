"""The table: what it has, and that it fits a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.conftest import detail, digest, repository_with

if TYPE_CHECKING:
    from tests.unit.cli.conftest import File, Run


def test_the_headline_has_the_number_of_images_by_action(plan: Run, rules: str, images: str) -> None:
    done = plan("--rules-file", rules, "--images-file", images)
    assert done.stdout.startswith(
        "4 images, 2 to expire, 2 to keep\nEvaluated at 2026-11-01 12:00 UTC. Frees up to 2.0 MB.\n"
    )
    assert done.exit_code == 2


@pytest.mark.parametrize(("days", "headline"), [([], "no images"), ([1], "1 image, none to expire or archive")])
def test_the_headline_of_a_policy_without_effect(
    plan: Run, rules: str, file: File, days: list[int], headline: str
) -> None:
    images = file("i.json", {"imageDetails": [detail(f"a{each}", each) for each in days]})
    done = plan("--rules-file", rules, "--images-file", images)
    assert done.stdout.startswith(f"{headline}\nEvaluated at 2026-11-01 12:00 UTC.\n")
    assert done.exit_code == 0


def test_each_rule_is_described_with_what_it_matches_and_acts_on(plan: Run, rules: str, images: str) -> None:
    shown = " ".join(plan("--rules-file", rules, "--images-file", images).stdout.split())
    assert "rule description matches acts on 1 expire all images, keeping the 2 most recent 4 2 only two" in shown


def test_affected_images_are_listed_oldest_first_with_age_pull_and_size(plan: Run, rules: str, file: File) -> None:
    details = [detail(name, days) for days, name in enumerate("abcd", start=1)]
    details[3] |= {"lastRecordedPullTime": "2026-10-30T12:00:00Z", "imageStatus": "ACTIVE"}
    done = plan("--rules-file", rules, "--images-file", file("i.json", {"imageDetails": details}))
    rows = [line.split() for line in done.stdout.splitlines() if " expire  " in line]
    assert rows == [
        ["1", "expire", "d", "4", "d", "2", "d", "1.0", "MB"],
        ["1", "expire", "c", "3", "d", "never", "1.0", "MB"],
    ]
    assert "2 claimed by rule 1" in done.stdout


def test_an_untagged_image_is_shown_by_its_digest(plan: Run, rules: str, file: File) -> None:
    images = file("images.json", {"imageDetails": [detail(each, i, tags=[]) for i, each in enumerate("abc")]})
    assert f"{digest('c')[:19]} untagged" in plan("--rules-file", rules, "--images-file", images).stdout


def test_a_long_list_is_cut_and_says_how_many_are_left_out(plan: Run, rules: str, file: File) -> None:
    many = file("images.json", {"imageDetails": [detail(f"a{i}", 1) for i in range(1302)]})
    done = plan("--rules-file", rules, "--images-file", many)
    assert done.stdout.count(" expire  ") == 50
    assert "... and 1,250 more" in done.stdout
    assert "... and 1,299 more" in plan("--rules-file", rules, "--images-file", many, "--limit", "1").stdout


@pytest.mark.parametrize("columns", [60, 80])
def test_no_line_is_wider_than_the_terminal(
    plan: Run, file: File, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
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
    assert max(map(len, done.stdout.splitlines())) <= columns


def test_a_table_has_no_color_unless_it_goes_to_a_terminal(plan: Run, rules: str, images: str) -> None:
    assert "\x1b" not in plan("--rules-file", rules, "--images-file", images).output


def test_nothing_in_a_file_can_control_the_terminal_or_is_markup(plan: Run, file: File) -> None:
    images = {"imageDetails": [detail("a", 1, tags=["\x1b[2J[bold]:smile:"]), detail("b", 0)]}
    rules = [{"Description": "[red]\x1b[1m", "MaxImageCount": 1}]
    shown = plan("--rules-file", file("r.json", rules), "--images-file", file("i.json", images)).stdout
    assert "\x1b" not in shown
    assert "[2J[bold]:smile:" in shown
    assert "[red]" in shown
