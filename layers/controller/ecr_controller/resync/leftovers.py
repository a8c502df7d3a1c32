"""What resources left in the table of parts whose stacks are gone."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any

from ecr_controller.shared_documents.parts import PartsTable
from ecr_controller.stacks import Stacks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

logger = logging.getLogger(__name__)

# Targets that end with the name of a repository, each with what the resync keeps there.
OF_REPOSITORIES = (
    "adopted-repository/",
    "baseline-repository/",
    "declared-repository/",
    "replica-source/",
    "repository-policy/",
)
# What the controller alone reads: without its stack it has no effect that anybody wants.
_LEDGER = "owner/"
_OF_CONTROLLER = ("scan-route/", "baseline/")


def of_repositories() -> Iterator[str]:
    """The repositories that the table has something of; on the way, what gone stacks left of the controller's own goes.

    Raises UserError and RetryableError.
    """
    table, was_deleted = PartsTable(), deleted_reader()
    seen = set[str]()
    for target, owner in _rows(table):
        kind, _, name = target.partition("/")
        if f"{kind}/" in OF_REPOSITORIES and name not in seen:
            seen.add(name)
            yield name
        elif f"{kind}/" in _OF_CONTROLLER and "|" in owner and was_deleted(*owner.split("|")[:2]):
            logger.info("%s of %s is removed because its stack is deleted", target, owner)
            table.delete_part(target, owner)
        elif target.startswith(_LEDGER) and owner.startswith(_OF_CONTROLLER):
            stack_id, logical_id = target.removeprefix(_LEDGER).partition("/")[2].split("|")[:2]
            if was_deleted(stack_id, logical_id):
                table.delete_part(target, owner)


def _rows(table: PartsTable) -> Iterator[tuple[str, str]]:
    start: Mapping[str, Any] | None = None
    while True:
        rows, start = table.scan_page(start)
        yield from rows
        if start is None:
            return


def deleted_reader() -> Callable[[str, str], bool]:
    """A function that says whether a stack was deleted, and did not retain the resource. Stacks are read once.

    CloudFormation knows a deleted stack for 90 days. After them, and when it cannot be read, the answer is no.
    """
    stacks = Stacks()

    @cache
    def is_deleted(stack_id: str) -> bool:
        return stacks.is_deleted(stack_id)

    @cache
    def was_deleted(stack_id: str, logical_id: str) -> bool:
        if not is_deleted(stack_id):
            return False
        found = stacks.describe_stack_resource(stack_id, logical_id)
        return found is not None and found.status != "DELETE_SKIPPED"

    return was_deleted
