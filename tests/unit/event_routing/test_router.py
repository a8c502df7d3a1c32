"""Each target once, whatever becomes of its neighbours, and after a crash at any point."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from ecr_controller.errors import RetryableError, UserError
from ecr_controller.event_routing.queued_events import INDEX_SECONDS, EventRouting, Tally
from ecr_controller.event_routing.router import Router
from ecr_controller.event_routing.routes import Route
from ecr_controller.sqs_batch import process_records
from tests.unit.event_routing.fakes import FakeDeadLetters, FakeDeliveries, FakeTargets, no_tags, record
from tests.unit.event_routing.samples import basic, documented
from tests.unit.template.sam import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ecr_controller.event_routing.index_tags import TagReader

A, B = "arn:aws:sqs:eu-west-1:123456789012:a", "arn:aws:sns:eu-west-1:123456789012:b"
EVENT = basic()["id"]


class Bench:
    """A router on stand-ins; each batch is an invocation of its own, which lasts ten seconds."""

    def __init__(self) -> None:
        self.deliveries = FakeDeliveries()
        self.targets = FakeTargets()
        self.dead_letters = FakeDeadLetters()
        self._invocations = 0

    def work(
        self,
        *records: dict[str, object],
        routes: Iterable[Route] = (Route("*", (A, B)),),
        tags_of: TagReader = no_tags,
    ) -> Outcome:
        self._invocations += 1
        claimant, until = f"invocation-{self._invocations}", self.deliveries.now + 10
        router = Router(self.deliveries, claimant, until, self.targets.parse)
        routing = EventRouting(router, lambda key: routes if key == "*" else (), tags_of)
        result = process_records(records, routing.route, self.dead_letters, 5)
        return Outcome(routing.tally, result.failed, result.dead_letters)


class Outcome(NamedTuple):
    """What a batch came to."""

    tally: Tally
    failed: list[str]
    dead_letters: int


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_every_target_receives_the_event_once_however_often_it_arrives(bench: Bench) -> None:
    outcomes = [bench.work(record(basic()), record(basic())), bench.work(record(basic()))]
    assert dict(bench.targets.received) == {(EVENT, A): 1, (EVENT, B): 1}
    assert [each.tally.deliveries for each in outcomes] == [2, 0]
    assert [each.failed for each in outcomes] == [[], []]


def test_a_retryable_failure_is_retried_without_repeating_other_deliveries(bench: Bench) -> None:
    bench.targets.errors[A] = [RetryableError("throttled")]
    assert bench.work(record(basic())).failed == ["m"]
    assert bench.work(record(basic(), receives=2)).failed == []
    assert dict(bench.targets.received) == {(EVENT, A): 1, (EVENT, B): 1}
    assert bench.dead_letters.letters == []


def test_a_permanent_failure_goes_to_the_dead_letters_at_once_with_its_reason(bench: Bench) -> None:
    bench.targets.errors[A] = [UserError("it is gone")]
    outcome = bench.work(record(basic()))
    assert (outcome.failed, outcome.dead_letters, outcome.tally.failures) == ([], 1, 1)
    assert bench.dead_letters.letters[0][1] == f"{A}: it is gone"
    assert bench.targets.received == {(EVENT, B): 1}


def test_a_retryable_failure_at_the_last_receive_goes_to_the_dead_letters(bench: Bench) -> None:
    bench.targets.errors[A] = [RetryableError("throttled")]
    outcome = bench.work(record(basic(), receives=5))
    assert (outcome.failed, outcome.dead_letters) == ([], 1)


def test_a_permanent_failure_waits_for_a_retryable_one_and_is_reported_with_it(bench: Bench) -> None:
    bench.targets.errors = {A: [UserError("gone"), UserError("gone")], B: [RetryableError("throttled")]}
    assert bench.work(record(basic())).dead_letters == 0
    assert bench.work(record(basic(), receives=2)).dead_letters == 1
    assert [reason for _, reason in bench.dead_letters.letters] == [f"{A}: gone"]


def test_a_redriven_event_is_delivered_only_to_targets_that_did_not_receive_it(bench: Bench) -> None:
    bench.targets.errors[A] = [UserError("it is gone")]
    bench.work(record(basic()))
    [(body, _)] = bench.dead_letters.letters
    bench.work(record(body))
    assert dict(bench.targets.received) == {(EVENT, A): 1, (EVENT, B): 1}


@pytest.mark.parametrize("poison", ["not JSON", "[]", '{"detail-type": "ECR Image Scan"}'])
def test_a_malformed_event_goes_to_the_dead_letters_and_affects_no_other(bench: Bench, poison: str) -> None:
    outcome = bench.work(record(poison, message_id="p"), record(basic()))
    assert (outcome.failed, outcome.dead_letters, outcome.tally.deliveries) == ([], 1, 2)


def test_a_defect_fails_its_own_event_alone(bench: Bench) -> None:
    bench.targets.errors[A] = [ZeroDivisionError()]
    other = basic() | {"id": "other"}
    outcome = bench.work(record(basic(), message_id="first"), record(other, message_id="second"))
    assert outcome.failed == ["first"]
    assert bench.targets.received[("other", A)] == 1


def test_an_event_about_no_repository_is_done_with(bench: Bench) -> None:
    outcome = bench.work(record(documented("inspector2-coverage-ec2")))
    assert (outcome.tally, outcome.failed, outcome.dead_letters) == (Tally(), [], 0)


def test_a_crash_before_the_delivery_delays_it_until_the_claim_ends(bench: Bench) -> None:
    bench.deliveries.claim(EVENT, A, "dead", until=10)
    assert bench.work(record(basic())).failed == ["m"]
    assert bench.targets.received == {(EVENT, B): 1}
    bench.deliveries.now = 11
    assert bench.work(record(basic(), receives=2)).failed == []
    assert dict(bench.targets.received) == {(EVENT, A): 1, (EVENT, B): 1}


def test_a_crash_after_the_delivery_and_before_it_is_marked_repeats_it_and_no_other(bench: Bench) -> None:
    bench.targets.received[EVENT, A] += 1
    bench.deliveries.claim(EVENT, A, "dead", until=10)
    bench.deliveries.now = 11
    bench.work(record(basic()))
    bench.work(record(basic()))
    assert dict(bench.targets.received) == {(EVENT, A): 2, (EVENT, B): 1}


def test_a_crash_after_it_is_marked_repeats_nothing(bench: Bench) -> None:
    bench.work(record(basic()))
    bench.work(record(basic(), receives=2))
    assert dict(bench.targets.received) == {(EVENT, A): 1, (EVENT, B): 1}


def test_scans_are_counted_by_the_worst_that_they_found_once_they_are_done_with(bench: Bench) -> None:
    bench.targets.errors[A] = [RetryableError("throttled")]
    clean, failed = basic(finding_severity_counts={}) | {"id": "2"}, documented("ecr-image-scan-failed") | {"id": "3"}
    first = bench.work(record(basic()), record(clean), record(failed))
    second = bench.work(record(basic(), receives=2))
    assert first.tally.scans == {"NONE": 1, "NOT_SCANNED": 1}
    assert second.tally.scans == {"CRITICAL": 1}
    assert all(age > 0 for age in first.tally.ages + second.tally.ages)


# Images in an index, which have no tags of their own

UNTAGGED = basic(image_tags=[])
PROD = (Route("*", (A,), ("prod*",)), Route("*", (B,)))


class Tags:
    """What indexes name, or the error with which that is answered, and how often it was asked."""

    def __init__(self, *tags: str, error: Exception | None = None) -> None:
        self.tags, self.error, self.asked = tags, error, 0

    def __call__(self, repository: str, digest: str) -> tuple[str, ...]:
        assert (repository, digest) == (UNTAGGED["detail"]["repository-name"], UNTAGGED["detail"]["image-digest"])
        self.asked += 1
        if self.error:
            raise self.error
        return self.tags


def test_the_tags_of_the_index_select_a_route_and_are_in_the_message(bench: Bench) -> None:
    tags = Tags("prod-1", "latest")
    assert bench.work(record(UNTAGGED), routes=PROD, tags_of=tags).failed == []
    assert dict(bench.targets.received) == {(EVENT, A): 1, (EVENT, B): 1}
    assert [tuple(json.loads(each.text)["imageTags"]) for each in bench.targets.messages] == [("prod-1", "latest")] * 2


@pytest.mark.parametrize(
    ("event", "routes"),
    [
        (basic(image_tags=["v1"]), PROD),
        (UNTAGGED, PROD[1:]),
        (UNTAGGED, (Route("*", (A,), ("prod*",), "FAILED"), PROD[1])),
        (basic(image_tags=[], finding_severity_counts={}), (Route("*", (A,), ("p*",), "*", "LOW"), PROD[1])),
    ],
    ids=["the image has tags", "no route has patterns", "another status", "another severity"],
)
def test_tags_are_read_only_if_a_route_depends_on_them(bench: Bench, event: Any, routes: Iterable[Route]) -> None:
    tags = Tags("prod-1")
    bench.work(record(event), routes=routes, tags_of=tags)
    assert tags.asked == 0
    assert bench.targets.received[EVENT, B] == 1


def test_tags_that_cannot_be_read_now_are_read_again_and_delay_no_other_route(bench: Bench) -> None:
    throttled = Tags(error=RetryableError("throttled"))
    assert bench.work(record(UNTAGGED), routes=PROD, tags_of=throttled).failed == ["m"]
    assert dict(bench.targets.received) == {(EVENT, B): 1}
    assert bench.work(record(UNTAGGED, receives=2), routes=PROD, tags_of=Tags("prod-1")).failed == []
    assert dict(bench.targets.received) == {(EVENT, A): 1, (EVENT, B): 1}


@pytest.mark.parametrize(("error", "receives"), [(UserError("AWS says no"), 1), (RetryableError("AWS says no"), 5)])
def test_tags_that_cannot_be_read_at_all_end_in_the_dead_letters(bench: Bench, error: Exception, receives: int) -> None:
    outcome = bench.work(record(UNTAGGED, receives=receives), routes=PROD, tags_of=Tags(error=error))
    assert (outcome.failed, outcome.dead_letters) == ([], 1)
    assert bench.dead_letters.letters[0][1].startswith("The image indexes in ")
    assert bench.dead_letters.letters[0][1].endswith(": AWS says no")
    assert dict(bench.targets.received) == {(EVENT, B): 1}


def test_an_index_may_be_pushed_after_the_scan_of_its_image(bench: Bench) -> None:
    fresh = UNTAGGED | {"time": datetime.now(UTC).isoformat()}
    assert bench.work(record(fresh), routes=PROD).failed == ["m"]
    assert dict(bench.targets.received) == {(EVENT, B): 1}
    # The queue delivers the event again after six minutes.
    later = UNTAGGED | {"time": (datetime.now(UTC) - timedelta(minutes=6)).isoformat()}
    assert bench.work(record(later, receives=2), routes=PROD).failed == []
    assert dict(bench.targets.received) == {(EVENT, B): 1}
    assert bench.work(record(fresh, receives=5), routes=PROD).failed == []
    assert bench.dead_letters.letters == []


def test_the_queue_waits_longer_than_an_index_may_take() -> None:
    assert RESOURCES["ScanQueue"]["Properties"]["VisibilityTimeout"] > INDEX_SECONDS
