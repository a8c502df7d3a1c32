"""A repository policy as a document with many owners, and ECR's refusals of principals that are not there."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from ecr_controller.errors import RetryableError, UserError
from ecr_controller.repository_policy import policy
from ecr_controller.repository_policy.ecr import Principals, RepositoryPolicies, UnknownPrincipal
from ecr_controller.principals.grantee import Grantee, Home, parse
from ecr_controller.repository_policy.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_controller.shared_documents.converge import Part

logger = logging.getLogger(__name__)

# What a policy shows in the place of the ARN of a role or user that is deleted.
_DELETED = re.compile(r"A(ROA|IDA)[A-Z0-9]{12,}")


def target(repository: str) -> str:
    """The policy of a repository, in the table of parts."""
    return f"repository-policy/{repository}"


class RepositoryPolicy:
    """A Document for `converge`. ``declared`` are the AWS principals of the part that is declared by it, if one is."""

    def __init__(self, repository: str, home: Home, declared: frozenset[str] | None = None) -> None:
        self._repository, self._home, self._declared = repository, home, declared
        self._policies, self._principals = RepositoryPolicies(), Principals()
        self._seen = Policy()

    def read(self) -> Policy:
        """The policy as it is. Raises RepositoryGone."""
        self._seen = self._policies.find(self._repository)
        return self._seen

    def render(self, current: Policy, parts: Sequence[Part]) -> Policy:
        """What is foreign, and the parts. Raises UserError where what is declared makes it too long."""
        wanted = policy.render(current, parts)
        if self._declared is not None:
            policy.refuse_too_long(self._repository, wanted, parts)
        return wanted

    def write(self, document: Policy) -> None:
        """Put it; where ECR refuses a principal, without those of others that it does not know.

        Raises RetryableError where that does not help, as with a role so new that ECR does not see it yet.
        """
        try:
            self._policies.put(self._repository, document)
        except UnknownPrincipal:
            self._refuse_unknown_of_ours()
            unknown = self._unknown_of_others(document)
            self._put_without(unknown, document)

    def _put_without(self, unknown: set[str], document: Policy) -> None:
        if unknown:
            named = ", ".join(sorted(unknown))
            logger.warning("The policy of %s is put without principals that are gone: %s", self._repository, named)
        try:
            if unknown:
                self._policies.put(self._repository, document.without(unknown))
                return
        except UnknownPrincipal:
            pass
        ours = ", ".join(sorted(self._declared or ())) or "in it"
        raise RetryableError(
            f"ECR does not take the policy of the repository {self._repository}: it does not know a principal, {ours}. "
            "A new role or user is known after a minute at most; one of another account must exist there."
        )

    def _refuse_unknown_of_ours(self) -> None:
        for principal in sorted(self._declared or ()):
            grantee = _parsed(principal, self._home)
            if grantee is not None and self._is_missing(grantee):
                raise UserError(f"There is no {grantee.kind} {principal} in this account.")

    def _unknown_of_others(self, document: Policy) -> set[str]:
        """Principals that ECR no longer knows, or does not know yet: then whoever declared them is still trying.

        What ECR shows by its ARN it knows. IAM tells which of the rest are gone from this account; of other accounts
        nobody tells, and the rest is taken for gone.
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
        """Whether IAM says that there is no such role or user in this account."""
        here = grantee.account == self._home.account and grantee.kind in ("role", "user")
        return here and not self._principals.exist(grantee)


def _parsed(principal: str, home: Home) -> Grantee | None:
    try:
        return parse(principal, home)
    except ValueError:
        return None
