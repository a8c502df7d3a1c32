"""The resync of one repository: the drift of what stacks declare, the baseline of what none does, and what is left."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecr_controller.baselines import baseline as baselines
from ecr_controller.config import config
from ecr_controller.controller_events import Difference
from ecr_controller.custom_resource.boundaries import Boundaries
from ecr_controller.errors import InvalidProperties
from ecr_controller.patterns import matches
from ecr_controller.repository import ownership
from ecr_controller.repository.declarations import storage_key
from ecr_controller.repository.ecr import Repositories
from ecr_controller.repository_policy.document import TARGETS
from ecr_controller.resync import replicas
from ecr_controller.resync.application import BaselineOfRepository, records_of
from ecr_controller.resync.batch import Batch, with_policy
from ecr_controller.resync.declared import declared_of
from ecr_controller.resync.drift import Drift
from ecr_controller.shared_documents.parts import PartsTable
from ecr_controller.stacks import Stacks

if TYPE_CHECKING:
    from collections import Counter

    from ecr_controller.repository.model import Repository
    from ecr_controller.resync.application import Baselines
    from ecr_controller.resync.messages import Wanted

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Resync:
    """The resync of the repositories of one batch."""

    batch: Batch
    baselines_of: Baselines

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
        drift, baseline = Drift(self.batch), BaselineOfRepository(self.batch, self.baselines_of)
        owned = drift.of_declarations(found)
        drift.of_statements(found)
        if owned or ownership.is_declared_still(found):
            baseline.end(found)
        else:
            baseline.apply(found, wanted)

    @property
    def tally(self) -> Counter[str]:
        """The metrics of the batch."""
        return self.batch.tally

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
        return None if found is None else with_policy(found)

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
                self.batch.send("DriftDetected", name, declared.owner, declared.type_name, (), missing)
