"""`ecrctl lifecycle plan --all` and `--prefix`: the policies that are in force."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from ecrctl.inputs import ecr
from tests.unit.cli.conftest import page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ecr import ECRClient

    from tests.unit.cli.conftest import File, Run

KEEP_ONE = (
    '{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", '
    '"countNumber": 1}, "action": {"type": "expire"}}]}'
)


class Registry:
    """Repositories by name, each with its images and its policy, as Amazon ECR answers."""

    def __init__(self, client: ECRClient, repositories: dict[str, tuple[int, str | None]]) -> None:
        self.exceptions, self._repositories = client.exceptions, repositories
        self.gone: set[str] = set()

    def get_paginator(self, operation: str) -> Any:
        return type("Pages", (), {"paginate": lambda _self, **given: self._pages(operation, given)})()

    def _pages(self, operation: str, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if operation == "describe_repositories":
            yield from ({"repositories": [{"repositoryName": name}]} for name in self._repositories)
        elif given["repositoryName"] in self.gone:
            raise self.exceptions.RepositoryNotFoundException({"Error": {}}, operation)
        else:
            yield page(*(f"i{n}" for n in range(self._repositories[given["repositoryName"]][0])))

    def get_lifecycle_policy(self, *, repositoryName: str) -> dict[str, str]:  # noqa: N803
        text = self._repositories[repositoryName][1]
        if text is None:
            raise self.exceptions.LifecyclePolicyNotFoundException({"Error": {}}, "GetLifecyclePolicy")
        return {"lifecyclePolicyText": text}


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    repositories = {
        "team/b": (3, KEEP_ONE),
        "team/a": (1, KEEP_ONE),
        "team/none": (5, None),
        "team/odd": (1, '{"rules": [{"rulePriority": 0}]}'),
        "other": (9, KEEP_ONE),
    }
    with mock_aws():
        fake = Registry(boto3.client("ecr", region_name="eu-west-1"), repositories)
    monkeypatch.setattr(ecr, "client", lambda *_given, **_options: fake)
    return fake


def test_all_policies_in_force_are_planned(plan: Run, registry: Registry) -> None:
    assert registry
    done = plan("--all", "--output", "json")
    document = json.loads(done.stdout)
    assert [(each["repositoryName"], each["summary"]["expire"]) for each in document["plans"]] == [
        ("other", 8),
        ("team/a", 0),
        ("team/b", 2),
    ]
    assert [each.partition(": ")[0] for each in document["notPlanned"]] == ["team/odd"]
    assert "rulePriority: must be at least 1" in document["notPlanned"][0]
    assert done.exit_code == 3


def test_a_prefix_chooses_the_repositories_and_the_table_begins_with_an_overview(plan: Run, registry: Registry) -> None:
    assert registry
    done = plan("--prefix", "team/b")
    assert done.stdout.splitlines()[:4] == [
        "1 repository, 1 of which has images to expire or archive",
        "",
        "  repository  images  expire  archive   frees",
        "  team/b           3       2        0  2.0 MB",
    ]
    assert "team/b: 3 images, 2 to expire, 1 to keep" in done.stdout
    assert done.exit_code == 2


def test_a_policy_without_effect_is_in_the_overview_only(plan: Run, registry: Registry) -> None:
    assert registry
    done = plan("--prefix", "team/a")
    assert "1 repository, none of which has images to expire or archive" in done.stdout
    assert "Rules, in order" not in done.stdout
    assert done.exit_code == 0


def test_a_given_policy_is_planned_for_each(plan: Run, registry: Registry, rules: str) -> None:
    assert registry
    document = json.loads(plan("--prefix", "team/", "--rules-file", rules, "--output", "json").stdout)
    assert [(each["repositoryName"], each["summary"]["expire"]) for each in document["plans"]] == [
        ("team/a", 0),
        ("team/b", 1),
        ("team/none", 3),
        ("team/odd", 0),
    ]


def test_a_repository_that_is_deleted_meanwhile_is_not_planned(plan: Run, registry: Registry) -> None:
    registry.gone = {"team/a"}
    done = plan("--prefix", "team/a")
    assert "team/a: the repository was deleted meanwhile" in done.stdout
    assert done.exit_code == 3


def test_pages_and_comments_have_the_overview(plan: Run, registry: Registry) -> None:
    assert registry
    html = plan("--prefix", "team/", "--output", "html").stdout
    assert "<title>2 repositories, 1 of which has images to expire or archive</title>" in html
    assert "<h2>Not planned</h2>" in html
    comment = plan("--prefix", "team/", "--output", "markdown").stdout
    assert "| team/b | 3 | 2 | 0 | 2.0 MB |" in comment
    assert "### Not planned" in comment


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--all", "--prefix", "x"), "--all cannot be used with --prefix: remove one"),
        (("--all", "--repository", "x"), "--all cannot be used with --repository: remove one"),
        (("--prefix", "x", "--images-file", "x"), "--prefix cannot be used with --images-file: remove one"),
        (("--prefix", "x", "--template", "x"), "--prefix cannot be used with --template: remove one"),
        (("--all", "--rules-file", "x", "--policy-file", "x"), "--rules-file cannot be used with --policy-file"),
        ((), "specify exactly one of --template, --rules-file, and --policy-file, or --all or --prefix"),
    ],
)
def test_options_that_contradict_each_other_are_refused(plan: Run, options: tuple[str, ...], message: str) -> None:
    done = plan(*options)
    assert done.exit_code == 1
    assert message in " ".join(done.stderr.split())


# Markdown


def test_a_comment_has_tables_and_folds_the_images(plan: Run, rules: str, images: str) -> None:
    assert plan("--rules-file", rules, "--images-file", images, "--output", "markdown", "--limit", "1").stdout == (
        "### 4 images, 2 to expire, 2 to keep\n\n"
        "Evaluated at 2026-11-01 12:00 UTC. Frees up to 2.0 MB.\n\n"
        "| rule | description | matches | acts on |\n| ---: | --- | ---: | ---: |\n"
        "| 1 | expire all images, keeping the 2 most recent<br>only two | 4 | 2 |\n\n"
        "<details><summary>2 images to expire or archive</summary>\n\n"
        "| rule | action | image | age | pulled | size |\n| ---: | --- | --- | ---: | ---: | ---: |\n"
        "| 1 | expire | d | 4 d | never | 1.0 MB |\n\n... and 1 more\n\n</details>\n"
    )


def test_a_comment_takes_text_as_it_is(plan: Run, file: File, images: str) -> None:
    rules = file("r.json", [{"Description": "a|b <img> @team [x](y) `z` #1", "MaxImageCount": 9}])
    comment = plan("--rules-file", rules, "--images-file", images, "--output", "markdown").stdout
    assert r"a\|b \<img\> @<!-- -->team \[x\](y) \`z\` #<!-- -->1" in comment
