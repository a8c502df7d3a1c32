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
    path.write_bytes("{}".encode("utf-16"))
    with pytest.raises(UserError, match="cannot be read: the encoding is not UTF-8"):
        files.read_json(str(path))


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
