"""What the properties of the three types of grants declare."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ecr_controller.principals.grantee import Grantee, parse
from ecr_controller.repository_policy import access, bounds, conditions
from ecr_controller.repository_policy.statement import Statement

if TYPE_CHECKING:
    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Home
    from ecr_controller.errors import Faults


@dataclass(frozen=True, slots=True)
class GrantSpec:
    """What one grantee may do with one repository, and whether it may also get an authorization token."""

    repository: str
    grantee: Grantee
    statement: Statement
    token: bool


def parse_grant(values: Values, faults: Faults, home: Home) -> GrantSpec | None:
    """The grant of ``Custom::ECRRepositoryGrant``."""
    grantee = _parse_grantee(values, faults, home)
    actions = access.ACTIONS.get(values.get("Access", "")) or tuple(each for each in values.get("Actions", ()) if each)
    _validate_actions(values, actions, faults)
    conditions.validate(values.get("Conditions", {}), "Conditions", faults)
    if grantee is not None:
        _validate_grantee(grantee, values, faults)
        if values.get("AuthorizationToken") and not grantee.is_in(home, "role", "user"):
            faults.add("AuthorizationToken", f"is only supported for a role or user of this account, {home.account}")
    statement = _statement(grantee, actions, values)
    _validate_bounds(statement, values, faults, home)
    if grantee is None or not actions or "RepositoryName" not in values:
        return None
    needs_token = values.get("AuthorizationToken", values.get("Access") in access.NEEDS_TOKEN)
    return GrantSpec(
        repository=values["RepositoryName"],
        grantee=grantee,
        statement=statement,
        token=needs_token and grantee.is_in(home, "role", "user"),
    )


def parse_token_grantee(values: Values, faults: Faults, home: Home) -> Grantee | None:
    """The grantee of a grant of authorization tokens."""
    grantee = _parse_grantee(values, faults, home)
    if grantee is not None and not grantee.is_in(home, "role", "user", "group"):
        faults.add(
            "Grantee",
            f"must be a role, user or group of this account, {home.account}: an authorization token needs a policy "
            "that is attached to the principal, and IAM attaches policies only within an account",
        )
        return None
    return grantee


def _parse_grantee(values: Values, faults: Faults, home: Home) -> Grantee | None:
    if "Grantee" not in values:
        return None
    try:
        return parse(values["Grantee"], home)
    except ValueError as error:
        faults.add("Grantee", str(error))
        return None


def _validate_actions(values: Values, actions: tuple[str, ...], faults: Faults) -> None:
    if values.declares("Access") and values.declares("Actions"):
        faults.add("Actions", "cannot be combined with Access; remove one of them")
    if not values.declares("Access") and not values.declares("Actions"):
        faults.add("Access", "is required unless Actions is declared")
    if access.LOGIN in actions:
        faults.add(
            "Actions",
            f"{access.LOGIN} has no effect in a repository policy; use a Custom::ECRAuthorizationTokenGrant",
        )


def _statement(grantee: Grantee | None, actions: tuple[str, ...], values: Values) -> Statement:
    declared = values.get("Conditions", {})
    if grantee is None:
        return Statement((), actions, declared)
    return Statement((grantee.principal,), actions, conditions.combine(declared, grantee.conditions, _source(values)))


def _source(values: Values) -> dict[str, Any]:
    if "SourceArn" not in values:
        return {}
    # StringLike is the operator in Lambda's own documentation. Its `*` also matches the colons of an ARN, and so could
    # match another account if it came before the account.
    is_open = bool({"*", "?"} & set(":".join(values["SourceArn"].split(":")[:4])))
    return {"ArnLike" if is_open else "StringLike": {"aws:SourceArn": values["SourceArn"]}}


def _validate_grantee(grantee: Grantee, values: Values, faults: Faults) -> None:
    if grantee.kind == "group":
        faults.add(
            "Grantee",
            f"{grantee.name} is a group, which a repository policy does not support; specify a role or user. For "
            "authorization tokens, a Custom::ECRAuthorizationTokenGrant supports groups",
        )
    if grantee.kind != "service" and values.declares("SourceArn"):
        faults.add("SourceArn", "is only supported with a service as Grantee")
    if grantee.kind == "service" and not _names_source(values):
        faults.add("SourceArn", f"is required with {grantee.id}, which otherwise acts on behalf of any account")


def _names_source(values: Values) -> bool:
    may_name = values.declares("SourceArn") or values.is_invalid("Conditions")
    return may_name or conditions.name_source(values.get("Conditions", {}))


def _validate_bounds(statement: Statement, values: Values, faults: Faults, home: Home) -> None:
    has_source = "SourceArn" in values if values.declares("SourceArn") else conditions.name_source(statement.conditions)
    if not has_source:
        # The fault of a source that is missing or malformed is reported alone.
        named = tuple(each for each in statement.principals if each[0] != "Service")
        statement = replace(statement, principals=named)
    paths = bounds.Paths(
        principals="Grantee",
        actions="Actions" if values.declares("Actions") else "Access",
        conditions="SourceArn" if values.declares("SourceArn") else "Conditions",
    )
    bounds.configured(home).validate(statement, paths, faults)
