"""Imports within `ecrctl` run down only, those for type checking too."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import ecrctl

ROOT = Path(ecrctl.__file__).parent
# From the top down. What is on one line does not import each other.
LAYERS = [
    {"main", "cfn_lint_rules"},
    {"commands"},
    {"adopt", "baseline", "drift", "export", "findings", "in_use", "lifecycle", "status", "validate"},
    {"outputs"},
    {"adoption", "repository_status", "validation", "warnings"},
    {"baseline_plan"},
    {"drifts"},
    {"comparison"},
    {"exporting"},
    {"plan"},
    {"usages"},
    {"preview"},
    {"concurrency", "stand_ins"},
    {"inputs"},
    {"arguments", "console", "controller", "resource_types"},
    {"formatting"},
]


def imports() -> dict[str, set[str]]:
    """By module, the modules of the package that it imports: `outputs.html` imports `outputs.svg`."""
    found: dict[str, set[str]] = {}
    for path in ROOT.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        targets = found.setdefault(name.removesuffix(".__init__"), set())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ecrctl":
                package = ".".join((node.module or "").split(".")[1:])
                for alias in node.names:
                    full = f"{package}.{alias.name}".lstrip(".")
                    is_module = (ROOT / full.replace(".", "/")).with_suffix(".py").exists()
                    targets.add(full if is_module else package)
    return found


def test_every_module_has_a_layer() -> None:
    modules = {name.split(".")[0] for name in imports()} - {"__init__"}
    assert modules == set().union(*LAYERS)


def test_imports_run_down_only() -> None:
    layer = {name: number for number, names in enumerate(LAYERS) for name in names}
    up = [
        (name, target)
        for name, targets in imports().items()
        for target in targets
        if (a := name.split(".")[0]) != (b := target.split(".")[0]) and layer[a] >= layer[b]
    ]
    assert up == []


def test_there_is_no_circle() -> None:
    assert list(TopologicalSorter(imports()).static_order())
