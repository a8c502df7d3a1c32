"""What resources of stacks declare of a repository, recorded in the table of parts, so that drift is seen.

It is stored as pending before a request changes the repository, and as settled after it: what the controller itself is
changing is no drift.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_controller.config import is_sam_local
from ecr_controller.shared_documents.ledger import owner_of
from ecr_controller.shared_documents.parts import PartsTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ecr_controller.custom_resource.request import Request
    from ecr_controller.lifecycle.guard import Guard
    from ecr_controller.repository.changes import Setting

STATE, PENDING = "state", "pending"
# The key of the lifecycle policy in what is declared, as in `Record`.
LIFECYCLE_POLICY = "LifecyclePolicy"


def storage_key(repository: str) -> str:
    """The target in the table of parts under which the declarations of a repository are stored."""
    return f"declared-repository/{repository}"


class Declaration:
    """What the resource of a request declares of a repository. Raises UserError and RetryableError.

    Under `sam local invoke` nothing is stored: no stack declares anything there.
    """

    def __init__(self, request: Request[Any], repository: str) -> None:
        self._request, self._target, self._owner = request, storage_key(repository), owner_of(request)
        self._table = PartsTable()

    def begin(self, values: Mapping[str, Any], guard: Guard | None, *, restores: bool) -> None:
        """Store it as pending, before anything is changed."""
        self._put(values, guard, {STATE: PENDING}, restores=restores)

    def settle(self, values: Mapping[str, Any], guard: Guard | None, *, restores: bool) -> None:
        """Store it as what the repository has now."""
        self._put(values, guard, {}, restores=restores)

    def remove(self) -> None:
        """Delete it, or do nothing if there is none."""
        if not is_sam_local():
            self._table.delete_part(self._target, self._owner)

    def _put(self, values: Mapping[str, Any], guard: Guard | None, marks: Mapping[str, str], *, restores: bool) -> None:
        if not is_sam_local():
            bounds = None if guard is None else [guard.max_images, guard.max_percent]
            content = {"type": self._request.type_name, "values": values, "guard": bounds, "restores": restores}
            self._table.put_part(self._target, self._owner, content, marks)


def values_of(settings: Iterable[Setting[Any]], spec: Any) -> dict[str, Any]:
    """What a spec declares, by the keys of `Record`."""
    return {key: value for each in settings for key, value in each.declared_values(spec).items()}
