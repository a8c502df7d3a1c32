"""PolicyStatements: statements of a repository policy that a user wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller.repository_policy import access, bounds, conditions
from ecr_controller.repository_policy.statement import PREFIX, Statement, as_list

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ecr_controller.custom_resource.request import Home
    from ecr_controller.errors import Faults

PROPERTY = "PolicyStatements"


def parse(values: Mapping[str, Any], faults: Faults, home: Home) -> tuple[Statement, ...]:
    """The statements in validated properties; one that is malformed is left out.

    One outside the bounds is not: what was put before the bounds is withdrawn as any other.
    """
    declared: Sequence[Any] = values.get(PROPERTY, ())
    statements, sids, allowed = list[Statement](), set[str](), bounds.configured(home)
    for i, each in enumerate(declared):
        if each is None:
            continue
        before, path = len(faults), f"{PROPERTY}[{i}]"
        _validate(each, path, sids, faults)
        malformed = {fault.path for fault in faults[before:]}
        if not malformed:
            statements.append(Statement.from_content(each))
            sids.add(each.get("Sid", ""))
        if not malformed & {f"{path}.Principal", f"{path}.Action"}:
            paths = bounds.Paths(f"{path}.Principal", f"{path}.Action", f"{path}.Condition")
            allowed.validate(Statement.from_content(each), paths, faults)
    return tuple(statements)


def _validate(each: Mapping[str, Any], path: str, sids: set[str], faults: Faults) -> None:
    sid = each.get("Sid", "")
    if sid.startswith(PREFIX):
        faults.add(f"{path}.Sid", f"must not begin with {PREFIX}, a prefix that the controller adds")
    if sid and sid in sids:
        faults.add(f"{path}.Sid", f"{sid} is used by more than one statement")
    _validate_principal(each["Principal"], f"{path}.Principal", faults)
    actions = as_list(each["Action"])
    if not actions or not all(isinstance(action, str) and action.startswith("ecr:") for action in actions):
        faults.add(f"{path}.Action", "must be one or more Amazon ECR actions, such as ecr:BatchGetImage")
    if access.LOGIN in actions:
        faults.add(f"{path}.Action", f"{access.LOGIN} has no effect in a repository policy; remove it")
    conditions.validate(each.get("Condition", {}), f"{path}.Condition", faults)


def _validate_principal(principal: Any, path: str, faults: Faults) -> None:
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal or not principal.keys() <= {"AWS", "Service"}:
        faults.add(path, "must be * or a map with AWS or Service")
    elif not all(ids and all(isinstance(each, str) and each for each in as_list(ids)) for ids in principal.values()):
        faults.add(path, "must name at least one principal: a string, or a list of strings, under AWS or Service")
    elif any(":group/" in each for each in as_list(principal.get("AWS", []))):
        faults.add(path, "names a group, which a repository policy does not support; name the roles or users")
