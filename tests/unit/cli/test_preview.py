"""Plans beside the lifecycle policy preview of Amazon ECR."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ecr_controller.errors import RetryableError
from ecr_controller.lifecycle.ecr import Preview, PreviewedImage
from tests.unit.cli.conftest import asks_for, digest, page

if TYPE_CHECKING:
    from botocore.stub import Stubber

    from tests.unit.cli.conftest import File, Run

PREVIEW = ("--repository", "team/app", "--preview")


@pytest.fixture
def previewed(monkeypatch: pytest.MonkeyPatch, answers: Stubber) -> list[PreviewedImage]:
    """The results of the preview of team/app, to which a test adds."""
    results: list[PreviewedImage] = []

    def preview(_self: object, repository: str, policy_text: str, until: float) -> Preview:
        assert repository == "team/app"
        assert json.loads(policy_text)["rules"][0]["selection"]["countNumber"] == 2
        assert until > datetime.now(UTC).timestamp() + 60
        return Preview(tuple(results))

    monkeypatch.setattr("ecr_controller.lifecycle.ecr.Previews.preview", preview)
    answers.add_response("describe_images", page("a", "b", "c"), asks_for("team/app"))
    return results


def test_a_preview_that_agrees_has_no_differences(previewed: list[PreviewedImage], plan: Run, rules: str) -> None:
    previewed.append(PreviewedImage(digest("c"), ("c",), "expire", 1))
    done = plan("--rules-file", rules, *PREVIEW, now=None)
    assert "No differences." in done.stdout
    assert done.stderr == ""


def test_each_difference_from_the_preview_is_in_the_json(
    previewed: list[PreviewedImage], plan: Run, rules: str
) -> None:
    previewed.append(PreviewedImage(digest("a"), ("a",), "archive", 7))
    previewed.append(PreviewedImage(digest("f"), (), "expire", 1))
    done = plan("--rules-file", rules, *PREVIEW, "--output", "json", now=None)
    differences = json.loads(done.stdout)["preview"]["differences"]
    assert [(each["imageDigest"], each["ours"], each["preview"]) for each in differences] == [
        (digest("a"), {"action": "keep", "rulePriority": None}, {"action": "archive", "rulePriority": 7}),
        (digest("c"), {"action": "expire", "rulePriority": 1}, {"action": "keep", "rulePriority": None}),
        (digest("f"), None, {"action": "expire", "rulePriority": 1}),
    ]


def test_differences_are_in_the_table_with_a_note_about_the_time(
    previewed: list[PreviewedImage], plan: Run, rules: str
) -> None:
    previewed.append(PreviewedImage(digest("f"), (), "expire", 1))
    done = plan("--rules-file", rules, *PREVIEW)
    rows = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "2 differences:" in rows
    assert "c expire (rule 1) keep" in rows
    assert f"{digest('f')[:19]} not found expire (rule 1)" in rows
    assert done.stderr.startswith("note: The preview of Amazon ECR is for the current time, not for --now")


def test_differences_are_on_the_page(previewed: list[PreviewedImage], plan: Run, rules: str) -> None:
    assert not previewed
    done = plan("--rules-file", rules, *PREVIEW, "--output", "html", now=None)
    assert "1 difference:" in done.stdout
    assert digest("c") in done.stdout


def test_an_effect_in_the_preview_alone_makes_the_exit_code_2(
    previewed: list[PreviewedImage], plan: Run, file: File
) -> None:
    previewed.append(PreviewedImage(digest("a"), ("a",), "expire", 1))
    rules = file("r.json", [{"TagPrefixList": ["zz"], "MaxImageCount": 2}])
    assert plan("--rules-file", rules, *PREVIEW, now=None).exit_code == 2


def test_a_preview_that_does_not_end_is_an_error(
    answers: Stubber, plan: Run, rules: str, images: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def preview(*_: object) -> Preview:
        raise RetryableError("It did not end in time.")

    assert answers
    monkeypatch.setattr("ecr_controller.lifecycle.ecr.Previews.preview", preview)
    done = plan("--rules-file", rules, "--images-file", images, *PREVIEW)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", "error: It did not end in time.\n")
