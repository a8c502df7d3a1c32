"""Whatever a function is given: one valid answer, no defect, no write for invalid properties, and no harm to others.

The same cases run each time. `make fuzz CASES=1000000` runs more of them, and `make fuzz SEED=40` others. A failure
shows the smallest input, and the name of its test repeats it: `pytest tests/fuzz -k 7-others`.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz import documents
from tests.fuzz.documents import EVENTS, PHYSICAL_IDS, PROPERTIES, SCAN_EVENTS
from tests.fuzz.harness import Harness, answer_of, is_surely_invalid, record, text_of
from tests.fuzz.mutations import edits, junk, mutated, plain, received, small_junk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CASES = int(os.environ.get("CASES") or 20_000)
SEED = int(os.environ.get("SEED") or 0)
PER_TEST = 500
RECORDS = 4  # at least as many on average in a batch of scan events, each of which is a case
TYPES = sorted(PROPERTIES)
# The share of each subject in every eight tests.
ROUND = ("properties",) * 4 + ("forged", "scans", "scans", "others")
TESTS = [f"{SEED + number}-{ROUND[number % len(ROUND)]}" for number in range(max(1, -(-CASES // PER_TEST)))]

LARGEST_MESSAGE = 250_000  # moto's queues have those of before August 2025: 262,144 bytes

kinds = st.sampled_from(["Create", "Create", "Update", "Delete"])
physical_ids = st.one_of(st.sampled_from(PHYSICAL_IDS), st.text(min_size=1, max_size=20))


@pytest.fixture(scope="module")
def harness() -> Iterator[Harness]:
    with Harness() as made:
        yield made


@st.composite
def declared(draw: st.DrawFn, type_: str) -> Any:
    """Properties, of which none, some or all are invalid."""
    start = draw(st.sampled_from(PROPERTIES[type_]))
    return mutated(start, draw(edits(junk, 3)))


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """The folder of a function, and a request of CloudFormation's form."""
    type_ = draw(st.sampled_from(TYPES))
    new, old = draw(declared(type_)), draw(st.sampled_from(PROPERTIES[type_]))
    if draw(st.integers(0, 3)) == 0:
        old = draw(declared(type_))
    folder, name = type_.split()
    made = documents.request(draw(kinds), name, draw(physical_ids), new, old)
    return folder, received(made)


def properties(harness: Harness, case: tuple[str, dict[str, Any]]) -> None:
    folder, event = case
    outcome = harness.run(folder, event, respond_at=event)
    answer = answer_of(event, outcome)
    if "invalid propert" in answer.reason:
        assert outcome.writes == []
    if event["RequestType"] != "Delete" and is_surely_invalid(event["ResourceType"], event["ResourceProperties"] or {}):
        assert answer.status == "FAILED", answer
        assert outcome.writes == []


@st.composite
def forgeries(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """The folder of a function, and an event that has some of the form of a request."""
    folder, event = draw(requests())
    for key in draw(st.lists(st.sampled_from(sorted(event)), min_size=1, max_size=3)):
        if draw(st.booleans()):
            event.pop(key, None)
        else:
            event[key] = draw(small_junk)
    return folder, received(event)


def forged(harness: Harness, case: tuple[str, dict[str, Any]]) -> None:
    folder, event = case
    is_addressed = event.get("ResponseURL") == ""
    outcome = harness.run(folder, event, respond_at=event if is_addressed else None)
    if not is_addressed or not event.keys() >= {"RequestId", "StackId", "LogicalResourceId"}:
        assert isinstance(outcome.raised, LookupError), outcome
        assert (outcome.bodies, outcome.calls) == ([], [])
        return
    assert outcome.raised is None, repr(outcome.raised)
    [body] = outcome.bodies
    ids = [event.get(key) for key in ("RequestId", "StackId", "LogicalResourceId", "PhysicalResourceId")]
    # An answer repeats the ids, so that it can only be as short as they are.
    assert len(body) <= 4096 or len(json.dumps(ids)) > 3000
    assert b"defect" not in body, body


good = st.integers(0, 3)


@st.composite
def batches(draw: st.DrawFn) -> list[Any]:
    """Bodies, of events that became others, and of anything else. Numbers stand for good ones."""
    event = st.builds(mutated, st.sampled_from(EVENTS), edits(junk, 3)).map(text_of)
    other = junk.map(text_of)
    bodies = draw(st.lists(st.one_of(event, event, event, event, other, good), min_size=1, max_size=6))
    return [each for each in bodies if isinstance(each, int) or len(each) <= LARGEST_MESSAGE]


def scans(harness: Harness, bodies: list[Any]) -> None:
    neighbours = {f"good {each}" for each in bodies if isinstance(each, int)} | {"good and last"}
    sent = [each if isinstance(each, str) else text_of(SCAN_EVENTS[0] | {"id": f"good {each}"}) for each in bodies]
    sent.append(text_of(SCAN_EVENTS[0] | {"id": "good and last"}))
    outcome = harness.run("route_scan", {"Records": [record(body, number) for number, body in enumerate(sent)]})
    assert outcome.raised is None, repr(outcome.raised)
    assert outcome.returned == {"batchItemFailures": []}
    assert [reason for _, reason in harness.dead_letters if "defect" in reason] == []
    assert neighbours <= harness.delivered()


@st.composite
def failures(draw: st.DrawFn) -> tuple[str, Any]:
    """A message of the queue of rescans, or an event of an on-failure destination."""
    if draw(st.booleans()):
        return "rescan", draw(st.one_of(plain, st.sampled_from(PHYSICAL_IDS)).map(text_of))
    _, request = draw(requests())
    changed = mutated(documents.ON_FAILURE, draw(edits(junk, 3)))
    return "on_failure", received((changed if isinstance(changed, dict) else {}) | {"requestPayload": request})


def others(harness: Harness, case: tuple[str, Any]) -> None:
    folder, event = case
    if folder == "rescan":
        outcome = harness.run(folder, {"Records": [record(event, 0)]})
        assert outcome.raised is None, repr(outcome.raised)
        assert [reason for _, reason in harness.dead_letters if "defect" in reason] == []
        assert outcome.returned == {"batchItemFailures": []}
        return
    request = event["requestPayload"]
    assert answer_of(request, harness.run(folder, event, respond_at=request)).status == "FAILED"


SUBJECTS: dict[str, tuple[Callable[[Harness, Any], None], st.SearchStrategy[Any]]] = {
    "properties": (properties, requests()),
    "forged": (forged, forgeries()),
    "scans": (scans, batches()),
    "others": (others, failures()),
}


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore:No application metrics to publish", "ignore:Generating overly large repr")
@pytest.mark.parametrize("name", TESTS)
def test_a_function_is_given_anything(harness: Harness, name: str) -> None:
    number, _, subject = name.partition("-")
    holds, cases = SUBJECTS[subject]

    examples = PER_TEST // RECORDS if subject == "scans" else PER_TEST

    @seed(int(number))
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=cases)
    def run(case: Any) -> None:
        holds(harness, case)

    run()
