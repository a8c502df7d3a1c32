"""The structure of the package: imports run down only, and names show where things are."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

import pytest

from ecr_controller.custom_resource.properties import SCHEMAS
from tests.unit.reachability import PACKAGE, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOT = PACKAGE / "ecr_controller"
MODULES = sorted(ROOT.rglob("*.py"))
GROUND = "ground"
NOUNS = {"repository", "lifecycle", "repository_policy", "grants", "event_routing", "image_scans", "in_use"}
# From the ground up. A floor imports from its own and from those below it.
FLOORS = (
    {GROUND},
    {"custom_resource"},
    {"shared_documents", "principals"},
    NOUNS,
    {"baselines"},
    {"resync"},
    {"resources"},
)
# Where a module imports another one only when it is needed, because few requests do.
LATE = {
    ("aws", "botocore"),
    ("aws", "botocore.config"),
    ("aws", "botocore.session"),
    ("custom_resource.properties", "difflib"),
    ("lifecycle.guard", "ecr_controller.lifecycle.ecr"),
    ("lifecycle.guard", "ecr_controller.lifecycle.evaluation"),
    ("lifecycle.guard", "ecr_controller.stacks"),
    ("repository.adoption", "ecr_controller.repository.record"),
    ("repository.adoption", "ecr_controller.shared_documents.ledger"),
    ("repository.ownership", "ecr_controller.stacks"),
    ("repository.settings", "ecr_controller.repository_policy.document"),
    ("repository.completion", "ecr_controller.repository.kms"),
    ("repository.spec", "ecr_controller.repository_policy"),
}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def package_of(module: str) -> str:
    """The package of a module of ours, named without `ecr_controller`."""
    head, _, rest = module.partition(".")
    return head if rest or (ROOT / head).is_dir() else GROUND


def imports(path: Path) -> Iterator[tuple[ast.stmt, str]]:
    """The statements that import, with the module that they name. Names of types alone count, too."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            is_package = node.module == "ecr_controller"
            yield from ((node, f"{node.module}.{alias.name}" if is_package else node.module) for alias in node.names)


def edges() -> Iterator[tuple[str, str]]:
    """Package imports package."""
    for path in MODULES:
        for _, module in imports(path):
            if module.startswith("ecr_controller.") and not module.endswith("__version__"):
                yield package_of(name_of(path)), package_of(module.removeprefix("ecr_controller."))


def floor(package: str) -> int:
    [found] = [number for number, packages in enumerate(FLOORS) if package in packages]
    return found


def test_every_package_has_a_floor() -> None:
    packages = {package_of(name_of(path)) for path in MODULES}
    assert packages == {package for packages in FLOORS for package in packages}


def test_imports_run_down_only() -> None:
    assert {(above, below) for above, below in edges() if floor(above) < floor(below)} == set()


def test_no_package_is_in_a_circle() -> None:
    graph = defaultdict[str, set[str]](set)
    for above, below in edges():
        if above != below:
            graph[above].add(below)
    list(TopologicalSorter(graph).static_order())


def test_a_noun_has_at_most_one_spec_and_one_adapter_of_ecr() -> None:
    for noun in NOUNS:
        found = Counter(path.name for path in (ROOT / noun).rglob("*.py"))
        assert found["spec.py"] <= 1
        assert found["ecr.py"] <= 1
        assert not any(name in found for name in ("gateway.py", "resource.py", "utils.py", "helpers.py"))


def test_every_type_has_one_schema_and_one_module() -> None:
    from re import sub

    types = {path.stem.removeprefix("ECR") for path in SCHEMAS.glob("ECR*.json")}
    modules = {path.stem for path in (ROOT / "resources").glob("[!_]*.py")}
    assert modules == {sub(r"(?<!^)(?=[A-Z])", "_", each).lower() for each in types}


def test_only_adapters_call_aws() -> None:
    calling = {name_of(path) for path in MODULES if any(module == "ecr_controller.aws" for _, module in imports(path))}
    assert calling == {
        *(
            "stacks",
            "sqs_batch",
            "controller_events",
            "principals.iam",
            "shared_documents.parts",
            "event_routing.deliveries",
        ),
        *("repository.ecr", "lifecycle.ecr", "repository_policy.ecr", "image_scans.ecr", "image_scans.rescans"),
        *(
            "repository.settings",
            "repository.kms",
            "event_routing.targets",
            "event_routing.ecr",
            "event_routing.windows",
            "resync.planner",
            "resync.start",
            "resync.sources",
            "in_use.ecr",
            "in_use.ecs",
            "in_use.functions",
            "in_use.inspector",
            "in_use.keeping",
        ),
    }


def test_amazon_ecr_is_called_by_the_adapter_of_a_noun_and_by_settings() -> None:
    calling = {name_of(path) for path, service, _ in clients() if service == "ecr"}
    assert {name for name in calling if not name.endswith(".ecr")} == {"repository.settings"}


def test_a_client_has_the_name_of_its_service() -> None:
    # The permission test recognizes a call by this name.
    assert [(path, name) for path, service, name in clients() if name != f"_{service}"] == []


def clients() -> Iterator[tuple[Path, str, str]]:
    """Each client of an adapter: its module, its service and the attribute that holds it."""
    for path in MODULES:
        for node in ast.walk(parsed(path)):
            match node:
                case ast.AnnAssign(
                    target=ast.Name(name),
                    value=ast.Call(func=ast.Attribute(attr="Client"), args=[ast.Constant(str(service))]),
                ):
                    yield path, service, name


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_an_import_is_late_only_where_it_is_listed(path: Path) -> None:
    top = {id(node) for node in parsed(path).body}
    typed = {
        id(each)
        for node in parsed(path).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for each in node.body
    }
    late = {(name_of(path), module) for node, module in imports(path) if id(node) not in top | typed}
    assert late == {each for each in LATE if each[0] == name_of(path)}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(parsed(path))


@pytest.mark.parametrize(
    "path", sorted((PACKAGE.parents[1] / "functions").glob("*/app.py")), ids=lambda path: path.parent.name
)
def test_a_function_is_thin(path: Path) -> None:
    code = [node for node in parsed(path).body if not isinstance(node, (ast.Import, ast.ImportFrom, ast.If))]
    assert sum(node.end_lineno - node.lineno + 1 for node in code if node.end_lineno) <= 30
