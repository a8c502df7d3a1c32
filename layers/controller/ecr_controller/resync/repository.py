"""The resync of one repository: the drift of what stacks declare, the baseline of what none does, and what is left."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ecr_controller.baselines import baseline as baselines
from ecr_controller.baselines import planning
from ecr_controller.config import config, is_sam_local
from ecr_controller.controller_events import ControllerEvent, Difference, emit
from ecr_controller.custom_resource.boundaries import Boundaries
from ecr_controller.custom_resource.request import LONGEST_CREATE, Request
from ecr_controller.deadline import DEADLINE
from ecr_controller.errors import Faults, InvalidProperties, RetryableError
from ecr_controller.lifecycle import guard
from ecr_controller.lifecycle.ecr import LifecyclePolicies
from ecr_controller.lifecycle.rules import parse_policy
from ecr_controller.patterns import matches
from ecr_controller.repository import changes, ownership
from ecr_controller.repository.changes import NOTHING
from ecr_controller.repository.declarations import LIFECYCLE_POLICY, storage_key
from ecr_controller.repository.ecr import Repositories
from ecr_controller.repository.record import Record, StoredRecord
from ecr_controller.repository.settings import LifecyclePolicyText, PolicyStatements, settings
from ecr_controller.repository_policy import policy
from ecr_controller.repository_policy.document import TARGETS, RepositoryPolicyDocument, ResourceStatements
from ecr_controller.repository_policy.ecr import RepositoryPolicies
from ecr_controller.resync import kept, replicas
from ecr_controller.resync.declared import declared_of
from ecr_controller.shared_documents import converge
from ecr_controller.shared_documents.parts import PartsTable
from ecr_controller.shared_documents.resource_part import WithoutObsoleteParts
from ecr_controller.stacks import Stacks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ecr_controller.baselines.baseline import Baseline
    from ecr_controller.baselines.planning import Application
    from ecr_controller.custom_resource.request import Home
    from ecr_controller.lifecycle.policy import LifecyclePolicy
    from ecr_controller.repository.changes import Change
    from ecr_controller.repository.model import Repository
    from ecr_controller.repository_policy.statement import Statement
    from ecr_controller.resync.declared import Declared
    from ecr_controller.resync.messages import Wanted
    from ecr_controller.shared_documents.converge import Part

    Baselines = Callable[[str], Iterable[Baseline]]

logger = logging.getLogger(__name__)

OWNER = "ECRRepository"
# The owner of the record of a repository that a stack declares: a resync has seen it.
SEEN = "seen"
# Seconds. A grant is put within the time of its function.
LONGEST_REQUEST = 300.0


def records_of(repository: str) -> str:
    """The target in the table of parts of what baselines put on a repository. It also says that it was seen."""
    return f"baseline-repository/{repository}"


@dataclass(frozen=True, slots=True)
class Resync:
    """The resync of the repositories of one batch. ``request_id`` is that of the invocation."""

    home: Home
    request_id: str
    baselines_of: Baselines
    tally: Counter[str] = field(default_factory=Counter)

    def run(self, wanted: Wanted) -> None:
        """Look at a repository. Raises UserError and RetryableError."""
        name = wanted.repository
        if not matches(config().repository_names or "*", name):
            return
        is_new_replica = bool(wanted.source_region) and replicas.remember(name, wanted.source_region)
        if wanted.only_unseen and not is_new_replica and not self._may_be_new(name):
            return
        self.tally["RepositoriesResynced"] += 1
        found = self._read(wanted)
        if found is None:
            self._forget(name)
            return
        owned = self._verify(found)
        self._verify_statements(found)
        if owned or self._is_declared(found):
            self._end_baselines(found)
        else:
            self._apply_baseline(found, wanted)

    def _may_be_new(self, name: str) -> bool:
        """Whether a baseline applies to a repository that no stack declares, and no resync has seen it. It costs no
        request to Amazon ECR, so that every push may ask."""
        try:
            if baselines.applying(name, self.baselines_of, Boundaries.configured()) is None:
                return False
        except InvalidProperties:
            return False
        return not PartsTable().query_parts(records_of(name)) and not declared_of(name)

    def _read(self, wanted: Wanted) -> Repository | None:
        repositories = Repositories()
        found = (
            repositories.describe_repository(wanted.repository)
            if wanted.shown is None
            else repositories.with_tags(wanted.shown)  # type: ignore[arg-type]
        )
        return None if found is None else self._with_policy(found)

    def _with_policy(self, found: Repository) -> Repository:
        return replace(found, lifecycle_text=LifecyclePolicies().get_lifecycle_policy(found.name))

    def _forget(self, name: str) -> None:
        """Remove what is recorded of a repository that does not exist any more."""
        table = PartsTable()
        for part in table.query_parts(records_of(name)):
            table.delete_part(records_of(name), part.owner)
        replicas.forget(name)
        for target in (TARGETS + name, f"adopted-repository/{name}"):
            for part in table.query_parts(target):
                if not Stacks().exists(part.stack_id):
                    table.delete_part(target, part.owner)
        for declared in declared_of(name):
            if not Stacks().may_have_resource(declared.stack_id, declared.logical_id, name):
                table.delete_part(storage_key(name), declared.owner)
            elif not declared.is_pending:
                self.tally["Drift"] += 1
                logger.warning("%s does not exist, although %s declares it", name, declared.logical_id)
                missing = (Difference("Repository", "none", name),)
                self._tell("DriftDetected", name, declared.owner, declared.type_name, (), missing)

    # ------------------------------------------------------------------ drift

    def _verify(self, found: Repository) -> bool:
        """Report the drift of what stacks declare, and put it back where they say so; whether one declares the
        repository itself."""
        is_owned = False
        for declared in declared_of(found.name):
            if not Stacks().may_have_resource(declared.stack_id, declared.logical_id, found.name):
                logger.info("%s of %s is removed because its stack does not have it", found.name, declared.owner)
                PartsTable().delete_part(storage_key(found.name), declared.owner)
                continue
            is_owned = is_owned or declared.type_name == OWNER
            if not declared.is_pending and _names(found, declared):
                self._compare(found, declared)
        return is_owned

    def _compare(self, found: Repository, declared: Declared) -> None:
        every = settings(self._request(declared.owner, found.name))
        if not declared.drift(every, found):
            return
        # What was read may be old, or a request may be changing it now.
        fresh = Repositories().describe_repository(found.name)
        if fresh is None or declared not in declared_of(found.name):
            raise RetryableError(f"{found.name} changed while it was compared.")
        fresh = self._with_policy(fresh)
        differing = declared.drift(every, fresh)
        if not differing:
            return
        self.tally["Drift"] += 1
        for each in differing:
            logger.warning("%s differs from what %s declares: %s", found.name, declared.logical_id, each)
        self._tell("DriftDetected", found.name, declared.owner, declared.type_name, differing)
        if declared.restores:
            self._restore(fresh, declared, differing)
            if declared not in declared_of(found.name):
                raise RetryableError(f"{found.name} was declared again while it was put back.")

    def _restore(self, found: Repository, declared: Declared, differing: Sequence[Change[Any]]) -> None:
        """Put back what is declared; a lifecycle policy only within the guard of the resource and the ceiling."""
        text = declared.values.get(LIFECYCLE_POLICY)
        policy_ = None if text is None else parse_policy({"LifecyclePolicyText": text}, Faults())
        changes_policy = any(each.setting.name == LIFECYCLE_POLICY for each in differing)
        if changes_policy and self._refuses(found, declared.owner, declared.type_name, policy_, declared.guard):
            differing = [each for each in differing if each.setting.name != LIFECYCLE_POLICY]
        if differing:
            changes.apply(differing, found)
            self.tally["DriftRestored"] += 1
            self._tell("DriftRestored", found.name, declared.owner, declared.type_name, differing)

    def _verify_statements(self, found: Repository) -> None:
        """Finish the withdrawals that a crash left in the repository policy, and report declared statements that it
        does not have."""
        table, target = PartsTable(), TARGETS + found.name
        parts = table.query_parts(target)
        left = [each for each in table.query_withdrawn(target) if time.time() - each.since > LONGEST_CREATE]
        if not parts and not left:
            return
        document = RepositoryPolicyDocument(found.name, self.home)
        if left:
            living = WithoutObsoleteParts(document, self._request(left[0].owner, found.name))
            converge.converge(table, target, living, changed=True)
            for each in left:
                table.delete_withdrawn(target, each)
        current = document.read()
        for part in parts:
            if not document.holds(current, part) and not document.is_younger_than(part):
                self._miss(found, part, document)

    def _miss(self, found: Repository, part: Part, document: RepositoryPolicyDocument) -> None:
        if not Stacks().exists(part.stack_id):
            PartsTable().delete_part(TARGETS + found.name, part.owner)
            return
        declared = next((each for each in declared_of(found.name) if each.owner == part.owner), None)
        is_changing = time.time() - part.since < LONGEST_REQUEST if declared is None else declared.is_pending
        if is_changing:
            return
        self.tally["Drift"] += 1
        logger.warning("The policy of %s does not have the statements of %s", found.name, part.resource)
        difference = (Difference(PolicyStatements.name, "none", "the statements of the resource"),)
        self._tell("DriftDetected", found.name, part.owner, "", (), difference)
        if declared is not None and declared.restores:
            living = WithoutObsoleteParts(document, self._request(part.owner, found.name))
            converge.converge(PartsTable(), TARGETS + found.name, living)
            self.tally["DriftRestored"] += 1
            self._tell("DriftRestored", found.name, part.owner, "", (), difference)

    # --------------------------------------------------------------- baseline

    def _is_declared(self, found: Repository) -> bool:
        """Whether a stack that exists declares the repository: of this controller, or of CloudFormation's own type."""
        tags = found.tags
        if ownership.STACK_ID in tags:
            logical_id = tags.get(ownership.LOGICAL_ID, "")
            return Stacks().may_have_resource(tags[ownership.STACK_ID], logical_id, found.name)
        return ownership.NATIVE_STACK_ID in tags and Stacks().exists(tags[ownership.NATIVE_STACK_ID])

    def _end_baselines(self, found: Repository) -> None:
        """End what baselines put on a repository that a stack declares now: statements, and a lifecycle policy that no
        resource declares. All other settings are the stack's."""
        name, held = found.name, ""
        has_policy = any(LIFECYCLE_POLICY in each.values for each in declared_of(name))
        is_native = ownership.NATIVE_STACK_ID in found.tags
        for part in PartsTable().query_parts(records_of(name)):
            record = Record.from_part(part)
            if part.owner == SEEN or record.request_id != found.identity:
                continue
            request = self._request(part.owner, name)
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
        every = [each for each in settings(self._request(owner, found.name)) if each.name == LifecyclePolicyText.name]
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
        return self._refuses(found, owner, baselines.TYPE, before, None)

    def _apply_baseline(self, found: Repository, wanted: Wanted) -> None:
        try:
            baseline = baselines.applying(found.name, self.baselines_of, Boundaries.configured())
        except InvalidProperties as error:
            # The bounds of the operator changed. Nothing is applied, and nothing is taken back.
            self.tally["BaselinesInvalid"] += 1
            logger.warning("The baseline of %s is not applied: %s", found.name, error)
            return
        if baseline is not None and baseline.like_source:
            baseline = replace(baseline, spec=replicas.like_source(found.name, baseline.spec, self.home))
        records = {each.owner: Record.from_part(each) for each in PartsTable().query_parts(records_of(found.name))}
        ended = {owner: each for owner, each in records.items() if baseline is None or owner != baseline.owner}
        if ended or (
            baseline and wanted.shown is not None and self._plan(found, baseline, records.get(baseline.owner)).changes
        ):
            # What was read with many others may be old.
            described = Repositories().describe_repository(found.name)
            if described is None:
                return
            found = self._with_policy(described)
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
        every = settings(self._request(baseline.owner, found.name))
        if ownership.LIFECYCLE_POLICY in found.tags and ownership.declares_policy_still(found, self.home):
            options["without_policy"] = True
        planned = planning.plan(found, baseline.spec, options.pop("mode", baseline.mode), record, every, **options)
        statements = baseline.spec.statements
        if statements and self._has_statements(found.name, baseline.owner, statements):
            rest = [each for each in planned.changes if each.setting.name != PolicyStatements.name]
            planned = replace(planned, changes=rest)
        return planned

    def _apply(self, found: Repository, baseline: Baseline, stored: Record | None, asked_at: float) -> None:
        every = settings(self._request(baseline.owner, found.name))
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
        kept.end_others(found.name, baseline.owner if keeps else "")
        is_kept = not keeps or kept.keep(found.name, baseline, looks=planned.policy_changes, asked_at=asked_at)
        if planned.policy_changes and not self._may_put_policy(found, baseline, is_kept=is_kept):
            planned = self._plan(found, baseline, record, without_policy=True)
        withdrawn = PolicyStatements.name in record.put and not baseline.spec.statements
        if planned.changes or withdrawn:
            self._refuse_changed(found, baseline)
            record = planned.before(record, found)
            target.write(record)
            if withdrawn:
                ResourceStatements(self._request(baseline.owner, found.name), found.name, found.name).withdraw_held()
            changes.apply(planned.changes, found)
            self.tally["BaselineChanges"] += 1
            self._tell("BaselineApplied", found.name, baseline.owner, baselines.TYPE, planned.changes)
            self._refuse_changed(found, baseline)
        if (settled := planned.after(record)) != record or planned.changes:
            target.write(settled)

    def _may_put_policy(self, found: Repository, baseline: Baseline, *, is_kept: bool) -> bool:
        """Whether the images in use are kept, and the policy does not exceed its guard."""
        if not is_kept:
            self.tally["PoliciesRefused"] += 1
            return False
        spec = baseline.spec
        return not self._refuses(found, baseline.owner, baselines.TYPE, spec.lifecycle_policy, spec.guard)

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
            self.tally["BaselineReported"] += 1
            self._tell("BaselineReported", found.name, baseline.owner, baselines.TYPE, planned.changes)

    def _take_back(self, found: Repository, owner: str, record: Record) -> Repository:
        """Put back what was before a baseline that no longer applies, where it still is as the baseline put it."""
        request = self._request(owner, found.name)
        if record.request_id == found.identity:
            every = settings(request)
            if ownership.LIFECYCLE_POLICY in found.tags and ownership.declares_policy_still(found, self.home):
                every = tuple(planning.without(LifecyclePolicyText.name, every))
            gone = self._within_bounds(found, owner, planning.gone(found, record, every))
            changes.apply(gone, found)
            if PolicyStatements.name in record.put:
                ResourceStatements(request, found.name, found.name).withdraw_held()
            if gone:
                self.tally["BaselineChanges"] += 1
                self._tell("BaselineApplied", found.name, owner, baselines.TYPE, gone)
        StoredRecord(records_of(found.name), owner).remove()
        described = Repositories().describe_repository(found.name)
        return found if described is None else self._with_policy(described)

    def _refuses(
        self, found: Repository, owner: str, type_name: str, policy_: LifecyclePolicy | None, own: guard.Guard | None
    ) -> bool:
        """Whether the policy would expire more than its LifecycleGuard or the ceiling allows."""
        if policy_ is None or not guard.applies(own):
            return False
        summary = guard.preview(found.name, policy_, DEADLINE.get(time.time() + 60))
        reason = guard.refusal(own or guard.Guard(), summary, found.name, guard.ceiling() or guard.Guard())
        if reason:
            self.tally["PoliciesRefused"] += 1
            logger.warning("The lifecycle policy of %s is not put: %s", found.name, reason)
            self._tell("GuardRefused", found.name, owner, type_name, (), message=reason)
        return reason is not None

    def _has_statements(self, repository: str, owner: str, statements: Sequence[Statement]) -> bool:
        content = {"statements": [each.content() for each in statements]}
        stored = [each for each in PartsTable().query_parts(TARGETS + repository) if each.owner == owner]
        if [each.content for each in stored] != [content]:
            return False
        return policy.holds(RepositoryPolicies().get_repository_policy(repository), stored[0])

    # ------------------------------------------------------------------------

    def _request(self, owner: str, repository: str) -> Request[Any]:
        """A request of the resource that owns what is changed, as the settings take one."""
        stack_id, logical_id, *_ = owner.split("|")
        return Request(
            type="Update",
            request_id=self.request_id,
            stack_id=stack_id,
            logical_id=logical_id,
            resource_type=f"Custom::{baselines.TYPE}",
            physical_id=repository,
            deadline=DEADLINE.get(time.time() + 60),
            # Its entries in the ledger are those of one repository, of which there may be many.
            type_name=f"{baselines.TYPE}/{repository}",
        )

    def _tell(
        self,
        event: str,
        repository: str,
        owner: str,
        type_name: str,
        differing: Sequence[Change[Any]],
        differences: tuple[Difference, ...] = (),
        message: str = "",
    ) -> None:
        stack_id, logical_id, *_ = owner.split("|")
        found = tuple(map(_difference, differing)) or differences
        about = (stack_id, logical_id, f"Custom::{type_name}" if type_name else "")
        if not is_sam_local():
            emit([ControllerEvent(event, repository, *about, message, found)])


def _difference(change: Change[Any]) -> Difference:
    describe = change.setting.describe
    return Difference(change.setting.name, describe(change.old), describe(change.new))


def _owners(found: Repository) -> dict[str, str]:
    """The tags that say whose it is."""
    return {key: value for key, value in found.tags.items() if key.startswith(ownership.TAG_PREFIX)}


def _names(found: Repository, declared: Declared) -> bool:
    """Whether the tags name the resource still: who removes them gives the repository up."""
    tags = found.tags
    if declared.type_name == OWNER:
        return (tags.get(ownership.STACK_ID), tags.get(ownership.LOGICAL_ID)) == (
            declared.stack_id,
            declared.logical_id,
        )
    return tags.get(ownership.LIFECYCLE_POLICY) == ownership.policy_owner_of(declared.stack_id, declared.logical_id)
