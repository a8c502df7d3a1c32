"""Whom a statement may allow, which actions, and on whose behalf a service may act: as the operator of the controller
decided.

Statements that deny are not bounded, because they only restrict.
Source: "Condition operators" and "AWS global condition context keys" in the IAM user guide.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller.config import config
from ecr_controller.patterns import matches
from ecr_controller.repository_policy.statement import EVERYONE, as_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ecr_controller.custom_resource.request import Home
    from ecr_controller.errors import Faults
    from ecr_controller.repository_policy.statement import Statement

    Reader = Callable[[str, str], str]

# Tags say who owns a repository. The default of the parameter DeniedGrantActions.
DENIED_ACTIONS = (
    "ecr:SetRepositoryPolicy",
    "ecr:DeleteRepositoryPolicy",
    "ecr:PutLifecyclePolicy",
    "ecr:DeleteLifecyclePolicy",
    "ecr:DeleteRepository",
    "ecr:TagResource",
    "ecr:UntagResource",
)
ALL = "*"

# They match only if the key is in the request. That does not hold for Null, and for an operator with Not, IfExists or
# ForAllValues.
_LIMITING = re.compile(r"(ForAnyValue:)?(String(Equals|EqualsIgnoreCase|Like)|(?P<arn>Arn(Equals|Like)))")
_ACCOUNT = re.compile("[0-9]{12}")
_ORGANIZATION = re.compile("o-[a-z0-9]{10,32}")
# Without a wildcard or a variable before the account, so that it is the account in whatever matches.
_ARN = re.compile("arn:[a-z0-9-]+:[a-z0-9-]+:[a-z0-9-]*:([0-9]{12}):.+")
# The operators of ARNs compare field by field, so that a wildcard stays within its field.
_ARN_PATTERN = re.compile("arn:[a-z0-9*?-]+:[a-z0-9*?-]+:[a-z0-9*?-]*:([0-9]{12}):.+")


@dataclass(frozen=True, slots=True)
class Paths:
    """The properties in which the principals, the actions and the conditions of a statement are declared."""

    principals: str
    actions: str
    conditions: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """The accounts that may be granted access, ``*`` for all of them; the organization; whether everyone may be; and
    the actions that nobody may.

    Everyone includes every account, and all accounts include every organization.
    """

    accounts: frozenset[str]
    organization: str = ""
    public: bool = False
    denied_actions: tuple[str, ...] = DENIED_ACTIONS

    def validate(self, statement: Statement, paths: Paths, faults: Faults) -> None:
        """Add a fault for whatever the statement allows outside the bounds."""
        if statement.effect == "Deny":
            return
        for message in self.refused_principals(statement.principals, statement.conditions):
            faults.add(paths.principals, message)
        for message in self.denied_in(statement.actions):
            faults.add(paths.actions, message)
        for message in self.refused_sources(statement.principals, statement.conditions):
            faults.add(paths.conditions, message)

    def denied_in(self, actions: Iterable[str]) -> Iterator[str]:
        """A message for each action that is denied, or that stands for one which is."""
        for action in actions:
            # A question mark stands for one character. As any characters it includes no less.
            pattern = action.replace("?", "*").lower()
            denied = [each for each in self.denied_actions if matches(pattern, each.lower())]
            if denied:
                yield (
                    f"{action} includes {', '.join(denied)}, which the parameter DeniedGrantActions of the "
                    "controller's stack does not allow; list the actions that are needed"
                )

    def refused_principals(self, principals: Iterable[tuple[str, str]], conditions: Mapping[str, Any]) -> Iterator[str]:
        """A message for each AWS principal outside the bounds. Conditions on the caller can limit all of them."""
        limits = _named(conditions, _CALLERS)
        if any(map(self._include, limits)):
            return
        for principal in principals:
            if principal[0] == "AWS" and not self._allows(principal):
                yield self._refusal(principal, limits)

    def refused_sources(self, principals: Iterable[tuple[str, str]], conditions: Mapping[str, Any]) -> Iterator[str]:
        """A message for each service for which no condition names on whose behalf it acts, inside the bounds."""
        limits = _named(conditions, _SOURCES)
        if any(map(self._include, limits)):
            return
        outside = self._outside(limits)
        for kind, service in principals:
            if kind == "Service" and outside:
                yield (
                    f"lets {service} act on behalf of {outside}, which the parameters GranteeAccounts and "
                    "GranteeOrganization of the controller's stack do not allow; name others, or add it there"
                )
            elif kind == "Service":
                yield (
                    f"must name on whose behalf {service} acts, with StringEquals, StringLike, ArnEquals or ArnLike: "
                    "an account ID in aws:SourceAccount, an ARN with an account ID in aws:SourceArn, or an "
                    "organization ID in aws:SourceOrgID or aws:SourceOrgPaths"
                )

    def _refusal(self, principal: tuple[str, str], limits: list[list[str]]) -> str:
        named = principal[1] if principal != EVERYONE else self._outside(limits)
        if not named:
            return (
                "grants access to every AWS account, which the parameter PublicGrants of the controller's stack does "
                "not allow; name accounts, or limit it with StringEquals on aws:PrincipalOrgID"
            )
        return (
            f"grants access to {named}, which the parameters GranteeAccounts and GranteeOrganization of the "
            "controller's stack do not allow; name others, or add it there"
        )

    def _allows(self, principal: tuple[str, str]) -> bool:
        if principal == EVERYONE:
            return self.public
        return self._has_all_accounts() or _account_of_principal(principal[1]) in self.accounts

    def _include(self, owners: list[str]) -> bool:
        """Whether a condition that names these accounts and organizations limits a statement to the bounds."""
        return bool(owners) and all(owner and self._has(owner) for owner in owners)

    def _has(self, owner: str) -> bool:
        return self._has_all_accounts() or owner in self.accounts or owner == self.organization

    def _has_all_accounts(self) -> bool:
        return self.public or ALL in self.accounts

    def _outside(self, limits: list[list[str]]) -> str:
        """The accounts and organizations outside the bounds, of the conditions that do name some."""
        named = {owner for owners in limits if all(owners) for owner in owners}
        return ", ".join(sorted(owner for owner in named if not self._has(owner)))


def configured(home: Home) -> Bounds:
    """The bounds of the parameters of the controller's stack. This account is always inside."""
    return Bounds(
        accounts=frozenset({home.account, *_listed(config().grantee_accounts)}),
        organization=config().grantee_organization,
        public=config().public_grants == "true",
        denied_actions=_listed(config().denied_grant_actions) or DENIED_ACTIONS,
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())


