"""What AWS adds to the declaration of a repository: the tags of its stack, and the key that an alias names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ecr_controller.repository import ownership
from ecr_controller.repository.changes import NOTHING
from ecr_controller.stacks import Stacks

if TYPE_CHECKING:
    from ecr_controller.custom_resource.request import Request
    from ecr_controller.repository.spec import RepositorySpec


def completed(request: Request[RepositorySpec]) -> Request[RepositorySpec]:
    """The request with both. Calls DescribeStacks unless StackTags is false, and DescribeKey for an alias.

    An alias that was declared before stays what it was when the repository was created.
    """
    spec, before = request.spec, request.old or NOTHING
    if spec.takes_stack_tags:
        tags = ownership.from_stack(Stacks().tags(request.stack_id), spec.tags)
        spec = replace(spec, tags={**spec.tags, **tags})
    wanted = spec.encryption
    if wanted is not None and wanted.key and wanted.has_alias and wanted != before.encryption:
        spec = replace(spec, encryption=replace(wanted, key=_key_of(wanted.key)))
    return request.with_spec(spec)


def _key_of(alias: str) -> str:
    # Few repositories declare an alias, and every cold start would pay for this import.
    from ecr_controller.repository.kms import Keys

    return Keys().describe_key(alias)
