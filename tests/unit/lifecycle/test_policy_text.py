"""LifecyclePolicyText: read as ECR reads it, with the faults of LifecycleRules, reported by their path in the text."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_controller.errors import Faults, InvalidProperties
from ecr_controller.lifecycle.rules import parse_policy
from ecr_controller.resources.repository import RepositoryResource
from tests.unit.conftest import declared

if TYPE_CHECKING:
    from random import Random

    from ecr_controller.lifecycle.policy import LifecyclePolicy

Json = dict[str, Any]

many = settings(max_examples=400, deadline=None)

EXPIRE: Json = {"type": "expire"}
ARCHIVE: Json = {"type": "transition", "targetStorageClass": "archive"}
ANY: Json = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5}


def rule(priority: int = 1, action: Json = EXPIRE, **selection: Any) -> Json:
    """One that keeps five of all images, but for what is given; a None takes a member away."""
    selected = {name: value for name, value in (ANY | selection).items() if value is not None}
    return {"rulePriority": priority, "selection": selected, "action": action}


def since(what: str, days: int = 90, **others: Any) -> Json:
    return {"countType": what, "countNumber": days, "countUnit": "days", **others}


def read(text: str) -> LifecyclePolicy:
    policy: LifecyclePolicy | None = declared(RepositoryResource(), {"LifecyclePolicyText": text}).lifecycle_policy
    assert policy is not None
    return policy


def faults(document: Any) -> list[tuple[str, str]]:
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(InvalidProperties) as raised:
        declared(RepositoryResource(), {"LifecyclePolicyText": text})
    return [(fault.path, fault.message) for fault in raised.value.faults]


# What it takes


def test_a_text_is_put_as_the_same_rules_would_be() -> None:
    rules = [{"TagPrefixList": ["prod"], "MaxImageCount": "9999"}, {"MaxImageAge": "30"}]
    policy = declared(RepositoryResource(), {"LifecycleRules": rules}).lifecycle_policy
    pretty = json.dumps(
        {
            "rules": [
                rule(2, **since("sinceImagePushed", 30)),
                rule(1, tagStatus="tagged", tagPrefixList=["prod"], countNumber=9999, storageClass="standard"),
            ]
        },
        indent=8,
    )
    assert policy is not None
    assert read(pretty).text() == policy.text()


def test_a_text_may_be_longer_than_ecr_takes_if_only_by_its_layout() -> None:
    assert len(read(json.dumps({"rules": [rule()]}) + " " * 40_000).text()) < 200


def test_the_examples_of_archiving_and_expiring_are_taken() -> None:
    archive = rule(1, ARCHIVE, **since("sinceImagePulled", 30))
    expire = rule(2, **since("sinceImageTransitioned", 90, storageClass="archive"))
    assert len(read(json.dumps({"rules": [archive, expire]})).rules) == 2


# What it refuses


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not valid JSON: Expecting value"),
        ("rules: []", "is not valid JSON: Expecting value: line 1 column 1"),
        ('{"rules": [}', "is not valid JSON: Expecting value: line 1 column 12"),
        ("[" * 100_000, "is not valid JSON"),
        ('{"rules": [' + "9" * 5000 + "]}", "is not valid JSON"),
        ("[]", "must be a map of properties"),
        ("null", "must be a map of properties"),
        ('"rules"', "must be a map of properties"),
    ],
)
def test_a_text_that_is_no_json_object_is_reported(text: str, words: str) -> None:
    [(path, message)] = faults(text)
    assert path == "LifecyclePolicyText"
    assert words in message


def test_a_text_and_rules_cannot_both_be_given() -> None:
    with pytest.raises(InvalidProperties) as raised:
        declared(
            RepositoryResource(),
            {"LifecyclePolicyText": json.dumps({"rules": [rule()]}), "LifecycleRules": [{"MaxImageAge": "30"}]},
        )
    [fault] = raised.value.faults
    assert fault.path == "LifecyclePolicyText"
    assert "cannot be combined with LifecycleRules" in fault.message


@pytest.mark.parametrize(
    ("document", "path", "words"),
    [
        ({}, "rules", "is required"),
        ({"rules": []}, "rules", "must have at least 1 entry"),
        ({"rules": [rule(i, tagStatus="untagged") for i in range(1, 52)]}, "rules", "at most 50 entries"),
        ({"rules": [rule()], "Version": "1"}, "Version", "is not a known property"),
        ({"Rules": [rule()], "rules": [rule()]}, "Rules", "did you mean rules?"),
    ],
)
def test_a_document_that_ecr_would_reject_is_reported_with_its_member(document: Json, path: str, words: str) -> None:
    [(found, message)] = faults(document)
    assert found == f"LifecyclePolicyText.{path}"
    assert words in message


def without(name: str) -> Json:
    return {member: value for member, value in rule().items() if member != name}


@pytest.mark.parametrize(
    ("wrong", "path", "words"),
    [
        (without("rulePriority"), "rulePriority", "is required"),
        (without("selection"), "selection", "is required"),
        (without("action"), "action", "is required"),
        (rule() | {"enabled": True}, "enabled", "is not a known property"),
        (rule() | {"description": None}, "description", "must be a string"),
        (rule(0), "rulePriority", "must be at least 1"),
        (rule() | {"rulePriority": "1"}, "rulePriority", "must be an integer"),
        (rule() | {"rulePriority": True}, "rulePriority", "must be an integer"),
        (rule(tagStatus="ANY"), "selection.tagStatus", "must be one of any, tagged, untagged"),
        (rule(tagstatus="any"), "selection.tagstatus", "did you mean tagStatus?"),
        (rule(tagStatus=None), "selection.tagStatus", "is required"),
        (rule(countType=None), "selection.countType", "is required"),
        (rule(countType="imageCount"), "selection.countType", "must be one of imageCountMoreThan, sinceImagePushed"),
        (rule(countNumber=None), "selection.countNumber", "is required"),
        (rule(countNumber=0), "selection.countNumber", "must be at least 1"),
        (rule(countNumber=1.5), "selection.countNumber", "must be an integer"),
        (rule(countUnit="days"), "selection.countUnit", "is not supported with countType imageCountMoreThan"),
        (
            rule(countType="sinceImagePushed"),
            "selection.countUnit",
            "must be days with countType sinceImagePushed",
        ),
        (rule(**since("sinceImagePushed", countUnit="hours")), "selection.countUnit", "must be one of days"),
        (rule(tagStatus="tagged"), "", "tagPrefixList or tagPatternList must have entries"),
        (rule(tagStatus="tagged", tagPrefixList=[]), "", "tagPrefixList or tagPatternList must have entries"),
        (
            rule(tagStatus="tagged", tagPrefixList=["a"], tagPatternList=["a"]),
            "",
            "cannot have both tagPrefixList and tagPatternList",
        ),
        (rule(tagPrefixList=["a"]), "selection.tagPrefixList", "is only supported with tagStatus tagged"),
        (rule(tagPatternList=[]), "selection.tagPatternList", "is only supported with tagStatus tagged"),
        (rule(tagStatus="tagged", tagPatternList=["*****"]), "selection.tagPatternList[0]", "at most 4 times"),
        (
            rule(tagStatus="tagged", tagPrefixList=["a*"]),
            "selection.tagPrefixList[0]",
            "use TagPatternList for patterns",
        ),
        (rule(tagStatus="tagged", tagPrefixList=[None]), "selection.tagPrefixList[0]", "must be a string"),
        (rule(storageClass="glacier"), "selection.storageClass", "must be one of standard, archive"),
        (
            rule(storageClass="archive"),
            "selection.storageClass",
            "must be standard with countType imageCountMoreThan",
        ),
        (
            rule(**since("sinceImageTransitioned")),
            "selection.storageClass",
            "must be archive with countType sinceImageTransitioned",
        ),
        (
            rule(**since("sinceImageTransitioned", 89, storageClass="archive")),
            "selection.countNumber",
            "must be at least 90",
        ),
        (
            rule(action=ARCHIVE, **since("sinceImageTransitioned", storageClass="archive")),
            "action.type",
            "must be expire with countType sinceImageTransitioned",
        ),
        (
            rule(**since("sinceImagePulled")),
            "action.type",
            "must be transition with countType sinceImagePulled",
        ),
        (rule(action={"type": "archive"}), "action.type", "must be one of expire, transition"),
        (rule(action={}), "action.type", "is required"),
        (rule(action={"type": "transition"}), "action.targetStorageClass", "must be archive with type transition"),
        (rule(action=ARCHIVE | EXPIRE), "action.targetStorageClass", "is only supported with type transition"),
    ],
)
def test_a_rule_that_ecr_would_reject_is_reported_with_its_member(wrong: Json, path: str, words: str) -> None:
    [(found, message)] = faults({"rules": [rule(7, tagStatus="untagged"), wrong]})
    assert found == f"LifecyclePolicyText.rules[1].{path}".removesuffix(".")
    assert words in message


@pytest.mark.parametrize(
    ("rules", "path", "words"),
    [
        ([rule(1), rule(2)], "rules[1]", "selects any images, as LifecyclePolicyText.rules[0] does"),
        (
            [rule(1, tagStatus="untagged"), rule(1, tagStatus="tagged", tagPatternList=["a"])],
            "rules[1].rulePriority",
            "1 is also the priority of LifecyclePolicyText.rules[0]",
        ),
        (
            [rule(1), rule(2, tagStatus="untagged")],
            "rules[0].rulePriority",
            "must be larger than that of LifecyclePolicyText.rules[1]",
        ),
    ],
)
def test_rules_that_ecr_would_reject_together_are_reported_once(rules: list[Json], path: str, words: str) -> None:
    [(found, message)] = faults({"rules": rules})
    assert found == f"LifecyclePolicyText.{path}"
    assert words in message


def test_all_faults_of_a_text_are_reported_at_once() -> None:
    found = faults(
        {
            "Version": "1",
            "rules": [
                rule(0),
                rule(3, tagStatus="untagged", countUnit="days"),
                rule(3, tagStatus="tagged"),
                rule(3, tagStatus="tagged", tagPatternList=["a"]),
                rule(3, tagStatus="tagged", tagPatternList=["b"]),
            ],
        }
    )
    assert sorted(path.removeprefix("LifecyclePolicyText.") for path, _ in found) == [
        "Version",
        "rules[0].rulePriority",
        "rules[1].selection.countUnit",
        "rules[2]",
        "rules[4].rulePriority",
    ]


# What holds of every text

selections: st.SearchStrategy[Json] = st.builds(
    lambda name, tags: {"tagStatus": "tagged", name: tags},
    st.sampled_from(["tagPrefixList", "tagPatternList"]),
    st.lists(st.text("ab.", min_size=1, max_size=2), min_size=1, max_size=2),
) | st.sampled_from([{"tagStatus": "any"}, {"tagStatus": "untagged"}])
wrong_selections: st.SearchStrategy[Json] = st.sampled_from(
    [
        {"tagStatus": "tagged"},
        {"tagStatus": "any", "tagPrefixList": []},
        {"tagStatus": "tagged", "tagPrefixList": ["a"], "tagPatternList": ["a"]},
        {"tagStatus": "tagged", "tagPatternList": ["a*****"]},
    ]
)
COUNTS: list[Json] = [{"countType": "imageCountMoreThan", "countNumber": 1}, since("sinceImagePushed", 1)]
PULLED, ARCHIVED = since("sinceImagePulled", 1), since("sinceImageTransitioned", 90, storageClass="archive")
ways = st.sampled_from(
    [*((count, action) for count in COUNTS for action in (EXPIRE, ARCHIVE)), (PULLED, ARCHIVE), (ARCHIVED, EXPIRE)]
)
any_ways = st.tuples(
    st.sampled_from(
        [
            *COUNTS,
            PULLED,
            ARCHIVED,
            since("sinceImageTransitioned", 90),
            since("sinceImageTransitioned", 89, storageClass="archive"),
            {"countType": "sinceImagePushed", "countNumber": 1},
            {"countType": "imageCountMoreThan", "countNumber": 0},
        ]
    ),
    st.sampled_from([EXPIRE, ARCHIVE, {"type": "transition"}, EXPIRE | ARCHIVE, ARCHIVE | EXPIRE]),
)
stored = st.sampled_from([{}, {"storageClass": "standard"}, {"storageClass": "archive"}])
described = st.sampled_from([{}, {"description": ""}, {"description": "日 🐳"}])


def rules_of(
    selections: st.SearchStrategy[Json], ways: st.SearchStrategy[tuple[Json, Json]]
) -> st.SearchStrategy[Json]:
    return st.builds(
        lambda priority, stored, selection, way, described: {
            "rulePriority": priority,
            "selection": stored | selection | way[0],
            "action": way[1],
            **described,
        },
        st.integers(1, 6),
        stored,
        selections,
        ways,
        described,
    )


legal_rules = rules_of(selections, ways)
prefixes = st.lists(st.sampled_from("abc"), min_size=1, max_size=2)
declared_rules = st.builds(
    lambda *parts: {name: value for part in parts for name, value in part.items()},
    st.one_of(
        st.builds(lambda prefixes: {"TagPrefixList": prefixes}, prefixes),
        st.sampled_from([{"TagStatus": "untagged"}, {}, {"TagPatternList": ["a"]}]),
    ),
    st.sampled_from(
        [
            {"MaxImageCount": 1},
            {"MaxImageAge": 1, "StorageClass": "standard", "Action": "archive"},
            {"MaxDaysSincePull": 1},
            {"MaxDaysSinceArchived": 90},
        ]
    ),
    st.one_of(st.just({}), st.builds(lambda priority: {"RulePriority": priority}, st.integers(1, 9))),
)


def ecr_takes(document: Json) -> bool:
    """The grammar of ECR's user guide, written down a second time."""
    rules = document["rules"]
    numbers = [each["rulePriority"] for each in rules]
    return len(set(numbers)) == len(numbers) and all(map(_takes_rule, rules)) and _takes_together(rules)


