"""Each function has the environment variables that its code reads, and no others."""

from __future__ import annotations

import ast
from dataclasses import fields

import pytest

from ecr_controller.config import Config, config
from tests.unit.reachability import body_of, reached
from tests.unit.template.sam import FUNCTIONS, RESOURCES, folder_of


def read_by(function: str) -> set[str]:
    """The variables that a function reaches, as attributes of `config()`."""
    return {
        node.attr.upper()
        for reached_node in reached(folder_of(function) / "app.py")
        for node in body_of(reached_node)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "config"
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_template_sets_what_the_code_reads(function: str) -> None:
    given = RESOURCES[function]["Properties"].get("Environment", {}).get("Variables", {})
    assert set(given) == read_by(function)


def test_every_variable_is_read_by_a_function() -> None:
    assert {name for each in FUNCTIONS for name in read_by(each)} == {each.name.upper() for each in fields(Config)}


def test_nothing_else_of_ours_reads_the_environment() -> None:
    from tests.unit.reachability import PACKAGE, names, parsed

    readers = {
        path.name
        for path in (PACKAGE / "ecr_controller").rglob("*.py")
        for node in ast.walk(parsed(path))
        if isinstance(node, (ast.Module, ast.FunctionDef)) and {"environ", "getenv"} & set(names(node))
    }
    # The SAM CLI sets AWS_SAM_LOCAL, and the on-failure function has the module of the answer without `config`.
    assert readers == {"config.py", "answer.py"}


def test_a_variable_is_read_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTS_TABLE", "parts")
    monkeypatch.delenv("DEAD_LETTERS", raising=False)
    assert (config().parts_table, config().dead_letters) == ("parts", "")
