"""``Custom::ECRLifecyclePolicy``: the lifecycle policy of a repository, which may belong to another stack or to none.

A tag on the repository names the owner of the policy. The ledger has what the policy replaced, which is put back when
the resource is deleted, and the texts that were put, by which a policy that is still ours is recognized.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from ecr_controller.custom_resource.boundaries import Boundaries
from ecr_controller.custom_resource.request import Result
from ecr_controller.deadline import undoing
from ecr_controller.errors import ControllerError, RetryableError, UserError
from ecr_controller.in_use.keeping import Keeping
from ecr_controller.lifecycle import guard
from ecr_controller.lifecycle.ecr import LifecyclePolicies
from ecr_controller.lifecycle.rules import is_policy, is_text
from ecr_controller.lifecycle.spec import LifecyclePolicySpec, parse_lifecycle_policy
from ecr_controller.repository import ownership
from ecr_controller.repository.declarations import LIFECYCLE_POLICY, Declaration
from ecr_controller.repository.ecr import Repositories
from ecr_controller.repository.model import is_name
from ecr_controller.shared_documents.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Home, Request
    from ecr_controller.errors import Faults
    from ecr_controller.repository.model import Repository
    from ecr_controller.shared_documents.ledger import Entry

    PolicyRequest = Request[LifecyclePolicySpec]

logger = logging.getLogger(__name__)

_REPLACED, _PUT = "replaced", "put"  # in the memory of an entry: a text or None, and texts


class LifecyclePolicyResource:
    """The policy of one repository. The physical ID is the name of the repository."""

    type_name = "ECRLifecyclePolicy"

    def __init__(self) -> None:
        self._repositories = Repositories()
        self._policies = LifecyclePolicies()

    def parse(self, values: Values, faults: Faults, _home: Home) -> LifecyclePolicySpec | None:
        """See `parse_lifecycle_policy`."""
        return parse_lifecycle_policy(values, faults)

    def repositories(self, request: PolicyRequest) -> Iterable[str]:
        """The declared repository, the one that was declared before, and the physical ID."""
        names = [spec.repository for spec in request.specs]
        return [*names, request.physical_id] if is_name(request.physical_id) else names

    def create(self, request: PolicyRequest) -> Result:
        """Claim the policy of the repository, and put ours."""
        return self._put(request)

    def update(self, request: PolicyRequest) -> Result:
        """Put the policy in place, without deleting it in between; for another repository, claim that one."""
        result = self._put(request)
        Ledger(request).settle(result.physical_id, lambda entry: self._give_back(request, entry), [result.physical_id])
        return result

    def delete(self, request: PolicyRequest) -> None:
        """Put back what the policy replaced, or delete it, if it is still ours."""
        for entry in Ledger(request).to_delete(None if request.old is None else request.old.repository):
            self._give_back(request, entry)

    def delete_failed_create(self, request: PolicyRequest, create_request_id: str) -> None:
        """Give back what that Create claimed, and nothing that an earlier request claimed."""
        for entry in Ledger(request).of_create(create_request_id):
            self._give_back(request, entry)

    def _put(self, request: PolicyRequest) -> Result:
        spec, attributes = request.spec, guard.NO_PREVIEW
        name = spec.repository
        found = self._repositories.describe_repository(name)
        if found is None:
            raise UserError(
                f"The repository {name} does not exist in this account and Region. RepositoryName must name an "
                "existing repository."
            )
        ownership.refuse_second_policy(found, request)
        current = self._policies.get_lifecycle_policy(name)
        ours = ownership.declares_policy(found, request)
        if not ours:
            if not Boundaries.configured().name(request.stack_name, name):
                ownership.refuse_policy_of_other_stack(found, request)
            _refuse_policy_of_others(request, current)
        differs = not is_policy(current, spec.policy)
        is_new = differs or not ours or request.old is None or request.old.keep_in_use != spec.keep_in_use
        if is_new and spec.keep_in_use is not None:
            self._write_down(request, found, current, spec.policy.text(), ours=ours)
            Keeping.of(request, name).begin(spec.keep_in_use, request.received_at)
        if differs and guard.applies(spec.guard):
            attributes = guard.enforce(request, name, spec.policy, spec.guard).attributes
        if differs or not ours or request.follows_failed_create:
            self._claim_and_put(request, found, current, ours=ours)
        declared = {LIFECYCLE_POLICY: spec.policy.text()}
        if spec.keep_in_use is None:
            _end_keeping(request, name)
        Declaration(request, name).settle(declared, spec.guard, restores=spec.restores_drift)
        return Result(name, {"RepositoryName": name} | attributes)

    def _claim_and_put(self, request: PolicyRequest, found: Repository, current: str | None, *, ours: bool) -> None:
        """Write down what is replaced, then tag the repository with the owner, then put the policy if it differs."""
        policy = request.spec.policy
        entry = self._write_down(request, found, current, policy.text(), ours=ours)
        try:
            declared = {LIFECYCLE_POLICY: policy.text()}
            spec = request.spec
            Declaration(request, found.name).begin(declared, spec.guard, restores=spec.restores_drift)
            if not ours:
                self._repositories.tag_resource(found.arn, dict(ownership.policy_owner(request)))
                # Another resource may have claimed it at the same time; the last one sees only itself.
                ownership.refuse_second_policy(self._repositories.describe_repository(found.name) or found, request)
            if not is_policy(current, policy):
                self._policies.put_lifecycle_policy(found.name, policy.text())
        except UserError:
            if entry.request_id == request.request_id:
                self._undo(request, entry)
            raise

    def _write_down(
        self, request: PolicyRequest, found: Repository, current: str | None, text: str, *, ours: bool
    ) -> Entry:
        """The entry with what is replaced, which is written once, and with what is about to be put."""
        ledger, name = Ledger(request), found.name
        entry = _stored(ledger, name) if ours else None
        entry = entry or ledger.begin_once(name, name, {_REPLACED: current, _PUT: [text]}) or _stored(ledger, name)
        if entry is None:
            raise RetryableError(f"The lifecycle policy of {name} was given back while this request ran.")
        last, stored = entry.memory[_PUT][-1], entry
        if last != text:
            # Until the new text is put, the one before is ours as well.
            entry = replace(entry, memory={**entry.memory, _PUT: [last, text]})
        if request.follows_failed_create:
            # A Delete of what the failed Create claimed follows this request.
            entry = replace(entry, request_id=request.request_id)
        if entry != stored:
            ledger.put(entry)
        return entry

    def _undo(self, request: PolicyRequest, entry: Entry) -> None:
        try:
            with undoing():
                self._give_back(request, entry)
        except ControllerError as error:
            logger.warning("The lifecycle policy of %s is left to the next request: %s", entry.held, error)

    def _give_back(self, request: PolicyRequest, entry: Entry) -> None:
        """Put back what the policy replaced, then remove the tag, then the entry."""
        found = self._repositories.describe_repository(entry.held)
        if found is None:
            logger.info("The repository %s does not exist, so no lifecycle policy is deleted", entry.held)
        elif ownership.declares_policy(found, request):
            self._restore(entry)
            self._repositories.tag_resource(found.arn, dict.fromkeys(ownership.policy_owner(request)))
        else:
            logger.info(
                "The lifecycle policy of %s is kept because no tag names this resource as its owner", found.name
            )
        _end_keeping(request, entry.held)
        Declaration(request, entry.held).remove()
        Ledger(request).end(entry.held)

    def _restore(self, entry: Entry) -> None:
        current, replaced = self._policies.get_lifecycle_policy(entry.held), entry.memory[_REPLACED]
        if current is not None and current != replaced and not any(is_text(current, put) for put in entry.memory[_PUT]):
            logger.warning("The lifecycle policy of %s is kept because it is not the one that was declared", entry.held)
        elif current is not None and current != replaced:
            self._policies.put_lifecycle_policy(entry.held, replaced)


def _refuse_policy_of_others(request: PolicyRequest, current: str | None) -> None:
    spec = request.spec
    known = [spec.policy] if request.old is None else [spec.policy, request.old.policy]
    if current is None or spec.replaces or any(is_policy(current, policy) for policy in known):
        return
    raise UserError(
        f"The repository {spec.repository} already has a lifecycle policy, which this stack did not create. To "
        "replace it, set OnExisting: Replace. The previous policy is restored when this resource is deleted."
    )


def _end_keeping(request: PolicyRequest, repository: str) -> None:
    """End what the properties of the request kept, and in a Delete also what an Update kept that died."""
    if request.type == "Delete" or any(spec.keep_in_use for spec in request.specs):
        Keeping.of(request, repository).end()


def _stored(ledger: Ledger, repository: str) -> Entry | None:
    return next((entry for entry in ledger.entries() if entry.held == repository), None)
