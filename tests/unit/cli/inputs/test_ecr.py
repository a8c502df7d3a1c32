"""Images that are read from Amazon ECR."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ecr_controller.manifests import MANIFEST_LISTS
from tests.unit.cli.conftest import INDEX, asks_for, digest, page

if TYPE_CHECKING:
    import pytest
    from botocore.stub import Stubber

    from tests.unit.cli.conftest import File, Run


def test_all_pages_of_images_are_read_archived_ones_too(answers: Stubber, plan: Run, rules: str) -> None:
    answers.add_response("describe_images", page("a", "b", token="more"), asks_for("team/app"))
    answers.add_response("describe_images", page("c"), asks_for("team/app", nextToken="more"))
    done = plan("--rules-file", rules, "--repository", "team/app")
    assert done.stdout.startswith("team/app: 3 images, 1 to expire, 2 to keep\n")
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
    assert "Rule 1 keeps 1 image that is past its limit" in done.stdout
    assert done.exit_code == 0


def test_the_images_of_each_repository_in_the_template_are_read_once(answers: Stubber, plan: Run, file: File) -> None:
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


def test_a_refusal_by_ecr_is_reported_in_one_line(answers: Stubber, plan: Run, rules: str) -> None:
    answers.add_client_error("describe_images", "RepositoryNotFoundException", "There is none.", 400)
    done = plan("--rules-file", rules, "--repository", "team/app")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [done.stderr.strip()]
    assert "the repository team/app does not exist in this account and Region" in done.stderr


def test_a_missing_profile_is_reported_with_a_remedy(plan: Run, rules: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    done = plan("--rules-file", rules, "--repository", "team/app", "--profile", "missing")
    assert done.exit_code == 1
    assert done.stderr == (
        "error: cannot call AWS: The config profile (missing) could not be found."
        " Check --region, --profile, and your AWS configuration.\n"
    )


def test_a_name_that_ecr_cannot_have_is_reported(plan: Run, rules: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    done = plan("--rules-file", rules, "--repository", "x", "--region", "eu-west-1")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: Parameter validation failed: Invalid length for parameter repositoryName")
    assert len(done.stderr.splitlines()) == 1


def test_a_repository_that_does_not_exist_yet_is_planned_without_images(
    answers: Stubber, plan: Run, file: File
) -> None:
    def resource(name: str) -> dict[str, Any]:
        properties = {"ServiceToken": "x", "RepositoryName": name, "LifecycleRules": [{"MaxImageCount": 1}]}
        return {"Type": "Custom::ECRRepository", "Properties": properties}

    answers.add_client_error("describe_images", "RepositoryNotFoundException", "There is none.", 400)
    answers.add_response("describe_images", page("a", "b"), asks_for("old"))
    template = file("t.json", {"Resources": {"A": resource("new"), "B": resource("old")}})
    done = plan("--template", template, "--output", "json")
    assert [each["summary"]["images"] for each in json.loads(done.stdout)["plans"]] == [0, 2]
    assert "The repository new doesn't exist yet" in done.stderr
    assert done.exit_code == 2


def test_a_plan_of_a_part_says_what_is_not_planned(plan: Run, file: File, images: str) -> None:
    properties = {"ServiceToken": "x", "LifecycleRules": [{"MaxImageCount": 99}]}
    resources = {
        "A": {"Type": "Custom::ECRRepository", "Properties": properties},
        "Nested": {"Type": "AWS::CloudFormation::Stack"},
    }
    options = ["--template", file("t.json", {"Resources": resources}), "--images-file", images]
    for output in ("table", "html", "json"):
        done = plan(*options, "--output", output)
        assert done.exit_code == 3
        assert "the template of a nested stack isn" in done.stdout
    assert plan(*options, "--resource", "A").exit_code == 0
