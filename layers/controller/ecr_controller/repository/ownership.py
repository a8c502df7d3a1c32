"""Who owns a repository, recorded in tags on the repository, and whether a resource may take it over.

``ecr-controller:stack-id`` and ``ecr-controller:logical-id`` name the resource that owns it.
``ecr-controller:controller`` names the controller of that resource: an account can have several.
``ecr-controller:origin`` says how it became ours, ``created`` or ``adopted``, by which request, and when.
``ecr-controller:replacement`` names the repository that replaces it. It is put before the replacement is created, and
begins with ``completed`` when the replacement is complete.
``ecr-controller:replaces`` names the repository that it was created or adopted to replace.
``ecr-controller:lifecycle-policy`` names the resource that declares its lifecycle policy, which may be another one.
``ecr-controller:lifecycle-policies`` is ``allowed`` if resources of other stacks may declare it.
``ecr-controller:stack-tags`` names the tags that come from the stack, so that they go with it.
"""

from __future__ import annotations

import calendar
import time
from typing import TYPE_CHECKING, Any

from ecr_controller.config import config
from ecr_controller.custom_resource.request import LONGEST_CREATE
from ecr_controller.errors import UserError
from ecr_controller.repository.replacement import declares_other, encryption_is_fixed, needs_other_encryption

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_controller.custom_resource.request import Home, Request
    from ecr_controller.repository.model import Repository
    from ecr_controller.repository.spec import RepositorySpec
    from ecr_controller.stacks import Stacks

    TagChanges = dict[str, str | None]

TAG_PREFIX = "ecr-controller:"
STACK_ID = f"{TAG_PREFIX}stack-id"
LOGICAL_ID = f"{TAG_PREFIX}logical-id"
CONTROLLER = f"{TAG_PREFIX}controller"
ORIGIN = f"{TAG_PREFIX}origin"
REPLACEMENT = f"{TAG_PREFIX}replacement"
REPLACES = f"{TAG_PREFIX}replaces"
LIFECYCLE_POLICY = f"{TAG_PREFIX}lifecycle-policy"
LIFECYCLE_POLICIES = f"{TAG_PREFIX}lifecycle-policies"
STACK_TAGS = f"{TAG_PREFIX}stack-tags"
# Of CloudFormation, on what the resources of its own types create.
NATIVE_STACK_ID = "aws:cloudformation:stack-id"
KEYS = (STACK_ID, LOGICAL_ID, CONTROLLER, ORIGIN, REPLACEMENT, REPLACES, LIFECYCLE_POLICIES, STACK_TAGS)
_SEPARATOR = "::"
_ALLOWED = "allowed"
_COMPLETED = "completed "
_TIME = "%Y-%m-%dT%H:%M:%SZ"
# The characters of the value of a tag.
_LONGEST = 256


def created(request: Request[Any], replaces: str | None = None) -> dict[str, str]:
    """The tags of a repository that this request creates, as the replacement of ``replaces`` if that is given."""
    return _tags(request, "created", replaces)


def _tags(request: Request[Any], origin: str, replaces: str | None) -> dict[str, str]:
    return {
        STACK_ID: request.stack_id,
        LOGICAL_ID: request.logical_id,
        CONTROLLER: config().parts_table,
        ORIGIN: f"{origin} {request.request_id} {time.strftime(_TIME, time.gmtime(time.time()))}",
        **({} if replaces is None else {REPLACES: replaces}),
    }


def from_stack(stack_tags: Mapping[str, str], declared: Mapping[str, str]) -> dict[str, str]:
    """The tags of a repository that come from its stack, with the one that names them. Declared tags win.

    A key that does not fit into the tag, or that contains what separates keys there, is not named. Its tag stays when
    the stack no longer has it.
    """
    tags = {
        key: value
        for key, value in stack_tags.items()
        if key not in declared and not key.startswith(("aws:", TAG_PREFIX))
    }
    named = ""
    for key in sorted(tags):
        longer = f"{named}{_SEPARATOR}{key}" if named else key
        if _SEPARATOR not in key and len(longer) <= _LONGEST:
            named = longer
    return {**tags, STACK_TAGS: named} if named else tags


