"""From the properties of the three grants, and of PolicyStatements, to what they declare, with every fault at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource import properties
from ecr_controller.errors import Fault, InvalidProperties
from ecr_controller.repository_policy import conditions
from ecr_controller.repository_policy import access
from ecr_controller.principals.grantee import Grantee, Home, parse
from ecr_controller.repository_policy.statement import Statement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TYPE = "ECRRepositoryGrant"


@dataclass(frozen=True, slots=True)
class Grant:
    """What one grantee may do with one repository, and whether it gets the right to a token too."""

    repository: str
    grantee: Grantee
    statement: Statement
    token: bool


def read(declared: Mapping[str, Any], home: Home) -> Grant:
    """The grant of ``Custom::ECRRepositoryGrant``. Raises InvalidProperties."""
    grant, faults = _read(declared, home)
    if grant is None or faults:
        raise InvalidProperties(f"Custom::{TYPE}", faults)
    return grant


def read_leniently(declared: Mapping[str, Any], home: Home) -> Grant | None:
    """The grant in properties that may be invalid: those of a rollback or of a Delete. None where it makes no sense."""
    return _read(declared, home)[0]


def read_token_grantee(type_name: str, declared: Mapping[str, Any], home: Home) -> Grantee:
    """The grantee of a token grant. Raises InvalidProperties."""
    values, faults = properties.check(type_name, declared)
    grantee = _grantee(values, home, faults)
    if grantee is not None and not _is_of(home, grantee, "role", "user", "group"):
        faults.append(
            Fault(
                "Grantee",
                f"must be a role, user or group of this account, {home.account}: IAM attaches policies only within an "
                "account, and a repository policy cannot grant a token",
            )
        )
    if grantee is None or faults:
        raise InvalidProperties(f"Custom::{type_name}", faults)
    return grantee


def _read(declared: Mapping[str, Any], home: Home) -> tuple[Grant | None, list[Fault]]:
    values, faults = properties.check(TYPE, declared)
    grantee = _grantee(values, home, faults)
    actions = access.ACTIONS.get(values.get("Access", "")) or tuple(each for each in values.get("Actions", ()) if each)
    faults += _action_faults(declared, actions)
    faults += conditions.faults(values.get("Conditions", {}), "Conditions")
    if grantee is not None:
        faults += [*_grantee_faults(grantee, values, declared), *_token_faults(grantee, values, home)]
    if grantee is None or not actions or "RepositoryName" not in values:
        return None, faults
    together = conditions.together(values.get("Conditions", {}), grantee.conditions, _source(values))
    statement = Statement((grantee.principal,), actions, together)
    needs = values.get("AuthorizationToken", values.get("Access") in access.NEEDS_TOKEN)
    token = needs and _is_of(home, grantee, "role", "user")
    return Grant(values["RepositoryName"], grantee, statement, token), faults


def _grantee(values: Mapping[str, Any], home: Home, faults: list[Fault]) -> Grantee | None:
    if "Grantee" not in values:
        return None
    try:
        return parse(values["Grantee"], home)
    except ValueError as error:
        faults.append(Fault("Grantee", str(error)))
        return None


def _is_of(home: Home, grantee: Grantee, *kinds: str) -> bool:
    return grantee.kind in kinds and grantee.account == home.account


def _action_faults(declared: Mapping[str, Any], actions: tuple[str, ...]) -> Iterator[Fault]:
    if ("Access" in declared) == ("Actions" in declared):
        yield Fault("Access", "is required, or Actions in its place, and not both of them")
    if access.LOGIN in actions:
        yield Fault(
            "Actions",
            f"{access.LOGIN} has no effect in a repository policy; declare a Custom::ECRAuthorizationTokenGrant",
        )


def _source(values: Mapping[str, Any]) -> dict[str, Any]:
    # The operator of Lambda's own documentation; it takes `*` across the colons of an ARN.
    return {"StringLike": {"aws:SourceArn": values["SourceArn"]}} if "SourceArn" in values else {}


def _grantee_faults(grantee: Grantee, values: Mapping[str, Any], declared: Mapping[str, Any]) -> Iterator[Fault]:
    if grantee.kind == "group":
        yield Fault(
            "Grantee",
            f"{grantee.name} is a group, and a repository policy cannot name a group. Grant to the roles or users "
            "themselves; the right to a token a group can have, by a Custom::ECRAuthorizationTokenGrant",
        )
    if grantee.kind != "service" and "SourceArn" in declared:
        yield Fault("SourceArn", "goes only with a service as Grantee")
    if grantee.kind == "service" and "SourceArn" not in declared and not conditions.name_source(values):
        yield Fault("SourceArn", f"is required with {grantee.id}, which acts for anybody otherwise")


def _token_faults(grantee: Grantee, values: Mapping[str, Any], home: Home) -> Iterator[Fault]:
    if values.get("AuthorizationToken") and not _is_of(home, grantee, "role", "user"):
        yield Fault("AuthorizationToken", f"goes only with a role or user of this account, {home.account}")
