"""What uses the images of this account and Region. Nothing here calls AWS."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import RetryableError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ecr_controller.custom_resource.request import Home
    from ecr_controller.errors import ControllerError

# The address of a registry, with and without IPv6 and FIPS ("Private registry authentication" in the user guide).
_URI = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(-fips)?\.(?P<region>[a-z0-9-]+)\.[^/]+/(?P<repository>[^:@]+)"
    r"(:(?P<tag>[\w.-]+))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_ARN = re.compile(
    r"arn:[\w-]+:ecr:(?P<region>[\w-]+):(?P<account>\d{12}):repository/(?P<repository>.+)/(?P<digest>sha256:\w{64})"
)


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """An image of ``repository`` in use. ``image`` is its digest, or a tag that names it now; ``user`` is what uses it,
    such as ``service:web in the cluster shop``."""

    repository: str
    image: str
    source: str
    user: str


def use_of_uri(uri: str, digest: str | None, source: str, user: str, home: Home) -> Use | None:
    """The use of an image as a container names it; None if it is not of this account and Region.

    ``digest`` is what the service resolved it to, where it says so.
    """
    found = _URI.fullmatch(uri)
    if found is None or (found["account"], found["region"]) != (home.account, home.region):
        return None
    return Use(found["repository"], digest or found["digest"] or found["tag"] or "latest", source, user)


def use_of_arn(arn: str, source: str, user: str, home: Home) -> Use | None:
    """The use of the image with this ARN, which ends with its digest; None if it is of another account or Region."""
    found = _ARN.fullmatch(arn)
    if found is None or (found["account"], found["region"]) != (home.account, home.region):
        return None
    return Use(found["repository"], found["digest"], source, user)


@dataclass(frozen=True, slots=True)
class Usage:
    """All uses of the ``sources`` that were read, and why one could not be read, by its name."""

    uses: tuple[Use, ...] = ()
    sources: frozenset[str] = frozenset()
    unread: Mapping[str, ControllerError] = field(default_factory=dict)

    def of(self, repository: str, sources: Iterable[str]) -> tuple[Use, ...]:
        """The uses of a repository that these sources report."""
        wanted = set(sources)
        return tuple(use for use in self.uses if use.repository == repository and use.source in wanted)

    def is_complete(self, sources: Iterable[str]) -> bool:
        """Whether all of these were read."""
        return self.sources.issuperset(sources)

    def faults(self, sources: Iterable[str]) -> tuple[ControllerError, ...]:
        """Why sources among these could not be read."""
        return tuple(_named_fault(each, self.unread[each]) for each in sources if each in self.unread)


def _named_fault(source: str, error: ControllerError) -> ControllerError:
    message = f"{source} cannot be read. {error}"
    return RetryableError(message) if isinstance(error, RetryableError) else UserError(message)


def distinct(uses: Iterable[Use]) -> tuple[Use, ...]:
    """One use for each image and source: the first user by name, and how many others there are."""
    users: dict[tuple[str, str, str], set[str]] = {}
    for use in uses:
        users.setdefault((use.repository, use.image, use.source), set()).add(use.user)
    return tuple(Use(*key, _named(found)) for key, found in sorted(users.items()))


def _named(users: Iterable[str]) -> str:
    first, *others = sorted(users)
    return f"{first} and {len(others)} more" if others else first


def to_rows(uses: Iterable[Use]) -> list[list[str]]:
    """The uses of one source as they are stored."""
    return [[use.repository, use.image, use.user] for use in uses]


def from_rows(rows: Any, source: str) -> tuple[Use, ...]:
    """The uses of one source that were stored."""
    return tuple(Use(repository, image, source, user) for repository, image, user in rows)
