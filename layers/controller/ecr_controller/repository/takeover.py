"""Whether a repository that exists may become ours, or change as declared; and why not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ecr_controller.errors import UserError
from ecr_controller.repository import ownership
from ecr_controller.repository.changes import needs_other_encryption

if TYPE_CHECKING:
    from ecr_controller.custom_resource.protocol import Request
    from ecr_controller.repository.model import Declaration, Repository, Settings


def is_renamed(declared: Declaration, before: Declaration, name: str) -> bool:
    """Whether a repository of another name is declared than the one that is there."""
    # A rollback may bring a name that was never reached: only one that was left counts as removed.
    return before.name == name if declared.name is None else declared.name != name


def taken_over(request: Request, declared: Declaration, found: Repository) -> Settings:
    """The settings of an existing repository that becomes ours. Raises UserError where it may not."""
    owner = ownership.other_stack(found.tags, request)
    if owner is not None:
        raise UserError(
            f"The repository {found.name} belongs to another stack, {owner}. Choose another RepositoryName, or delete "
            "the resource there first."
        )
    back = request.type == "Update" and ownership.is_ours(found.tags, request)
    if not back and not declared.adopt:
        raise UserError(
            f"The repository {found.name} exists already. To take it over as it is, with its images, set OnExisting: "
            "Adopt; otherwise choose another RepositoryName."
        )
    if needs_other_encryption(found.encryption, declared, declared):
        raise encryption_is_fixed(found)
    created = back and not ownership.is_adopted(found.tags)
    tags = ownership.created(request) if created else ownership.adopted(request)
    return replace(declared.settings, tags={**declared.settings.tags, **tags})


def encryption_is_fixed(found: Repository) -> UserError:
    """The error for another encryption than the repository has."""
    has = found.encryption.type + (f" with {found.encryption.key}" if found.encryption.key else "")
    return UserError(
        f"The repository {found.name} has Encryption {has}, and ECR cannot change the encryption of a repository. "
        "Declare that one, or give another RepositoryName, which makes a new repository."
    )