def _takes_rule(rule: Json) -> bool:
    selection, action = rule["selection"], rule["action"]["type"]
    lists = [selection[name] for name in ("tagPrefixList", "tagPatternList") if name in selection]
    legal = {
        "imageCountMoreThan": ("standard", {"expire", "transition"}, 1, False),
        "sinceImagePushed": ("standard", {"expire", "transition"}, 1, True),
        "sinceImagePulled": ("standard", {"transition"}, 1, True),
        "sinceImageTransitioned": ("archive", {"expire"}, 90, True),
    }
    storage_class, actions, least, in_days = legal[selection["countType"]]
    return (
        (bool(lists) and len(lists) == 1 and bool(lists[0]) if selection["tagStatus"] == "tagged" else not lists)
        and all(tag.count("*") <= 4 for tag in selection.get("tagPatternList", ()))
        and _storage_class(rule) == storage_class
        and action in actions
        and selection["countNumber"] >= least
        and ("countUnit" in selection) == in_days
        and ("targetStorageClass" in rule["action"]) == (action == "transition")
    )


def _takes_together(rules: list[Json]) -> bool:
    for storage_class in ("standard", "archive"):
        ours = sorted(
            (each for each in rules if _storage_class(each) == storage_class), key=lambda each: each["rulePriority"]
        )
        once = Counter(
            repr(sorted(set(each["selection"]["tagPrefixList"])))
            if each["selection"].get("tagPrefixList")
            else each["selection"]["tagStatus"]
            for each in ours
            if "tagPatternList" not in each["selection"]
        )
        if any(n > 1 for n in once.values()) or any(a["selection"]["tagStatus"] == "any" for a, _ in pairwise(ours)):
            return False
    return True


