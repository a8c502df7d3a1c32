"""``Custom::ECRLifecyclePolicy``: the lifecycle policy of a repository that may be anybody's.

Whose the policy is stands on the repository, as a tag. What it replaced is remembered in the table of parts, and put
back when the resource goes.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource.protocol import Result
from ecr_controller.errors import UserError
from ecr_controller.lifecycle import guard
from ecr_controller.lifecycle.spec import read, read_policy_leniently
from ecr_controller.lifecycle.ecr import LifecyclePolicies
from ecr_controller.lifecycle.rules import is_policy
from ecr_controller.shared_documents.parts import PartsTable
from ecr_controller.repository import ownership
from ecr_controller.repository.lookup import Lookup
from ecr_controller.repository.model import is_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_controller.custom_resource.protocol import Request
    from ecr_controller.lifecycle.spec import Declaration
    from ecr_controller.repository.model import Repository

logger = logging.getLogger(__name__)


class LifecyclePolicyResource:
    """The policy of one repository. The physical id is the repository's name. Raises UserError and RetryableError."""

    def __init__(self) -> None:
        self._repositories = Lookup()
        self._policies = LifecyclePolicies()
        self._memory = PartsTable()

    def create(self, request: Request) -> Result:
        """Take over the policy of the repository, and put ours."""
        return self._put(request, read(request.properties))

    def update(self, request: Request) -> Result:
        """Put the policy in place, never taking it away in between; for another repository, begin there."""
        return self._put(request, read(request.properties))

    def delete(self, request: Request) -> None:
        """Put back what ours replaced, or take it away, where it is still ours."""
        if is_name(request.physical_id):
            self._give_up(request, request.physical_id)

    def delete_failed_create(self, request: Request, create_request_id: str) -> None:
        """Give back what that Create began to take over, and nothing that an earlier one did."""
        name = str(request.properties.get("RepositoryName", ""))
        if is_name(name) and self._remembered(request, name).get("request") == create_request_id:
            self._give_up(request, name)

    def _give_up(self, request: Request, name: str) -> None:
        found = self._repositories.find(name)
        if found is None:
            logger.info("%s is not there; its lifecycle policy went with it", name)
            self._memory.remove(_target(name), _owner(request))
        elif ownership.declares_policy(found, request):
            self._give_back(request, found)
            self._unclaim(request, found)
        else:
            logger.warning("The lifecycle policy of %s is left alone: it is not this resource's", name)

    def _put(self, request: Request, declared: Declaration) -> Result:
        name, outlook = declared.repository, guard.UNKNOWN
        found = self._repositories.find(name)
        if found is None:
            raise UserError(f"There is no repository {name} in this account and Region. RepositoryName must name one.")
        ownership.refuse_second_policy(found, request)
        current = self._policies.text(name)
        ours = ownership.declares_policy(found, request)
        if not ours:
            _refuse_policy_of_another(request, declared, current)
        differs = not is_policy(current, declared.policy)
        if differs and declared.guard is not None:
            # Imported here: not every policy has a guard, and every cold start would pay for it.
            from ecr_controller.lifecycle.guarded import GuardedPolicies

            outlook = GuardedPolicies().look(request, name, declared.policy, declared.guard).attributes
        if not ours:
            self._claim(request, found, current)
        if differs:
            self._put_or_unclaim(request, found, declared.policy.text(), claimed=not ours)
        return Result(name, {"RepositoryName": name} | outlook)

    def _claim(self, request: Request, found: Repository, current: str | None) -> None:
        """Remember what is replaced, then say on the repository whose its policy is."""
        memory = {"replaced": current, "request": request.request_id}
        self._memory.put(_target(found.name), _owner(request), memory)
        self._repositories.tag(found.arn, dict(ownership.policy_owner(request)))
        # Another declaration may have claimed it at the same moment; the last one sees only itself.
        ownership.refuse_second_policy(self._repositories.find(found.name) or found, request)

    def _put_or_unclaim(self, request: Request, found: Repository, text: str, *, claimed: bool) -> None:
        try:
            self._policies.put(found.name, text)
        except BaseException:
            if claimed:
                self._unclaim(request, found)
            raise

    def _unclaim(self, request: Request, found: Repository) -> None:
        self._repositories.tag(found.arn, {ownership.LIFECYCLE_POLICY: None})
        self._memory.remove(_target(found.name), _owner(request))

    def _give_back(self, request: Request, found: Repository) -> None:
        current, ours = self._policies.text(found.name), read_policy_leniently(request.properties)
        memory = self._remembered(request, found.name)
        if ours is not None and is_policy(current, ours):
            self._policies.put(found.name, memory.get("replaced"))
        elif current is not None and current != memory.get("replaced"):
            logger.warning("The lifecycle policy of %s is not the one declared; it is left as it is", found.name)

    def _remembered(self, request: Request, name: str) -> Mapping[str, Any]:
        parts = self._memory.read(_target(name))
        return next((part.content for part in parts if part.owner == _owner(request)), {})


def _refuse_policy_of_another(request: Request, declared: Declaration, current: str | None) -> None:
    before = read_policy_leniently(request.old_properties)
    known = [declared.policy] if before is None else [declared.policy, before]
    if current is None or declared.replaces or any(is_policy(current, policy) for policy in known):
        return
    raise UserError(
        f"The repository {declared.repository} has a lifecycle policy already, which this stack did not put. To "
        "replace it, set OnExisting: Replace; it is put back when this resource is deleted."
    )


def _target(repository: str) -> str:
    return f"lifecycle-policy/{repository}"


def _owner(request: Request) -> str:
    return f"{request.stack_id}|{request.logical_id}"
