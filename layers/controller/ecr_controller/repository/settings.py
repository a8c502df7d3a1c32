"""The settings of a repository, one class each: what is declared, what ECR has, and how it is put.

A new setting is one class here, its place in `settings`, its field in `spec`, and its property in the schema.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from ecr_controller import aws
from ecr_controller.errors import count
from ecr_controller.lifecycle.ecr import LifecyclePolicies
from ecr_controller.lifecycle.rules import is_policy, is_text
from ecr_controller.repository.changes import NOTHING, Change, Setting
from ecr_controller.repository.ecr import Repositories
from ecr_controller.repository.model import Mutability
from ecr_controller.repository.ownership import TAG_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_ecr import ECRClient

    from ecr_controller.custom_resource.request import Request
    from ecr_controller.repository.model import Repository
    from ecr_controller.repository.record import Record
    from ecr_controller.repository.spec import RepositorySpec
    from ecr_controller.repository_policy.document import ResourceStatements
    from ecr_controller.repository_policy.statement import Statement

T = TypeVar("T")
TagValues = dict[str, str | None]  # None is the absence of the tag

logger = logging.getLogger(__name__)


class ValueSetting(Setting[T]):
    """A setting with one value, which CreateRepository takes in the same form as its own Put.

    What was declared before and no longer is returns to ECR's default; what was never declared is left as it is.
    """

    default: T
    _ecr: aws.Client[ECRClient] = aws.Client("ecr")

    @abstractmethod
    def declared(self, spec: RepositorySpec) -> T | None:
        """The declared value, or None."""

    @abstractmethod
    def observed(self, found: Repository) -> T:
        """The value that the repository has."""

    @abstractmethod
    def to_json(self, value: T) -> Any:
        """The value in the record of an adoption."""

    @abstractmethod
    def from_json(self, recorded: Any) -> T:
        """The value that was recorded."""

    @abstractmethod
    def arguments(self, value: T) -> dict[str, Any]:
        """The value as ECR's API takes it."""

    def is_equivalent(self, value: T, other: T) -> bool:
        """Whether both values have the same effect."""
        return value == other

    def change(self, found: Repository, spec: RepositorySpec, before: RepositorySpec) -> Change[T] | None:
        """The change to the declared value, or back to ECR's default."""
        wanted, has = self.declared(spec), self.observed(found)
        if wanted is None and self.declared(before) is not None:
            wanted = self.default
        return None if wanted is None or self.is_equivalent(wanted, has) else Change(self, has, wanted)

    def change_adopted(
        self, found: Repository, spec: RepositorySpec, _before: RepositorySpec, record: Record
    ) -> Change[T] | None:
        """The change to the declared value, or back to the one before the adoption."""
        for was in record.ended(self, found, spec).values():
            return Change(self, self.observed(found), self.default if was is None else self.from_json(was))
        return self.change(found, spec, NOTHING)

    def observed_values(self, found: Repository) -> dict[str, Any]:
        """The observed value."""
        return {self.name: self.to_json(self.observed(found))}

    def declared_values(self, spec: RepositorySpec) -> dict[str, Any]:
        """The declared value."""
        declared = self.declared(spec)
        return {} if declared is None else {self.name: self.to_json(declared)}

    def create_arguments(self, spec: RepositorySpec) -> dict[str, Any]:
        """The declared value."""
        declared = self.declared(spec)
        return {} if declared is None else self.arguments(declared)


@aws.translates_errors
class ImageScanOnPush(ValueSetting[bool]):
    """Whether an image is scanned when it is pushed."""

    name, field = "ImageScanOnPush", "scan_on_push"
    default = False

    def declared(self, spec: RepositorySpec) -> bool | None:
        """True or False, or None."""
        return spec.scan_on_push

    def observed(self, found: Repository) -> bool:
        """Of ``imageScanningConfiguration``."""
        return bool(found.shown.get("imageScanningConfiguration", {}).get("scanOnPush", False))

    def to_json(self, value: bool) -> Any:
        """True or False."""
        return value

    def from_json(self, recorded: Any) -> bool:
        """True or False."""
        return bool(recorded)

    def arguments(self, value: bool) -> dict[str, Any]:
        """``imageScanningConfiguration``."""
        return {"imageScanningConfiguration": {"scanOnPush": value}}

    def put(self, repository: Repository, change: Change[bool]) -> None:
        """PutImageScanningConfiguration."""
        self._ecr.put_image_scanning_configuration(repositoryName=repository.name, **self.arguments(change.new))


