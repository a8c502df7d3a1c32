"""``Custom::ECRRepository``: create, adopt, update, replace, delete and release a repository."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource.request import Request, Result
from ecr_controller.errors import RetryableError, UserError, count
from ecr_controller.in_use.keeping import Keeping
from ecr_controller.lifecycle import guard
from ecr_controller.lifecycle.ecr import LifecyclePolicies
from ecr_controller.lifecycle.rules import is_policy
from ecr_controller.repository import changes, ownership
from ecr_controller.repository.adoption import AdoptionRecord
from ecr_controller.repository.changes import NOTHING, difference, difference_of_adopted
from ecr_controller.repository.completion import completed
from ecr_controller.repository.declarations import Declaration, values_of
from ecr_controller.repository.ecr import Repositories
from ecr_controller.repository.model import generated_name, is_name
from ecr_controller.repository.replacement import encryption_is_fixed, is_renamed, needs_other_encryption
from ecr_controller.repository.scan_frequency import scan_frequency
from ecr_controller.repository.settings import PolicyStatements, settings
from ecr_controller.repository.spec import RepositorySpec, parse_repository

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Home
    from ecr_controller.errors import Faults
    from ecr_controller.repository.changes import Change
    from ecr_controller.repository.model import Repository
    from ecr_controller.repository.record import Record

    RepositoryRequest = Request[RepositorySpec]

logger = logging.getLogger(__name__)


class RepositoryResource:
    """A repository of one stack. The physical ID is its name."""

    type_name = "ECRRepository"

    def __init__(self) -> None:
        self._repositories = Repositories()
        self._policies = LifecyclePolicies()

    def parse(self, values: Values, faults: Faults, home: Home) -> RepositorySpec:
        """See `parse_repository`."""
        return parse_repository(values, faults, home)

    def repositories(self, request: RepositoryRequest) -> Iterable[str]:
        """The declared or generated name, the one that was declared before, and the physical ID."""
        names = [spec.name or _name_of_stack(request) for spec in request.specs]
        return [*names, request.physical_id] if is_name(request.physical_id) else names

    def create(self, request: RepositoryRequest) -> Result:
        """CreateRepository, and one call for each document that it does not take; on failure all of it is undone."""
        request = completed(request)
        if request.spec.name is not None:
            return self._create(request, request.spec.name)
        # A Delete whose physical ID CloudFormation made up finds this name, unless an earlier repository has it.
        return self._create(request, _name_of_stack(request), fallback_name=_generated_name(request))

    def update(self, request: RepositoryRequest) -> Result:
        """The calls that the difference needs; a new repository if it is replaced or was deleted."""
        name = request.physical_id
        if not is_name(name):
            raise UserError(
                f"The physical ID {name} is not the name of a repository, so it is none of this controller. Delete the "
                "resource, and create it again."
            )
        request = completed(request)
        spec, before = request.spec, request.old or NOTHING
        found = self._repositories.describe_repository(name)
        replacement = self._replacement(request, found)
        found = self._take_back_other(request, found, replacement)
        if replacement is not None:
            return self._replace(request, found, replacement)
        if found is None:
            logger.warning("The repository %s no longer exists and is created again", name)
            _forget(request, name)
            return self._create(request, name)
        if ownership.is_ours(found.tags, request) and ownership.is_adopted(found.tags):
            return self._update_adopted(request, found, before)
        found = self._with_policy(found, spec, before)
        differences = self._difference(request, found, _claiming(request, spec), _claimed(request, before, found))
        if not ownership.is_ours(found.tags, request) and not all(each.setting.is_shared for each in differences):
            return self._take_over(request, found)
        return self._change(request, found, differences)

    def delete(self, request: RepositoryRequest) -> None:
        """DeleteRepository if this stack created it; an adopted one is released, any other is left alone."""
        spec, name = request.old or NOTHING, request.physical_id
        found = self._repositories.describe_repository(name) if is_name(name) else None
        if found is not None and ownership.is_ours(found.tags, request):
            self._delete(request, found, spec)
            return
        if request.has_made_up_id:
            self.delete_failed_create(request, "")
        elif is_name(name):
            self._log_kept(name, found)
            _forget(request, name)
            _withdraw_statements(request, name)

    def delete_failed_create(self, request: RepositoryRequest, create_request_id: str) -> None:
        """Delete the repository that the failed Create made, if it is empty; release one that it adopted.

        With "", that of a Create which may never have been answered.
        """
        spec = request.old or NOTHING
        names = [spec.name or _name_of_stack(request)]
        if spec.name is None and create_request_id:
            names.append(_generated_name(request, create_request_id))
        for name in names:
            found = self._repositories.describe_repository(name)
            if found is not None and not ownership.is_ours(found.tags, request):
                found = None
            if found is None:
                _forget(request, name)
            elif ownership.is_of_create(found.tags, create_request_id):
                self._give_up(request, found)
            _withdraw_statements(request, name, only_of=create_request_id)

    def _create(
        self, request: RepositoryRequest, name: str, *, replaces: str | None = None, fallback_name: str | None = None
    ) -> Result:
        """Create the repository, or take over the one that exists: with ``fallback_name``, one of this name instead."""
        spec = _claiming(request, request.spec)
        wanted = _with_tags(spec, ownership.created(request, replaces))
        arguments: dict[str, Any] = {}
        for setting in settings(request):
            arguments |= setting.create_arguments(wanted)
        made = self._repositories.create_repository(name, wanted.tags, wanted.encryption, arguments)
        found = made or self._find(name, spec)
        if found is None:
            raise RetryableError(f"The repository {name} was deleted while this request ran.")
        if made is not None or ownership.is_created_by(found.tags, request):
            differences = self._difference(request, found, wanted)
            Keeping.of(request, name).begin(spec.keep_in_use, request.received_at, looks=made is None)
            changes.apply(differences, found, lambda _done: self._undo_create(name))
            is_empty = made is not None and spec.lifecycle_policy is not None and guard.applies(spec.guard)
            return self._result(request, found, guard.NO_IMAGES if is_empty else guard.NO_PREVIEW)
        if fallback_name is not None and not ownership.is_claimed_by(found.tags, request):
            return self._create(request, fallback_name)
        return self._take_over(request, found, replaces)

    def _take_over(self, request: RepositoryRequest, found: Repository, replaces: str | None = None) -> Result:
        """Adopt an existing repository, or return to one that is ours."""
        tags = ownership.take_over_tags(request, request.spec, found, replaces)
        if ownership.ORIGIN in tags or ownership.is_adopted(found.tags):
            return self._adopt(request, found, tags)
        spec = _claiming(request, request.spec)
        found = self._tag(self._with_policy(found, spec), tags)
        return self._change(request, found, self._difference(request, found, spec))

    def _adopt(self, request: RepositoryRequest, found: Repository, tags: Mapping[str, str | None]) -> Result:
        """Record what the repository is, then put our tags, then what is declared; on failure it is given back."""
        spec, is_claimed = _claiming(request, request.spec), ownership.is_claimed_by(found.tags, request)
        found = replace(found, lifecycle_text=self._policies.get_lifecycle_policy(found.name))
        try:
            if spec.statements:
                PolicyStatements(request).verify(found.name, spec.statements)
            attributes = self._check_policy(request, found)
            is_claimed = is_claimed or ownership.ORIGIN in tags
            record = AdoptionRecord(request, found.name).begin(settings(request), found, spec)
            ours = {key: value for key, value in spec.tags.items() if key == ownership.LIFECYCLE_POLICY}
            _begin(request, found)
            found = self._tag(found, {**tags, **ours})
            self._change_adopted(request, found, NOTHING, record, revert=not is_claimed)
            request.note("Adopted", found.name)
        except BaseException as error:
            # What is worth a retry is continued by it: it finds the record and our tags.
            if is_claimed and not isinstance(error, RetryableError):
                changes.try_undo(found, lambda: self._release_adopted(request, found.name))
            raise
        return self._result(request, found, attributes)

    def _update_adopted(self, request: RepositoryRequest, found: Repository, before: RepositorySpec) -> Result:
        found = self._with_policy_of_ours(request, found)
        attributes = self._check_policy(request, found)
        _begin(request, found)
        before = _claimed(request, before, found)
        record = AdoptionRecord(request, found.name).read()
        if record is None:
            differences = self._difference(request, found, _claiming(request, request.spec), before)
            changes.apply(differences, found, lambda done: changes.revert(done, found))
        else:
            self._change_adopted(request, found, before, record, revert=True)
        return self._result(request, found, attributes)

    def _change_adopted(
        self, request: RepositoryRequest, found: Repository, before: RepositorySpec, record: Record, *, revert: bool
    ) -> None:
        """Apply what differs. The record has what is about to be put before it is put."""
        spec, all_settings = _claiming(request, request.spec), settings(request)
        differences = difference_of_adopted(all_settings, found, spec, before, record)
        planned = record.before_change(all_settings, found, spec)
        if planned != record:
            AdoptionRecord(request, found.name).write(planned)
        changes.apply(differences, found, (lambda done: changes.revert(done, found)) if revert else None)
        if (settled := planned.after_change(all_settings, spec)) != planned:
            AdoptionRecord(request, found.name).write(settled)

    def _change(self, request: RepositoryRequest, found: Repository, differences: Sequence[Change[Any]]) -> Result:
        attributes = self._check_policy(request, found)
        _begin(request, found)
        changes.apply(differences, found, lambda done: changes.revert(done, found))
        return self._result(request, found, attributes)

    def _result(self, request: RepositoryRequest, found: Repository, attributes: Mapping[str, str]) -> Result:
        spec = request.spec
        values = values_of(settings(request), spec)
        if spec.keep_in_use is None:
            _end_keeping(request, found.name)
        Declaration(request, found.name).settle(values, spec.guard, restores=spec.restores_drift)
        frequency = scan_frequency(self._repositories, found.name, spec.scan_on_push)
        return Result(found.name, {**found.attributes, **attributes, "ScanFrequency": frequency})

    def _check_policy(self, request: RepositoryRequest, found: Repository) -> dict[str, str]:
        """The attributes of the guard. Raises UserError if the declared lifecycle policy may not be put."""
        policy = request.spec.lifecycle_policy
        if policy is None:
            return guard.NO_PREVIEW
        ownership.refuse_second_policy(found, request)
        is_put = is_policy(found.lifecycle_text, policy)
        if not is_put or request.old is None or request.spec.keep_in_use != request.old.keep_in_use:
            Keeping.of(request, found.name).begin(request.spec.keep_in_use, request.received_at)
        if not guard.applies(request.spec.guard) or is_put:
            return guard.NO_PREVIEW
        return guard.enforce(request, found.name, policy, request.spec.guard).attributes

    def _replacement(self, request: RepositoryRequest, found: Repository | None) -> str | None:
        """The name of the repository that replaces the existing one, if what is declared requires another one."""
        spec, before = request.spec, request.old or NOTHING
        renamed = is_renamed(spec, before, request.physical_id)
        if not renamed and (found is None or not needs_other_encryption(found.encryption, spec, before)):
            return None
        if spec.name is None:
            return self._replaced(request, found) or _generated_name(request)
        if not renamed and found is not None:
            raise encryption_is_fixed(found)
        return spec.name

    def _replaced(self, request: RepositoryRequest, found: Repository | None) -> str | None:
        """The repository that the existing one replaced, if a rollback can return to it."""
        if found is None or not ownership.is_ours(found.tags, request) or ownership.REPLACES not in found.tags:
            return None
        earlier = self._repositories.describe_repository(found.tags[ownership.REPLACES])
        if earlier is None or not ownership.is_ours(earlier.tags, request):
            return None
        fits = not needs_other_encryption(earlier.encryption, request.spec, request.old or NOTHING)
        return earlier.name if fits else None

    def _replace(self, request: RepositoryRequest, found: Repository | None, replacement: str) -> Result:
        """Create the replacement. Until it is complete, the old repository says what to take back."""
        old = found if found is not None and ownership.is_ours(found.tags, request) else None
        if old is not None:
            self._tag(old, {ownership.REPLACEMENT: replacement})
        result = self._create(request, replacement, replaces=request.physical_id)
        if request.spec.statements:
            PolicyStatements(request).complete(replacement)
        if old is not None:
            self._repositories.tag_resource(old.arn, ownership.completed(replacement))
        return result

    def _take_back_other(
        self, request: RepositoryRequest, found: Repository | None, replacement: str | None
    ) -> Repository | None:
        """Take back the replacement of an Update that failed or is rolled back, unless it is declared again."""
        if found is not None and ownership.is_ours(found.tags, request):
            other = ownership.replacement_of(found.tags)
            if other is not None and other != replacement:
                self._take_back(request, other)
                return self._tag(found, {ownership.REPLACEMENT: None})
        elif request.old is not None and request.old.name not in (None, request.physical_id, replacement):
            self._take_back(request, str(request.old.name))
        return found

    def _take_back(self, request: RepositoryRequest, replacement: str) -> None:
        """Delete or release what replaces the physical repository, if it was created or adopted to replace it."""
        found = self._repositories.describe_repository(replacement)
        if found is None or not ownership.is_ours(found.tags, request):
            _forget(request, replacement)
        elif found.tags.get(ownership.REPLACES) == request.physical_id:
            self._give_up(request, found)
        _withdraw_statements(request, replacement)

    def _delete(self, request: RepositoryRequest, found: Repository, spec: RepositorySpec) -> None:
        replacement = ownership.replacement_of(found.tags)
        if replacement is not None and not ownership.is_clean_up(request, found, spec):
            self._take_back(request, replacement)
        if not ownership.is_deletable(found.tags, request):
            self._release(request, found)
            return
        if not self._repositories.delete_repository(found.name, with_images=spec.empty_on_delete):
            raise UserError(
                f"The repository {found.name} was not deleted because it contains "
                f"{count(self._repositories.count_images(found.name), 'image')}. Delete the images, or retain this "
                "resource, and delete the stack again. To delete images with the repository, deploy the stack with "
                "EmptyOnDelete: true before you delete it."
            )
        request.note("RepositoryDeleted", found.name)
        _withdraw_statements(request, found.name)
        _end_keeping(request, found.name)
        Declaration(request, found.name).remove()

    def _give_up(self, request: RepositoryRequest, found: Repository) -> None:
        """Release the repository of a request that failed, or delete it if that request created it."""
        if ownership.is_deletable(found.tags, request):
            self._undo_create(found.name)
            _end_keeping(request, found.name)
            Declaration(request, found.name).remove()
        else:
            self._release(request, found)

    def _release_adopted(self, request: RepositoryRequest, name: str) -> None:
        found = self._repositories.describe_repository(name)
        if found is not None and ownership.is_ours(found.tags, request):
            self._release(request, found)
        else:
            _forget(request, name)

    def _release(self, request: RepositoryRequest, found: Repository) -> None:
        """Give the repository back as it was, where it still is as we put it: our tags go last, then the record."""
        stored = AdoptionRecord(request, found.name)
        record = stored.read()
        _withdraw_statements(request, found.name)
        if record is not None:
            found = self._with_policy_of_ours(request, found)
            differences = difference_of_adopted(settings(request), found, NOTHING, NOTHING, record)
            changes.apply(differences[::-1], found)
        self._tag(found, dict.fromkeys(ownership.tags_of_ours(found.tags, request)))
        _forget(request, found.name)
        request.note("Released", found.name)
        logger.info("%s was not created by this resource, so it is released and keeps its images", found.name)

    def _undo_create(self, name: str) -> None:
        if not self._repositories.delete_repository(name):
            logger.warning("The repository %s, whose creation failed, is kept because it contains images", name)

    def _log_kept(self, name: str, found: Repository | None) -> None:
        if found is None:
            logger.info("The repository %s does not exist, so nothing is deleted", name)
        else:
            logger.warning("The repository %s is kept because its tags do not name this resource as its owner", name)

    def _difference(
        self, request: RepositoryRequest, found: Repository, spec: RepositorySpec, before: RepositorySpec = NOTHING
    ) -> list[Change[Any]]:
        return difference(settings(request), found, spec, before)

    def _tag(self, found: Repository, tags: Mapping[str, str | None]) -> Repository:
        """TagResource and UntagResource for the tags that differ. The repository as it is then."""
        differing = {key: value for key, value in tags.items() if found.tags.get(key) != value}
        if not differing:
            return found
        self._repositories.tag_resource(found.arn, differing)
        merged = {**found.tags, **differing}
        return replace(found, tags={key: value for key, value in merged.items() if value is not None})

    def _find(self, name: str, *specs: RepositorySpec) -> Repository | None:
        """The repository, with its lifecycle policy if one is or was declared."""
        found = self._repositories.describe_repository(name)
        return None if found is None else self._with_policy(found, *specs)

    def _with_policy(self, found: Repository, *specs: RepositorySpec) -> Repository:
        if not any(spec.lifecycle_policy for spec in specs):
            return found
        return replace(found, lifecycle_text=self._policies.get_lifecycle_policy(found.name))

    def _with_policy_of_ours(self, request: RepositoryRequest, found: Repository) -> Repository:
        """With its lifecycle policy, unless it is that of another resource."""
        declares = request.type != "Delete" and request.spec.lifecycle_policy is not None
        if ownership.declares_policy_of_other(found, request) and not declares:
            return found
        return replace(found, lifecycle_text=self._policies.get_lifecycle_policy(found.name))


def _begin(request: RepositoryRequest, found: Repository) -> None:
    """Record what is about to be declared, so that the change is not taken for drift."""
    values = values_of(settings(request), request.spec)
    spec = request.spec
    Declaration(request, found.name).begin(values, spec.guard, restores=spec.restores_drift)


def _forget(request: RepositoryRequest, name: str) -> None:
    """Remove what is recorded of a repository that is not this resource's any more."""
    AdoptionRecord(request, name).remove()
    _end_keeping(request, name)
    Declaration(request, name).remove()


