"""Files in YAML and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ecr_controller.errors import Fault, InvalidProperties, UserError
from ecrctl.inputs import files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cli.conftest import File


def test_short_forms_are_read_as_the_functions_they_stand_for(file: File) -> None:
    text = """
    a: !Ref Stage
    b: !GetAtt Named.RepositoryName
    c: !Join ["-", [!Sub "${Stage}", x]]
    d: !If
      - IsProd
      - {e: !Select [0, !Split [",", "a,b"]]}
      - !Ref AWS::NoValue
    f: 2012-10-17
    g: !Sub ["${x}", {x: !Condition Stage}]
    """
    assert files.read_yaml(file("t.yaml", text)) == {
        "a": {"Ref": "Stage"},
        "b": {"Fn::GetAtt": ["Named", "RepositoryName"]},
        "c": {"Fn::Join": ["-", [{"Fn::Sub": "${Stage}"}, "x"]]},
        "d": {"Fn::If": ["IsProd", {"e": {"Fn::Select": [0, {"Fn::Split": [",", "a,b"]}]}}, {"Ref": "AWS::NoValue"}]},
        "f": "2012-10-17",
        "g": {"Fn::Sub": ["${x}", {"x": {"Condition": "Stage"}}]},
    }


@pytest.mark.parametrize(
    ("name", "text", "read", "message"),
    [
        (
            "a.yaml",
            "a: [1,\nb: 2",
            files.read_yaml,
            "cannot be read as YAML: expected ',' or ']', but got '<stream end>'",
        ),
        ("a.yaml", "a: !x &a\n- *b", files.read_yaml, "found undefined alias 'b': line 2 column 3"),
        ("a.yaml", "a: \x01", files.read_yaml, "cannot be read as YAML: unacceptable character #x0001"),
        ("a.yaml", "[" * 5000, files.read_yaml, "cannot be read as YAML: it is nested too deeply"),
        ("a.json", '{"a": [}', files.read_yaml, "cannot be read as JSON: Expecting value: line 1 column 8"),
        ("a.json", "[" * 100_000, files.read_yaml, "cannot be read as JSON: it is nested too deeply"),
        ("a.json", "[" * 100_000, files.read_json, "cannot be read as JSON: it is nested too deeply"),
        ("a.json", "", files.read_json, "cannot be read as JSON: Expecting value: line 1 column 1"),
    ],
)
def test_a_syntax_error_is_reported_with_its_place(
    file: File, name: str, text: str, read: Callable[[str], object], message: str
) -> None:
    with pytest.raises(UserError) as raised:
        read(file(name, text))
    assert message in str(raised.value)


def test_a_file_in_another_encoding_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes("é".encode("latin-1"))
    with pytest.raises(UserError, match="cannot be read: the encoding is neither UTF-8 nor UTF-16"):
        files.read_json(str(path))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_as_windows_writes_it_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes('{"é":\r\n1}'.encode(encoding))
    assert files.read_json(str(path)) == {"é": 1}
    assert files.read_text(str(path)) == '{"é":\n1}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": {"b": 1, "b": 2}}', "has the member b more than once in one object"),
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", "line 4, column 3: the key b is given more than once"),
        ("a: &x {b: 1}\nc: {<<: *x, b: 2}\n", None),
    ],
)
def test_a_key_that_is_given_twice_is_an_error(tmp_path: Path, text: str, message: str | None) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    if message is None:
        assert files.read_yaml(str(path))["c"] == {"b": 2}
    else:
        with pytest.raises(UserError, match=message):
            files.read_yaml(str(path))


def test_errors_name_the_file_and_faults_keep_their_path() -> None:
    with pytest.raises(UserError, match=r"^standard input: is wrong$"), files.errors_in("-"):
        raise UserError("is wrong")
    with pytest.raises(InvalidProperties) as raised, files.errors_in("a.yaml"):
        raise InvalidProperties("It", [Fault("A.B", "is wrong"), Fault("", "is empty")])
    assert list(map(str, raised.value.faults)) == ["a.yaml: A.B: is wrong", "a.yaml: is empty"]


def test_aliases_that_expand_beyond_measure_are_refused(file: File) -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(UserError, match="its aliases expand to more than 1,000,000 values"):
        files.read_yaml(file("t.yaml", "\n".join(levels)))


def test_an_alias_within_itself_is_refused(file: File) -> None:
    with pytest.raises(UserError, match="its aliases expand"):
        files.read_yaml(file("t.yaml", "a: &a [*a]"))
