"""``Custom::ECRRepository``: create, adopt, update, replace, delete and release a repository."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from ecr_controller.custom_resource.protocol import Result
from ecr_controller.errors import RetryableError, UserError
from ecr_controller.lifecycle import guard
from ecr_controller.repository import spec as declaration
from ecr_controller.repository import ownership
from ecr_controller.repository.carrying_out import carry_out
from ecr_controller.repository.changes import difference, needs_other_encryption
from ecr_controller.repository.ecr import Ecr
from ecr_controller.repository.model import Settings, generated_name, is_name
from ecr_controller.repository.takeover import encryption_is_fixed, is_renamed, taken_over

if TYPE_CHECKING:
    from ecr_controller.custom_resource.protocol import Request
    from ecr_controller.repository.changes import Change
    from ecr_controller.repository.model import Declaration, Repository

logger = logging.getLogger(__name__)


class RepositoryResource:
    """A repository of one stack. Every method may raise UserError and RetryableError."""

    def __init__(self, ecr: Ecr | None = None) -> None:
        self._ecr = ecr or Ecr()

    def create(self, request: Request) -> Result:
        """CreateRepository and one call for each document that it cannot take; on failure all of it is taken back."""
        declared = _claiming(declaration.read(request.properties), request)
        return self._make(request, declared, declared.name or _generated(request))

    def update(self, request: Request) -> Result:
        """The calls that the difference needs; a new repository where it is replaced or somebody deleted it."""
        declared = _claiming(declaration.read(request.properties), request)
        before = _claiming(declaration.read_leniently(request.old_properties), request)
        name = request.physical_id
        if is_renamed(declared, before, name):
            return self._make(request, declared, declared.name or _generated(request))
        found = self._find(name, declared, before)
        if found is None:
            logger.warning("%s was deleted by somebody else and is created again", name)
            return self._make(request, declared, name)
        if needs_other_encryption(found.encryption, declared, before):
            if declared.name is not None:
                raise encryption_is_fixed(found)
            return self._make(request, declared, _generated(request))
        settings = declared.settings
        if not ownership.is_ours(found.tags, request) and difference(found, settings, before.settings):
            settings = taken_over(request, declared, found)
        return self._change(request, declared, found, difference(found, settings, before.settings))

    def delete(self, request: Request) -> None:
        """DeleteRepository for one that this stack made; an adopted one is released, any other left alone."""
        declared = _claiming(declaration.read_leniently(request.properties), request)
        found = self._ecr.find(request.physical_id) if is_name(request.physical_id) else None
        if found is None:
            logger.info("%s is not there; nothing to delete", request.physical_id)
        elif not ownership.is_ours(found.tags, request):
            logger.warning("%s is left alone: its tags do not say that this stack made it", found.name)
        elif ownership.is_adopted(found.tags):
            self._release(found, declared)
        elif not self._ecr.delete(found.name, images_too=declared.empty_on_delete):
            raise UserError(
                f"The repository {found.name} was not deleted: it holds {self._ecr.count_images(found.name)} images. "
                "Delete them and then the stack again, or retain this resource. Had the stack been deployed with "
                "EmptyOnDelete: true, they would go with it."
            )

    def delete_failed_create(self, request: Request, create_request_id: str) -> None:
        """Delete the repository that the failed Create made, if it is empty; release one that it adopted."""
        declared = _claiming(declaration.read_leniently(request.properties), request)
        name = declared.name or generated_name(request.stack_name, request.logical_id, create_request_id)
        found = self._ecr.find(name)
        if (
            found is None
            or not ownership.is_ours(found.tags, request)
            or not ownership.is_of_request(found.tags, create_request_id)
        ):
            return
        if ownership.is_adopted(found.tags):
            self._release(found, declared)
        elif not self._ecr.delete(name):
            logger.warning("%s is left by the failed Create: it holds images already", name)

    def _make(self, request: Request, declared: Declaration, name: str) -> Result:
        settings = replace(declared.settings, tags={**declared.settings.tags, **ownership.created(request)})
        made = self._ecr.create(name, declared, settings.tags)
        if made is not None:
            carry_out(self._ecr, made, difference(made, settings), just_made=True)
            return Result(name, made.attributes | (guard.UNKNOWN if declared.guard is None else guard.EMPTY))
        found = self._find(name, declared)
        if found is None:
            raise RetryableError(f"The repository {name} was deleted by somebody at this moment.")
        if ownership.is_begun_by(found.tags, request):
            # Not taken back on failure: the same request may run twice at once. The Delete that follows would do it.
            carry_out(self._ecr, found, difference(found, settings))
            return Result(name, found.attributes | guard.UNKNOWN)
        return self._change(request, declared, found, difference(found, taken_over(request, declared, found)))

    def _change(self, request: Request, declared: Declaration, found: Repository, changes: list[Change]) -> Result:
        policy, outlook = declared.settings.lifecycle_policy, guard.UNKNOWN
        if policy is not None:
            ownership.refuse_second_policy(found, request)
        if policy and declared.guard and any(change.setting == "LifecyclePolicy" for change in changes):
            # Imported here: few repositories have a guard, and every cold start would pay for it.
            from ecr_controller.lifecycle.guarded import GuardedPolicies

            outlook = GuardedPolicies().look(request, found.name, policy, declared.guard).attributes
        carry_out(self._ecr, found, changes)
        return Result(found.name, found.attributes | outlook)

    def _release(self, found: Repository, declared: Declaration) -> None:
        """Take away our tags and the lifecycle policy, as far as they are still what we put."""
        found = self._find(found.name, declared) or found
        still = {key: value for key, value in declared.settings.tags.items() if found.tags.get(key) == value}
        ours = Settings(
            lifecycle_policy=declared.settings.lifecycle_policy, tags=still | dict.fromkeys(ownership.KEYS, "")
        )
        carry_out(self._ecr, found, difference(found, Settings(), before=ours))
        logger.info("%s was adopted, so it is released and stays with its images", found.name)

    def _find(self, name: str, *declarations: Declaration) -> Repository | None:
        """The repository, with its lifecycle policy where one is or was declared."""
        whole = any(declared.settings.lifecycle_policy for declared in declarations)
        return self._ecr.find_whole(name) if whole else self._ecr.find(name)


def _generated(request: Request) -> str:
    return generated_name(request.stack_name, request.logical_id, request.request_id)


def _claiming(declared: Declaration, request: Request) -> Declaration:
    """The declaration, with the tag that says whose its lifecycle policy is."""
    settings = declared.settings
    if settings.lifecycle_policy is None:
        return declared
    return replace(declared, settings=replace(settings, tags={**settings.tags, **ownership.policy_owner(request)}))
