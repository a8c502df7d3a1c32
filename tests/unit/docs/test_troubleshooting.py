"""Each message that a user can see stands once in docs/troubleshooting.md, and the page has no other."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from textwrap import dedent

import pytest

from ecr_controller.custom_resource.properties import SCHEMAS
from local import ROOT
from tests.unit.docs.messages import PART, Message, Source, hints
from tests.unit.reachability import PACKAGE, parsed

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
HEAD = "| Message | Cause | Resolution |"
# The message is a code span, with two backticks around it if it contains any.
ROW = re.compile(r"\| (?P<ticks>`+)(?P<message>.+?) ?(?P=ticks) \| (?P<cause>[^|]+) \| (?P<resolution>[^|]+) \|")


@dataclass(frozen=True)
class Row:
    """A row of the page."""

    message: str

    @property
    def text(self) -> str:
        """The message with PART for its placeholders."""
        return re.sub("<[^<>]+>", PART, self.message)


def rows() -> list[Row]:
    """All of them. Every row of a table with HEAD must have the three columns."""
    found = []
    for table in PAGE.split(HEAD)[1:]:
        for line in table.partition("\n\n")[0].splitlines()[2:]:
            row = ROW.fullmatch(line)
            assert row is not None, f"not a row of a message: {line}"
            found.append(Row(row["message"]))
    return found


@cache
def raised() -> list[Message]:
    """The messages of the package, the functions and the schemas."""
    files = {file.resolve(): file for file in [*PACKAGE.rglob("*.py"), *(ROOT / "functions").rglob("*.py")]}
    source = Source({str(file.relative_to(ROOT)): parsed(path) for path, file in sorted(files.items())})
    schemas = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(SCHEMAS.glob("*.json"))}
    return [*source.messages(), *(each for name, schema in schemas.items() for each in hints(schema, name))]


def test_every_message_is_followed_to_its_words() -> None:
    assert [each.where for each in raised() if not each.is_found] == []


def test_every_message_that_is_raised_is_on_the_page() -> None:
    shown = [row.text for row in rows()]
    assert [each for each in raised() if not any(each.is_shown_as(text) for text in shown)] == []


def test_every_message_on_the_page_is_raised() -> None:
    messages = raised()
    assert [row.message for row in rows() if not any(each.is_shown_as(row.text) for each in messages)] == []


def test_every_message_is_on_the_page_once() -> None:
    assert [text for text, number in Counter(row.text for row in rows()).items() if number > 1] == []


def messages_in(code: str, more: str = "") -> list[tuple[str | None, str]]:
    """The messages of a module of errors, of this code and of another module, with the path of a fault."""
    errors = "class ControllerError(Exception): ...\nclass UserError(ControllerError): ...\n"
    modules = {"errors": errors, "code": dedent(code), "more": dedent(more)}
    found = Source({name: ast.parse(each) for name, each in modules.items()}).messages()
    return [(each.path, each.text) for each in found]


@pytest.mark.parametrize(
    ("code", "texts"),
    [
        ('raise UserError("a message")', ["a message"]),
        ('raise UserError("a message " "over two lines")', ["a message over two lines"]),
        ('raise errors.UserError(f"{name} is a {kind!r}")', [f"{PART} is a {PART}"]),
        ('class Missing(UserError): ...\nerror = Missing("is gone")', ["is gone"]),
        ('FORMS = "an ARN or *"\nraise ValueError(f"must be {FORMS}")', ["must be an ARN or *"]),
        ('LIMIT = 10_240\nraise UserError(f"ECR accepts {LIMIT:,}")', ["ECR accepts 10,240"]),
        ('raise UserError("it failed" + (f": {why}, too" if why else ""))', [f"it failed: {PART}, too"]),
        ('def f():\n    why = "so" if a else "thus"\n    raise UserError(f"it is {why}")', ["it is so", "it is thus"]),
        ('def f():\n    a, b = "x", "is it"\n    raise UserError(b)', ["is it"]),
        ('def f(text):\n    raise UserError(text)\nf("given")\nf(text="named")', ["given", "named"]),
        ('def refusal():\n    return None if a else "no"\nraise UserError(refusal())', ["no"]),
        ('def f():\n    yield "one"\ndef g():\n    for text in f():\n        raise UserError(text)', ["one"]),
        (
            'def f():\n    yield "one."\n    yield from ("2" for _ in a)\nb = list(f())\nraise UserError(" ".join(b))',
            ["2", "one."],
        ),
        ('class Lost(UserError):\n    def __init__(self, n):\n        super().__init__(f"lost {n}")', [f"lost {PART}"]),
        ('answer = {"Reason": "it failed"}', ["it failed"]),
        ('queue.send_message(body, "it failed")', ["it failed"]),
        ("try: f()\nexcept UserError as error: raise UserError(str(error))", []),
    ],
)
def test_a_message_is_found(code: str, texts: list[str]) -> None:
    assert [text for _, text in messages_in(code)] == texts


def test_a_fault_is_found_with_its_path() -> None:
    code = (
        'faults.add("Key", "is required")\nfaults.add(f"Tags[{i}].Key", f"{key} is used")\nfaults.add(at(i), "is it")'
    )
    assert messages_in(code) == [("Key", "is required"), (f"Tags[{PART}].Key", f"{PART} is used"), (PART, "is it")]


def test_a_constant_of_another_module_is_found() -> None:
    assert messages_in('raise UserError(f"use {access.LOGIN}")', 'LOGIN = "the login"') == [(None, "use the login")]


@pytest.mark.parametrize(
    "code",
    [
        "raise UserError(text)",
        "raise UserError(table[key])",
        "raise UserError(unknown())",
        "raise UserError(f'{a}: {b}')",
        "raise UserError(str(error))",
        "try: f()\nexcept KeyError as error: raise UserError(str(error))",
        "faults.add('Key', text)",
        "raise kinds[key]('a message')",
        "raise make('a message')",
        "raise UserError",
        "raise UserError()",
        "raise UserError(message='a message')",
        "faults.add(path='Key', message='is required')",
    ],
)
def test_a_message_that_cannot_be_followed_is_reported(code: str) -> None:
    assert [any(map(str.isalpha, text)) for _, text in messages_in(code)] == [False]


def test_a_path_may_be_shown_as_any_where_it_is_not_constant() -> None:
    fault = Message("here", "is required", PART)
    assert fault.is_shown_as("Tags: is required")
    assert not fault.is_shown_as("is required")
    assert not Message("here", "is required", "Key").is_shown_as("Tags: is required")
