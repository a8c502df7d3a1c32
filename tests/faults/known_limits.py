"""What the protocol of custom resources cannot prevent, and what is left behind then: docs/design.md lists it.

There is no order between requests that overlap, and no request can stop a call that AWS has received. A limit holds
for every scenario that it names: one that no longer fails there is reported, so that the table says what is.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Limit:
    """What happens: an ordering of `orderings`; in which scenarios; and what is left behind."""

    what: str
    scenarios: str
    left: str


LIMITS = (
    Limit("deleted-meanwhile", "repository-create-*", "what the Create does after the Delete: the repository"),
    Limit("deleted-meanwhile", "lifecycle-policy-create-*", "what the Create does after the Delete: the policy"),
    Limit("deleted-meanwhile", "grant-create-*", "what the Create does after the Delete: its statement, its policy"),
    Limit("deleted-meanwhile", "token-create-*", "what the Create does after the Delete: the attached policy"),
    Limit("deleted-meanwhile", "public-token-create-*", "what the Create does after the Delete: the attached policy"),
    Limit("deleted-meanwhile", "*route-create-*", "what the Create does after the Delete: the route"),
    Limit("deleted-meanwhile", "baseline-create-*", "what the Create does after the Delete: the baseline"),
    Limit("rolled-back-meanwhile", "baseline-update-*", "what the Update does after its rollback"),
    Limit("rolled-back-meanwhile", "repository-update-*", "what the Update does after its rollback"),
    Limit("rolled-back-meanwhile", "lifecycle-policy-update-*", "what the Update does after its rollback"),
    Limit("rolled-back-meanwhile", "grant-update-*", "what the Update does after its rollback"),
    Limit("rolled-back-meanwhile", "token-update-*", "what the Update does after its rollback"),
    Limit("rolled-back-meanwhile", "*route-update-*", "what the Update does after its rollback"),
    Limit("in-flight", "repository-*", "what the call did: a repository, a setting, tags, statements or a row"),
    Limit("in-flight", "lifecycle-policy-*", "what the call did: the lifecycle policy, the tag or the row"),
    Limit("in-flight", "grant-*", "what the call did: a statement, an attached policy or a row"),
    Limit("in-flight", "token-*", "what the call did: the attached policy or a row"),
    Limit("in-flight", "public-token-*", "what the call did: the attached policy or a row"),
    Limit("in-flight", "baseline-*", "what the call did: the baseline"),
    Limit("in-flight", "*route-*", "what the call did: the route"),
)


def limit_of(what: str, scenario: str) -> Limit | None:
    """The limit that names both."""
    found = (each for each in LIMITS if each.what == what and fnmatchcase(scenario, each.scenarios))
    return next(found, None)
