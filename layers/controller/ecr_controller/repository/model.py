"""The values of a repository: what a template declares and what ECR shows, in the same words."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ecr_controller.custom_resource import properties

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_controller.repository_policy.statement import Statement
    from ecr_controller.lifecycle.guard import Guard
    from ecr_controller.lifecycle.policy import LifecyclePolicy


@dataclass(frozen=True, slots=True)
class Encryption:
    """How images are encrypted at rest. ``key`` is a KMS key's ARN; None with KMS is the key that AWS manages."""

    type: str = "AES256"
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Mutability:
    """Whether tags can be pushed again, and the patterns of the tags that are excluded from it."""

    value: str = "MUTABLE"
    exclusion_filters: tuple[str, ...] = ()

    def means(self, other: Mutability) -> bool:
        """Whether both say the same; filters have no order."""
        return (self.value, set(self.exclusion_filters)) == (other.value, set(other.exclusion_filters))


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be changed on a repository. None means not declared: such a setting is nobody's business of ours."""

    scan_on_push: bool | None = None
    mutability: Mutability | None = None
    lifecycle_policy: LifecyclePolicy | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a template declares of one repository."""

    name: str | None = None
    settings: Settings = field(default_factory=Settings)
    encryption: Encryption | None = None
    guard: Guard | None = None
    adopt: bool = False
    empty_on_delete: bool = False
    statements: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as ECR shows it. ``tags`` holds all of them; ``lifecycle_text`` is None where there is no policy."""

    name: str
    arn: str
    uri: str
    registry_id: str
    scan_on_push: bool
    mutability: Mutability
    encryption: Encryption
    tags: Mapping[str, str] = field(default_factory=dict)
    lifecycle_text: str | None = None

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes of ``Custom::ECRRepository``."""
        return {
            "RepositoryName": self.name,
            "RepositoryArn": self.arn,
            "RepositoryUri": self.uri,
            "RegistryUri": self.uri.removesuffix(f"/{self.name}"),
            "RegistryId": self.registry_id,
        }


def is_name(name: str) -> bool:
    """Whether ECR would take it as a repository name."""
    rule = properties.load("definitions")["RepositoryName"]
    return rule["minLength"] <= len(name) <= rule["maxLength"] and re.fullmatch(rule["pattern"], name) is not None


def generated_name(stack_name: str, logical_id: str, request_id: str) -> str:
    """A valid, readable and unique repository name: the same for the same request, another for another."""
    unique = hashlib.sha256(f"{stack_name}/{logical_id}/{request_id}".encode()).hexdigest()[:12]
    readable = (re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in (stack_name, logical_id))
    return "-".join([part[:120].rstrip("-") for part in readable if part] + [unique])
