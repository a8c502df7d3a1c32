"""The source of a repository that replication creates: where it is, and the policies that it has there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ecr_controller.errors import Faults, UserError
from ecr_controller.lifecycle.rules import parse_policy
from ecr_controller.repository_policy import bounds
from ecr_controller.repository_policy.statement import PREFIX, Statement
from ecr_controller.resync.sources import SourceRegion
from ecr_controller.shared_documents.parts import PartsTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_controller.custom_resource.request import Home
    from ecr_controller.repository.spec import RepositorySpec

_OWNER, _REGION = "source", "region"
_COPIED = {"Sid", "Effect", "Principal", "Action", "Condition"}


def storage_key(repository: str) -> str:
    """The target in the table of parts of the source of a repository."""
    return f"replica-source/{repository}"


def source_of(repository: str) -> str:
    """The Region of the source, or "" if no replication was seen. Raises UserError and RetryableError."""
    return next((part.content[_REGION] for part in PartsTable().query_parts(storage_key(repository))), "")


def remember(repository: str, region: str) -> bool:
    """Store the Region of the source; whether it was not known."""
    if source_of(repository) == region:
        return False
    PartsTable().put_part(storage_key(repository), _OWNER, {_REGION: region})
    return True


def forget(repository: str) -> None:
    """Remove what is stored."""
    PartsTable().delete_part(storage_key(repository), _OWNER)


def like_source(repository: str, spec: RepositorySpec, home: Home) -> RepositorySpec:
    """The spec with the policies of the source, if it is known. Raises UserError if they cannot be copied, and
    RetryableError."""
    region = source_of(repository)
    if not region:
        return spec
    source = SourceRegion(region)
    faults, text = Faults(), source.get_lifecycle_policy(repository)
    # Any value of KeepInUse adds its rule.
    keeps = {} if spec.keep_in_use is None else {"KeepInUse": spec.keep_in_use}
    policy = None if text is None else parse_policy({"LifecyclePolicyText": text, **keeps}, faults)
    statements = tuple(_statement(each, repository) for each in source.get_statements(repository))
    allowed = bounds.configured(home)
    for i, each in enumerate(statements):
        path = f"PolicyStatements[{i}]"
        allowed.validate(each, bounds.Paths(f"{path}.Principal", f"{path}.Action", f"{path}.Condition"), faults)
    faults.raise_if_any(f"The source of the replica {repository} in {region}")
    return replace(spec, lifecycle_policy=policy, statements=statements)


def _statement(shown: Mapping[str, Any], repository: str) -> Statement:
    if not {"Principal", "Action"} <= shown.keys() <= _COPIED:
        raise UserError(
            f"The repository policy of the source of {repository} has a statement with other elements than Effect, "
            "Principal, Action and Condition, which cannot be copied. Declare the statements of the replica yourself, "
            "and name it in Except of the baseline."
        )
    sid = shown.get("Sid", "")
    # What a controller put there has a Sid that says which one.
    return Statement.from_content({**shown, "Sid": "" if sid.startswith(PREFIX) else sid})
