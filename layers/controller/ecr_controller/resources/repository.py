"""``Custom::ECRRepository``: create, adopt, update, replace, delete and release a repository."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource.request import Request, Result
from ecr_controller.errors import RetryableError, UserError, count
from ecr_controller.lifecycle import guard
from ecr_controller.lifecycle.ecr import LifecyclePolicies
from ecr_controller.repository import changes, ownership
from ecr_controller.repository.changes import NOTHING, difference
from ecr_controller.repository.ecr import Repositories
from ecr_controller.repository.model import generated_name, is_name
from ecr_controller.repository.settings import LifecyclePolicyText, PolicyStatements, settings
from ecr_controller.repository.spec import RepositorySpec, parse_repository

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Home
    from ecr_controller.errors import Faults
    from ecr_controller.repository.changes import Change
    from ecr_controller.repository.model import Repository

    RepositoryRequest = Request[RepositorySpec]

logger = logging.getLogger(__name__)


class RepositoryResource:
    """A repository of one stack. The physical ID is its name."""

    type_name = "ECRRepository"

    def __init__(self) -> None:
        self._repositories = Repositories()
        self._policies = LifecyclePolicies()

    def parse(self, values: Values, faults: Faults, _home: Home) -> RepositorySpec:
        """See `parse_repository`."""
        return parse_repository(values, faults)

    def create(self, request: RepositoryRequest) -> Result:
        """CreateRepository, and one call for each document that it does not take; on failure all of it is undone."""
        return self._create(request, request.spec.name or _generated_name(request))

    def update(self, request: RepositoryRequest) -> Result:
        """The calls that the difference needs; a new repository if it is replaced or was deleted."""
        spec, before, name = request.spec, request.old or NOTHING, request.physical_id
        if ownership.is_renamed(spec, before, name):
            return self._create(request, spec.name or _generated_name(request))
        found = self._find(name, spec, before)
        if found is None:
            logger.warning("The repository %s no longer exists and is created again", name)
            return self._create(request, name)
        if ownership.needs_other_encryption(found.encryption, spec, before):
            if spec.name is not None:
                raise ownership.encryption_is_fixed(found)
            return self._create(request, _generated_name(request))
        wanted, before = _claiming(request, spec), _claiming(request, before)
        differences = self._difference(request, found, wanted, before)
        if not ownership.is_ours(found.tags, request) and not all(each.setting.is_shared for each in differences):
            wanted = _with_tags(wanted, ownership.take_over_tags(request, spec, found))
            differences = self._difference(request, found, wanted, before)
        return self._change(request, found, differences)

    def delete(self, request: RepositoryRequest) -> None:
        """DeleteRepository if this stack created it; an adopted one is released, any other is left alone."""
        spec = request.old or NOTHING
        found = self._repositories.describe_repository(request.physical_id) if is_name(request.physical_id) else None
        if found is None:
            logger.info("The repository %s does not exist, so nothing is deleted", request.physical_id)
        elif not ownership.is_ours(found.tags, request):
            logger.warning(
                "The repository %s is kept because its tags do not name this resource as its owner", found.name
            )
        elif ownership.is_adopted(found.tags):
            self._release(request, found, spec)
        elif not self._repositories.delete_repository(found.name, with_images=spec.empty_on_delete):
            raise UserError(
                f"The repository {found.name} was not deleted because it contains "
                f"{count(self._repositories.count_images(found.name), 'image')}. Delete the images, or retain this "
                "resource, and delete the stack again. To delete images with the repository, deploy the stack with "
                "EmptyOnDelete: true before you delete it."
            )
        if spec.statements and is_name(request.physical_id):
            _withdraw_statements(request, request.physical_id)

    def delete_failed_create(self, request: RepositoryRequest, create_request_id: str) -> None:
        """Delete the repository that the failed Create made, if it is empty; release one that it adopted."""
        spec = request.old or NOTHING
        name = spec.name or generated_name(request.stack_name, request.logical_id, create_request_id)
        if spec.statements:
            _withdraw_statements(request, name, only_of=create_request_id)
        found = self._repositories.describe_repository(name)
        if (
            found is None
            or not ownership.is_ours(found.tags, request)
            or not ownership.is_of_request(found.tags, create_request_id)
        ):
            return
        if ownership.is_adopted(found.tags):
            self._release(request, found, spec)
        elif not self._repositories.delete_repository(name):
            logger.warning(
                "The repository %s, which the failed request created, is kept because it contains images", name
            )

    def _create(self, request: RepositoryRequest, name: str) -> Result:
        spec = _claiming(request, request.spec)
        wanted = _with_tags(spec, ownership.created(request))
        arguments: dict[str, Any] = {}
        for setting in settings(request):
            arguments |= setting.create_arguments(wanted)
        made = self._repositories.create_repository(name, wanted.tags, wanted.encryption, arguments)
        if made is not None:
            changes.apply(self._difference(request, made, wanted), made, lambda _done, _failed: self._undo_create(name))
            return Result(name, made.attributes | (guard.NO_PREVIEW if spec.guard is None else guard.NO_IMAGES))
        found = self._find(name, spec)
        if found is None:
            raise RetryableError(f"The repository {name} was deleted while this request ran.")
        if ownership.is_created_by(found.tags, request):
            self._apply(request, self._difference(request, found, wanted), found)
            return Result(name, found.attributes | guard.NO_PREVIEW)
        wanted = _with_tags(spec, ownership.take_over_tags(request, spec, found))
        return self._change(request, found, self._difference(request, found, wanted))

    def _change(self, request: RepositoryRequest, found: Repository, wanted: Sequence[Change[Any]]) -> Result:
        policy, attributes = request.spec.lifecycle_policy, guard.NO_PREVIEW
        if policy is not None:
            ownership.refuse_second_policy(found, request)
            if request.spec.guard and any(isinstance(change.setting, LifecyclePolicyText) for change in wanted):
                attributes = guard.check(request, found.name, policy, request.spec.guard).attributes
        self._apply(request, wanted, found)
        return Result(found.name, found.attributes | attributes)

    def _release(self, request: RepositoryRequest, found: Repository, declared: RepositorySpec) -> None:
        """Remove our tags and the declared tags and lifecycle policy, if they are still as declared."""
        spec = _claiming(request, declared)
        found = self._find(found.name, spec) or found
        unchanged = {key: value for key, value in spec.tags.items() if found.tags.get(key) == value}
        tags = unchanged | dict.fromkeys(ownership.KEYS, "")
        ours = RepositorySpec(lifecycle_policy=spec.lifecycle_policy, tags=tags)
        self._apply(request, self._difference(request, found, NOTHING, ours), found)
        logger.info("%s was adopted, so it is released and keeps its images", found.name)

    def _difference(
        self, request: RepositoryRequest, found: Repository, spec: RepositorySpec, before: RepositorySpec = NOTHING
    ) -> list[Change[Any]]:
        return difference(settings(request), found, spec, before)

    def _apply(self, request: RepositoryRequest, wanted: Sequence[Change[Any]], found: Repository) -> None:
        def undo(done: Sequence[Change[Any]], failed: Change[Any]) -> None:
            changes.revert(done, found)
            if failed.setting.is_shared and ownership.is_claimed_by(found.tags, request):
                # An earlier attempt of this request made it ours, and left the rest to a retry, which is rejected.
                self._take_back(request, found)

        changes.apply(wanted, found, undo)

    def _take_back(self, request: RepositoryRequest, found: Repository) -> None:
        if ownership.is_adopted(found.tags):
            self._release(request, found, request.spec)
        else:
            self._undo_create(found.name)

    def _undo_create(self, name: str) -> None:
        if not self._repositories.delete_repository(name):
            logger.warning("The repository %s, whose creation failed, is kept because it contains images", name)

    def _find(self, name: str, *specs: RepositorySpec) -> Repository | None:
        """The repository, with its lifecycle policy if one is or was declared."""
        found = self._repositories.describe_repository(name)
        if found is None or not any(spec.lifecycle_policy for spec in specs):
            return found
        return replace(found, lifecycle_text=self._policies.get_lifecycle_policy(name))


def _withdraw_statements(request: RepositoryRequest, name: str, only_of: str | None = None) -> None:
    PolicyStatements(request).withdraw(name, only_of)


def _generated_name(request: RepositoryRequest) -> str:
    return generated_name(request.stack_name, request.logical_id, request.request_id)


def _with_tags(spec: RepositorySpec, tags: dict[str, str]) -> RepositorySpec:
    return replace(spec, tags={**spec.tags, **tags})


def _claiming(request: RepositoryRequest, spec: RepositorySpec) -> RepositorySpec:
    """The spec, with the tag that names the owner of the lifecycle policy if it declares one."""
    return spec if spec.lifecycle_policy is None else _with_tags(spec, ownership.policy_owner(request))