@aws.translates_errors
class ImageTagMutability(ValueSetting[Mutability]):
    """Whether tags can be overwritten."""

    name, field = "ImageTagMutability", "mutability"
    default = Mutability()

    def declared(self, spec: RepositorySpec) -> Mutability | None:
        """The mutability with its filters, or None."""
        return spec.mutability

    def observed(self, found: Repository) -> Mutability:
        """Of ``imageTagMutability`` and its exclusion filters."""
        return Mutability.shown(found.shown)

    def to_json(self, value: Mutability) -> Any:
        """The value, and the sorted filters."""
        return [value.value, *sorted(value.exclusion_filters)]

    def from_json(self, recorded: Any) -> Mutability:
        """The value with its filters."""
        value, *filters = recorded
        return Mutability(value, tuple(filters))

    def is_equivalent(self, value: Mutability, other: Mutability) -> bool:
        """Whether both have the same effect; filters have no order."""
        return value.is_equivalent_to(other)

    def arguments(self, value: Mutability) -> dict[str, Any]:
        """``imageTagMutability``, and its exclusion filters if there are any."""
        filters = [{"filterType": "WILDCARD", "filter": each} for each in value.exclusion_filters]
        excluded = {"imageTagMutabilityExclusionFilters": filters} if filters else {}
        return {"imageTagMutability": value.value, **excluded}

    def put(self, repository: Repository, change: Change[Mutability]) -> None:
        """PutImageTagMutability."""
        self._ecr.put_image_tag_mutability(repositoryName=repository.name, **self.arguments(change.new))


class Tags(Setting[TagValues]):
    """The declared tags, and ours. Tags of others stay. A value holds the tags that differ."""

    name, field = "Tags", "tags"

    def change(self, found: Repository, spec: RepositorySpec, before: RepositorySpec) -> Change[TagValues] | None:
        """The change of the tags that differ; what was declared before and no longer is goes."""
        wanted: TagValues = {**dict.fromkeys(before.tags), **spec.tags}
        changed = {key: value for key, value in wanted.items() if found.tags.get(key) != value}
        return Change(self, {key: found.tags.get(key) for key in changed}, changed) if changed else None

    def change_adopted(
        self, found: Repository, spec: RepositorySpec, before: RepositorySpec, record: Record
    ) -> Change[TagValues] | None:
        """The change to the declared tags; what is no longer declared goes back to its value before the adoption."""
        ended = {key.partition(".")[2]: was for key, was in record.ended(self, found, spec).items()}
        ours = {key: None for key in before.tags if key.startswith(TAG_PREFIX)}
        wanted: TagValues = {**ours, **ended, **spec.tags}
        changed = {key: value for key, value in wanted.items() if found.tags.get(key) != value}
        return Change(self, {key: found.tags.get(key) for key in changed}, changed) if changed else None

    def observed_values(self, found: Repository) -> dict[str, Any]:
        """All tags but ours."""
        return self._values(found.tags)

    def declared_values(self, spec: RepositorySpec) -> dict[str, Any]:
        """The declared tags."""
        return self._values(spec.tags)

    def restricted(self, spec: RepositorySpec, keep: Callable[[str], bool]) -> RepositorySpec:
        """The spec with the tags whose keys, ``Tags.<key>``, are kept."""
        tags = {key: value for key, value in spec.tags.items() if keep(f"{self.name}.{key}")}
        return replace(spec, tags=tags)

    def _values(self, tags: Mapping[str, str]) -> dict[str, Any]:
        return {f"{self.name}.{key}": value for key, value in tags.items() if not key.startswith(TAG_PREFIX)}

    def describe(self, value: TagValues) -> str:
        """``team=platform, owner (none)``."""
        return ", ".join(f"{key} (none)" if text is None else f"{key}={text}" for key, text in value.items())

    def put(self, repository: Repository, change: Change[TagValues]) -> None:
        """TagResource, UntagResource, or both."""
        Repositories().tag_resource(repository.arn, change.new)


