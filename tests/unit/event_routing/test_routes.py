"""Which routes select a scan, and that they are found with one read per level."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_controller import patterns
from ecr_controller.event_routing.routes import Delivery, Route, deliveries_of, selecting
from ecr_controller.patterns import patterns_matching
from tests.unit.event_routing.samples import event, scan

LEVELS = st.sampled_from(["a", "b", "a-b", "ab"])
NAMES = st.lists(LEVELS, min_size=1, max_size=4).map("/".join).filter(lambda name: len(name) > 1)
PATTERNS = st.one_of(st.just("*"), NAMES, NAMES.map(lambda name: f"{name}/*"))


def route(repositories: str = "*", target: str = "t", **changes: Any) -> Route:
    return Route(repositories, (target,), **changes)


def test_a_name_is_read_once_per_level() -> None:
    assert patterns_matching("a/b/c") == ("a/b/c", "a/b/*", "a/*", "*")
    assert patterns_matching("app") == ("app", "*")


def means(pattern: str, name: str) -> bool:
    """What a pattern means, said in another way than the look-up does."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name) is not None


@given(st.lists(PATTERNS, max_size=12), NAMES)
def test_the_routes_found_level_by_level_are_those_that_match_one_by_one(patterns: list[str], name: str) -> None:
    routes = [route(pattern, f"target-{i}") for i, pattern in enumerate(patterns)]
    kept: defaultdict[str, list[Route]] = defaultdict(list)
    for each in routes:
        kept[each.repositories].append(each)
    found = deliveries_of(selecting(scan(repository_name=name), lambda key: kept.get(key, ())))
    assert sorted(each.target for each in found) == sorted(
        each.targets[0] for each in routes if means(each.repositories, name)
    )


def test_a_target_of_several_routes_receives_the_scan_once() -> None:
    assert deliveries_of(selecting(scan(), lambda _key: (route(), route()))) == (Delivery("t", "ScanCompleted"),)


def test_a_target_receives_an_event_once_in_each_format() -> None:
    routes = (route(form="Text"), route(), route(form="Text"), route(form="Json"))
    found = deliveries_of(selecting(scan(), lambda key: routes if key == "*" else ()))
    assert [each.form for each in found] == ["Text", "ScanCompleted", "Json"]
    assert [each.key for each in found] == ["t#Text", "t", "t#Json"]


def test_without_image_tags_every_image_matches_even_an_untagged_one() -> None:
    assert route().selects(scan(image_tags=[]))
    assert route().selects(scan(image_tags=["v1"]))


@pytest.mark.parametrize(
    ("patterns", "tags", "taken"),
    [
        (("prod",), ["prod"], True),
        (("prod",), ["production"], False),
        (("prod*",), ["dev", "production"], True),
        (("*-rc*", "v*"), ["1-rc2"], True),
        (("v1.0",), ["v100"], False),
        (("*",), [], False),
    ],
)
def test_one_pattern_must_match_one_whole_tag(patterns: tuple[str, ...], tags: list[str], taken: bool) -> None:
    assert route(image_tags=patterns).selects(scan(image_tags=tags)) is taken


@pytest.mark.parametrize(
    ("declared", "status", "taken"),
    [
        ("COMPLETE", "COMPLETE", True),
        ("COMPLETE", "INITIAL_SCAN_COMPLETE", True),
        ("COMPLETE", "FAILED", False),
        ("FAILED", "FAILED", True),
        ("*", "ABANDONED", True),
    ],
)
def test_the_status_decides(declared: str, status: str, taken: bool) -> None:
    assert route(scan_status=declared).selects(scan(scan_status=status)) is taken


