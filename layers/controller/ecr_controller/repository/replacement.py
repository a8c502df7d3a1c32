"""Whether what is declared requires another repository than the one that exists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller.errors import UserError

if TYPE_CHECKING:
    from ecr_controller.repository.model import Encryption, Repository
    from ecr_controller.repository.spec import RepositorySpec


def is_renamed(spec: RepositorySpec, before: RepositorySpec, name: str) -> bool:
    """Whether a repository of another name is declared than the existing one."""
    # A rollback may bring a name that was never reached: only a name that was declared counts as removed.
    return before.name == name if spec.name is None else spec.name != name


def declares_other(spec: RepositorySpec, found: Repository) -> bool:
    """Whether these are not the properties of this repository, but of one that replaces it."""
    if spec.name is not None:
        return spec.name != found.name
    return spec.encryption is not None and needs_other_encryption(found.encryption, spec, spec)


def needs_other_encryption(found: Encryption, spec: RepositorySpec, before: RepositorySpec) -> bool:
    """Whether the declared encryption differs from that of the repository, which ECR cannot change."""
    wanted = spec.encryption
    if wanted is None:
        return before.encryption is not None and found.type != "AES256"
    if wanted.key is None and before.encryption is not None and before.encryption.key is not None:
        was_declared = before.encryption.has_alias or found.key == before.encryption.key
        return wanted.type != found.type or was_declared
    # An alias that is still declared was resolved when the repository was created.
    return wanted.type != found.type or (not wanted.has_alias and wanted.key not in (None, found.key))


def encryption_is_fixed(found: Repository) -> UserError:
    """The error for a declared encryption that differs from that of the repository."""
    return UserError(
        f"The repository {found.name} has Encryption {found.encryption}, and ECR cannot change the encryption of a "
        "repository. Declare this encryption, or another RepositoryName to replace the repository."
    )
