"""The version is the same in all places, and comes from one."""

from __future__ import annotations

import re
import tomllib

from ecr_controller import __version__
from ecrctl.inputs import files
from local import ROOT

CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_changelog_has_the_version() -> None:
    versions = re.findall(
        r"^## (?:\[)?([0-9]+\.[0-9]+\.[0-9]+)(?:\])? - [0-9]{4}-[0-9]{2}-[0-9]{2}$", CHANGELOG, re.MULTILINE
    )
    assert versions[0] == __version__


def test_the_project_has_no_version_of_its_own() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "layers/controller/ecr_controller/__init__.py"


def test_the_example_for_organizations_deploys_the_version() -> None:
    template = files.read_yaml(str(ROOT / "examples" / "organization" / "stack-sets.yaml"))
    assert template["Parameters"]["Version"]["Default"] == __version__


def test_the_page_for_organizations_deploys_the_version() -> None:
    page = (ROOT / "docs" / "organization.md").read_text(encoding="utf-8")
    assert set(re.findall(r"Version=([0-9.]+[0-9])", page)) == {__version__}
