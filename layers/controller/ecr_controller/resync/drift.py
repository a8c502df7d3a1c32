"""The drift of one repository from what stacks declare."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller.controller_events import Difference
from ecr_controller.custom_resource.request import LONGEST_CREATE
from ecr_controller.errors import Faults, RetryableError
from ecr_controller.lifecycle.rules import parse_policy
from ecr_controller.repository import changes, ownership
from ecr_controller.repository.declarations import LIFECYCLE_POLICY, storage_key
from ecr_controller.repository.ecr import Repositories
from ecr_controller.repository.settings import PolicyStatements, settings
from ecr_controller.repository_policy.document import TARGETS, RepositoryPolicyDocument
from ecr_controller.resync.batch import with_policy
from ecr_controller.resync.declared import declared_of
from ecr_controller.shared_documents import converge
from ecr_controller.shared_documents.parts import PartsTable
from ecr_controller.shared_documents.resource_part import WithoutObsoleteParts
from ecr_controller.stacks import Stacks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_controller.repository.changes import Change
    from ecr_controller.repository.model import Repository
    from ecr_controller.resync.batch import Batch
    from ecr_controller.resync.declared import Declared
    from ecr_controller.shared_documents.converge import Part

logger = logging.getLogger(__name__)

OWNER = "ECRRepository"
# Seconds. A grant is put within the time of its function.
LONGEST_REQUEST = 300.0


@dataclass(frozen=True, slots=True)
class Drift:
    """The drift of repositories, reported, and restored where that is declared. Raises UserError and RetryableError."""

    batch: Batch

    def of_declarations(self, found: Repository) -> bool:
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
        every = settings(self.batch.request(declared.owner, found.name))
        if not declared.drift(every, found):
            return
        # What was read may be old, or a request may be changing it now.
        fresh = Repositories().describe_repository(found.name)
        if fresh is None or declared not in declared_of(found.name):
            raise RetryableError(f"{found.name} changed while it was compared.")
        fresh = with_policy(fresh)
        differing = declared.drift(every, fresh)
        if not differing:
            return
        self.batch.tally["Drift"] += 1
        for each in differing:
            logger.warning("%s differs from what %s declares: %s", found.name, declared.logical_id, each)
        self.batch.send("DriftDetected", found.name, declared.owner, declared.type_name, differing)
        if declared.restores:
            self._restore(fresh, declared, differing)
            if declared not in declared_of(found.name):
                raise RetryableError(f"{found.name} was declared again while it was put back.")

    def _restore(self, found: Repository, declared: Declared, differing: Sequence[Change[Any]]) -> None:
        """Put back what is declared; a lifecycle policy only within the guard of the resource and the ceiling."""
        text = declared.values.get(LIFECYCLE_POLICY)
        policy_ = None if text is None else parse_policy({"LifecyclePolicyText": text}, Faults())
        changes_policy = any(each.setting.name == LIFECYCLE_POLICY for each in differing)
        if changes_policy and self.batch.refuses(found, declared.owner, declared.type_name, policy_, declared.guard):
            differing = [each for each in differing if each.setting.name != LIFECYCLE_POLICY]
        if differing:
            changes.apply(differing, found)
            self.batch.tally["DriftRestored"] += 1
            self.batch.send("DriftRestored", found.name, declared.owner, declared.type_name, differing)

    def of_statements(self, found: Repository) -> None:
        """Finish the withdrawals that a crash left in the repository policy, and report declared statements that it
        does not have."""
        table, target = PartsTable(), TARGETS + found.name
        parts = table.query_parts(target)
        left = [each for each in table.query_withdrawn(target) if time.time() - each.since > LONGEST_CREATE]
        if not parts and not left:
            return
        document = RepositoryPolicyDocument(found.name, self.batch.home)
        if left:
            living = WithoutObsoleteParts(document, self.batch.request(left[0].owner, found.name))
            converge.converge(table, target, living, changed=True)
            for each in left:
                table.delete_marked(target, each.owner, each.marks)
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
        self.batch.tally["Drift"] += 1
        logger.warning("The policy of %s does not have the statements of %s", found.name, part.resource)
        difference = (Difference(PolicyStatements.name, "none", "the statements of the resource"),)
        self.batch.send("DriftDetected", found.name, part.owner, "", (), difference)
        if declared is not None and declared.restores:
            living = WithoutObsoleteParts(document, self.batch.request(part.owner, found.name))
            converge.converge(PartsTable(), TARGETS + found.name, living)
            self.batch.tally["DriftRestored"] += 1
            self.batch.send("DriftRestored", found.name, part.owner, "", (), difference)


def _names(found: Repository, declared: Declared) -> bool:
    """Whether the tags name the resource still: who removes them gives the repository up."""
    tags = found.tags
    if declared.type_name == OWNER:
        return (tags.get(ownership.STACK_ID), tags.get(ownership.LOGICAL_ID)) == (
            declared.stack_id,
            declared.logical_id,
        )
    return tags.get(ownership.LIFECYCLE_POLICY) == ownership.policy_owner_of(declared.stack_id, declared.logical_id)