def of_stack(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags of a repository that came from its stack, with the one that names them."""
    named = tags.get(STACK_TAGS, "")
    return {key: tags[key] for key in (STACK_TAGS, *named.split(_SEPARATOR)) if key in tags}


def is_ours(tags: Mapping[str, str], request: Request[Any]) -> bool:
    """Whether the tags name the resource of the request, and no other controller."""
    controller = config().parts_table
    owner = (tags.get(STACK_ID), tags.get(LOGICAL_ID), tags.get(CONTROLLER, controller))
    return owner == (request.stack_id, request.logical_id, controller)


def is_adopted(tags: Mapping[str, str]) -> bool:
    """Whether it existed before it became ours, so that it outlives the resource."""
    return tags.get(ORIGIN, "").startswith("adopted")


def is_deletable(tags: Mapping[str, str], request: Request[Any]) -> bool:
    """Whether all tags of a repository that this resource created are there. Without one of them it is kept."""
    return is_ours(tags, request) and CONTROLLER in tags and tags.get(ORIGIN, "").startswith("created ")


def is_of_request(tags: Mapping[str, str], request_id: str) -> bool:
    """Whether that request made it ours. Tags without an origin count as those of any request."""
    return ORIGIN not in tags or request_id in tags[ORIGIN].split(" ")[1:2]


def is_of_create(tags: Mapping[str, str], request_id: str) -> bool:
    """Whether the Create with that ID made it ours; with "", whether a Create did that may never have been answered."""
    if request_id:
        return is_of_request(tags, request_id)
    _, _, since = tags.get(ORIGIN, "").rpartition(" ")
    try:
        began = calendar.timegm(time.strptime(since, _TIME))
    except ValueError:
        return False
    return time.time() - began < LONGEST_CREATE


def is_claimed_by(tags: Mapping[str, str], request: Request[Any]) -> bool:
    """Whether this very request created or adopted it, and is being retried or delivered twice."""
    return is_ours(tags, request) and ORIGIN in tags and is_of_request(tags, request.request_id)


def is_created_by(tags: Mapping[str, str], request: Request[Any]) -> bool:
    """Whether this very request created it, and ended or is being retried before its answer."""
    return is_claimed_by(tags, request) and not is_adopted(tags)


def replacement_of(tags: Mapping[str, str]) -> str | None:
    """The repository that replaces it, or is about to."""
    return tags[REPLACEMENT].removeprefix(_COMPLETED) if REPLACEMENT in tags else None


def is_replaced(tags: Mapping[str, str]) -> bool:
    """Whether the replacement is complete. Then a Delete is the clean-up that follows it."""
    return tags.get(REPLACEMENT, "").startswith(_COMPLETED)


def is_clean_up(request: Request[Any], found: Repository, spec: RepositorySpec) -> bool:
    """Whether a Delete with these properties cleans up after a replacement that CloudFormation knows of."""
    if not is_replaced(found.tags) or declares_other(spec, found):
        return False
    # The function may have ended before its answer. Then the stack is rolled back or deleted as a whole.
    return not _stacks().is_being_deleted(request.stack_id)


def completed(replacement: str) -> dict[str, str | None]:
    """The tag of a repository whose replacement is complete."""
    return {REPLACEMENT: _COMPLETED + replacement}


def tags_of_ours(tags: Mapping[str, str], request: Request[Any]) -> list[str]:
    """The keys of the tags that a release removes."""
    keys = [key for key in KEYS if key in tags]
    return [*keys, LIFECYCLE_POLICY] if tags.get(LIFECYCLE_POLICY) == _policy_owner(request) else keys


def policy_owner(request: Request[Any]) -> dict[str, str]:
    """The tag of a repository whose lifecycle policy this resource declares."""
    return {LIFECYCLE_POLICY: _policy_owner(request)}


def _policy_owner(request: Request[Any]) -> str:
    return policy_owner_of(request.stack_id, request.logical_id)


def policy_owner_of(stack_id: str, logical_id: str) -> str:
    """``<stack name>/<stack uuid> <logical id>``: the end of the ID of the stack, which leaves the logical ID room."""
    return f"{stack_id.partition('/')[2]} {logical_id}"[:_LONGEST]


def declares_policy(found: Repository, request: Request[Any]) -> bool:
    """Whether this resource declares the lifecycle policy of the repository."""
    return found.tags.get(LIFECYCLE_POLICY) == _policy_owner(request)


def declares_policy_of_other(found: Repository, request: Request[Any]) -> bool:
    """Whether the tag names another resource, which may be gone."""
    return LIFECYCLE_POLICY in found.tags and not declares_policy(found, request)


def refuse_second_policy(found: Repository, request: Request[Any]) -> None:
    """Raise UserError if another resource declares the lifecycle policy of the repository, and still exists."""
    if not declares_policy_of_other(found, request):
        return
    stack, _, logical_id = found.tags[LIFECYCLE_POLICY].partition(" ")
    if "/" in stack and not declares_policy_still(found, request.home):
        return
    owner = f"{logical_id} in the stack {stack.partition('/')[0]}" if logical_id else stack
    raise UserError(
        f"The lifecycle policy of {found.name} is already declared by {owner}. A repository has one lifecycle policy. "
        "Remove the rules from one of the two resources. If that stack no longer exists, remove the tag "
        f"{LIFECYCLE_POLICY} from the repository."
    )


def policies_allowed() -> dict[str, str]:
    """The tag of a repository whose lifecycle policy resources of other stacks may declare."""
    return {LIFECYCLE_POLICIES: _ALLOWED}


def refuse_policy_of_other_stack(found: Repository, request: Request[Any]) -> None:
    """Raise UserError if another stack owns the repository, still has it, and does not allow policies of others."""
    owner = found.tags.get(STACK_ID, request.stack_id)
    is_allowed = found.tags.get(LIFECYCLE_POLICIES) == _ALLOWED
    if owner == request.stack_id or is_allowed or _has_lost_owner(request, found):
        return
    raise UserError(
        f"The repository {found.name} belongs to {found.tags.get(LOGICAL_ID, 'a resource')} in the stack {owner}, "
        "which does not allow lifecycle policies of other stacks. Declare the rules there, or set "
        "AllowLifecyclePolicies: true for that resource and deploy that stack, or ask the operator of the controller "
        "to name this stack and the repository in the parameter Boundaries of its stack."
    )


def declares_policy_still(found: Repository, home: Home, stacks: Stacks | None = None) -> bool:
    """Whether the tag names an owner of the lifecycle policy, and the resource exists. Of a tag that is cut off, it is
    whether its stack exists."""
    if LIFECYCLE_POLICY not in found.tags:
        return False
    stack, _, logical_id = found.tags[LIFECYCLE_POLICY].partition(" ")
    return not _is_gone(home, stack, logical_id, found.name, stacks)


def is_declared_still(found: Repository, stacks: Stacks | None = None) -> bool:
    """Whether the stack exists that the tags name as the owner, and has the resource that declares the repository. Of a
    resource of CloudFormation's own type, it is whether its stack exists."""
    stacks = stacks or _stacks()
    if STACK_ID in found.tags:
        return stacks.may_have_resource(found.tags[STACK_ID], found.tags.get(LOGICAL_ID, ""), found.name)
    return NATIVE_STACK_ID in found.tags and stacks.exists(found.tags[NATIVE_STACK_ID])


def _is_gone(home: Home, stack: str, logical_id: str, name: str, stacks: Stacks | None = None) -> bool:
    stacks, stack_id = stacks or _stacks(), _stack_id(home, stack)
    is_cut_off = len(f"{stack} {logical_id}") >= _LONGEST
    return not (stacks.exists(stack_id) if is_cut_off else stacks.has_resource(stack_id, logical_id, name))


def _stacks() -> Stacks:
    # Few requests need it, and every cold start would pay for this import.
    from ecr_controller.stacks import Stacks

    return Stacks()


def _stack_id(home: Home, stack: str) -> str:
    """The ID of a stack in an account and Region, from its last part: the name and the UUID."""
    return f"arn:{home.partition}:cloudformation:{home.region}:{home.account}:stack/{stack}"


def take_over_tags(
    request: Request[Any], spec: RepositorySpec, found: Repository, replaces: str | None = None
) -> TagChanges:
    """The tags to put, and with None those to remove, when an existing repository becomes ours or stays ours.

    Raises UserError if it may not.
    """
    _refuse_other_controller(found)
    is_of_stack = found.tags.get(STACK_ID, request.stack_id) == request.stack_id
    if not is_of_stack and not (spec.adopt and _has_lost_owner(request, found)):
        raise UserError(
            f"The repository {found.name} belongs to {found.tags.get(LOGICAL_ID, 'a resource')} in the stack "
            f"{found.tags[STACK_ID]}. If that stack or resource no longer exists, set OnExisting: Adopt here. "
            "Otherwise set DeletionPolicy: Retain for that resource and deploy that stack, then remove the resource "
            "and deploy that stack again, then set OnExisting: Adopt here. If that stack cannot be deployed, remove "
            f"the tags {', '.join(tags_of_owner(found))} from the repository, and set OnExisting: Adopt here. To leave "
            "it with its stack, choose another RepositoryName."
        )
    is_back = request.type == "Update" and is_ours(found.tags, request)
    if not is_back and not spec.adopt:
        raise UserError(
            f"The repository {found.name} already exists. To adopt it with its images, set OnExisting: Adopt. "
            "Otherwise choose another RepositoryName."
        )
    if needs_other_encryption(found.encryption, spec, spec):
        raise encryption_is_fixed(found)
    if is_back:
        # The origin stays that of the request that made it ours: a request that fails must not take it back.
        tags = _stale(found, spec, REPLACEMENT)
        # After a failed Create, a Delete of what that Create made follows this request.
        return {**tags, **_origin_of(request, found)} if request.follows_failed_create else tags
    return {**_stale(found, spec, REPLACEMENT, REPLACES), **_tags(request, "adopted", replaces)}


def _stale(found: Repository, spec: RepositorySpec, *keys: str) -> TagChanges:
    """The removal of these tags, and of what an earlier owner allowed and this one does not."""
    gone = keys if spec.allows_lifecycle_policies else (*keys, LIFECYCLE_POLICIES)
    return dict.fromkeys(key for key in gone if key in found.tags)


def _origin_of(request: Request[Any], found: Repository) -> dict[str, str]:
    return {ORIGIN: _tags(request, found.tags.get(ORIGIN, "adopted").split(" ")[0], None)[ORIGIN]}


def tags_of_owner(found: Repository) -> list[str]:
    """The keys of the controller's tags on the repository."""
    return [key for key in (*KEYS, LIFECYCLE_POLICY) if key in found.tags]


def _refuse_other_controller(found: Repository) -> None:
    controller = found.tags.get(CONTROLLER, config().parts_table)
    if controller != config().parts_table:
        raise UserError(
            f"The repository {found.name} belongs to another controller, whose table is {controller}. To manage it "
            "here, remove the resource from its stack with DeletionPolicy: Retain, remove the tags "
            f"{', '.join(tags_of_owner(found))} from the repository, and set OnExisting: Adopt here. Otherwise choose "
            "another RepositoryName."
        )


def _has_lost_owner(request: Request[Any], found: Repository) -> bool:
    """Whether the tags name a resource of a stack here, and the stack no longer has it."""
    before, _, stack = found.tags[STACK_ID].partition("stack/")
    is_here = f"{before}stack/" == _stack_id(request.home, "")
    return is_here and LOGICAL_ID in found.tags and _is_gone(request.home, stack, found.tags[LOGICAL_ID], found.name)
