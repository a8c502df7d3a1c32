"""The look at what runs: it holds the images in use of each repository, and ends the holds of those that are not."""

from __future__ import annotations

import logging
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from ecr_controller.deadline import DEADLINE
from ecr_controller.errors import ControllerError
from ecr_controller.in_use.declared import Declarations
from ecr_controller.in_use.ecr import HeldImages
from ecr_controller.in_use.held import Holds
from ecr_controller.in_use.holding import Holding
from ecr_controller.in_use.planning import plan
from ecr_controller.in_use.sources import read_usage
from ecr_controller.in_use.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ecr_controller.custom_resource.request import Home
    from ecr_controller.in_use.declared import KeptRepository
    from ecr_controller.in_use.usage import Use

logger = logging.getLogger(__name__)

# Repositories that are looked at at once, and seconds that one may need.
_THREADS, _LONGEST = 8, 10.0


@dataclass(frozen=True, slots=True)
class Look:
    """A look at repositories of this account and Region. ``faults`` says what could not be done."""

    home: Home
    tally: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def at_all(self) -> None:
        """Look at every repository whose images in use are kept. What fails at one does not stop the others."""
        repositories = Declarations().all()
        usage = self._usage(repositories)
        with ThreadPoolExecutor(_THREADS) as pool:
            # The deadline is that of a context, and a context is of one thread.
            tasks = [(copy_context(), each) for each in repositories]
            for tally in pool.map(lambda task: task[0].run(self._look, task[1], usage), tasks):
                self.tally.update(tally)

    def at(self, name: str, earliest: float | None = None) -> None:
        """Look at one repository, and at what ran at ``earliest``, a ``time.time()``, or later; by default, now."""
        repository = Declarations().of(name)
        self.tally.update(self._look(repository, self._usage([repository], earliest)))

    def at_uses(self, uses: Iterable[Use]) -> None:
        """Hold images that just began to be used, and end no hold."""
        by_repository: dict[str, list[Use]] = {}
        for use in uses:
            by_repository.setdefault(use.repository, []).append(use)
        for name, found in by_repository.items():
            self.tally.update(self._attempt(name, partial(self._hold, name, found)))

    def _usage(self, repositories: Sequence[KeptRepository], earliest: float | None = None) -> Usage:
        sources = {source for each in repositories if each.keep for source in each.keep.sources}
        if not sources:
            return Usage()
        return read_usage(sorted(sources), self.home, time.time() if earliest is None else earliest)

    def _look(self, repository: KeptRepository, usage: Usage) -> Counter[str]:
        return self._attempt(repository.name, partial(self._hold_and_release, repository, usage))

    def _attempt(self, name: str, work: Callable[[Counter[str]], None]) -> Counter[str]:
        tally = Counter[str]()
        if time.time() + _LONGEST > DEADLINE.get(float("inf")):
            self.faults.append(f"There was no time left for {name}.")
            return tally
        try:
            work(tally)
        except ControllerError as error:
            logger.warning("The images in use of %s: %s", name, error)
            self.faults.append(str(error))
        except Exception as error:  # a defect, which must not stop the look at other repositories
            logger.exception("The images in use of %s: a defect", name)
            self.faults.append(f"The controller failed because of a defect ({type(error).__name__}).")
        return tally

    def _hold_and_release(self, repository: KeptRepository, usage: Usage, tally: Counter[str]) -> None:
        name, keep = repository.name, repository.keep
        images, holds = HeldImages(name).describe_images(), Holds(name)
        if images is None:
            logger.info("The repository %s does not exist, so nothing of it is kept", name)
            for hold in holds.all():
                holds.delete(hold.digest)
            Declarations().forget(repository.declarations)
            return
        unread = usage.faults(keep.sources) if keep else ()
        uses = usage.of(name, keep.sources) if keep else ()
        planned = plan(images, uses, keep, holds.all(), datetime.now(UTC), is_complete=not unread)
        self.faults.extend(unread)
        tally["ImagesInUse"] += len(planned.in_use)
        Holding(name, images, keep is not None, tally).carry_out(planned)
        Declarations().forget(repository.ended)

    def _hold(self, name: str, uses: Sequence[Use], tally: Counter[str]) -> None:
        keep = Declarations().of(name).keep
        wanted = [use for use in uses if keep is not None and use.source in keep.sources]
        holds = Holds(name)
        if keep is None or all(use.is_by_digest and holds.is_used(use.image) for use in wanted):
            return
        images = HeldImages(name).describe_images() or ()
        # What was pulled is left to the next look at everything.
        keep = replace(keep, pulled_within=None)
        planned = plan(images, wanted, keep, holds.all(), datetime.now(UTC), is_complete=False)
        Holding(name, images, True, tally).carry_out(replace(planned, forget=(), stray=()))
