"""The messages, the document and the paths that the pages show are those of the code."""

from __future__ import annotations

import json
import re
from datetime import date

import jsonschema
import pytest

from ecr_controller.custom_resource import properties
from ecr_controller.custom_resource.request import Home
from ecr_controller.errors import Faults, InvalidProperties
from ecr_controller.image_scans.gate import Finding, Gate, Scan
from ecr_controller.lifecycle import guard
from ecr_controller.lifecycle.ecr import PreviewedImage
from ecr_controller.repository.spec import parse_repository
from local import ROOT

PACKAGE = ROOT / "layers" / "controller" / "ecr_controller"
PAGES = sorted(path.name for path in (ROOT / "docs").glob("*.md"))


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def messages_shown(name: str) -> list[str]:
    """The text blocks of a page, each as one line."""
    return [" ".join(block.split()) for block in re.findall(r"```text\n(.*?)```", page(name), re.DOTALL)]


def invalid_properties() -> str:
    rules = [{"TagPrefixList": ["prod"], "MaxImageCount": "9"}, {"TagStatus": "untagged", "MaxImageAge": "7"}]
    declared = {"ImageScanOnPsh": "true", "LifecycleRules": [*rules, {"MaxImageCount": "0"}]}
    faults = Faults()
    parse_repository(
        properties.check("ECRRepository", declared, faults), faults, Home("aws", "eu-west-1", "123456789012")
    )
    return str(InvalidProperties("Custom::ECRRepository", faults))


def guard_exceeded() -> str:
    affected = tuple(PreviewedImage(f"sha256:{i}", (f"build-{i}",), "expire", 1) for i in range(9))
    summary = guard.PreviewSummary(40, 40, affected)
    return str(guard.refusal(guard.Guard(max_images=5, max_percent=20), summary, "team/app"))


def ceiling_exceeded() -> str:
    affected = tuple(PreviewedImage(f"sha256:{i}", (f"build-{i}",), "expire", 1) for i in range(9))
    summary, ceiling = guard.PreviewSummary(40, 40, affected), guard.Guard(max_images=5)
    return str(guard.refusal(guard.Guard(), summary, "team/app", ceiling))


def findings_exceeded() -> str:
    findings = (
        Finding("CVE-2026-1", "HIGH", "zlib 1.2"),
        Finding("CVE-2026-9", "CRITICAL", "openssl 1.0.0"),
        Finding("CVE-2026-4", "HIGH", "bash 5.0"),
    )
    scan = Scan("COMPLETE", counts={"CRITICAL": 1, "HIGH": 2}, findings=findings)
    return " ".join(Gate("HIGH").refusals("team/app:v1", [scan], date(2026, 11, 26)))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("repositories.md", invalid_properties()),
        ("lifecycle.md", guard_exceeded()),
        ("lifecycle.md", ceiling_exceeded()),
        ("image-scans.md", findings_exceeded()),
    ],
)
def test_a_page_shows_the_message_of_the_code(name: str, message: str) -> None:
    assert message in messages_shown(name)


@pytest.mark.parametrize(("name", "message"), [("scans.md", "ScanCompleted"), ("events.md", "EcrEvent")])
def test_the_message_on_a_page_matches_its_schema(name: str, message: str) -> None:
    [shown] = re.findall(r"```json\n(.*?)```", page(name), re.DOTALL)
    schema = json.loads((ROOT / "schemas" / "messages" / f"{message}.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads(shown), schema)
    assert list(json.loads(shown)) == list(schema["properties"])


def test_the_table_of_modules_names_all_modules_and_no_other() -> None:
    first_cells = re.findall(r"^\| ([^|]*`[a-z_]+(?:/|\.py)`[^|]*) \|", page("design.md"), re.MULTILINE)
    named = {each for cell in first_cells for each in re.findall(r"`([a-z_]+(?:/|\.py))`", cell)}
    folders = {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    assert named == folders | {path.name for path in PACKAGE.glob("[!_]*.py")}


def test_every_module_named_in_the_table_is_in_its_folder() -> None:
    for folder, description in re.findall(r"^\| `([a-z_]+)/` \| (.*) \|$", page("design.md"), re.MULTILINE):
        for module in re.findall(r"`([a-z_]+\.py)`", description):
            assert (PACKAGE / folder / module).is_file(), f"{folder}/{module}"


@pytest.mark.parametrize("name", PAGES)
def test_every_test_that_a_page_names_exists(name: str) -> None:
    for named in re.findall(r"`(tests/[\w/]+\.py)`", page(name)):
        assert (ROOT / named).is_file(), named


@pytest.mark.parametrize("name", PAGES)
def test_every_heading_that_a_page_links_to_exists(name: str) -> None:
    for target, anchor in re.findall(r"\]\(([\w.-]*)#([\w-]+)\)", page(name)):
        headings = re.findall(r"^#+ (.*)$", page(target or name), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}, anchor