def _end_keeping(request: RepositoryRequest, name: str) -> None:
    """End what the properties of the request kept, and in a Delete also what an Update kept that died."""
    if request.type == "Delete" or any(spec.keep_in_use for spec in request.specs):
        Keeping.of(request, name).end()


def _withdraw_statements(request: RepositoryRequest, name: str, only_of: str | None = None) -> None:
    PolicyStatements(request).withdraw(name, only_of)


def _name_of_stack(request: RepositoryRequest) -> str:
    return generated_name(request.stack_name, request.logical_id, request.stack_id)


def _generated_name(request: RepositoryRequest, request_id: str = "") -> str:
    return generated_name(request.stack_name, request.logical_id, request_id or request.request_id)


def _with_tags(spec: RepositorySpec, tags: dict[str, str]) -> RepositorySpec:
    return replace(spec, tags={**spec.tags, **tags})


def _claiming(request: RepositoryRequest, spec: RepositorySpec) -> RepositorySpec:
    """The spec, with the tags that name the owner of the lifecycle policy if it declares one, and allow those of others
    if it does."""
    tags = {} if spec.lifecycle_policy is None else ownership.policy_owner(request)
    return _with_tags(spec, tags | (ownership.policies_allowed() if spec.allows_lifecycle_policies else {}))


def _claimed(request: RepositoryRequest, before: RepositorySpec, found: Repository) -> RepositorySpec:
    """What was declared before, with our tags that go unless they are declared again."""
    claiming = _claiming(request, before) if ownership.declares_policy(found, request) else before
    is_ours = ownership.is_ours(found.tags, request)
    return _with_tags(claiming, ownership.policies_allowed() | ownership.of_stack(found.tags)) if is_ours else claiming
