"""Who owns a repository, written on the repository itself as tags.

``ecr-controller:stack-id`` and ``ecr-controller:logical-id`` name the resource that it belongs to.
``ecr-controller:origin`` says how it came to be ours, ``created`` or ``adopted``, and by which request.
``ecr-controller:lifecycle-policy`` names the resource that declares its lifecycle policy, which may be another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_controller.custom_resource.protocol import Request
    from ecr_controller.repository.model import Repository

STACK_ID = "ecr-controller:stack-id"
LOGICAL_ID = "ecr-controller:logical-id"
ORIGIN = "ecr-controller:origin"
LIFECYCLE_POLICY = "ecr-controller:lifecycle-policy"
KEYS = (STACK_ID, LOGICAL_ID, ORIGIN)


def created(request: Request) -> dict[str, str]:
    """The tags of a repository that this request creates."""
    return _tags(request, "created")


def adopted(request: Request) -> dict[str, str]:
    """The tags of a repository that this request takes over."""
    return _tags(request, "adopted")


def _tags(request: Request, origin: str) -> dict[str, str]:
    return {STACK_ID: request.stack_id, LOGICAL_ID: request.logical_id, ORIGIN: f"{origin} {request.request_id}"}


def is_ours(tags: Mapping[str, str], request: Request) -> bool:
    """Whether the tags name the very resource that the request is about."""
    return (tags.get(STACK_ID), tags.get(LOGICAL_ID)) == (request.stack_id, request.logical_id)


def is_adopted(tags: Mapping[str, str]) -> bool:
    """Whether it was there before it was ours, so that it stays when the resource goes."""
    return tags.get(ORIGIN, "").startswith("adopted")


def is_of_request(tags: Mapping[str, str], request_id: str) -> bool:
    """Whether that request made it ours. Tags without an origin are taken to be its own."""
    return tags.get(ORIGIN, request_id).split(" ")[-1] == request_id


def other_stack(tags: Mapping[str, str], request: Request) -> str | None:
    """The id of another stack that owns it, if one does."""
    owner = tags.get(STACK_ID)
    return owner if owner != request.stack_id else None


def is_begun_by(tags: Mapping[str, str], request: Request) -> bool:
    """Whether this very request created it and died before its answer."""
    return is_ours(tags, request) and not is_adopted(tags) and is_of_request(tags, request.request_id)


def policy_owner(request: Request) -> dict[str, str]:
    """The tag of a repository whose lifecycle policy this resource declares. A tag's value has 256 characters."""
    return {LIFECYCLE_POLICY: f"{request.logical_id} in the stack {request.stack_name}"[:256]}


def declares_policy(found: Repository, request: Request) -> bool:
    """Whether this resource declares the lifecycle policy of the repository."""
    return found.tags.get(LIFECYCLE_POLICY) == policy_owner(request)[LIFECYCLE_POLICY]


def refuse_second_policy(found: Repository, request: Request) -> None:
    """Raise UserError where another resource declares the lifecycle policy of the repository."""
    if LIFECYCLE_POLICY in found.tags and not declares_policy(found, request):
        raise UserError(
            f"The lifecycle policy of {found.name} is declared already, by {found.tags[LIFECYCLE_POLICY]}. A "
            f"repository has one policy: take the rules out of one of the two. (The tag {LIFECYCLE_POLICY} says so; "
            "remove it if that stack is gone.)"
        )
