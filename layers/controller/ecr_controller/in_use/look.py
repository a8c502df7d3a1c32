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
from typing import TYPE_CHECKING, Any

from ecr_controller.deadline import DEADLINE
from ecr_controller.errors import ControllerError, RetryableError, UserError
from ecr_controller.in_use.declared import Declarations
from ecr_controller.in_use.deployments import uses_of_event
from ecr_controller.in_use.ecr import HeldImages
from ecr_controller.in_use.held import Holds
from ecr_controller.in_use.holding import Holding
from ecr_controller.in_use.indexes import Indexes
from ecr_controller.in_use.planning import Plan, plan, used_images
from ecr_controller.in_use.sources import read_usage
from ecr_controller.in_use.usage import Usage
from ecr_controller.shared_documents.lock import lock

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from ecr_controller.custom_resource.request import Home
    from ecr_controller.in_use.declared import KeptRepository
    from ecr_controller.in_use.usage import Use
    from ecr_controller.lifecycle.images import Image

logger = logging.getLogger(__name__)

# Repositories that are looked at at once, and seconds that one may need.
_THREADS, _LONGEST = 8, 10.0


@dataclass(frozen=True, slots=True)
class Look:
    """A look at repositories of this account and Region. ``faults`` says what could not be done."""

    home: Home
    tally: Counter[str] = field(default_factory=Counter)
    faults: list[ControllerError] = field(default_factory=list)

    @property
    def is_worth_a_retry(self) -> bool:
        """Whether all faults are temporary, and there are some."""
        return bool(self.faults) and all(isinstance(each, RetryableError) for each in self.faults)

    def at_all(self) -> None:
        """Look at every repository whose images in use are kept. What fails at one does not stop the others."""
        repositories = Declarations().all()
        usage = self._usage(repositories)
        with ThreadPoolExecutor(_THREADS) as pool:
            # The deadline is that of a context, and a context is of one thread.
            tasks = [(copy_context(), each.name) for each in repositories]
            for tally in pool.map(lambda task: task[0].run(self._look, task[1], usage), tasks):
                self.tally.update(tally)

    def at(self, name: str, earliest: float | None = None) -> None:
        """Look at one repository, and at what ran at ``earliest``, a ``time.time()``, or later; by default, now."""
        self.tally.update(self._look(name, self._usage([Declarations().of(name)], earliest)))

    def at_event(self, event: Mapping[str, Any]) -> None:
        """Hold the images that an event of a deployment is about. Raises RetryableError if that may succeed later.

        What AWS refuses now it would refuse again; the next look at everything does without the event.
        """
        try:
            self.at_uses(uses_of_event(event, self.home))
        except UserError as error:
            logger.warning("The event is not used: %s", error)
            self.faults.append(error)
        if self.is_worth_a_retry:
            raise self.faults[0]

    @property
    def answer(self) -> dict[str, Any]:
        """What the function returns: what could not be done, whether that is worth a retry, and how many images are in
        use."""
        return {
            "faults": [str(each) for each in self.faults],
            "isWorthARetry": self.is_worth_a_retry,
            "imagesInUse": self.tally["ImagesInUse"],
        }

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

    def _look(self, name: str, usage: Usage) -> Counter[str]:
        return self._attempt(name, partial(self._hold_and_release, name, usage))

    def _attempt(self, name: str, work: Callable[[Counter[str]], None]) -> Counter[str]:
        tally = Counter[str]()
        if time.time() + _LONGEST > DEADLINE.get(float("inf")):
            self.faults.append(RetryableError(f"There was no time left for {name}."))
            return tally
        try:
            work(tally)
        except ControllerError as error:
            logger.warning("The images in use of %s: %s", name, error)
            self.faults.append(error)
        except Exception as error:  # a defect, which must not stop the look at other repositories
            logger.exception("The images in use of %s: a defect", name)
            self.faults.append(UserError(f"The controller failed because of a defect ({type(error).__name__})."))
        return tally

    def _hold_and_release(self, name: str, usage: Usage, tally: Counter[str]) -> None:
        with _lock(name):
            # Read before the images: a repository that does not exist then is gone, and not about to be created.
            declared = Declarations().of(name)
            images, holds = HeldImages(name).describe_images(), Holds(name)
            if images is None:
                self._forget(declared, holds)
                return
            planned = self._planned(declared, images, holds, usage)
            tally["ImagesInUse"] = len(planned.in_use)
            has_ended = Holding(name, images, declared.keep, holds, tally, self.faults).carry_out(planned)
            if declared.keep is None and has_ended:
                Indexes(name, self.faults).forget()
            if declared.keep is not None or has_ended:
                Declarations().forget(declared.ended)
            self.faults.extend(usage.faults(declared.keep.sources) if declared.keep else ())

    def _planned(self, declared: KeptRepository, images: Sequence[Image], holds: Holds, usage: Usage) -> Plan:
        name, keep, now = declared.name, declared.keep, datetime.now(UTC)
        uses = usage.of(name, keep.sources) if keep else ()
        is_complete = keep is None or usage.is_complete(keep.sources)
        if keep and _may_be_of_index(used_images(images, uses, replace(keep, pulled_within=None), now), images):
            indexes = Indexes(name, self.faults)
            images = indexes.completed(images)
            is_complete = is_complete and indexes.is_complete
        return plan(images, uses, keep, holds.all(), now, is_complete=is_complete)

    def _forget(self, declared: KeptRepository, holds: Holds) -> None:
        logger.info("The repository %s does not exist, so nothing of it is kept", declared.name)
        for hold in holds.all():
            holds.forget(hold.digest)
        Indexes(declared.name, self.faults).forget()
        Declarations().forget(declared.declarations)

    def _hold(self, name: str, uses: Sequence[Use], tally: Counter[str]) -> None:
        # Each task of a service sends events, and its image is mostly held already.
        if self._planned_start(name, uses).changes_nothing:
            return
        with _lock(name):
            Holding(name, (), None, Holds(name), tally, self.faults).carry_out(self._planned_start(name, uses))

    def _planned_start(self, name: str, uses: Sequence[Use]) -> Plan:
        keep = Declarations().of(name).keep
        wanted = [use for use in uses if keep is not None and use.source in keep.sources]
        if keep is None or not wanted:
            return Plan()
        images, holds = HeldImages(name).describe_named(sorted({use.image for use in wanted})), Holds(name).all()
        # What was pulled, and the indexes of an image, are left to the next look at everything.
        in_use = replace(keep, pulled_within=None)
        planned = plan(images, wanted, in_use, holds, datetime.now(UTC), is_complete=False)
        return replace(planned, forget=(), stray=())


def _lock(name: str) -> AbstractContextManager[None]:
    # Without it, a tag that one look moves or removes may be the one that another look just put.
    return lock(f"in-use-lock/repository/{name}", f"Another invocation is tagging the images of {name}.")


def _may_be_of_index(in_use: Collection[str], images: Iterable[Image]) -> bool:
    """Whether one of the images in use may belong to an index: it is none itself, and there are some."""
    kinds = {image.is_manifest_list for image in images if image.is_manifest_list or image.digest in in_use}
    return kinds == {True, False}
