"""``Custom::ECRRepositoryBaseline``: one baseline, stored in the table of parts under the pattern that it names.

Nothing is changed within the request: the resync that it starts applies the baseline, and takes back what an earlier
one put, repository by repository.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from ecr_controller.baselines.baseline import TYPE, Baseline, parse_baseline, storage_key
from ecr_controller.custom_resource.request import Result
from ecr_controller.errors import UserError
from ecr_controller.resync.start import ResyncFunction
from ecr_controller.shared_documents.ledger import Ledger, owner_of
from ecr_controller.shared_documents.parts import PartsTable
from ecr_controller.shared_documents.resource_part import ResourcePart
from ecr_controller.stacks import Stacks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Home, Request
    from ecr_controller.errors import Faults
    from ecr_controller.shared_documents.ledger import Entry


class RepositoryBaselineResource:
    """One baseline. Its physical ID, BaselineId, contains its pattern: for another pattern, a new baseline is created,
    and the old one is deleted after it."""

    type_name = TYPE

    def parse(self, values: Values, faults: Faults, home: Home) -> Baseline | None:
        """See `parse_baseline`."""
        return parse_baseline(values, faults, home)

    def repositories(self, request: Request[Baseline]) -> Iterable[str]:
        """The declared pattern, and the one that was declared before."""
        return [baseline.pattern for baseline in request.specs]

    def create(self, request: Request[Baseline]) -> Result:
        """Store the baseline, and start a resync of its repositories."""
        baseline = request.spec
        baseline_id = _baseline_id(request, baseline.pattern)
        part = ResourcePart(request, baseline_id, storage_key(baseline.pattern))
        self._refuse_second(part, baseline.pattern)
        part.store(baseline.content())
        try:
            # Another resource may have stored one at the same time.
            self._refuse_second(part, baseline.pattern)
        except UserError:
            part.remove()
            raise
        ResyncFunction().start(baseline.pattern)
        return Result(baseline_id, {"BaselineId": baseline_id})

    def update(self, request: Request[Baseline]) -> Result:
        """Store the baseline as it is declared now, and start a resync of its repositories."""
        result = self.create(request)
        held = [storage_key(request.spec.pattern)]
        Ledger(request).settle(result.physical_id, lambda entry: _remove(request, entry), held)
        return result

    def delete(self, request: Request[Baseline]) -> None:
        """Delete the baseline, and start a resync, which takes back what it put and is still so."""
        declared = None if request.old is None else _baseline_id(request, request.old.pattern)
        for entry in Ledger(request).to_delete(declared):
            _remove(request, entry)

    def delete_failed_create(self, request: Request[Baseline], create_request_id: str) -> None:
        """Delete what that Create stored before it failed."""
        for entry in Ledger(request).of_create(create_request_id):
            _remove(request, entry)

    def _refuse_second(self, part: ResourcePart, pattern: str) -> None:
        for other in part.stored_parts():
            if other.owner == part.owner:
                continue
            stack_id, logical_id, *_ = other.owner.split("|")
            if Stacks().may_have_resource(stack_id, logical_id, _baseline_id_of(other.owner, pattern)):
                raise UserError(
                    f"RepositoryName: {pattern} already has the baseline {other.resource}. A pattern has one baseline. "
                    "Declare the settings there, or choose another pattern."
                )
            # It was retained, or its stack is gone. Otherwise the resync could take it for the one that applies.
            PartsTable().delete_part(storage_key(pattern), other.owner)


def _remove(request: Request[Any], entry: Entry) -> None:
    ResourcePart(request, entry.physical_id, entry.held).remove()
    ResyncFunction().start(entry.held.removeprefix(storage_key("")))


def _baseline_id(request: Request[Any], pattern: str) -> str:
    return _baseline_id_of(owner_of(request), pattern)


def _baseline_id_of(owner: str, pattern: str) -> str:
    return f"{hashlib.sha256(owner.encode()).hexdigest()[:16]}:{pattern}"
