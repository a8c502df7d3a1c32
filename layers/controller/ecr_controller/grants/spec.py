"""What the properties of the three types of grants declare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller.principals.grantee import Grantee, parse
from ecr_controller.repository_policy import access, conditions
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
    if grantee is None or not actions or "RepositoryName" not in values:
        return None
    combined = conditions.combine(values.get("Conditions", {}), grantee.conditions, _source(values))
    needs_token = values.get("AuthorizationToken", values.get("Access") in access.NEEDS_TOKEN)
    return GrantSpec(
        repository=values["RepositoryName"],
        grantee=grantee,
        statement=Statement((grantee.principal,), actions, combined),
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


def _source(values: Values) -> dict[str, Any]:
    # The operator in Lambda's own documentation; its `*` also matches the colons of an ARN.
    return {"StringLike": {"aws:SourceArn": values["SourceArn"]}} if "SourceArn" in values else {}


def _validate_grantee(grantee: Grantee, values: Values, faults: Faults) -> None:
    if grantee.kind == "group":
        faults.add(
            "Grantee",
            f"{grantee.name} is a group, which a repository policy does not support; specify a role or user. For "
            "authorization tokens, a Custom::ECRAuthorizationTokenGrant supports groups",
        )
    if grantee.kind != "service" and values.declares("SourceArn"):
        faults.add("SourceArn", "is only supported with a service as Grantee")
    is_limited = values.declares("SourceArn") or conditions.limit_source(values.get("Conditions", {}))
    if grantee.kind == "service" and not is_limited:
        faults.add("SourceArn", f"is required with {grantee.id}, which otherwise acts on behalf of any account")
