"""Each target once, whatever becomes of its neighbours, and after a crash at any point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ecr_controller.errors import RetryableError, UserError
from ecr_controller.event_routing.batch import Batch, Tally
from ecr_controller.event_routing.router import Router
from ecr_controller.event_routing.routes import Route
from tests.unit.scanning.fakes import FakeDeadLetters, FakeDeliveries, FakeSender, record
from tests.unit.scanning.samples import basic, documented

if TYPE_CHECKING:
    from collections.abc import Iterable

A, B = "arn:aws:sqs:eu-west-1:123456789012:a", "arn:aws:sns:eu-west-1:123456789012:b"
EVENT = basic()["id"]


class Bench:
    """A router on stand-ins; each batch is an invocation of its own, which lasts ten seconds."""

    def __init__(self) -> None:
        self.deliveries = FakeDeliveries()
        self.sender = FakeSender()
        self.dead_letters = FakeDeadLetters()
        self._invocations = 0

    def work(self, *records: dict[str, object], routes: Iterable[Route] = (Route("*", (A, B)),)) -> Tally:
        self._invocations += 1
        claimant, until = f"invocation-{self._invocations}", self.deliveries.now + 10
        router = Router(self.deliveries, self.sender, claimant, until)
        return Batch(router, lambda key: routes if key == "*" else (), self.dead_letters, 5).work(records)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_every_target_is_told_once_however_often_the_event_comes(bench: Bench) -> None:
    tallies = [bench.work(record(basic()), record(basic())), bench.work(record(basic()))]
    assert dict(bench.sender.told) == {(EVENT, A): 1, (EVENT, B): 1}
    assert [tally.deliveries for tally in tallies] == [2, 0]
    assert [tally.failed for tally in tallies] == [[], []]


def test_a_passing_failure_is_tried_again_without_telling_the_neighbour_again(bench: Bench) -> None:
    bench.sender.errors[A] = [RetryableError("throttled")]
    assert bench.work(record(basic())).failed == ["m"]
    assert bench.work(record(basic(), receives=2)).failed == []
    assert dict(bench.sender.told) == {(EVENT, A): 1, (EVENT, B): 1}
    assert bench.dead_letters.letters == []


def test_a_lasting_failure_goes_to_the_dead_letters_at_once_with_its_reason(bench: Bench) -> None:
    bench.sender.errors[A] = [UserError("it is gone")]
    tally = bench.work(record(basic()))
    assert (tally.failed, tally.dead_letters, tally.failures) == ([], 1, 1)
    assert bench.dead_letters.letters[0][1] == f"{A}: it is gone"
    assert bench.sender.told == {(EVENT, B): 1}


def test_a_passing_failure_at_the_last_receive_goes_to_the_dead_letters(bench: Bench) -> None:
    bench.sender.errors[A] = [RetryableError("throttled")]
    tally = bench.work(record(basic(), receives=5))
    assert (tally.failed, tally.dead_letters) == ([], 1)


def test_a_lasting_failure_waits_for_a_passing_one_and_is_told_with_it(bench: Bench) -> None:
    bench.sender.errors = {A: [UserError("gone"), UserError("gone")], B: [RetryableError("throttled")]}
    assert bench.work(record(basic())).dead_letters == 0
    assert bench.work(record(basic(), receives=2)).dead_letters == 1
    assert [reason for _, reason in bench.dead_letters.letters] == [f"{A}: gone"]


def test_a_redriven_event_tells_only_whom_it_had_not_told(bench: Bench) -> None:
    bench.sender.errors[A] = [UserError("it is gone")]
    bench.work(record(basic()))
    [(body, _)] = bench.dead_letters.letters
    bench.work(record(body))
    assert dict(bench.sender.told) == {(EVENT, A): 1, (EVENT, B): 1}


@pytest.mark.parametrize("poison", ["not JSON", "[]", '{"detail-type": "ECR Image Scan"}'])
def test_poison_goes_to_the_dead_letters_and_takes_nobody_with_it(bench: Bench, poison: str) -> None:
    tally = bench.work(record(poison, message_id="p"), record(basic()))
    assert (tally.failed, tally.dead_letters, tally.deliveries) == ([], 1, 2)


def test_a_defect_fails_its_own_event_alone(bench: Bench) -> None:
    bench.sender.errors[A] = [ZeroDivisionError()]
    other = basic() | {"id": "other"}
    tally = bench.work(record(basic(), message_id="first"), record(other, message_id="second"))
    assert tally.failed == ["first"]
    assert bench.sender.told[("other", A)] == 1


def test_an_event_that_is_no_scan_is_done_with(bench: Bench) -> None:
    tally = bench.work(record(documented("ecr-image-action-push")))
    assert (tally.ignored, tally.failed, tally.dead_letters, tally.scans) == (1, [], 0, {})


def test_a_crash_before_the_delivery_delays_it_until_the_claim_ends(bench: Bench) -> None:
    bench.deliveries.claim(EVENT, A, "dead", until=10)
    assert bench.work(record(basic())).failed == ["m"]
    assert bench.sender.told == {(EVENT, B): 1}
    bench.deliveries.now = 11
    assert bench.work(record(basic(), receives=2)).failed == []
    assert dict(bench.sender.told) == {(EVENT, A): 1, (EVENT, B): 1}


def test_a_crash_after_the_delivery_and_before_it_is_marked_repeats_it_and_no_other(bench: Bench) -> None:
    bench.sender.told[EVENT, A] += 1
    bench.deliveries.claim(EVENT, A, "dead", until=10)
    bench.deliveries.now = 11
    bench.work(record(basic()))
    bench.work(record(basic()))
    assert dict(bench.sender.told) == {(EVENT, A): 2, (EVENT, B): 1}


def test_a_crash_after_it_is_marked_repeats_nothing(bench: Bench) -> None:
    bench.work(record(basic()))
    bench.work(record(basic(), receives=2))
    assert dict(bench.sender.told) == {(EVENT, A): 1, (EVENT, B): 1}


def test_scans_are_counted_by_the_worst_that_they_found_once_they_are_done_with(bench: Bench) -> None:
    bench.sender.errors[A] = [RetryableError("throttled")]
    clean, failed = basic(finding_severity_counts={}) | {"id": "2"}, documented("ecr-image-scan-failed") | {"id": "3"}
    first = bench.work(record(basic()), record(clean), record(failed))
    second = bench.work(record(basic(), receives=2))
    assert first.scans == {"NONE": 1, "NOT_SCANNED": 1}
    assert second.scans == {"CRITICAL": 1}
    assert all(age > 0 for age in first.ages + second.ages)
