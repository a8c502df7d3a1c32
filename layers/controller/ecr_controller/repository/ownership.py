"""Who owns a repository, recorded in tags on the repository, and whether a resource may take it over.

``ecr-controller:stack-id`` and ``ecr-controller:logical-id`` name the resource that owns it.
``ecr-controller:origin`` says how it became ours, ``created`` or ``adopted``, and by which request.
``ecr-controller:lifecycle-policy`` names the resource that declares its lifecycle policy, which may be another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_controller.custom_resource.request import Request
    from ecr_controller.repository.model import Encryption, Repository
    from ecr_controller.repository.spec import RepositorySpec

STACK_ID = "ecr-controller:stack-id"
LOGICAL_ID = "ecr-controller:logical-id"
ORIGIN = "ecr-controller:origin"
LIFECYCLE_POLICY = "ecr-controller:lifecycle-policy"
KEYS = (STACK_ID, LOGICAL_ID, ORIGIN)


def created(request: Request[Any]) -> dict[str, str]:
    """The tags of a repository that this request creates."""
    return _tags(request, "created")


def _tags(request: Request[Any], origin: str) -> dict[str, str]:
    return {STACK_ID: request.stack_id, LOGICAL_ID: request.logical_id, ORIGIN: f"{origin} {request.request_id}"}


def is_ours(tags: Mapping[str, str], request: Request[Any]) -> bool:
    """Whether the tags name the resource of the request."""
    return (tags.get(STACK_ID), tags.get(LOGICAL_ID)) == (request.stack_id, request.logical_id)


def is_adopted(tags: Mapping[str, str]) -> bool:
    """Whether it existed before it became ours, so that it outlives the resource."""
    return tags.get(ORIGIN, "").startswith("adopted")


def is_of_request(tags: Mapping[str, str], request_id: str) -> bool:
    """Whether that request made it ours. Tags without an origin count as those of any request."""
    return tags.get(ORIGIN, request_id).split(" ")[-1] == request_id


def is_claimed_by(tags: Mapping[str, str], request: Request[Any]) -> bool:
    """Whether this very request created or adopted it, and is being retried or delivered twice."""
    return is_ours(tags, request) and ORIGIN in tags and is_of_request(tags, request.request_id)


def is_created_by(tags: Mapping[str, str], request: Request[Any]) -> bool:
    """Whether this very request created it, and ended or is being retried before its answer."""
    return is_ours(tags, request) and not is_adopted(tags) and is_of_request(tags, request.request_id)


def policy_owner(request: Request[Any]) -> dict[str, str]:
    """The tag of a repository whose lifecycle policy this resource declares. The value of a tag has 256 characters."""
    return {LIFECYCLE_POLICY: f"{request.logical_id} in the stack {request.stack_name}"[:256]}


def declares_policy(found: Repository, request: Request[Any]) -> bool:
    """Whether this resource declares the lifecycle policy of the repository."""
    return found.tags.get(LIFECYCLE_POLICY) == policy_owner(request)[LIFECYCLE_POLICY]


def refuse_second_policy(found: Repository, request: Request[Any]) -> None:
    """Raise UserError if another resource declares the lifecycle policy of the repository."""
    if LIFECYCLE_POLICY in found.tags and not declares_policy(found, request):
        raise UserError(
            f"The lifecycle policy of {found.name} is already declared by {found.tags[LIFECYCLE_POLICY]}. A repository "
            "has one lifecycle policy. Remove the rules from one of the two resources. If that stack no longer "
            f"exists, remove the tag {LIFECYCLE_POLICY} from the repository."
        )


def take_over_tags(request: Request[Any], spec: RepositorySpec, found: Repository) -> dict[str, str]:
    """The tags with which an existing repository becomes ours. Raises UserError if it may not."""
    owner = found.tags.get(STACK_ID)
    if owner is not None and owner != request.stack_id:
        raise UserError(
            f"The repository {found.name} belongs to another stack, {owner}. Choose another RepositoryName, or delete "
            "the resource in that stack first."
        )
    is_back = request.type == "Update" and is_ours(found.tags, request)
    if not is_back and not spec.adopt:
        raise UserError(
            f"The repository {found.name} already exists. To adopt it with its images, set OnExisting: Adopt. "
            "Otherwise choose another RepositoryName."
        )
    if needs_other_encryption(found.encryption, spec, spec):
        raise encryption_is_fixed(found)
    return _tags(request, "created" if is_back and not is_adopted(found.tags) else "adopted")


def is_renamed(spec: RepositorySpec, before: RepositorySpec, name: str) -> bool:
    """Whether a repository of another name is declared than the existing one."""
    # A rollback may bring a name that was never reached: only a name that was declared counts as removed.
    return before.name == name if spec.name is None else spec.name != name


def needs_other_encryption(found: Encryption, spec: RepositorySpec, before: RepositorySpec) -> bool:
    """Whether the declared encryption differs from that of the repository, which ECR cannot change."""
    wanted = spec.encryption
    if wanted is None:
        return before.encryption is not None and found.type != "AES256"
    if wanted.key is None and before.encryption is not None and before.encryption.key is not None:
        return wanted.type != found.type or found.key == before.encryption.key
    return wanted.type != found.type or wanted.key not in (None, found.key)


def encryption_is_fixed(found: Repository) -> UserError:
    """The error for a declared encryption that differs from that of the repository."""
    return UserError(
        f"The repository {found.name} has Encryption {found.encryption}, and ECR cannot change the encryption of a "
        "repository. Declare this encryption, or another RepositoryName to replace the repository."
    )