class LifecyclePolicyText(Setting[str | None]):
    """The lifecycle policy, as its text; None is no policy. One that is no longer declared is deleted if it is still
    the one that was declared."""

    name, field = "LifecyclePolicy", "lifecycle_policy"

    def change(self, found: Repository, spec: RepositorySpec, before: RepositorySpec) -> Change[str | None] | None:
        """The change to the declared policy, or to none. It is compared by its effect."""
        wanted, was, has = spec.lifecycle_policy, before.lifecycle_policy, found.lifecycle_text
        if wanted is not None:
            return None if is_policy(has, wanted) else Change(self, has, wanted.text())
        if was is None or has is None:
            return None
        if is_policy(has, was):
            return Change(self, has, None)
        logger.warning("The lifecycle policy of %s is kept because it is not the one that was declared", found.name)
        return None

    def change_adopted(
        self, found: Repository, spec: RepositorySpec, _before: RepositorySpec, record: Record
    ) -> Change[str | None] | None:
        """The change to the declared policy, or back to the one before the adoption."""
        for was in record.ended(self, found, spec).values():
            return Change(self, found.lifecycle_text, was)
        return self.change(found, spec, NOTHING)

    def observed_values(self, found: Repository) -> dict[str, Any]:
        """The text that the repository has."""
        return {self.name: found.lifecycle_text}

    def declared_values(self, spec: RepositorySpec) -> dict[str, Any]:
        """The text of the declared policy."""
        return {} if spec.lifecycle_policy is None else {self.name: spec.lifecycle_policy.text()}

    def is_same(self, value: str | None, other: str | None) -> bool:
        """Whether both have the same effect."""
        return value == other if value is None or other is None else is_text(value, other)

    def put(self, repository: Repository, change: Change[str | None]) -> None:
        """PutLifecyclePolicy or DeleteLifecyclePolicy."""
        LifecyclePolicies().put_lifecycle_policy(repository.name, change.new)


class PolicyStatements(Setting["tuple[Statement, ...]"]):
    """The statements in the repository policy, which other resources share. Only putting them shows whether the policy
    has them, so declared statements are always a change; a policy that agrees is not written.

    ECR may not know a new principal yet: that is retried, without deleting the repository and creating it again.
    """

    name, field = "PolicyStatements", "statements"
    is_shared = True

    def __init__(self, request: Request[RepositorySpec]) -> None:
        self._request = request

    def change(
        self, _found: Repository, spec: RepositorySpec, before: RepositorySpec
    ) -> Change[tuple[Statement, ...]] | None:
        """The change from the statements of the previous template to those of this one."""
        if not spec.statements and not before.statements:
            return None
        return Change(self, before.statements, spec.statements)

    def describe(self, value: tuple[Statement, ...]) -> str:
        """``2 statements``."""
        return count(len(value), "statement")

    def put(self, repository: Repository, change: Change[tuple[Statement, ...]]) -> None:
        """SetRepositoryPolicy or DeleteRepositoryPolicy, and the table of parts."""
        if change.new:
            self._of(repository.name).declare(change.new, change.old)
        else:
            self.withdraw(repository.name)

    def declared_values(self, spec: RepositorySpec) -> dict[str, Any]:
        """Whether there are any."""
        return {self.name: True} if spec.statements else {}

    def verify(self, repository: str, statements: tuple[Statement, ...]) -> None:
        """Raise UserError if ECR would not accept the statements in the policy of the repository."""
        self._of(repository).verify(statements)

    def complete(self, repository: str) -> None:
        """Say that the repository, which replaces another one, is complete."""
        self._of(repository).complete()

    def withdraw(self, repository: str, only_of: str | None = None) -> None:
        """Remove the statements that the resource has there. With ``only_of``, only those of that Create."""
        self._of(repository).withdraw_held(only_of)

    def _of(self, repository: str) -> ResourceStatements:
        # Few repositories have statements, and every cold start would pay for this import.
        from ecr_controller.repository_policy.document import ResourceStatements

        return ResourceStatements(self._request, repository, repository)


def settings(request: Request[RepositorySpec]) -> tuple[Setting[Any], ...]:
    """All settings, in the order in which they are changed: our tags claim the lifecycle policy before it is put."""
    return ImageScanOnPush(), ImageTagMutability(), Tags(), LifecyclePolicyText(), PolicyStatements(request)
