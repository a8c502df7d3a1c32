"""``Custom::ECRLifecyclePolicy``: the lifecycle policy of a repository, which may belong to another stack or to none.

A tag on the repository names the owner of the policy. What the policy replaced is stored in the table of parts, and put
back when the resource is deleted.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource.request import Result
from ecr_controller.errors import UserError
from ecr_controller.lifecycle import guard
from ecr_controller.lifecycle.ecr import LifecyclePolicies
from ecr_controller.lifecycle.rules import is_policy
from ecr_controller.lifecycle.spec import LifecyclePolicySpec, parse_lifecycle_policy
from ecr_controller.repository import ownership
from ecr_controller.repository.ecr import Repositories
from ecr_controller.repository.model import is_name
from ecr_controller.shared_documents.resource_part import ResourcePart

if TYPE_CHECKING:
    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Home, Request
    from ecr_controller.errors import Faults
    from ecr_controller.repository.model import Repository

    PolicyRequest = Request[LifecyclePolicySpec]

logger = logging.getLogger(__name__)


class LifecyclePolicyResource:
    """The policy of one repository. The physical ID is the name of the repository."""

    type_name = "ECRLifecyclePolicy"

    def __init__(self) -> None:
        self._repositories = Repositories()
        self._policies = LifecyclePolicies()

    def parse(self, values: Values, faults: Faults, _home: Home) -> LifecyclePolicySpec | None:
        """See `parse_lifecycle_policy`."""
        return parse_lifecycle_policy(values, faults)

    def create(self, request: PolicyRequest) -> Result:
        """Claim the policy of the repository, and put ours."""
        return self._put(request)

    def update(self, request: PolicyRequest) -> Result:
        """Put the policy in place, without deleting it in between; for another repository, claim that one."""
        return self._put(request)

    def delete(self, request: PolicyRequest) -> None:
        """Put back what the policy replaced, or delete it, if it is still ours."""
        if is_name(request.physical_id):
            self._give_back(request, request.physical_id)

    def delete_failed_create(self, request: PolicyRequest, create_request_id: str) -> None:
        """Give back what that Create claimed, and nothing that an earlier request claimed."""
        name = request.old.repository if request.old is not None else ""
        if name and _replaced(request, name).was_stored_by(create_request_id):
            self._give_back(request, name)

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
            _refuse_policy_of_others(request, current)
        differs = not is_policy(current, spec.policy)
        if differs and spec.guard is not None:
            attributes = guard.check(request, name, spec.policy, spec.guard).attributes
        if not ours:
            self._claim(request, found, current)
        if differs:
            self._put_or_unclaim(request, found, spec.policy.text(), claimed=not ours)
        return Result(name, {"RepositoryName": name} | attributes)

    def _claim(self, request: PolicyRequest, found: Repository, current: str | None) -> None:
        """Store what is replaced, then name the owner of the policy on the repository."""
        _replaced(request, found.name).put({"replaced": current})
        self._repositories.tag_resource(found.arn, dict(ownership.policy_owner(request)))
        # Another resource may have claimed it at the same time; the last one sees only itself.
        ownership.refuse_second_policy(self._repositories.describe_repository(found.name) or found, request)

    def _put_or_unclaim(self, request: PolicyRequest, found: Repository, text: str, *, claimed: bool) -> None:
        try:
            self._policies.put_lifecycle_policy(found.name, text)
        except BaseException:
            if claimed:
                self._unclaim(request, found)
            raise

    def _unclaim(self, request: PolicyRequest, found: Repository) -> None:
        self._repositories.tag_resource(found.arn, {ownership.LIFECYCLE_POLICY: None})
        _replaced(request, found.name).remove()

    def _give_back(self, request: PolicyRequest, name: str) -> None:
        found = self._repositories.describe_repository(name)
        if found is None:
            logger.info("The repository %s does not exist, so no lifecycle policy is deleted", name)
            _replaced(request, name).remove()
        elif ownership.declares_policy(found, request):
            self._restore(request, found)
            self._unclaim(request, found)
        else:
            logger.warning("The lifecycle policy of %s is kept because no tag names this resource as its owner", name)

    def _restore(self, request: PolicyRequest, found: Repository) -> None:
        current = self._policies.get_lifecycle_policy(found.name)
        replaced = _replaced(request, found.name).stored().get("replaced")
        if request.old is not None and is_policy(current, request.old.policy):
            self._policies.put_lifecycle_policy(found.name, replaced)
        elif current is not None and current != replaced:
            logger.warning("The lifecycle policy of %s is kept because it is not the one that was declared", found.name)


def _refuse_policy_of_others(request: PolicyRequest, current: str | None) -> None:
    spec = request.spec
    known = [spec.policy] if request.old is None else [spec.policy, request.old.policy]
    if current is None or spec.replaces or any(is_policy(current, policy) for policy in known):
        return
    raise UserError(
        f"The repository {spec.repository} already has a lifecycle policy, which this stack did not create. To "
        "replace it, set OnExisting: Replace. The previous policy is restored when this resource is deleted."
    )


def _replaced(request: Request[Any], repository: str) -> ResourcePart:
    """Where the policy that was replaced is stored."""
    return ResourcePart(request, f"lifecycle-policy/{repository}")