@pytest.mark.parametrize(
    ("minimum", "counts", "taken"),
    [
        ("HIGH", {"CRITICAL": 1}, True),
        ("HIGH", {"HIGH": 1}, True),
        ("HIGH", {"MEDIUM": 99}, False),
        ("HIGH", {}, False),
        ("UNDEFINED", {"UNTRIAGED": 1}, True),
        ("INFORMATIONAL", {"UNDEFINED": 1}, False),
        ("UNDEFINED", {}, False),
        (None, {}, True),
    ],
)
def test_the_minimum_severity_selects_that_or_higher(minimum: str | None, counts: dict[str, int], taken: bool) -> None:
    assert route(minimum_severity=minimum).selects(scan(finding_severity_counts=counts)) is taken


def test_a_route_is_kept_and_read_again_as_it_was() -> None:
    declared = Route("team/*", ("t", "u"), ("v*",), "*", "HIGH")
    assert Route.from_content("team/*", declared.content()) == declared


def test_many_tags_and_patterns_of_one_route_do_not_hold_up_the_others() -> None:
    # Patterns that backtrack would take half a minute; `benchmarks/scan_routing.py` has the figures.
    hostile = tuple(f"*a*a*a*a{number}" for number in range(50))
    assert not route(image_tags=hostile).selects(scan(image_tags=["a" * 127 + "b"] * 4))


def test_patterns_are_compiled_once_for_a_route(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    real = patterns.compiled

    def compile_once(pattern: str) -> re.Pattern[str]:
        compiled.append(pattern)
        return real(pattern)

    monkeypatch.setattr(patterns, "compiled", compile_once)
    kept = route(image_tags=("a*", "b*"))
    assert compiled == []
    for _ in range(3):
        kept.selects(scan(image_tags=["x", "y"]))
    assert compiled == ["a*", "b*"]


# Events that are no scans


def test_a_route_selects_the_events_that_it_names() -> None:
    pushed = event("ecr-image-action-push")
    assert not route().selects(pushed)
    assert route(events=("Pushed", "Deleted")).selects(pushed)
    assert not route(events=("Deleted",)).selects(pushed)
    assert route(events=("Pushed",), image_tags=("lat*",)).selects(pushed)
    assert not route(events=("Pushed",), image_tags=("v*",)).selects(pushed)


def test_an_event_without_a_tag_matches_no_pattern() -> None:
    archived = event("ecr-image-action-archive")
    assert route(events=("Archived",)).selects(archived)
    assert not route(events=("Archived",), image_tags=("*",)).selects(archived)


def test_api_calls_are_selected_by_their_names() -> None:
    created = event("eventbridge-cloudtrail-create-repository")
    assert route(events=("Called",)).selects(created)
    assert route(events=("Called",), api_calls=("DeleteRepository", "CreateRepository")).selects(created)
    assert not route(events=("Called",), api_calls=("PutImage",)).selects(created)


@pytest.mark.parametrize(("minimum", "taken"), [(None, True), ("MEDIUM", True), ("HIGH", False), ("UNDEFINED", True)])
def test_findings_are_selected_by_their_severity(minimum: str | None, taken: bool) -> None:
    assert route(events=("Finding",), minimum_severity=minimum).selects(event("inspector2-finding-ecr")) is taken


def test_what_the_controller_causes_is_selected_only_if_asked_for() -> None:
    own = event("ecr-image-action-push", image_tag="ecr-controller-in-use-0123456789ab")
    assert own.by_controller
    assert not route(events=("Pushed",)).selects(own)
    assert route(events=("Pushed",), includes_controller=True).selects(own)


def test_a_route_is_stored_whole_and_one_of_the_first_version_is_of_scans() -> None:
    whole = route(
        image_tags=("v*",),
        scan_status="*",
        minimum_severity="HIGH",
        events=("Pushed", "Called"),
        api_calls=("PutImage",),
        form="Text",
        includes_controller=True,
    )
    assert Route.from_content("*", whole.content()) == whole
    first = {"targets": ["t"], "imageTags": [], "scanStatus": "COMPLETE", "minimumSeverity": None}
    assert Route.from_content("*", first) == route()
