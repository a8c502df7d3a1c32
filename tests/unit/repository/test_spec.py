"""What the properties of ``Custom::ECRRepository`` declare, and every fault that they can have."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_controller.custom_resource import properties
from ecr_controller.errors import InvalidProperties
from ecr_controller.repository.model import Encryption, Mutability
from ecr_controller.repository.spec import RepositorySpec
from ecr_controller.resources.repository import RepositoryResource
from tests.unit.conftest import declared as spec_of
from tests.unit.conftest import declared_before
from tests.unit.custom_resource.test_properties import values_of

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1a2b3c4d-0000-1111-2222-333344445555"
MUTABILITY, FILTERS = "ImageTagMutability", "ImageTagMutabilityExclusionFilters"
NEEDS_EXCLUSION = "is only supported with ImageTagMutability MUTABLE_WITH_EXCLUSION or IMMUTABLE_WITH_EXCLUSION"
CHARACTERS = "must consist of letters, digits, `.`, `_`, `-` and `*`"
NAME_CHARACTERS = (
    "must consist of lowercase letters and digits, with `.`, `_`, `__`, `-` "
    "or `/` between them, without the address of a registry"
)


def read(**declared: Any) -> RepositorySpec:
    found: RepositorySpec = spec_of(RepositoryResource(), declared)
    return found


def faults(**declared: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidProperties) as raised:
        read(**declared)
    return [(fault.path, fault.message) for fault in raised.value.faults]


def test_nothing_declared_is_nothing_wanted() -> None:
    assert read(ServiceToken="arn:aws:lambda:eu-west-1:123456789012:function:repository") == RepositorySpec()


def test_all_that_is_declared_is_read() -> None:
    found = read(
        RepositoryName="team/app",
        ImageScanOnPush="true",
        ImageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        ImageTagMutabilityExclusionFilters=["latest", "dev-*"],
        EncryptionKey=KEY,
        LifecycleRules=[{"MaxImageAge": "30"}],
        EmptyOnDelete="true",
        OnExisting="Adopt",
        Tags=[{"Key": "team", "Value": "platform"}],
    )
    assert found == RepositorySpec(
        name="team/app",
        scan_on_push=True,
        mutability=Mutability("IMMUTABLE_WITH_EXCLUSION", ("latest", "dev-*")),
        lifecycle_policy=found.lifecycle_policy,
        tags={"team": "platform"},
        encryption=Encryption("KMS", KEY),
        adopt=True,
        empty_on_delete=True,
    )
    assert found.lifecycle_policy is not None


# Name


def test_an_empty_name_counts_as_none() -> None:
    assert read(RepositoryName="").name is None


@pytest.mark.parametrize(
    "name", ["ab", "1a", "a" * 256, "team/app", "a/b/c", "a.b", "a_b", "a-b", "a__b", "a--b", "a-----b/c__d", "0/1"]
)
def test_every_name_that_ecr_takes_is_taken_also_those_that_the_cdk_refuses(name: str) -> None:
    assert read(RepositoryName=name).name == name


@pytest.mark.parametrize(
    "name",
    [
        *("App", "a b", "a+b", "ä-b", "a\n", "a:b", "/a", "a/", "a//b", "-a", "a-", ".a", "a.", "_a", "a_"),
        *("a..b", "a___b", "a._b", "a-_b", "a/-b"),
    ],
)
def test_a_name_with_other_characters_or_with_a_separator_at_an_end_is_refused(name: str) -> None:
    assert faults(RepositoryName=name) == [("RepositoryName", NAME_CHARACTERS)]


@pytest.mark.parametrize(
    ("name", "length"),
    [("a", "must have at least 2 characters"), ("a" * 257, "must have at most 256 characters")],
)
def test_a_name_has_2_to_256_characters(name: str, length: str) -> None:
    assert faults(RepositoryName=name) == [("RepositoryName", length)]


def test_both_faults_of_a_name_are_reported() -> None:
    assert faults(RepositoryName="A") == [
        ("RepositoryName", "must have at least 2 characters"),
        ("RepositoryName", NAME_CHARACTERS),
    ]


# Mutability and its filters


@pytest.mark.parametrize("value", ["MUTABLE", "IMMUTABLE"])
def test_mutability_without_exclusion_needs_no_filters(value: str) -> None:
    assert read(ImageTagMutability=value).mutability == Mutability(value)


@pytest.mark.parametrize("value", ["MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"])
@pytest.mark.parametrize("count", [1, 5])
def test_mutability_with_exclusion_takes_1_to_5_filters(value: str, count: int) -> None:
    filters = [f"v{i}*" for i in range(count)]
    assert read(**{MUTABILITY: value, FILTERS: filters}).mutability == Mutability(value, tuple(filters))


@pytest.mark.parametrize("declared", [{}, {MUTABILITY: "MUTABLE"}, {MUTABILITY: "IMMUTABLE"}])
def test_filters_go_only_with_exclusion(declared: dict[str, Any]) -> None:
    assert faults(**declared, **{FILTERS: ["latest"]}) == [(FILTERS, NEEDS_EXCLUSION)]


def test_even_no_filters_go_only_with_exclusion() -> None:
    assert (FILTERS, NEEDS_EXCLUSION) in faults(**{MUTABILITY: "MUTABLE", FILTERS: []})


@pytest.mark.parametrize(
    ("filters", "message"),
    [([], "must have at least 1 entry"), (["a"] * 6, "must have at most 5 entries")],
)
def test_no_filters_and_more_than_5_are_refused(filters: list[str], message: str) -> None:
    assert faults(**{MUTABILITY: "MUTABLE_WITH_EXCLUSION", FILTERS: filters}) == [(FILTERS, message)]


@pytest.mark.parametrize("value", ["MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"])
def test_exclusion_needs_filters(value: str) -> None:
    assert faults(**{MUTABILITY: value}) == [(FILTERS, f"is required with ImageTagMutability {value}: 1 to 5 patterns")]


def test_another_mutability_is_refused_and_its_filters_are_not_blamed() -> None:
    [(path, message)] = faults(**{MUTABILITY: "FROZEN", FILTERS: ["latest"]})
    assert path == MUTABILITY
    assert message == "must be one of MUTABLE, IMMUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION"


@pytest.mark.parametrize("each", ["latest", "*", "v*.*-rc_1", "A" * 128])
def test_a_filter_holds_up_to_128_letters_digits_and_four_signs(each: str) -> None:
    found = read(**{MUTABILITY: "MUTABLE_WITH_EXCLUSION", FILTERS: [each]}).mutability
    assert found == Mutability("MUTABLE_WITH_EXCLUSION", (each,))


@pytest.mark.parametrize(
    ("each", "message"),
    [
        ("", "must have at least 1 character"),
        ("A" * 129, "must have at most 128 characters"),
        ("v 1", CHARACTERS),
        ("v?", CHARACTERS),
        ("v/1", CHARACTERS),
        ("vé", CHARACTERS),
    ],
)
def test_a_filter_that_ecr_would_reject_is_reported_with_its_path(each: str, message: str) -> None:
    declared = {MUTABILITY: "MUTABLE_WITH_EXCLUSION", FILTERS: ["latest", each, "ok"]}
    assert faults(**declared) == [(f"{FILTERS}[1]", message)]


# Encryption


@pytest.mark.parametrize(
    ("declared", "encryption"),
    [
        ({}, None),
        ({"Encryption": "AES256"}, Encryption("AES256")),
        ({"Encryption": "KMS"}, Encryption("KMS")),
        ({"Encryption": "KMS_DSSE"}, Encryption("KMS_DSSE")),
        ({"EncryptionKey": KEY}, Encryption("KMS", KEY)),
        ({"Encryption": "KMS", "EncryptionKey": KEY}, Encryption("KMS", KEY)),
        ({"Encryption": "KMS_DSSE", "EncryptionKey": KEY}, Encryption("KMS_DSSE", KEY)),
    ],
)
def test_encryption_is_kms_where_a_key_is_given(declared: dict[str, str], encryption: Encryption | None) -> None:
    assert read(**declared).encryption == encryption


def test_a_key_does_not_go_with_aes256() -> None:
    assert faults(Encryption="AES256", EncryptionKey=KEY) == [
        ("EncryptionKey", "is only supported with Encryption KMS or KMS_DSSE")
    ]


def test_another_encryption_is_refused_and_its_key_is_not_blamed() -> None:
    assert faults(Encryption="AES_256", EncryptionKey=KEY) == [("Encryption", "must be one of AES256, KMS, KMS_DSSE")]


ID = KEY.rpartition("/")[2]
MULTI_REGION = f"mrk-{'0a' * 16}"


@pytest.mark.parametrize("key", ["", "app", f"{ID}0", "alias/", KEY.replace("kms", "s3"), KEY + "\n"])
def test_other_texts_are_no_key(key: str) -> None:
    assert faults(EncryptionKey=key) == [
        ("EncryptionKey", "must be the ARN or the ID of a KMS key, an alias such as alias/NAME, or the ARN of an alias")
    ]


@pytest.mark.parametrize(
    ("key", "arn"),
    [
        (ID, KEY),
        (MULTI_REGION, KEY.replace(ID, MULTI_REGION)),
        (KEY, KEY),
        ("alias/team/app", "alias/team/app"),
        (KEY.replace(f"key/{ID}", "alias/app"), KEY.replace(f"key/{ID}", "alias/app")),
    ],
)
def test_the_id_of_a_key_is_one_of_this_account_and_region(key: str, arn: str) -> None:
    assert read(EncryptionKey=key).encryption == Encryption("KMS", arn)


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov", "aws-iso-b", "aws-eusc"])
def test_a_key_may_be_of_any_partition(partition: str) -> None:
    assert read(EncryptionKey=KEY.replace(":aws:", f":{partition}:")).encryption is not None


# Tags


def test_a_tag_is_given_once_and_a_faulty_one_is_not_counted() -> None:
    team = {"Key": "team", "Value": "a"}
    assert faults(Tags=[{"Key": "team"}, team, {"Key": "Team", "Value": "b"}, team]) == [
        ("Tags[0].Value", "is required"),
        ("Tags[3].Key", "team is used by more than one tag"),
    ]


# All at once


def test_all_faults_are_reported_at_once_by_property() -> None:
    with pytest.raises(InvalidProperties) as raised:
        read(
            RepositoryName="Team",
            ImageScanOnPsh="true",
            ImageTagMutability="MUTABLE",
            ImageTagMutabilityExclusionFilters=["latest"],
            LifecycleRules=[{"MaxImageAge": "30"}, {"MaxImageCount": "0"}, {"MaxImageAge": "7"}],
            Tags="team=a",
        )
    assert str(raised.value) == (
        "Custom::ECRRepository has 6 invalid properties. "
        "ImageScanOnPsh: is not a known property (did you mean ImageScanOnPush?); "
        f"RepositoryName: {NAME_CHARACTERS}; "
        "LifecycleRules[1].MaxImageCount: must be at least 1; "
        "Tags: must be a list; "
        f"{FILTERS}: {NEEDS_EXCLUSION}; "
        "LifecycleRules[2]: selects any images, as LifecycleRules[0] does, "
        "but ECR allows one such rule for standard images; combine the rules"
    )


def test_invalid_properties_are_read_as_far_as_they_can_be_understood() -> None:
    found = declared_before(
        RepositoryResource(),
        {
            "RepositoryName": "team/app",
            "ImageScanOnPush": "maybe",
            "ImageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
            "ImageTagMutabilityExclusionFilters": ["latest", "not one"],
            "LifecycleRules": [{"MaxImageAge": "30"}, {"MaxImageCount": "0"}],
            "Tags": [{"Key": "team", "Value": "a"}, {"Key": "aws:x", "Value": "b"}],
        },
    )
    # Not the half of a policy: it would expire other images than the whole.
    mutability = Mutability("IMMUTABLE_WITH_EXCLUSION", ("latest",))
    assert found == RepositorySpec(name="team/app", mutability=mutability, tags={"team": "a"})


# Whatever a request may hold

names = st.sampled_from(
    [
        *properties.load("ECRRepository")["properties"],
        *(
            name
            for schema in properties.load("definitions").values()
            if isinstance(schema, dict)
            for name in schema.get("properties", ())
        ),
        *("rules", "rulePriority", "selection", "action", "countType"),
    ]
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.integers(),
    # As large as an integer in JSON can be: Python reads no more digits.
    st.sampled_from([10**30, -(10**30), 10**4300 - 1, -(10**4299), 2**31 - 1]),
    st.text(st.characters(exclude_categories=()), max_size=8),
    st.sampled_from(["\ud800", "30", "1" * 5000, "true", "any", "tagged", "archive", "MUTABLE", "KMS", "[" * 9999]),
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names | st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
numbers = st.sampled_from(["1", "2", "90", 3, "0", "x", None, 10**4300 - 1])
lists = st.lists(st.sampled_from(["a", "b", "", "*", "\ud800", None, 7]), max_size=3) | anything
rules = st.fixed_dictionaries(
    {},
    optional={
        "Description": anything,
        "RulePriority": numbers,
        "TagStatus": st.sampled_from(["any", "tagged", "untagged"]) | anything,
        "TagPrefixList": lists,
        "TagPatternList": lists,
        "MaxImageCount": numbers,
        "MaxImageAge": numbers,
        "MaxDaysSincePull": numbers,
        "MaxDaysSinceArchived": numbers,
        "StorageClass": st.sampled_from(["standard", "archive"]) | anything,
        "Action": st.sampled_from(["expire", "archive"]) | anything,
        "Other": anything,
    },
)


def is_read_or_refused(declared: dict[str, Any]) -> None:
    refusal = None
    try:
        found = read(**declared)
    except InvalidProperties as error:
        refusal = error
    leniently = declared_before(RepositoryResource(), declared)
    if refusal is None:
        assert found == leniently
    else:
        assert refusal.faults
        assert all(str(fault) in str(refusal) for fault in refusal.faults)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(names | st.text(max_size=3), anything, max_size=6))
def test_any_properties_are_read_or_refused(declared: dict[str, Any]) -> None:
    is_read_or_refused(declared)


@settings(max_examples=300, deadline=None)
@given(values_of(properties.load("ECRRepository")))
def test_properties_of_nearly_the_right_shape_are_read_or_refused(declared: Any) -> None:
    is_read_or_refused(declared if isinstance(declared, dict) else {})


@settings(max_examples=300, deadline=None)
@given(st.lists(rules | anything, max_size=4))
def test_any_lifecycle_rules_are_read_or_refused(rules: list[Any]) -> None:
    is_read_or_refused({"LifecycleRules": rules})


@settings(max_examples=300, deadline=None)
@given(st.text() | anything.map(json.dumps) | st.lists(anything, max_size=3).map(lambda a: json.dumps({"rules": a})))
def test_any_lifecycle_policy_text_is_read_or_refused(text: str) -> None:
    is_read_or_refused({"LifecyclePolicyText": text})
