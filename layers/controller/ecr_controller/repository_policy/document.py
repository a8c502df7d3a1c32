"""A repository policy as a shared document, and the statements that one resource has in it."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import RetryableError
from ecr_controller.principals.grantee import Grantee, parse
from ecr_controller.principals.iam import Principals, not_found
from ecr_controller.repository_policy import policy
from ecr_controller.repository_policy.ecr import RepositoryPolicies, UnknownPrincipal
from ecr_controller.repository_policy.policy import Policy
from ecr_controller.shared_documents.converge import Part
from ecr_controller.shared_documents.ledger import Ledger
from ecr_controller.shared_documents.resource_part import ResourcePart

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ecr_controller.custom_resource.request import Home, Request
    from ecr_controller.repository_policy.statement import Statement
    from ecr_controller.shared_documents.ledger import Entry

logger = logging.getLogger(__name__)

# What a policy shows instead of the ARN of a role or user that was deleted: its unique ID.
# Source: "AWS JSON policy elements: Principal" in the IAM user guide.
_DELETED = re.compile(r"A(ROA|IDA)[A-Z0-9]{12,}")
_CLOCK_SKEW = 60.0


TARGETS = "repository-policy/"


class ResourceStatements:
    """The statements of one resource in the policy of a repository. May raise UserError and RetryableError.

    ``physical_id`` is the id of the resource to which they belong.
    """

    def __init__(self, request: Request[Any], physical_id: str, repository: str) -> None:
        self._part = ResourcePart(request, physical_id, TARGETS + repository)
        self._request, self._repository, self._home = request, repository, request.home

    @property
    def held(self) -> str:
        """The key of their entry in the ledger."""
        return self._part.held

    def declare(self, statements: Sequence[Statement], before: Sequence[Statement] = ()) -> None:
        """Put the statements into the policy; they replace those that the resource has there.

        If ECR rejects them, ``before`` takes their place. Raises RepositoryNotFound.
        """
        document = RepositoryPolicyDocument(self._repository, self._home, _principals(statements))
        self._part.declare(_content(statements), document, _content(before) if before else None)

    def verify(self, statements: Sequence[Statement]) -> None:
        """Raise UserError if ECR would reject the statements: a principal of this account does not exist, or the policy
        would be too long.
        """
        document = RepositoryPolicyDocument(self._repository, self._home, _principals(statements))
        document.refuse_unknown()
        part = Part(self._part.owner, _content(statements))
        others = [each for each in self._part.stored_parts() if each.owner != part.owner]
        document.render(document.read(), [*others, part])

    def complete(self) -> None:
        """Say in the ledger that the replacement of the resource is complete, to which the statements belong."""

        def withdraw(entry: Entry) -> None:
            repository = entry.held.removeprefix(TARGETS)
            ResourceStatements(self._request, entry.physical_id, repository).withdraw()

        Ledger(self._request).settle(self._repository, withdraw, [self.held])

    def withdraw_held(self, only_of: str | None = None) -> None:
        """Remove the statements, if the ledger has them. With ``only_of``, only those of that Create."""
        ledger = Ledger(self._request)
        entries = ledger.entries() if only_of is None else ledger.of_create(only_of)
        if any(entry.held == self.held for entry in entries):
            self.withdraw()

    def withdraw(self) -> None:
        """Remove the statements from the policy."""
        self._part.withdraw(RepositoryPolicyDocument(self._repository, self._home))


def _principals(statements: Iterable[Statement]) -> frozenset[str]:
    return frozenset(each for statement in statements for kind, each in statement.principals if kind == "AWS")


def _content(statements: Iterable[Statement]) -> dict[str, Any]:
    return {"statements": [each.content() for each in statements]}


class RepositoryPolicyDocument:
    """A SharedDocument. ``declared`` are the AWS principals of the part that is being declared, if any."""

    def __init__(self, repository: str, home: Home, declared: frozenset[str] | None = None) -> None:
        self._repository, self._home, self._declared = repository, home, declared
        self._policies, self._principals = RepositoryPolicies(), Principals()
        self._seen = Policy()
        self._created_at: float | None = None

    def read(self) -> Policy:
        """The policy as it is. Raises RepositoryNotFound."""
        self._seen = self._policies.get_repository_policy(self._repository)
        return self._seen

    def render(self, current: Policy, parts: Sequence[Part]) -> Policy:
        """The foreign statements, and the parts. Raises UserError if what is declared makes the policy too long."""
        wanted = policy.render(current, parts)
        if self._declared is not None:
            policy.refuse_too_long(self._repository, wanted, parts)
        return wanted

    def holds(self, current: Policy, part: Part) -> bool:
        """Whether the policy has all statements of the part, for all their principals."""
        return policy.holds(current, part)

    def is_younger_than(self, part: Part) -> bool:
        """Whether the repository was created after the part was stored, by more than clocks may differ."""
        if self._created_at is None:
            self._created_at = self._policies.created_at(self._repository)
        return 0 < part.since < self._created_at - _CLOCK_SKEW

    def write(self, document: Policy) -> None:
        """Set the policy; if ECR rejects a principal, without those of other resources that it does not know.

        Raises RetryableError if that does not help, as with a role so new that ECR does not know it yet.
        """
        try:
            self._policies.set_repository_policy(self._repository, document)
        except UnknownPrincipal:
            self.refuse_unknown()
            unknown = self._unknown_of_others(document)
            self._write_without(unknown, document)

    def _write_without(self, unknown: set[str], document: Policy) -> None:
        if unknown:
            named = ", ".join(sorted(unknown))
            logger.warning(
                "The policy of %s is put without principals that no longer exist: %s", self._repository, named
            )
        try:
            if unknown:
                self._policies.set_repository_policy(self._repository, document.without(unknown))
                return
        except UnknownPrincipal:
            pass
        ours = ", ".join(sorted(self._declared or ())) or "a principal in it"
        raise RetryableError(
            f"ECR rejects the policy of the repository {self._repository} because it does not know {ours}. ECR can "
            "take a minute to recognize a new role or user. A principal of another account must exist there."
        )

    def refuse_unknown(self) -> None:
        """Raise PrincipalNotFound if a declared principal of this account does not exist."""
        for principal in sorted(self._declared or ()):
            grantee = _parsed(principal, self._home)
            if grantee is not None and self._is_missing(grantee):
                raise not_found(grantee)

    def _unknown_of_others(self, document: Policy) -> set[str]:
        """Principals that ECR no longer knows, or does not know yet: then their resource is still retrying.

        ECR knows a principal that the policy shows by its ARN. IAM shows which of the others exist in this account. In
        other accounts this cannot be determined, so those principals count as deleted.
        """
        suspects = document.principals(ours=True) - (self._declared or set())
        gone = {each for each in suspects if not self._is_known(each)}
        return gone | {each for each in document.principals(ours=False) if _DELETED.fullmatch(each)}

    def _is_known(self, principal: str) -> bool:
        grantee = _parsed(principal, self._home)
        if grantee is None or {principal, grantee.id} & self._seen.principals():
            return grantee is not None
        return grantee.kind == "everyone" or (grantee.account == self._home.account and not self._is_missing(grantee))

    def _is_missing(self, grantee: Grantee) -> bool:
        """Whether IAM says that this role or user does not exist in this account."""
        return grantee.is_in(self._home, "role", "user") and not self._principals.exists(grantee)


def _parsed(principal: str, home: Home) -> Grantee | None:
    try:
        return parse(principal, home)
    except ValueError:
        return None
