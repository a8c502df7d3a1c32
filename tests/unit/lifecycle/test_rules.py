"""LifecycleRules: what the CDK's ``LifecycleRule`` does, sentence by sentence, and what only ECR would have refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecr_controller.errors import InvalidProperties
from ecr_controller.resources.repository import RepositoryResource
from tests.unit.conftest import declared

Json = dict[str, Any]

COUNT: Json = {"MaxImageCount": "5"}
AGE: Json = {"MaxImageAge": "30"}
UNTAGGED: Json = {"TagStatus": "untagged", **COUNT}
ARCHIVED: Json = {"MaxDaysSinceArchived": "90"}


def prefix(*prefixes: str, **others: Any) -> Json:
    return {"TagPrefixList": list(prefixes), **COUNT, **others}


def pattern(*patterns: str, **others: Any) -> Json:
    return {"TagPatternList": list(patterns), **COUNT, **others}


def text(*rules: Json) -> str:
    policy = declared(RepositoryResource(), {"LifecycleRules": list(rules)}).lifecycle_policy
    assert policy is not None
    written: str = policy.text()
    return written


def rendered(*rules: Json) -> list[Json]:
    found: list[Json] = json.loads(text(*rules))["rules"]
    return found


def order(*rules: Json) -> list[tuple[int, str]]:
    """The priority of each rendered rule, with its description."""
    return [(rule["rulePriority"], rule["description"]) for rule in rendered(*rules)]


def faults(*rules: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidProperties) as raised:
        declared(RepositoryResource(), {"LifecycleRules": list(rules)})
    return [(fault.path, fault.message) for fault in raised.value.faults]


def paths(*rules: Any) -> list[str]:
    return [path for path, _ in faults(*rules)]


# What is rendered


def test_keep_everything_tagged_prod_and_expire_what_is_older_than_30_days_in_that_order() -> None:
    keep = {"Description": "keep everything tagged prod", "TagPrefixList": ["prod"], "MaxImageCount": "9999"}
    forget = {"Description": "expire what is older than 30 days", "MaxImageAge": "30"}
    assert text(keep, forget) == (
        '{"rules":['
        '{"rulePriority":1,"description":"keep everything tagged prod",'
        '"selection":{"tagStatus":"tagged","tagPrefixList":["prod"],"countType":"imageCountMoreThan",'
        '"countNumber":9999},"action":{"type":"expire"}},'
        '{"rulePriority":2,"description":"expire what is older than 30 days",'
        '"selection":{"tagStatus":"any","countType":"sinceImagePushed","countNumber":30,"countUnit":"days"},'
        '"action":{"type":"expire"}}'
        "]}"
    )


@pytest.mark.parametrize(
    ("rule", "tag_status"),
    [
        (COUNT, "any"),
        (prefix("prod"), "tagged"),
        (pattern("prod*"), "tagged"),
        ({"TagStatus": "untagged", **COUNT}, "untagged"),
        ({"TagStatus": "any", **COUNT}, "any"),
        (prefix("prod", TagStatus="tagged"), "tagged"),
    ],
)
def test_the_tag_status_is_any_without_a_tag_list_and_tagged_with_one(rule: Json, tag_status: str) -> None:
    assert rendered(rule)[0]["selection"]["tagStatus"] == tag_status


@pytest.mark.parametrize(
    ("rule", "selection"),
    [
        (COUNT, {"countType": "imageCountMoreThan", "countNumber": 5}),
        (AGE, {"countType": "sinceImagePushed", "countNumber": 30, "countUnit": "days"}),
        (
            {"MaxDaysSincePull": "60"},
            {"countType": "sinceImagePulled", "countNumber": 60, "countUnit": "days"},
        ),
        (
            ARCHIVED,
            {
                "storageClass": "archive",
                "countType": "sinceImageTransitioned",
                "countNumber": 90,
                "countUnit": "days",
            },
        ),
    ],
)
def test_each_way_to_count_is_rendered_as_its_count_type(rule: Json, selection: Json) -> None:
    assert list(rendered(rule)[0]["selection"].items()) == [("tagStatus", "any"), *selection.items()]


@pytest.mark.parametrize(
    ("rule", "action"),
    [
        (COUNT, {"type": "expire"}),
        (COUNT | {"Action": "expire"}, {"type": "expire"}),
        (COUNT | {"Action": "archive"}, {"type": "transition", "targetStorageClass": "archive"}),
        (AGE | {"Action": "archive"}, {"type": "transition", "targetStorageClass": "archive"}),
        ({"MaxDaysSincePull": "60"}, {"type": "transition", "targetStorageClass": "archive"}),
        ({"MaxDaysSincePull": "60", "Action": "archive"}, {"type": "transition", "targetStorageClass": "archive"}),
        (ARCHIVED, {"type": "expire"}),
    ],
)
def test_the_action_is_expire_but_archive_with_days_since_pull(rule: Json, action: Json) -> None:
    assert rendered(rule)[0]["action"] == action


def test_the_keys_of_a_rule_are_in_the_order_of_the_cdk() -> None:
    rule = pattern("a*", Description="d", RulePriority="7", StorageClass="standard")
    assert text(rule) == (
        '{"rules":[{"rulePriority":7,"description":"d","selection":{"tagStatus":"tagged","tagPatternList":["a*"],'
        '"countType":"imageCountMoreThan","countNumber":5},"action":{"type":"expire"}}]}'
    )


def test_rules_without_a_priority_get_the_next_ones_and_any_the_last() -> None:
    assert order(
        AGE | {"Description": "any"},
        prefix("a", Description="first without"),
        prefix("b", RulePriority="20", Description="twenty"),
        UNTAGGED | {"Description": "second without"},
        prefix("c", RulePriority="10", Description="ten"),
    ) == [(10, "ten"), (20, "twenty"), (21, "first without"), (22, "second without"), (23, "any")]


def test_priorities_begin_at_1_where_none_is_given() -> None:
    assert order(prefix("a", Description="a"), prefix("b", Description="b")) == [(1, "a"), (2, "b")]


def test_any_keeps_its_own_priority_where_it_is_the_largest() -> None:
    rules = order(AGE | {"RulePriority": "9", "Description": "any"}, prefix("a", RulePriority="3", Description="a"))
    assert rules == [(3, "a"), (9, "any")]


def test_no_rules_are_no_policy() -> None:
    assert declared(RepositoryResource(), {"LifecycleRules": []}).lifecycle_policy is None


def test_a_policy_of_the_smallest_rule_has_the_100_characters_that_ecr_wants() -> None:
    assert len(text({"MaxImageCount": "1"})) >= 100


def test_archive_and_expire_go_together_as_two_any_rules_of_different_storage_classes() -> None:
    archive = {"Description": "archive", "MaxDaysSincePull": "30"}
    assert order(archive, ARCHIVED | {"Description": "expire"}) == [(1, "archive"), (2, "expire")]


def test_untagged_images_and_prefixes_may_be_selected_once_in_each_storage_class() -> None:
    in_archive = {"StorageClass": "archive", **ARCHIVED}
    rules = rendered(
        UNTAGGED, {"TagStatus": "untagged", **in_archive}, prefix("a"), {"TagPrefixList": ["a"], **in_archive}
    )
    assert [rule["rulePriority"] for rule in rules] == [1, 2, 3, 4]


def test_the_priority_of_any_is_measured_against_its_own_storage_class_alone() -> None:
    rules = order(
        AGE | {"RulePriority": "1", "Description": "any standard"},
        {"TagStatus": "untagged", "RulePriority": "2", "Description": "archive", **ARCHIVED},
        {"TagStatus": "tagged", "TagPrefixList": ["a"], "Description": "archive without", **ARCHIVED},
    )
    assert rules == [(1, "any standard"), (2, "archive"), (3, "archive without")]


def test_tag_patterns_may_be_repeated_because_ecr_compares_only_prefixes() -> None:
    assert len(rendered(pattern("a*"), pattern("a*"))) == 2


@pytest.mark.parametrize("other", [["a"], ["a", "c"], ["ab"]])
def test_prefix_sets_may_overlap_as_long_as_they_differ(other: list[str]) -> None:
    assert len(rendered(prefix("a", "b"), prefix(*other))) == 2


@pytest.mark.parametrize("tag_pattern", ["*", "****", "a*b*c*d*e"])
def test_a_pattern_may_hold_4_wildcards(tag_pattern: str) -> None:
    assert rendered(pattern(tag_pattern))[0]["selection"]["tagPatternList"] == [tag_pattern]


def test_fifty_rules_are_a_policy() -> None:
    assert len(rendered(*(prefix(f"p{i}") for i in range(50)))) == 50


def test_a_policy_of_30720_characters_passes_and_one_more_does_not() -> None:
    room = 30_720 - len(text(COUNT | {"Description": ""}))
    # Not bytes: each of these takes three.
    assert len(text(COUNT | {"Description": "日" * room})) == 30_720
    [(path, message)] = faults(COUNT | {"Description": "日" * (room + 1)})
    assert path == "LifecycleRules"
    assert message == "makes a policy of 30,721 characters, but ECR accepts 30,720; remove or combine rules"


# One rule that is refused


@pytest.mark.parametrize(
    ("rule", "path", "words"),
    [
        # In the order of the CDK's own checks, then what it leaves to ECR.
        (COUNT | {"TagStatus": "tagged"}, "", "TagPrefixList or TagPatternList must have entries"),
        (prefix(), "", "TagPrefixList or TagPatternList must have entries"),
        (pattern(), "", "TagPrefixList or TagPatternList must have entries"),
        (prefix("a", TagStatus="any"), ".TagPrefixList", "is only supported with TagStatus tagged"),
        (prefix("a", TagStatus="untagged"), ".TagPrefixList", "is only supported with TagStatus tagged"),
        (prefix(TagStatus="untagged"), ".TagPrefixList", "is only supported with TagStatus tagged"),
        (pattern("a", TagStatus="any"), ".TagPatternList", "is only supported with TagStatus tagged"),
        (pattern(TagStatus="any"), ".TagPatternList", "is only supported with TagStatus tagged"),
        (prefix("a", TagPatternList=["b"]), "", "cannot have both TagPrefixList and TagPatternList"),
        (prefix("a", TagPatternList=[]), "", "cannot have both TagPrefixList and TagPatternList"),
        (pattern("ok", "a*b*c*d*e*"), ".TagPatternList[1]", "at most 4 times"),
        (pattern("*****"), ".TagPatternList[0]", "at most 4 times"),
        (COUNT | AGE, "", "but has MaxImageCount and MaxImageAge"),
        (
            {"TagStatus": "any"},
            "",
            "exactly one of MaxImageCount, MaxImageAge, MaxDaysSincePull, MaxDaysSinceArchived, but has none",
        ),
        ({"MaxImageAge": "1.5"}, ".MaxImageAge", "must be an integer"),
        ({"MaxImageAge": "1 hours"}, ".MaxImageAge", "must be an integer"),
        ({"MaxImageAge": "0"}, ".MaxImageAge", "must be at least 1"),
        ({"MaxImageAge": "-1"}, ".MaxImageAge", "must be at least 1"),
        ({"MaxImageCount": "0"}, ".MaxImageCount", "must be at least 1"),
        ({"MaxImageCount": "2147483648"}, ".MaxImageCount", "must be at most 2147483647"),
        ({"MaxDaysSincePull": "0"}, ".MaxDaysSincePull", "must be at least 1"),
        ({"MaxDaysSinceArchived": "89"}, ".MaxDaysSinceArchived", "must be at least 90"),
        (COUNT | {"RulePriority": "0"}, ".RulePriority", "must be at least 1"),
        (COUNT | {"RulePriority": "-3"}, ".RulePriority", "must be at least 1"),
        (COUNT | {"RulePriority": "1.5"}, ".RulePriority", "must be an integer"),
        (prefix("a", ""), ".TagPrefixList[1]", "must have at least 1 character"),
        (prefix("rel*"), ".TagPrefixList[0]", "use TagPatternList for patterns"),
        (pattern(""), ".TagPatternList[0]", "must have at least 1 character"),
        (COUNT | {"TagStatus": "Tagged"}, ".TagStatus", "must be one of any, tagged, untagged"),
        (COUNT | {"Action": "transition"}, ".Action", "must be one of expire, archive"),
        (COUNT | {"MaxAge": "1"}, ".MaxAge", "is not a known property (did you mean MaxImageAge?)"),
        # ECR's table of count types, storage classes and actions.
        (COUNT | {"StorageClass": "archive"}, ".StorageClass", "must be standard with MaxImageCount"),
        (AGE | {"StorageClass": "archive"}, ".StorageClass", "must be standard with MaxImageAge"),
        (
            {"MaxDaysSincePull": "1", "StorageClass": "archive"},
            ".StorageClass",
            "must be standard with MaxDaysSincePull",
        ),
        ({"MaxDaysSincePull": "1", "Action": "expire"}, ".Action", "must be archive with MaxDaysSincePull"),
        (ARCHIVED | {"StorageClass": "standard"}, ".StorageClass", "must be archive with MaxDaysSinceArchived"),
        (ARCHIVED | {"Action": "archive"}, ".Action", "must be expire with MaxDaysSinceArchived"),
    ],
)
def test_a_rule_that_ecr_would_reject_is_reported_with_its_property(rule: Json, path: str, words: str) -> None:
    # Rules that are sound on both sides: the index is that of the template.
    [(found, message)] = faults(UNTAGGED, rule, prefix("sound"))
    assert found == f"LifecycleRules[1]{path}"
    assert words in message


@pytest.mark.parametrize("entry", ["30", ["30"], None, True])
def test_an_entry_that_is_no_rule_is_reported(entry: Any) -> None:
    assert faults(COUNT, entry) == [("LifecycleRules[1]", "must be a map of properties")]


# Rules that are refused together


@pytest.mark.parametrize(
    ("rules", "path", "words"),
    [
        ([COUNT, AGE], "[1]", "selects any images, as LifecycleRules[0] does"),
        ([COUNT | {"RulePriority": "1"}, AGE | {"RulePriority": "2"}], "[1]", "as LifecycleRules[0] does"),
        ([UNTAGGED, UNTAGGED | {"Action": "archive"}], "[1]", "selects untagged images, as LifecycleRules[0] does"),
        ([prefix("a", "b"), COUNT, prefix("b", "a", "b")], "[2]", "these tag prefixes, as LifecycleRules[0] does"),
        ([ARCHIVED, ARCHIVED], "[1]", "one such rule for archive images"),
        (
            [prefix("a", RulePriority="4"), prefix("b", RulePriority="4")],
            "[1].RulePriority",
            "4 is also the priority of LifecycleRules[0]",
        ),
        (
            [AGE | {"RulePriority": "4"}, prefix("b", RulePriority="4")],
            "[0].RulePriority",
            "4 is also the priority of LifecycleRules[1]",
        ),
        (
            [{"MaxDaysSincePull": "1", "RulePriority": "4"}, ARCHIVED | {"RulePriority": "4"}],
            "[1].RulePriority",
            "4 is also the priority of LifecycleRules[0]",
        ),
        (
            [AGE | {"RulePriority": "9"}, prefix("a")],
            "[0].RulePriority",
            "is only supported if LifecycleRules[1] has one too",
        ),
        (
            [AGE | {"RulePriority": "1"}, prefix("a", RulePriority="2")],
            "[0].RulePriority",
            "must be larger than that of LifecycleRules[1], because `any` must be the last rule",
        ),
        (
            [ARCHIVED | {"RulePriority": "1"}, ARCHIVED | {"TagStatus": "untagged", "RulePriority": "2"}],
            "[0].RulePriority",
            "`any` must be the last rule for archive images",
        ),
    ],
)
def test_rules_that_ecr_would_reject_together_are_reported_once(rules: list[Json], path: str, words: str) -> None:
    [(found, message)] = faults(*rules)
    assert found == f"LifecycleRules{path}"
    assert words in message


def test_more_than_50_rules_are_refused() -> None:
    assert faults(*(prefix(f"p{i}") for i in range(51))) == [("LifecycleRules", "must have at most 50 entries")]


def test_all_faults_are_reported_at_once_those_of_single_rules_and_those_between_the_valid_ones() -> None:
    found = paths(
        {"MaxImageCount": "0", "TagStatus": "some"},
        prefix("a", RulePriority="1"),
        {"TagStatus": "tagged", "MaxDaysSincePull": "1", "Action": "expire"},
        prefix("b", RulePriority="1"),
        UNTAGGED,
        "no rule",
        UNTAGGED,
        COUNT | AGE,
    )
    assert sorted(found) == [
        "LifecycleRules[0].MaxImageCount",
        "LifecycleRules[0].TagStatus",
        "LifecycleRules[2]",
        "LifecycleRules[2].Action",
        "LifecycleRules[3].RulePriority",
        "LifecycleRules[5]",
        "LifecycleRules[6]",
        "LifecycleRules[7]",
    ]


@pytest.mark.parametrize(
    "faulty",
    [
        {"MaxImageCount": "many"},
        {"TagPrefixList": "a", **COUNT},
        prefix(""),
        {"TagStatus": "Untagged", **COUNT},
        {"RulePriority": "first", **COUNT},
        {"Max": "5"},
        AGE | COUNT,
    ],
)
def test_an_invalid_rule_is_reported_once_and_causes_no_other_fault(faulty: Json) -> None:
    assert len(faults(prefix("a"), faulty, UNTAGGED, AGE)) == 1
