"""The baseline of one repository, applied or ended."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ecr_controller.baselines import baseline as baselines
from ecr_controller.baselines import planning
from ecr_controller.custom_resource.boundaries import Boundaries
from ecr_controller.errors import Faults, InvalidProperties, RetryableError
from ecr_controller.lifecycle.rules import parse_policy
from ecr_controller.repository import changes, ownership
from ecr_controller.repository.changes import NOTHING
from ecr_controller.repository.declarations import LIFECYCLE_POLICY
from ecr_controller.repository.ecr import Repositories
from ecr_controller.repository.record import Record, StoredRecord
from ecr_controller.repository.settings import LifecyclePolicyText, PolicyStatements, settings
from ecr_controller.repository_policy import policy
from ecr_controller.repository_policy.document import TARGETS, ResourceStatements
from ecr_controller.repository_policy.ecr import RepositoryPolicies
from ecr_controller.resync import kept, replicas
from ecr_controller.resync.batch import with_policy
from ecr_controller.resync.declared import declared_of
from ecr_controller.shared_documents.parts import PartsTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ecr_controller.baselines.baseline import Baseline
    from ecr_controller.baselines.planning import Application
    from ecr_controller.repository.changes import Change
    from ecr_controller.repository.model import Repository
    from ecr_controller.repository_policy.statement import Statement
    from ecr_controller.resync.batch import Batch
    from ecr_controller.resync.messages import Wanted

    Baselines = Callable[[str], Iterable[Baseline]]

logger = logging.getLogger(__name__)

# The owner of the record of a repository that a stack declares: a resync has seen it.
SEEN = "seen"


def records_of(repository: str) -> str:
    """The target in the table of parts of what baselines put on a repository. It also says that it was seen."""
    return f"baseline-repository/{repository}"


@dataclass(frozen=True, slots=True)
class BaselineOfRepository:
    """The baseline that applies to a repository. Raises UserError and RetryableError."""

    batch: Batch
    baselines_of: Baselines

    def end(self, found: Repository) -> None:
        """End what baselines put on a repository that a stack declares now: statements, and a lifecycle policy that no
        resource declares. All other settings are the stack's."""
        name, held = found.name, ""
        has_policy = any(LIFECYCLE_POLICY in each.values for each in declared_of(name))
        is_native = ownership.NATIVE_STACK_ID in found.tags
        for part in PartsTable().query_parts(records_of(name)):
            record = Record.from_part(part)
            if part.owner == SEEN or record.request_id != found.identity:
                continue
            request = self.batch.request(part.owner, name)
            if PolicyStatements.name in record.put:
                ResourceStatements(request, name, name).withdraw_held()
            if is_native and LifecyclePolicyText.name in record.put:
                # CloudFormation's own type may have taken the policy over, so that it stays, with what it keeps.
                held = part.owner
                continue
            if not has_policy:
                self._take_back_policy(found, part.owner, record)
            StoredRecord(records_of(name), part.owner).remove()
        kept.end_others(name, held)
        if not PartsTable().query_parts(records_of(name)):
            StoredRecord(records_of(name), SEEN).write(Record(found.identity, {}, {}))

    def _take_back_policy(self, found: Repository, owner: str, record: Record) -> None:
        every = [
            each for each in settings(self.batch.request(owner, found.name)) if each.name == LifecyclePolicyText.name
        ]
        gone = self._within_bounds(found, owner, planning.gone(found, record, every))
        changes.apply(gone, found)

    def _within_bounds(self, found: Repository, owner: str, gone: Sequence[Change[Any]]) -> list[Change[Any]]:
        """The changes back, without a lifecycle policy that would expire more than the ceiling allows: then there is
        none."""
        return [replace(each, new=None) if self._exceeds(found, owner, each) else each for each in gone]

    def _exceeds(self, found: Repository, owner: str, change: Change[Any]) -> bool:
        if change.setting.name != LifecyclePolicyText.name or change.new is None:
            return False
        before = parse_policy({"LifecyclePolicyText": change.new}, Faults())
        return self.batch.refuses(found, owner, baselines.TYPE, before, None)

    def apply(self, found: Repository, wanted: Wanted) -> None:
        """Apply the baseline, and take back what one put that no longer applies."""
        try:
            baseline = baselines.applying(found.name, self.baselines_of, Boundaries.configured())
        except InvalidProperties as error:
            # The bounds of the operator changed. Nothing is applied, and nothing is taken back.
            self.batch.tally["BaselinesInvalid"] += 1
            logger.warning("The baseline of %s is not applied: %s", found.name, error)
            return
        if baseline is not None and baseline.like_source:
            baseline = replace(baseline, spec=replicas.like_source(found.name, baseline.spec, self.batch.home))
        records = {each.owner: Record.from_part(each) for each in PartsTable().query_parts(records_of(found.name))}
        ended = {owner: each for owner, each in records.items() if baseline is None or owner != baseline.owner}
        if ended or (
            baseline and wanted.shown is not None and self._plan(found, baseline, records.get(baseline.owner)).changes
        ):
            # What was read with many others may be old.
            described = Repositories().describe_repository(found.name)
            if described is None:
                return
            found = with_policy(described)
        for owner, record in ended.items():
            if owner == SEEN:
                StoredRecord(records_of(found.name), owner).remove()
            else:
                found = self._take_back(found, owner, record)
        if baseline is None:
            kept.end_others(found.name)
        else:
            self._apply(found, baseline, records.get(baseline.owner), wanted.asked_at)

    def _plan(self, found: Repository, baseline: Baseline, record: Record | None, **options: Any) -> Application:
        every = settings(self.batch.request(baseline.owner, found.name))
        if ownership.declares_policy_still(found, self.batch.home):
            options["without_policy"] = True
        planned = planning.plan(found, baseline.spec, options.pop("mode", baseline.mode), record, every, **options)
        statements = baseline.spec.statements
        if statements and self._has_statements(found.name, baseline.owner, statements):
            rest = [each for each in planned.changes if each.setting.name != PolicyStatements.name]
            planned = replace(planned, changes=rest)
        return planned

    def _apply(self, found: Repository, baseline: Baseline, stored: Record | None, asked_at: float) -> None:
        every = settings(self.batch.request(baseline.owner, found.name))
        target = StoredRecord(records_of(found.name), baseline.owner)
        record = stored
        if record is None or record.request_id != found.identity:
            # With nothing put, it says that the repository was seen.
            record = Record.begun(found.identity, every, found, NOTHING)
            target.write(record)
        if baseline.mode == baselines.REPORT:
            # Its lifecycle policy stays in Report, and so does what it keeps.
            kept.end_others(found.name, baseline.owner if LifecyclePolicyText.name in record.put else "")
            self._report(found, baseline, record)
            return
        planned = self._plan(found, baseline, record)
        keeps = planned.sets_policy and baseline.spec.keep_in_use is not None
        # Before the others end: without any, all that is in use would be released.
        is_kept = not keeps or kept.keep(found.name, baseline, looks=planned.policy_changes, asked_at=asked_at)
        kept.end_others(found.name, baseline.owner if keeps else "")
        if planned.policy_changes and not self._may_put_policy(found, baseline, is_kept=is_kept):
            planned = self._plan(found, baseline, record, without_policy=True)
        withdrawn = PolicyStatements.name in record.put and not baseline.spec.statements
        if planned.changes or withdrawn:
            self._refuse_changed(found, baseline)
            record = planned.before(record, found)
            target.write(record)
            if withdrawn:
                ResourceStatements(
                    self.batch.request(baseline.owner, found.name), found.name, found.name
                ).withdraw_held()
            changes.apply(planned.changes, found)
            self.batch.tally["BaselineChanges"] += 1
            self.batch.send("BaselineApplied", found.name, baseline.owner, baselines.TYPE, planned.changes)
            self._refuse_changed(found, baseline)
        if (settled := planned.after(record)) != record or planned.changes:
            target.write(settled)

    def _may_put_policy(self, found: Repository, baseline: Baseline, *, is_kept: bool) -> bool:
        """Whether the images in use are kept, and the policy does not exceed its guard."""
        if not is_kept:
            self.batch.tally["PoliciesRefused"] += 1
            return False
        spec = baseline.spec
        return not self.batch.refuses(found, baseline.owner, baselines.TYPE, spec.lifecycle_policy, spec.guard)

    def _refuse_changed(self, found: Repository, baseline: Baseline) -> None:
        """Raise RetryableError if the baseline or the owner of the repository changed since they were read."""
        stored = PartsTable().query_parts(baselines.storage_key(baseline.pattern))
        is_stored = (baseline.owner, baseline.content()) in [(each.owner, each.content) for each in stored]
        fresh = Repositories().describe_repository(found.name)
        if not is_stored or fresh is None or _owners(fresh) != _owners(found):
            raise RetryableError(f"{found.name} or its baseline changed while the baseline was applied.")

    def _report(self, found: Repository, baseline: Baseline, record: Record) -> None:
        planned = self._plan(found, baseline, record, mode=baselines.ENFORCE)
        if planned.changes:
            self.batch.tally["BaselineReported"] += 1
            self.batch.send("BaselineReported", found.name, baseline.owner, baselines.TYPE, planned.changes)

    def _take_back(self, found: Repository, owner: str, record: Record) -> Repository:
        """Put back what was before a baseline that no longer applies, where it still is as the baseline put it."""
        request = self.batch.request(owner, found.name)
        if record.request_id == found.identity:
            every = settings(request)
            if ownership.declares_policy_still(found, self.batch.home):
                every = tuple(planning.without(LifecyclePolicyText.name, every))
            gone = self._within_bounds(found, owner, planning.gone(found, record, every))
            changes.apply(gone, found)
            if PolicyStatements.name in record.put:
                ResourceStatements(request, found.name, found.name).withdraw_held()
            if gone:
                self.batch.tally["BaselineChanges"] += 1
                self.batch.send("BaselineApplied", found.name, owner, baselines.TYPE, gone)
        StoredRecord(records_of(found.name), owner).remove()
        described = Repositories().describe_repository(found.name)
        return found if described is None else with_policy(described)

    def _has_statements(self, repository: str, owner: str, statements: Sequence[Statement]) -> bool:
        content = {"statements": [each.content() for each in statements]}
        stored = [each for each in PartsTable().query_parts(TARGETS + repository) if each.owner == owner]
        if [each.content for each in stored] != [content]:
            return False
        return policy.holds(RepositoryPolicies().get_repository_policy(repository), stored[0])


def _owners(found: Repository) -> dict[str, str]:
    """The tags that name the resources that own the repository and its lifecycle policy."""
    return {key: value for key, value in found.tags.items() if key.startswith(ownership.TAG_PREFIX)}
