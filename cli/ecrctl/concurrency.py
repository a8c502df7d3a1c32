"""Many calls to AWS at a time, with progress."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, TypeVar

from ecr_controller.errors import count
from ecrctl import console

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# Amazon ECR throttles more; botocore retries what is throttled.
WORKERS = 8

T = TypeVar("T")


def of_each(repositories: Sequence[str], work: Callable[[str], T], title: str) -> list[T]:
    """The results for all repositories, in order. Raises the first error, after which no other call begins."""
    with console.progress(title) as report, ThreadPoolExecutor(WORKERS) as pool:
        futures = [pool.submit(work, each) for each in repositories]
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                report(f"{done:,} of {count(len(repositories), 'repository', 'repositories')}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result() for future in futures]
