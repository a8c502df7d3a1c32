"""What the docs show is true: the reference is that of the schemas, templates are valid, links lead somewhere."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from samcli.yamlhelper import yaml_parse

from ecr_controller.custom_resource import properties
from ecr_controller.errors import Faults
from local import ROOT
from tools import reference

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_reference_is_that_of_the_schemas() -> None:
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page(), "run `make docs`"


def test_the_reference_says_of_each_property_what_that_of_cloudformation_does() -> None:
    entries = re.split(r"^\*\*`", reference.page(), flags=re.MULTILINE)[1:]
    schemas = [properties.load(path.stem) for path in properties.SCHEMAS.glob("ECR*.json")]
    shared = [each for each in properties.load("definitions").values() if "properties" in each]
    assert len(entries) == 2 + sum(len(each["properties"]) for each in [*schemas, *shared])
    for entry in entries:
        assert re.search(r"^- \*Required\*: (Yes|No|Conditional)$", entry, re.MULTILINE), entry
        assert re.search(r"^- \*Update requires\*: \S", entry, re.MULTILINE), entry
        assert ("*Default*: " in entry) is ("*Required*: Yes" not in entry), entry


def test_what_the_schemas_do_not_say_is_of_properties_that_they_have() -> None:
    for name, key in [*reference.UPDATES, *reference.CONDITIONAL]:
        assert key in properties.load(name)["properties"]


def resources_shown() -> Iterator[tuple[str, str, dict[str, object]]]:
    for page in PAGES:
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            for name, resource in (yaml_parse(block) or {}).get("Resources", {}).items():
                yield f"{page.name}: {name}", resource["Type"], resource.get("Properties", {})


@pytest.mark.parametrize(("where", "kind", "declared"), list(resources_shown()), ids=lambda each: str(each)[:40])
def test_every_resource_shown_is_valid(where: str, kind: str, declared: dict[str, object]) -> None:
    if kind.startswith("Custom::ECR"):
        faults = Faults()
        properties.check(kind.removeprefix("Custom::"), declared, faults)
        assert list(faults) == [], where


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_tree_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_every_make_target_that_the_docs_name_is_there() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    targets = set(re.findall(r"make ([a-z-]+)", listed))
    shown = {each for page in PAGES for each in re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8"))}
    assert shown <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_has_a_gap_left_to_fill(page: Path) -> None:
    assert re.findall(r"@[A-Z]+@|TODO|TBD", page.read_text(encoding="utf-8")) == []
