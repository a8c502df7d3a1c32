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

GUIDES = [ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY")]
PAGES = [*GUIDES, *sorted((ROOT / "docs").glob("*.md"))]


def test_the_reference_is_that_of_the_schemas() -> None:
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page(), "run `make docs`"


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
