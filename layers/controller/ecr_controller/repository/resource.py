"""``Custom::ECRRepository``: create, adopt, update, replace, delete and release a repository."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from ecr_controller.custom_resource import Result
from ecr_controller.errors import ControllerError, RetryableError, UserError
from ecr_controller.repository import declaration, ownership
from ecr_controller.repository.difference import difference, needs_other_encryption
from ecr_controller.repository.gateway import Ecr
from ecr_controller.repository.settings import Settings, generated_name, is_name

if TYPE_CHECKING:
    from ecr_controller.custom_resource import Request
    from ecr_controller.repository.difference import Change
    from ecr_controller.repository.settings import Declaration, Repository

logger = logging.getLogger(__name__)


class RepositoryResource:
    """A repository of one stack. Every method may raise UserError and RetryableError."""

    def __init__(self, ecr: Ecr | None = None) -> None:
        self._ecr = ecr or Ecr()

    def create(self, request: Request) -> Result:
        """CreateRepository and one call for each document that it cannot take; on failure all of it is taken back."""
        declared = declaration.read(request.properties)
        return self._make(request, declared, declared.name or _generated(request))

    def update(self, request: Request) -> Result:
        """The calls that the difference needs; a new repository where it is replaced or somebody deleted it."""
        declared = declaration.read(request.properties)
        before = declaration.read_leniently(request.old_properties)
        name = request.physical_id
        if _is_renamed(declared, before, name):
            return self._make(request, declared, declared.name or _generated(request))
        found = self._find(name, declared, before)
        if found is None:
            logger.warning("%s was deleted by somebody else and is created again", name)
            return self._make(request, declared, name)
        if needs_other_encryption(found.encryption, declared, before):
            if declared.name is not None:
                raise _encryption_is_fixed(found)
            return self._make(request, declared, _generated(request))
        settings = declared.settings
        if not ownership.is_ours(found.tags, request) and difference(found, settings, before.settings):
            settings = _taken_over(request, declared, found)
        return self._change(found, difference(found, settings, before.settings))

    def delete(self, request: Request) -> None:
        """DeleteRepository for one that this stack made; an adopted one is released, any other left alone."""
        declared = declaration.read_leniently(request.properties)
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
        declared = declaration.read_leniently(request.properties)
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
            return self._change(made, difference(made, settings), delete_on_failure=True)
        found = self._find(name, declared)
        if found is None:
            raise RetryableError(f"The repository {name} was deleted by somebody at this moment.")
        if ownership.is_begun_by(found.tags, request):
            return self._change(found, difference(found, settings), delete_on_failure=True)
        return self._change(found, difference(found, _taken_over(request, declared, found)))

    def _change(self, found: Repository, changes: list[Change], *, delete_on_failure: bool = False) -> Result:
        done: list[Change] = []
        try:
            for change in changes:
                self._ecr.apply(found, change)
                done.append(change)
                logger.info("%s: %s", found.name, change)
        except BaseException:
            self._take_back(found, done, delete=delete_on_failure)
            raise
        return Result(found.name, found.attributes)

    def _take_back(self, found: Repository, done: list[Change], *, delete: bool) -> None:
        try:
            if not delete:
                for change in reversed(done):
                    self._ecr.apply(found, change.undone())
            elif not self._ecr.delete(found.name):
                logger.warning("%s is left although its creation failed: it holds images already", found.name)
        except ControllerError as error:
            logger.warning("%s could not be given back as it was: %s", found.name, error)

    def _release(self, found: Repository, declared: Declaration) -> None:
        """Take away our tags and the lifecycle policy, as far as they are still what we put."""
        found = self._find(found.name, declared) or found
        still = {key: value for key, value in declared.settings.tags.items() if found.tags.get(key) == value}
        ours = Settings(
            lifecycle_policy=declared.settings.lifecycle_policy, tags=still | dict.fromkeys(ownership.KEYS, "")
        )
        self._change(found, difference(found, Settings(), before=ours))
        logger.info("%s was adopted, so it is released and stays with its images", found.name)

    def _find(self, name: str, *declarations: Declaration) -> Repository | None:
        """The repository, with its lifecycle policy where one is or was declared."""
        read_policy = any(declared.settings.lifecycle_policy is not None for declared in declarations)
        return self._ecr.find(name, lifecycle_policy=read_policy)


def _generated(request: Request) -> str:
    return generated_name(request.stack_name, request.logical_id, request.request_id)


def _is_renamed(declared: Declaration, before: Declaration, name: str) -> bool:
    # A rollback may bring a name that was never reached: only one that was left counts as removed.
    return before.name == name if declared.name is None else declared.name != name


def _taken_over(request: Request, declared: Declaration, found: Repository) -> Settings:
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
        raise _encryption_is_fixed(found)
    created = back and not ownership.is_adopted(found.tags)
    tags = ownership.created(request) if created else ownership.adopted(request)
    return replace(declared.settings, tags={**declared.settings.tags, **tags})


def _encryption_is_fixed(found: Repository) -> UserError:
    has = found.encryption.type + (f" with {found.encryption.key}" if found.encryption.key else "")
    return UserError(
        f"The repository {found.name} has Encryption {has}, and ECR cannot change the encryption of a repository. "
        "Declare that one, or give another RepositoryName, which makes a new repository."
    )
