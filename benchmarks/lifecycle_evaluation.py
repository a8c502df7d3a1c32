"""How long it takes to evaluate a lifecycle policy with 50 rules, the maximum, for increasing numbers of images.

The quota of ECR is 100,000 images per repository. The goal for this number is less than a second, and a growth of at
most n log n, which is a ratio of 13.3 between rows. As in timeit, the garbage collector is turned off, except in the
last column.
"""

from __future__ import annotations

import gc
import random
from datetime import UTC, datetime, timedelta
from time import process_time

from rich.console import Console
from rich.table import Table

from ecr_controller.lifecycle.evaluation import evaluate
from ecr_controller.lifecycle.images import Image
from ecr_controller.lifecycle.policy import LifecyclePolicy, Rule

SIZES = (1_000, 10_000, 100_000, 1_000_000)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
TEAMS = [f"team{number:02}" for number in range(16)]
STAGES = ("prod", "staging", "dev")


def policy() -> LifecyclePolicy:
    """A prefix rule, an AND of two patterns, and a pattern that starts with a wildcard for each of 16 teams, then
    the untagged and the archived images."""
    rules = [
        rule
        for number, team in enumerate(TEAMS)
        for rule in (
            Rule(3 * number + 1, "tagged", "imageCountMoreThan", 100, tag_patterns=(f"{team}-prod-*", "release-*")),
            Rule(3 * number + 2, "tagged", "sinceImagePushed", 60 + number, tag_patterns=(f"*{team}*-dev-*",)),
            Rule(3 * number + 3, "tagged", "sinceImagePulled", 90, action="transition", tag_prefixes=(team,)),
        )
    ]
    rules.append(Rule(49, "untagged", "sinceImagePushed", 7))
    rules.append(Rule(50, "any", "sinceImageTransitioned", 180, storage_class="archive"))
    return LifecyclePolicy(tuple(rules))


def images(count: int) -> list[Image]:
    """Half of them have one tag, a quarter two, a quarter none. One in ten is archived. They are up to a year old."""
    dice = random.Random(count)
    return [_image(number, dice) for number in range(count)]


def _image(number: int, dice: random.Random) -> Image:
    pushed_at = NOW - timedelta(seconds=dice.randrange(365 * 86_400))
    tags = (f"{dice.choice(TEAMS)}-{dice.choice(STAGES)}-{number:x}", f"release-{number}")
    archived = dice.random() < 0.1
    return Image(
        digest=f"sha256:{number:064x}",
        pushed_at=pushed_at,
        tags=tags[: dice.choice((0, 1, 1, 2))],
        size_in_bytes=dice.randrange(10**6, 10**9),
        storage_class="archive" if archived else "standard",
        last_archived_at=NOW - (NOW - pushed_at) / 2 if archived else None,
        last_pulled_at=NOW - (NOW - pushed_at) / 3 if dice.random() < 0.5 else None,
    )


def seconds(sample: list[Image], *, collector: bool) -> float:
    """Processor time of the best run in about a second, with or without Python's garbage collector."""
    rules = policy()
    took: list[float] = []
    while len(took) < 2 or sum(took) < 1:
        gc.collect()
        if not collector:
            gc.disable()
        start = process_time()
        evaluate(rules, sample, NOW)
        took.append(process_time() - start)
        gc.enable()
    return min(took)


def main() -> None:
    """Print the table."""
    table = Table("images", "seconds", "µs per image", "ratio", "seconds with gc", title="50 rules", title_style="")
    for column in table.columns:
        column.justify = "right"
    before = None
    for count in SIZES:
        sample = images(count)
        took, with_gc = seconds(sample, collector=False), seconds(sample, collector=True)
        ratio = f"{took / before:.1f}" if before else ""
        table.add_row(f"{count:,}", f"{took:.3f}", f"{took / count * 1e6:.2f}", ratio, f"{with_gc:.3f}")
        before = took
    Console().print(table)


if __name__ == "__main__":
    main()
