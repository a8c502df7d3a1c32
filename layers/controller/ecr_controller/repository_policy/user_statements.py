"""PolicyStatements: statements that a user wrote, with every fault at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller.errors import Fault
from ecr_controller.repository_policy import conditions
from ecr_controller.repository_policy import access
from ecr_controller.repository_policy.statement import PREFIX, Statement, as_list

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PROPERTY = "PolicyStatements"
_NO_RESOURCE = "goes not into a repository policy, which applies to its repository alone; leave it out"


def without_resources(declared: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """The properties without each Resource, and a fault for each, in better words than for an unknown property."""
    statements, faults = declared.get(PROPERTY), list[Fault]()
    if not isinstance(statements, list):
        return dict(declared), []
    cleaned: list[Any] = []
    for i, each in enumerate(statements):
        named = [name for name in ("Resource", "NotResource") if isinstance(each, dict) and name in each]
        faults += [Fault(f"{PROPERTY}[{i}].{name}", _NO_RESOURCE) for name in named]
        cleaned.append({key: value for key, value in each.items() if key not in named} if named else each)
    return {**declared, PROPERTY: cleaned}, faults


def read(values: Mapping[str, Any], faults: list[Fault]) -> tuple[Statement, ...]:
    """The statements in checked properties. Faults are added to ``faults``; a statement with one is left out."""
    declared: Sequence[Any] = values.get(PROPERTY, ())
    statements, sids = list[Statement](), set[str]()
    for i, each in enumerate(declared):
        found = [] if each is None else list(_faults(each, f"{PROPERTY}[{i}]", sids))
        faults += found
        if each is not None and not found:
            statements.append(Statement.from_content(each))
            sids.add(each.get("Sid", ""))
    return tuple(statements)


def _faults(each: Mapping[str, Any], path: str, sids: set[str]) -> Iterator[Fault]:
    sid = each.get("Sid", "")
    if sid.startswith(PREFIX):
        yield Fault(f"{path}.Sid", f"must not begin with {PREFIX}, which the controller puts before it")
    if sid and sid in sids:
        yield Fault(f"{path}.Sid", f"{sid} is given twice")
    yield from _principal_faults(each["Principal"], f"{path}.Principal")
    actions = as_list(each["Action"])
    if not actions or not all(isinstance(action, str) and action.startswith("ecr:") for action in actions):
        yield Fault(f"{path}.Action", "must be one or more actions of Amazon ECR, such as ecr:BatchGetImage")
    if access.LOGIN in actions:
        yield Fault(f"{path}.Action", f"{access.LOGIN} has no effect in a repository policy")
    yield from conditions.faults(each.get("Condition", {}), f"{path}.Condition")


def _principal_faults(principal: Any, path: str) -> Iterator[Fault]:
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal or not principal.keys() <= {"AWS", "Service"}:
        yield Fault(path, "must be * or a map with AWS or Service")
    elif not all(ids and all(isinstance(each, str) and each for each in as_list(ids)) for ids in principal.values()):
        yield Fault(path, "must name somebody: a string, or a list of strings, under AWS or Service")
    elif any(":group/" in each for each in as_list(principal.get("AWS", []))):
        yield Fault(path, "names a group, which a repository policy cannot; name the roles or users themselves")
