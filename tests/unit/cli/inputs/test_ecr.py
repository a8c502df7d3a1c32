"""Plans for a repository in Amazon ECR, and ECR's own preview beside them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from ecr_controller.errors import RetryableError
from ecr_controller.lifecycle.images import MANIFEST_LISTS
from ecr_controller.lifecycle.preview import Preview, PreviewedImage
from ecrctl.inputs import ecr
from tests.unit.cli.conftest import detail, digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.cli.conftest import File, Run

INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    """What ECR answers to the command, in order."""
    client = boto3.client("ecr", region_name="eu-west-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="x")
    monkeypatch.setattr(ecr, "client", lambda _region, _profile: client)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def page(*names: str, token: str | None = None, **members: Any) -> dict[str, Any]:
    """An answer of DescribeImages."""
    details = [detail(name, 1 + i) | members for i, name in enumerate(names)]
    for each in details:
        each["imagePushedAt"] = datetime.fromisoformat(each["imagePushedAt"])
    return {"imageDetails": details} | ({"nextToken": token} if token else {})


def asks_for(repository: str, **more: Any) -> dict[str, Any]:
    """The parameters of DescribeImages."""
    return {"repositoryName": repository, "filter": {"imageStatus": "ANY"}, "maxResults": 1000, **more}


def test_all_pages_of_images_are_read_archived_ones_too(answers: Stubber, plan: Run, rules: str) -> None:
    answers.add_response("describe_images", page("a", "b", token="more"), asks_for("team/app"))
    answers.add_response("describe_images", page("c"), asks_for("team/app", nextToken="more"))
    done = plan("--rules-file", rules, "--repository", "team/app")
    assert done.stdout.startswith("team/app: 1 of 3 images goes")
    assert done.stderr == "", "progress is for terminals"


def test_children_of_manifest_lists_are_read_in_batches_of_100(answers: Stubber, plan: Run, file: File) -> None:
    names = [f"a{i}" for i in range(150)]
    lists = page(*names, imageManifestMediaType=INDEX)
    archived = page("f0", imageManifestMediaType=INDEX, imageStatus="ARCHIVED")
    child = page("c")
    child["imageDetails"][0].pop("imageTags")
    together = {"imageDetails": lists["imageDetails"] + child["imageDetails"] + archived["imageDetails"]}
    answers.add_response("describe_images", together, asks_for("team/app"))
    for batch in (names[:100], names[100:]):
        manifest = json.dumps({"manifests": [{"digest": digest("c")}]})
        images = [{"imageId": {"imageDigest": digest(name)}, "imageManifest": manifest} for name in batch]
        ids = [{"imageDigest": digest(name)} for name in batch]
        asked = {"repositoryName": "team/app", "imageIds": ids, "acceptedMediaTypes": sorted(MANIFEST_LISTS)}
        answers.add_response("batch_get_image", {"images": images, "failures": []}, asked)
    rules = file("r.json", [{"TagStatus": "untagged", "MaxImageAge": 1}])
    done = plan("--rules-file", rules, "--repository", "team/app", now="2026-12-01")
    assert "1 image that rule 1 marks stays" in done.stdout
    assert done.exit_code == 0


def test_the_template_says_whose_images_are_read_each_repository_once(answers: Stubber, plan: Run, file: File) -> None:
    def resource(name: str, count: int) -> dict[str, Any]:
        properties = {"RepositoryName": {"Fn::Sub": name}, "LifecycleRules": [{"MaxImageCount": count}]}
        return {"Type": "Custom::ECRLifecyclePolicy", "Properties": properties}

    resources = {"A": resource("x-${AWS::Region}", 1), "B": resource("x-${AWS::Region}", 2), "C": resource("other", 1)}
    answers.add_response("describe_images", page("a", "b"), asks_for("x-eu-west-1"))
    answers.add_response("describe_images", page("c"), asks_for("other"))
    template = file("t.json", {"Resources": resources})
    done = plan("--template", template, "--region", "eu-west-1", "--output", "json")
    plans = json.loads(done.stdout)["plans"]
    assert [each["summary"]["expire"] for each in plans] == [1, 0, 0]
    assert [each["repositoryName"] for each in plans] == ["x-eu-west-1", "x-eu-west-1", "other"]


def test_what_ecr_refuses_is_told_in_one_line(answers: Stubber, plan: Run, rules: str) -> None:
    answers.add_client_error("describe_images", "RepositoryNotFoundException", "There is none.", 400)
    done = plan("--rules-file", rules, "--repository", "team/app")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [done.stderr.strip()]
    assert "RepositoryNotFoundException" in done.stderr


def test_missing_credentials_are_told(plan: Run, rules: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    done = plan("--rules-file", rules, "--repository", "team/app", "--profile", "missing")
    assert done.exit_code == 1
    assert done.stderr == "error: AWS cannot be asked: The config profile (missing) could not be found\n"


# ECR's own preview.


@pytest.fixture
def previewed(monkeypatch: pytest.MonkeyPatch, answers: Stubber) -> list[PreviewedImage]:
    """What the preview of team/app finds; the test may add to it."""
    results: list[PreviewedImage] = []

    def preview(_self: object, repository: str, policy_text: str, until: float) -> Preview:
        assert repository == "team/app"
        assert json.loads(policy_text)["rules"][0]["selection"]["countNumber"] == 2
        assert until > datetime.now(UTC).timestamp() + 60
        return Preview(tuple(results))

    monkeypatch.setattr("ecr_controller.lifecycle.preview.Previews.preview", preview)
    answers.add_response("describe_images", page("a", "b", "c"), asks_for("team/app"))
    return results


PREVIEW = ("--repository", "team/app", "--preview")


def test_a_preview_that_agrees_is_told(previewed: list[PreviewedImage], plan: Run, rules: str) -> None:
    previewed.append(PreviewedImage(digest("c"), ("c",), "expire", 1))
    done = plan("--rules-file", rules, *PREVIEW, now=None)
    assert "It agrees on every image." in done.stdout
    assert done.stderr == ""


def test_each_image_on_which_the_preview_differs_is_told(
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


def test_differences_are_shown_to_people_too(previewed: list[PreviewedImage], plan: Run, rules: str) -> None:
    previewed.append(PreviewedImage(digest("f"), (), "expire", 1))
    done = plan("--rules-file", rules, *PREVIEW)
    rows = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "It differs on 2 images:" in rows
    assert "c expire by rule 1 keep" in rows
    assert f"{digest('f')[:19]} not there expire by rule 1" in rows
    assert "note: ECR's preview is of this moment" in done.stderr


def test_the_page_shows_differences(previewed: list[PreviewedImage], plan: Run, rules: str) -> None:
    assert not previewed
    done = plan("--rules-file", rules, *PREVIEW, "--output", "html", now=None)
    assert "It differs on 1 image:" in done.stdout
    assert digest("c") in done.stdout


def test_what_only_the_preview_takes_makes_the_exit_code_2(
    previewed: list[PreviewedImage], plan: Run, file: File
) -> None:
    previewed.append(PreviewedImage(digest("a"), ("a",), "expire", 1))
    rules = file("r.json", [{"TagPrefixList": ["zz"], "MaxImageCount": 2}])
    assert plan("--rules-file", rules, *PREVIEW, now=None).exit_code == 2


def test_a_preview_that_does_not_end_is_told(
    answers: Stubber, plan: Run, rules: str, images: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def preview(*_: object) -> Preview:
        raise RetryableError("It did not end in time.")

    assert answers
    monkeypatch.setattr("ecr_controller.lifecycle.preview.Previews.preview", preview)
    done = plan("--rules-file", rules, "--images-file", images, *PREVIEW)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", "error: It did not end in time.\n")
