from __future__ import annotations

import time
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_controller.patterns import matches

TEXTS = st.text("ab/*.\n", max_size=8)


@given(pattern=TEXTS, text=TEXTS)
def test_a_star_stands_for_any_characters(pattern: str, text: str) -> None:
    assert matches(pattern, text) == fnmatchcase(text, pattern)


@pytest.mark.parametrize(
    ("pattern", "narrower"), [("*", "team/*"), ("team/*", "team/app"), ("team/*", "team/api/*"), ("a*c", "a*bc")]
)
def test_a_pattern_matches_one_that_is_narrower(pattern: str, narrower: str) -> None:
    assert matches(pattern, narrower)
    assert not matches(narrower, pattern)


@given(outer=TEXTS, inner=TEXTS, filled=st.text("ab/", max_size=4))
def test_what_a_matched_pattern_matches_is_matched(outer: str, inner: str, filled: str) -> None:
    if matches(outer, inner):
        assert matches(outer, inner.replace("*", filled))


def test_no_pattern_backtracks() -> None:
    started = time.process_time()
    assert not matches("*a" * 40 + "b", "a" * 20_000)
    # An expression that backtracks would take years.
    assert time.process_time() - started < 10
