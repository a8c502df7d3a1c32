"""The properties at the boundary: coerced and checked by the schemas, as the ``jsonschema`` package reads these too."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from ecr_controller.custom_resource import properties
from ecr_controller.errors import Faults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jsonschema import ValidationError

# Of all schemas, those that the walk reads: a type's properties, and the document that one of them holds.
SCHEMAS = [*sorted(path.stem for path in properties.SCHEMAS.glob("ECR*.json")), "LifecyclePolicyText"]
# The keywords that the walk obeys, and those that only describe: JSON Schema's, CloudFormation's and our own.
OBEYED = {
    *("$ref", "type", "properties", "required", "additionalProperties", "items", "enum", "pattern"),
    *("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"),
}
DESCRIBING = {
    *("$schema", "description", "patternHint", "unknownHints", "default"),
    *("typeName", "readOnlyProperties", "createOnlyProperties", "primaryIdentifier"),
}


def checked(**declared: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    faults = Faults()
    values = properties.check("ECRRepository", declared, faults)
    return values, [(fault.path, fault.message) for fault in faults]


# Strings become what the schema wants


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("ImageScanOnPush", "true", True),
        ("ImageScanOnPush", "false", False),
        ("ImageScanOnPush", True, True),
        ("RepositoryName", "2048", "2048"),
        ("RepositoryName", 2048, "2048"),
        ("RepositoryName", True, "true"),
        ("LifecycleGuard", {"MaxImages": "0", "MaxPercent": "007"}, {"MaxImages": 0, "MaxPercent": 7}),
        ("LifecycleRules", [{"MaxImageAge": "30"}, {"MaxImageAge": 30}], [{"MaxImageAge": 30}, {"MaxImageAge": 30}]),
        ("Tags", [{"Key": "cost", "Value": 7}], [{"Key": "cost", "Value": "7"}]),
    ],
)
def test_scalars_are_taken_from_the_strings_that_cloudformation_sends(name: str, given: Any, value: Any) -> None:
    values, faults = checked(**{name: given})
    assert faults == []
    assert json.dumps(values) == json.dumps({name: value})


@pytest.mark.parametrize(
    ("name", "given", "path", "message"),
    [
        *(
            ("ImageScanOnPush", given, "ImageScanOnPush", "must be true or false")
            for given in ("True", "yes", "1", "", 1, None, ["true"])
        ),
        *(
            ("LifecycleGuard", {"MaxImages": given}, "LifecycleGuard.MaxImages", "must be an integer")
            for given in ("", "1.0", "1e3", " 1", "1\n", "+1", "0x1", "\u0661", "9" * 19, True, 1.5, None, [1])
        ),
        ("RepositoryName", None, "RepositoryName", "must be a string"),
        ("RepositoryName", ["team"], "RepositoryName", "must be a string"),
        ("RepositoryName", 1.5, "RepositoryName", "must be a string"),
        ("Tags", {"Key": "a", "Value": "b"}, "Tags", "must be a list"),
        ("Tags", "a=b", "Tags", "must be a list"),
        ("LifecycleGuard", "10", "LifecycleGuard", "must be a map of properties"),
    ],
)
def test_a_value_of_another_type_is_reported(name: str, given: Any, path: str, message: str) -> None:
    assert checked(**{name: given}) == ({}, [(path, message)])


def test_a_documents_types_are_taken_as_they_are() -> None:
    document = {"rules": [{"rulePriority": "1"}]}
    faults = Faults()
    properties.check_document("LifecyclePolicyText", document, "Text", faults)
    assert "Text.rules[0].rulePriority: must be an integer" in map(str, faults)


# What is left out, and what is reported


def test_the_properties_of_cloudformation_are_no_fault() -> None:
    assert checked(ServiceToken="arn:aws:lambda:eu-west-1:123456789012:function:f", ServiceTimeout="60") == ({}, [])


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("RepositryName", " (did you mean RepositoryName?)"),
        ("repositoryName", " (did you mean RepositoryName?)"),
        ("TAGS", " (did you mean Tags?)"),
        ("ONEXISTING", " (did you mean OnExisting?)"),
        ("ImageTagMutabilityExclusionFilter", " (did you mean ImageTagMutabilityExclusionFilters?)"),
        ("RemovalPolicy", ""),
        ("", ""),
    ],
)
def test_an_unknown_property_is_reported_with_the_one_that_was_meant(name: str, hint: str) -> None:
    assert checked(**{name: "x"}) == ({}, [(name, f"is not a known property{hint}")])


@pytest.mark.parametrize("name", ["Resource", "NotResource"])
def test_an_unknown_property_that_is_likely_has_a_message_of_its_own(name: str) -> None:
    statement = {"Principal": "*", "Action": "ecr:BatchGetImage", name: "*"}
    [(path, message)] = checked(PolicyStatements=[statement])[1]
    assert path == f"PolicyStatements[0].{name}"
    assert message.startswith("is not allowed in a repository policy")


def test_a_property_with_its_default_counts_as_not_declared() -> None:
    faults = Faults()
    values = properties.check("ECRRepository", {"RepositoryName": "", "ImageScanOnPush": "?"}, faults)
    assert (values, [each.path for each in faults]) == ({}, ["ImageScanOnPush"])
    assert (values.declares("RepositoryName"), values.declares("ImageScanOnPush")) == (False, True)


@pytest.mark.parametrize("declared", ["text", ["a"], 1, None])
def test_properties_that_are_no_map_are_one_fault(declared: Any) -> None:
    faults = Faults()
    assert properties.check("ECRRepository", declared, faults) == {}
    assert [str(each) for each in faults] == ["Properties: must be a map of properties"]


@pytest.mark.parametrize(
    ("name", "given", "path", "words"),
    [
        ("RepositoryName", "a", "RepositoryName", "must have at least 2 characters"),
        ("RepositoryName", "a" * 257, "RepositoryName", "must have at most 256 characters"),
        ("RepositoryName", "Team/app", "RepositoryName", "must consist of lowercase letters and digits, with"),
        ("Tags", [{"Key": f"k{i}", "Value": ""} for i in range(51)], "Tags", "must have at most 4"),
        ("Tags", [{"Key": "aws:x", "Value": ""}], "Tags[0].Key", "must not begin with `aws:`"),
        ("Tags", [{"Key": "ecr-controller:x", "Value": ""}], "Tags[0].Key", "or `ecr-controller:`"),
        ("Tags", [{"Key": "", "Value": ""}], "Tags[0].Key", "must have at least 1 character"),
        ("Tags", [{"Key": "k"}], "Tags[0].Value", "is required"),
        ("LifecycleGuard", {"MaxPercent": 101}, "LifecycleGuard.MaxPercent", "must be at most 100"),
        ("LifecycleGuard", {"MaxPercent": -1}, "LifecycleGuard.MaxPercent", "must be at least 0"),
        ("OnExisting", "adopt", "OnExisting", "must be one of Fail, Adopt"),
        ("EncryptionKey", "key", "EncryptionKey", "an alias such as alias/NAME"),
    ],
)
def test_a_value_out_of_bounds_is_reported(name: str, given: Any, path: str, words: str) -> None:
    _, [(found, message)] = checked(**{name: given})
    assert found == path
    assert words in message


@pytest.mark.parametrize(
    ("name", "value"),
    [("RepositoryName", "team/app\n"), ("EncryptionKey", "arn:aws:kms:eu-west-1:123456789012:key/1\n")],
)
def test_the_line_feed_that_a_block_of_yaml_ends_with_is_a_fault(name: str, value: str) -> None:
    assert len(checked(**{name: value})[1]) == 1


def test_what_has_a_fault_is_left_out_with_all_that_holds_it_but_a_list_keeps_its_places() -> None:
    values, faults = checked(
        RepositoryName="a",
        ImageScanOnPush="true",
        LifecycleGuard={"MaxImages": "1", "MaxPercent": "some"},
        ImageTagMutabilityExclusionFilters=["ok", "not ok"],
        LifecycleRules=[{"MaxImageAge": "1"}, {"MaxImageAge": "1", "TagPrefixList": ["a", ""]}, {"MaxImageAge": "3"}],
        Tags=[{"Key": "k"}, {"Key": "l", "Value": "m"}],
    )
    assert values == {
        "ImageScanOnPush": True,
        "ImageTagMutabilityExclusionFilters": ["ok", None],
        "LifecycleRules": [{"MaxImageAge": 1}, None, {"MaxImageAge": 3}],
        "Tags": [None, {"Key": "l", "Value": "m"}],
    }
    assert [path for path, _ in faults] == [
        "RepositoryName",
        "LifecycleGuard.MaxPercent",
        "ImageTagMutabilityExclusionFilters[1]",
        "LifecycleRules[1].TagPrefixList[1]",
        "Tags[0].Value",
    ]


# The schemas


@cache
def validator(name: str) -> Draft202012Validator:
    definitions = ("definitions.json", Resource.from_contents(properties.load("definitions")))
    return Draft202012Validator(properties.load(name), registry=Registry().with_resources([definitions]))


def subschemas(schema: Any) -> Iterator[dict[str, Any]]:
    """The schema and all that it is made of, but for what it refers to."""
    yield schema
    for each in [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
        yield from subschemas(each)


def definitions() -> list[dict[str, Any]]:
    return [each for each in properties.load("definitions").values() if isinstance(each, dict)]


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_a_json_schema(name: str) -> None:
    Draft202012Validator.check_schema(properties.load(name))


def test_the_schemas_use_no_keyword_that_the_walk_does_not_know() -> None:
    roots = [*map(properties.load, SCHEMAS), *definitions()]
    used = {keyword for root in roots for each in subschemas(root) for keyword in each}
    assert used - DESCRIBING <= OBEYED


def test_the_schemas_say_what_the_walk_takes_for_granted() -> None:
    for root in [*map(properties.load, SCHEMAS), *definitions()]:
        for each in subschemas(root):
            if "properties" in each:
                assert each["additionalProperties"] is False
            assert "$ref" in each or "type" in each
            assert all(isinstance(value, str) for value in each.get("enum", []))
            assert isinstance(each.get("type"), (str, type(None))) or each.keys() <= {"type", "description"}
            # Only as the last character, which is where `\Z` may stand for it.
            assert "$" not in each.get("pattern", "").removesuffix("$")


# No line feed at an end, because Python's `$`, which the package uses, takes it; and no 1.0, which it takes as integer.
STRINGS = st.text("ab1A*-_./: ", max_size=6) | st.sampled_from(
    [
        *("team/app", "a__b", "a--b", "a___b", "prod", "aws:k", "x" * 128, "x" * 129, "x" * 256, "x" * 257, "日" * 128),
        *("arn:aws:kms:eu-west-1:123456789012:key/1a-2b", "arn:aws-cn:kms:cn-north-1:123456789012:key/mrk-1"),
        *("a*b*c*d*e", "a*b*c*d*e*", "*", "team/*", "team*", "true", "30", "é"),
    ]
)
JUNK = st.sampled_from([None, True, False, 0, 1, -1, 1.5, "", "x", [], [None], {}, {"Key": 1}, 10**30])


def values_of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of the right shape, most of them right, and here and there one that is not."""
    # The package resolves references by itself, so that a wrong one would show in the verdict.
    schema = properties.resolve(schema)
    return st.integers(0, 12).flatmap(lambda n: JUNK if n == 7 else _right(schema))


