"""What the docs show is true: the reference is that of the schemas, templates are valid, links lead somewhere."""

from __future__ import annotations

import re
import subprocess
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from cfnlint import ManualArgs, lint
from typer.testing import CliRunner

from ecr_controller.custom_resource import properties
from ecrctl.main import app
from local import ROOT
from tools import reference

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GUIDES = [ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY")]
PAGES = [*GUIDES, *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^( *)```yaml\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


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


def templates_shown() -> Iterator[tuple[str, str]]:
    """The templates on the pages, each with its place."""
    for page in PAGES:
        for indent, text in BLOCK.findall(page.read_text(encoding="utf-8")):
            block = dedent(text) if indent else text
            if re.search("^Resources:", block, re.MULTILINE):
                yield f"{page.name}-{block.count(chr(10))}", block


@pytest.mark.parametrize(("place", "template"), list(templates_shown()), ids=lambda each: str(each)[:40])
def test_every_template_shown_is_valid(place: str, template: str, tmp_path: Path) -> None:
    file = tmp_path / "template.yaml"
    file.write_text(template, encoding="utf-8")
    options = ["--region", "eu-west-1", "--controller-parameter", "GranteeOrganization=o-a1b2c3d4e5"]
    done = CliRunner().invoke(app, ["validate", str(file), *options])
    # What a parameter stands for isn't known here, so that a part may not be read.
    assert done.exit_code in (0, 3), f"{place}\n{done.output}"
    found = lint(template, config=ManualArgs(regions=["eu-west-1"]))
    assert found == [], f"{place}\n{found}"


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
