"""The README says what it is first, shows commands that are there, and compares with every alternative."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from local import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_first_three_lines_say_what_it_is_for_whom_and_why() -> None:
    _, _, *begin = README.splitlines()[:5]
    what, who, why = re.split(r"(?<=\.) (?=[A-Z])", " ".join(begin), maxsplit=2)
    assert what.startswith("ecr-controller adds CloudFormation resource types for Amazon ECR")
    assert who.startswith("It is for platform teams")
    assert "an update or import of `AWS::ECR::Repository` deletes a policy that it didn't write." in why


def test_the_strongest_claim_has_its_sources() -> None:
    issues = re.findall(r"cloudformation-coverage-roadmap/issues/(\d+)\)", README)
    assert issues == ["1962", "2493"]


def test_two_commands_try_it_and_one_is_that_of_ci() -> None:
    first = re.findall(r"```console\n(.*?)```", README, re.DOTALL)[0]
    commands = re.findall(r"^\$ (make [a-z-]+)", first, re.MULTILINE)
    assert commands == ["make demo", "make test"]
    assert re.search(r"^make test ", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_comparison_has_every_alternative_and_no_gap() -> None:
    section = README.partition("## How it compares\n")[2].partition("\n## ")[0]
    rows = [re.split(r" *(?<!\\)\| *", line)[1:-1] for line in section.splitlines() if line.startswith("| ")]
    names = [row[0] for row in rows if set(row[0]) - {"-"}]
    for each in ("AWS::ECR::Repository", "AWS CDK", "Terraform", "Creation templates", "Cloud Custodian"):
        assert any(each in name for name in names), each
    assert {len(row) for row in rows} == {len(rows[0])}
    assert all(all(row[1:]) for row in rows)


def test_every_page_is_listed() -> None:
    pages = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    assert pages <= set(re.findall(r"\]\(([^)#]+)", README))


def test_the_picture_is_one_and_has_a_text_for_those_who_do_not_see_it() -> None:
    [(text, path)] = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", README)
    assert text.endswith(".")
    picture = ElementTree.parse(ROOT / path).getroot()
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    assert picture.find("{http://www.w3.org/2000/svg}title") is not None
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    for name in re.findall(r">(\w+Function)<", (ROOT / path).read_text(encoding="utf-8")):
        assert f"\n  {name}:\n" in template, name