def _named(conditions: Mapping[str, Any], readers: Mapping[str, Reader]) -> list[list[str]]:
    """For each condition that limits one of the keys, the account or organization of each value, "" where it has none.

    A request must meet all conditions, and one value of each.
    """
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for operator, keys in conditions.items():
        if _LIMITING.fullmatch(operator) and isinstance(keys, dict):
            for key, values in keys.items():
                # Keys have no case, so that one key can be there twice.
                if read := readers.get(key.lower()):
                    found[operator, key.lower()] += [read(operator, str(value)) for value in as_list(values)]
    return list(found.values())


def _account(_operator: str, value: str) -> str:
    return value if _ACCOUNT.fullmatch(value) else ""


def _account_of_arn(operator: str, value: str) -> str:
    limiting = _LIMITING.fullmatch(operator)
    found = (_ARN_PATTERN if limiting and limiting["arn"] else _ARN).fullmatch(value)
    return found[1] if found else ""


def _organization(_operator: str, value: str) -> str:
    return value if _ORGANIZATION.fullmatch(value) else ""


def _organization_of_path(operator: str, value: str) -> str:
    organization, slash, _ = value.partition("/")
    return _organization(operator, organization) if slash else ""


def _account_of_principal(principal: str) -> str:
    return _account("", principal) or _account_of_arn("", principal)


_CALLERS: dict[str, Reader] = {
    "aws:principalaccount": _account,
    "aws:principalarn": _account_of_arn,
    "aws:principalorgid": _organization,
    "aws:principalorgpaths": _organization_of_path,
}
_SOURCES: dict[str, Reader] = {
    "aws:sourceaccount": _account,
    "aws:sourcearn": _account_of_arn,
    "aws:sourceorgid": _organization,
    "aws:sourceorgpaths": _organization_of_path,
}
