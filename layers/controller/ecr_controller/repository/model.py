"""A repository as ECR shows it, and the values of its settings."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource import properties
from ecr_controller.patterns import matches

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Encryption:
    """How images are encrypted at rest. ``key`` is the ARN of a KMS key; None with KMS is the AWS managed key.

    A declared key may also be an alias, ``alias/NAME`` or its ARN.
    """

    type: str = "AES256"
    key: str | None = None

    @property
    def has_alias(self) -> bool:
        """Whether the key is an alias, which may name another key later."""
        return self.key is not None and ":key/" not in self.key

    def __str__(self) -> str:
        return self.type + (f" with {self.key}" if self.key else "")


@dataclass(frozen=True, slots=True)
class Mutability:
    """Whether tags can be overwritten, and the patterns of the tags that are excluded from that."""

    value: str = "MUTABLE"
    exclusion_filters: tuple[str, ...] = ()

    @classmethod
    def shown(cls, described: Mapping[str, Any]) -> Mutability:
        """Of a repository as DescribeRepositories describes it."""
        filters = described.get("imageTagMutabilityExclusionFilters", [])
        return cls(described.get("imageTagMutability", "MUTABLE"), tuple(each["filter"] for each in filters))

    def is_immutable(self, tag: str) -> bool:
        """Whether a tag, once it is on an image, cannot move to another one."""
        is_excluded = any(matches(each, tag) for each in self.exclusion_filters)
        return self.value.startswith("IMMUTABLE") != is_excluded

    def is_equivalent_to(self, other: Mutability) -> bool:
        """Whether both have the same effect; filters have no order."""
        return (self.value, set(self.exclusion_filters)) == (other.value, set(other.exclusion_filters))

    def __str__(self) -> str:
        return self.value + (f" ({', '.join(self.exclusion_filters)})" if self.exclusion_filters else "")


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository with all its tags. ``shown`` is its entry in the answer of DescribeRepositories or
    CreateRepository; ``lifecycle_text`` is None if there is no policy, or if it was not read.
    """

    name: str
    arn: str
    uri: str
    registry_id: str
    encryption: Encryption
    shown: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    lifecycle_text: str | None = None

    @property
    def identity(self) -> str:
        """It tells the repository from another one of the same name: when it was created, in seconds."""
        created = self.shown.get("createdAt", 0)
        return f"{created.timestamp() if isinstance(created, datetime) else created:.0f}"

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes of ``Custom::ECRRepository``."""
        return {
            "RepositoryName": self.name,
            "RepositoryArn": self.arn,
            "Arn": self.arn,
            "RepositoryUri": self.uri,
            "DualStackRepositoryUri": self._dual_stack_uri,
            "RegistryUri": self.uri.removesuffix(f"/{self.name}"),
            "RegistryId": self.registry_id,
        }

    @property
    def _dual_stack_uri(self) -> str:
        """The URI for IPv4 and IPv6. Source: "Making requests over IPv6" in the Amazon ECR user guide."""
        registry, _, name = self.uri.partition("/")
        account, _, rest = registry.partition(".dkr.ecr.")
        region, _, suffix = rest.partition(".")
        domain = _DUAL_STACK_DOMAINS.get(suffix)
        return f"{account}.dkr-ecr.{region}.{domain}/{name}" if domain else "unknown"


# By the domain of the URI for IPv4. Other partitions have no documented one.
_DUAL_STACK_DOMAINS = {"amazonaws.com": "on.aws", "amazonaws.com.cn": "on.amazonwebservices.com.cn"}


def is_name(name: str) -> bool:
    """Whether ECR accepts it as the name of a repository."""
    rule = properties.load("definitions")["RepositoryName"]
    return rule["minLength"] <= len(name) <= rule["maxLength"] and re.fullmatch(rule["pattern"], name) is not None


def generated_name(stack_name: str, logical_id: str, source: str) -> str:
    """A valid and readable name of a repository: always the same for one source, the ID of a stack or of a request."""
    unique = hashlib.sha256(f"{stack_name}/{logical_id}/{source}".encode()).hexdigest()[:12]
    return f"{_readable(stack_name, logical_id)}{unique}"


def _readable(*parts: str) -> str:
    readable = (re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in parts)
    return "".join(f"{part[:120].rstrip('-')}-" for part in readable if part)
