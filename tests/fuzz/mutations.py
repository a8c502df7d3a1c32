"""Documents that are no longer what they were: values of any type, depth and size, at any place."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEPEST, LONGEST = 400, 20_000
TEXTS = [
    *("", " ", "*", "a", "-1", "0", "1", "007", "1.5", "1e9", "9" * 19, "true", "False", "null", "NaN", "[]", "{}"),
    *(
        "\0",
        "a\nb",
        "\r",
        "\x1b[31m",
        "\u202eabc",
        "\ufeff",
        "日本",
        "🐳",
        "\ud800",
        "a\udfffb",
        "%s%n",
        "{0}",
        "${AWS::Region}",
    ),
    *("team/app", "team/*", "a/" * 200, "x" * 257, "arn:aws:ecr:::", "arn:aws:iam::123456789012:role/", "o-a1b2c3d4e5"),
    *("sqs:arn", "sha256:", "*a" * 40, "../..", "'; --", '{"rules": []}', "[" * 2_000, '{"a":' * 2_000, "1" * 5_000),
    *(
        '{"rules": [{"rulePriority": 1, "rulePriority": 2}]}',
        '"\\ud800"',
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
    ),
]
NUMBERS = [0, -1, 1, 5, 10.0, 1.5, -0.0, 2**31, 2**63, 10**30, 1e308]
KEYS = ["Unheard", "RepositoryName", "Key", "AWS", "rules", "TOTAL", "\ud800", "", "a" * 300, "$ref", "__proto__"]

plain: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.sampled_from(NUMBERS), st.sampled_from(TEXTS), st.text(max_size=8)
)
large: st.SearchStrategy[Any] = st.one_of(
    st.builds(
        lambda text, times: text * times, st.sampled_from(["x", "\ud800", '"', "a/", "*"]), st.integers(1, LONGEST)
    ),
    st.builds(lambda value, times: _repeated(value, times), plain, st.integers(1, 300)),
    st.builds(
        lambda value, times: {f"k{n}": each for n, each in enumerate(_repeated(value, times))},
        plain,
        st.integers(1, 300),
    ),
)


def _repeated(value: Any, times: int) -> list[Any]:
    size = len(value) if isinstance(value, str) else 1
    return [value] * min(times, 1 + LONGEST // (size + 1))


def _nested(value: Any, depth: int, *, as_list: bool) -> Any:
    for _ in range(depth):
        value = [value] if as_list else {"a": value}
    return value


deep = st.builds(_nested, plain, st.integers(1, DEEPEST), as_list=st.booleans())
branching = st.one_of(st.lists(plain, max_size=3), st.dictionaries(st.sampled_from(KEYS), plain, max_size=3))
junk: st.SearchStrategy[Any] = st.one_of(plain, plain, branching, large, deep)
"""Any value of JSON."""
small_junk: st.SearchStrategy[Any] = st.one_of(plain, branching)


class Edit(NamedTuple):
    """What is done at one place of a document. ``where`` counts its places."""

    where: int
    what: str
    value: Any


def edits(values: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[list[Edit]]:
    """Up to ``most`` of them."""
    kinds = st.sampled_from(["replace", "replace", "remove", "add", "repeat", "wrap"])
    return st.lists(st.builds(Edit, st.integers(0, 2**12), kinds, values), max_size=most)


def mutated(document: Any, changes: list[Edit]) -> Any:
    """The document after the edits, as JSON would carry it."""
    root = {"": copy.deepcopy(document)}
    for edit in changes:
        # The document itself is the last, because hypothesis prefers small numbers.
        places = [*_places(root[""]), (root, "")]
        holder, key = places[edit.where % len(places)]
        _apply(holder, key, edit)
    return root.get("")


def _apply(holder: Any, key: Any, edit: Edit) -> None:
    value = holder[key]
    match edit.what:
        case "remove" if key != "":
            del holder[key]
        case "add" if isinstance(value, dict):
            value[KEYS[edit.where % len(KEYS)]] = edit.value
        case "add" | "repeat" if isinstance(value, list):
            value.extend([*value, edit.value] if edit.what == "repeat" else [edit.value])
        case "wrap":
            holder[key] = [value]
        case _:
            holder[key] = edit.value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """The places in a document, but not deep in what an edit put there."""
    left = [(value, 0)]
    while left:
        each, depth = left.pop()
        if depth > 6:
            continue
        keys = list(each) if isinstance(each, dict) else range(min(len(each), 20)) if isinstance(each, list) else ()
        for key in keys:
            yield each, key
            left.append((each[key], depth + 1))


def received(document: Any) -> Any:
    """The document as it is after a transport as JSON."""
    return json.loads(json.dumps(document))
