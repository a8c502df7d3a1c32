"""A declared repository beside the one that exists, by the difference that the controller computes itself."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from ecr_controller.custom_resource import properties
from ecr_controller.errors import Faults
from ecr_controller.lifecycle.rules import parse_policy
from ecr_controller.repository.changes import Change, difference
from ecr_controller.repository.settings import PolicyStatements, settings
from ecr_controller.repository.spec import RepositorySpec, parse_repository
from ecr_controller.repository_policy.statement import Statement
from ecrctl.inputs.values import as_sent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_controller.custom_resource.request import Home, Request
    from ecrctl.controller import Controller
    from ecrctl.inputs.inventory import Found


def spec_of(
    type_name: str, declared: Mapping[str, Any], home: Home, controller: Controller
) -> tuple[RepositorySpec, Faults]:
    """What the values of the properties of a resource declare of its repository, and their faults.

    ``type_name`` is ECRRepository or ECRLifecyclePolicy.
    """
    faults = Faults()
    with controller.configured():
        values = properties.check(type_name, as_sent(declared), faults)
        if type_name == "ECRLifecyclePolicy":
            return RepositorySpec(lifecycle_policy=parse_policy(values, faults)), faults
        return parse_repository(values, faults, home), faults


def compare(found: Found, spec: RepositorySpec) -> list[Change[Any]]:
    """The changes from what a repository has to what is declared, in the order in which the controller makes them.

    Statements that the policy has under another Sid are no change.
    """
    # Only putting statements needs the request.
    every = difference(settings(cast("Request[RepositorySpec]", None)), found.repository, spec)
    return [change for each in every if (change := without_present(each, found)) is not None]


def without_present(change: Change[Any], found: Found) -> Change[Any] | None:
    """The change without the statements that the policy has already, under whatever Sid; None if none is left."""
    if change.setting.name != PolicyStatements.name:
        return change
    present = [Statement.from_content(each) for each in found.policy.statements if {"Principal", "Action"} <= {*each}]
    lacking = tuple(each for each in change.new if not any(map(partial(_includes, each), present)))
    return Change(change.setting, change.old, lacking) if lacking else None


def _includes(statement: Statement, other: Statement) -> bool:
    """Whether the other one has the same effect, for these principals and perhaps more."""
    same = (statement.effect, set(statement.actions), statement.conditions)
    return same == (other.effect, set(other.actions), other.conditions) and {*statement.principals} <= {
        *other.principals
    }