def _right(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    match schema["type"]:
        case list():
            return st.one_of([_right(schema | {"type": kind}) for kind in schema["type"]])
        case "object" if "properties" not in schema:
            return st.dictionaries(STRINGS, JUNK, max_size=2)
        case "array" if "items" not in schema:
            return st.lists(JUNK, max_size=2)
        case "object":
            known = {name: values_of(each) for name, each in schema["properties"].items()}
            needed = {name: known.pop(name) for name in schema.get("required", [])}
            whole = st.fixed_dictionaries(needed, optional=known)
            without = st.fixed_dictionaries({}, optional=needed | known | {"Other": JUNK})
            return st.integers(0, 9).flatmap(lambda n: without if n == 7 else whole)
        case "array":
            sizes = {0, 1, 2, schema.get("minItems", 0), schema.get("maxItems", 0), schema.get("maxItems", 0) + 1}
            items = values_of(schema["items"])
            return st.lists(items, max_size=2) | st.sampled_from(sorted(sizes)).flatmap(
                lambda size: items.map(lambda item: [item] * size)
            )
        case "string":
            return st.sampled_from([*schema["enum"], "other"]) if "enum" in schema else STRINGS
        case "integer":
            bounds = [schema.get("minimum", 0), schema.get("maximum", 9)]
            return st.sampled_from([each + step for each in bounds for step in (-1, 0, 1)])
        case _:
            return st.booleans()


def blamed(name: str, value: Any) -> set[str]:
    """The places at which the package finds errors, but for those inside a list that is too long."""
    errors = list(validator(name).iter_errors(value))
    too_long = [tuple(error.absolute_path) for error in errors if error.validator == "maxItems"]
    return {
        place(*error.absolute_path, *member)
        for error in errors
        for member in members(error)
        if not any(tuple(error.absolute_path)[: len(path)] == path != tuple(error.absolute_path) for path in too_long)
    }


def members(error: ValidationError) -> list[tuple[str, ...]]:
    """Those that an error of an object is about, which the package blames as a whole."""
    value: Any = error.instance
    schema: Any = error.schema
    match error.validator:
        case "required":
            return [(name,) for name in schema["required"] if name not in value]
        case "additionalProperties":
            return [(name,) for name in value if name not in schema["properties"]]
        case _:
            return [()]


def place(*path: str | int) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


@pytest.mark.parametrize("name", SCHEMAS)
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_value_has_a_fault_exactly_where_the_jsonschema_package_finds_one(name: str, data: st.DataObject) -> None:
    value = data.draw(values_of(properties.load(name)))
    faults = Faults()
    properties.check_document(name, value, "$", faults)
    assert {fault.path for fault in faults} == blamed(name, value)


# Names that are known from elsewhere


def messages(type_name: str, **declared: Any) -> dict[str, str]:
    faults = Faults()
    properties.check(type_name, declared, faults)
    return {fault.path: fault.message for fault in faults}


def test_names_of_the_native_type_are_answered_with_those_of_this_type() -> None:
    found = messages(
        "ECRRepository",
        ImageScanningConfiguration={"ScanOnPush": True},
        LifecyclePolicy={},
        EncryptionConfiguration={},
        RepositoryPolicyText={},
    )
    names = {path: message.partition("in this type it is ")[2].split()[0].strip(",") for path, message in found.items()}
    assert names == {
        "ImageScanningConfiguration": "ImageScanOnPush",
        "LifecyclePolicy": "LifecyclePolicyText",
        "EncryptionConfiguration": "Encryption",
        "RepositoryPolicyText": "PolicyStatements",
    }
    assert not any("did you mean" in message for message in found.values())


def test_a_rule_in_the_form_of_ecr_is_answered_with_that_of_this_type() -> None:
    rule = {"rulePriority": 1, "selection": {"tagStatus": "untagged"}, "action": {"type": "expire"}}
    found = messages("ECRRepository", LifecycleRules=[rule])
    assert set(found) == {f"LifecycleRules[0].{name}" for name in rule}
    assert all("or put the whole policy into LifecyclePolicyText" in message for message in found.values())


@pytest.mark.parametrize(
    "name",
    [
        "111122223333.dkr.ecr.us-east-1.amazonaws.com/shop/web",
        "111122223333.dkr-ecr.us-east-1.on.aws/shop/web",
        "111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com/shop/web",
    ],
)
def test_the_address_of_a_registry_is_no_part_of_a_name(name: str) -> None:
    assert "without the address of a registry" in messages("ECRRepository", RepositoryName=name)["RepositoryName"]