def _storage_class(rule: Json) -> str:
    found: str = rule["selection"].get("storageClass", "standard")
    return found


@st.composite
def legal_documents(draw: st.DrawFn) -> Json:
    """Up to five rules that ECR takes, in any order."""
    taken: list[Json] = []
    for each in draw(st.lists(legal_rules, max_size=5)):
        if ecr_takes({"rules": [*taken, each]}):
            taken.append(each)
    return {"rules": taken or [rule()]}


@many
@given(st.lists(legal_rules | rules_of(selections | wrong_selections, any_ways), min_size=1, max_size=3))
def test_a_text_is_taken_exactly_where_ecr_takes_it(rules: list[Json]) -> None:
    document = {"rules": rules}
    found = parse_policy({"LifecyclePolicyText": json.dumps(document)}, Faults())
    assert (found is not None) == ecr_takes(document)


@many
@given(st.lists(declared_rules, min_size=1, max_size=4))
def test_ecr_takes_what_is_rendered_of_rules_and_it_reads_as_the_same_policy(rules: list[Json]) -> None:
    policy = parse_policy({"LifecycleRules": rules}, Faults())
    if policy is not None:
        assert ecr_takes(json.loads(policy.text()))
        assert read(policy.text()).is_equivalent_to(policy)


@many
@given(legal_documents())
def test_a_text_says_the_same_when_it_is_read_and_rendered(document: Json) -> None:
    def plain(rules: list[Json]) -> list[Json]:
        standard = {"storageClass": "standard"}
        filled = [each | {"selection": standard | each["selection"]} for each in rules]
        return sorted(filled, key=lambda each: each["rulePriority"])

    policy = read(json.dumps(document))
    text = policy.text()
    assert plain(json.loads(text)["rules"]) == plain(document["rules"])
    assert read(text).is_equivalent_to(policy)
    assert read(text).text() == text
    priorities = [rule["rulePriority"] for rule in json.loads(text)["rules"]]
    assert priorities == sorted(priorities)


@many
@given(legal_documents(), st.randoms(use_true_random=False))
def test_a_text_means_the_same_with_its_rules_and_its_lists_in_another_order(document: Json, random: Random) -> None:
    other: Json = json.loads(json.dumps(document))
    random.shuffle(other["rules"])
    for each in other["rules"]:
        for name in ("tagPrefixList", "tagPatternList"):
            random.shuffle(each["selection"].get(name, []))
    assert read(json.dumps(document)).is_equivalent_to(read(json.dumps(other)))


@many
@given(legal_documents(), st.data())
def test_a_text_with_one_thing_changed_means_another(document: Json, data: st.DataObject) -> None:
    other: Json = json.loads(json.dumps(document))
    changed = data.draw(st.sampled_from(other["rules"]))
    match data.draw(st.sampled_from(["count", "description", "rule"])):
        case "count":
            changed["selection"]["countNumber"] += 1
        case "description":
            changed["description"] = "another"
        case _:
            other["rules"].append(rule(99, tagStatus="tagged", tagPatternList=["new"]))
            other["rules"] = [each for each in other["rules"] if each["selection"]["tagStatus"] != "any"]
    assert not read(json.dumps(document)).is_equivalent_to(read(json.dumps(other)))
