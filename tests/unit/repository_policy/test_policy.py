"""Parts and foreign statements become one policy."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_controller.errors import UserError
from ecr_controller.repository_policy import access
from ecr_controller.repository_policy.policy import MAX_LENGTH, Policy, is_ours, refuse_too_long, render
from ecr_controller.repository_policy.statement import Statement, prefix
from ecr_controller.shared_documents.converge import Part

STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/7d6f1c80"
LAMBDA_ADDED = {
    "Sid": "LambdaECRImageRetrievalPolicy",
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    "Condition": {"StringLike": {"aws:sourceArn": "arn:aws:lambda:eu-west-1:123456789012:function:*"}},
}


def arn(name: str) -> str:
    return f"arn:aws:iam::123456789012:role/{name}"


def pull(*names: str, **more: Any) -> Statement:
    return Statement(tuple(("AWS", arn(name)) for name in names), access.PULL, **more)


def part(owner: str, *statements: Statement) -> Part:
    return Part(f"{STACK}|{owner}", {"statements": [each.content() for each in statements], "request": "r"})


def ours(policy: Policy) -> list[Any]:
    return [each for each in policy.statements if is_ours(each)]


def test_a_grant_comes_after_what_is_there_with_a_sid_of_ours_and_no_resource() -> None:
    policy = render(Policy((LAMBDA_ADDED,)), [part("Grant", pull("web"))])
    assert policy.statements == (
        LAMBDA_ADDED,
        {
            "Sid": pull().sid,
            "Effect": "Allow",
            "Principal": {"AWS": arn("web")},
            "Action": ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"],
        },
    )
    assert pull().sid.startswith(f"{prefix()}Pull")
    assert pull().sid.isalnum()


def test_statements_that_differ_only_in_the_principal_are_one() -> None:
    service = Statement((("Service", "codebuild.amazonaws.com"),), access.PULL)
    parts = [part("A", pull("web", "api")), part("B", pull("api")), part("C", pull("job")), part("D", service)]
    [statement] = render(Policy(), parts).statements
    assert statement["Principal"] == {
        "AWS": [arn("api"), arn("job"), arn("web")],
        "Service": "codebuild.amazonaws.com",
    }


@pytest.mark.parametrize(
    "other",
    [
        pull("api", conditions={"Bool": {"aws:SecureTransport": "true"}}),
        pull("api", effect="Deny"),
        pull("api", label="Web"),
        Statement((("AWS", arn("api")),), access.PUSH),
        Statement((("AWS", "*"),), access.PULL),
    ],
)
def test_statements_that_differ_in_more_are_two(other: Statement) -> None:
    assert len(render(Policy(), [part("A", pull("web")), part("B", other)]).statements) == 2


def test_the_order_in_which_conditions_are_written_makes_no_difference() -> None:
    one, two = {"Bool": {"a": "true"}, "Null": {"b": "true"}}, {"Null": {"b": "true"}, "Bool": {"a": "true"}}
    parts = [part("A", pull("web", conditions=one)), part("B", pull("api", conditions=two))]
    assert len(render(Policy(), parts).statements) == 1


def test_a_policy_keeps_its_version_and_id() -> None:
    text = json.dumps({"Version": "2008-10-17", "Id": "theirs", "Statement": LAMBDA_ADDED})
    policy = render(Policy.parse(text), [part("A", pull("web"))])
    document = json.loads(policy.text())
    assert (document["Version"], document["Id"]) == ("2008-10-17", "theirs")
    assert json.loads(Policy().text())["Version"] == "2012-10-17"


# Foreign statements

foreign = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"]), "Principal": st.sampled_from(["*", {"AWS": ["b", "a"]}])},
    optional={
        "Sid": st.sampled_from(["", "a", "Theirs", "ecrController", "Pull"]),
        "NotAction": st.just("ecr:*"),
        "Action": st.sampled_from(["ecr:*", ["ecr:PutImage", "ecr:BatchGetImage"]]),
        "Condition": st.just({"StringEquals": {"x": ["2", "1"]}}),
    },
)
declared = st.builds(
    Statement,
    st.lists(st.sampled_from([("AWS", arn(name)) for name in "abc"]), min_size=1, max_size=3).map(tuple),
    st.sampled_from([access.PULL, access.PUSH, ("ecr:ListImages",)]),
    st.sampled_from([{}, {"Bool": {"aws:SecureTransport": "true"}}]),
    st.sampled_from(["Allow", "Deny"]),
    st.sampled_from(["", "Web"]),
)
part_lists = st.lists(st.lists(declared, min_size=1, max_size=2), max_size=4).map(
    lambda lists: [part(str(i), *statements) for i, statements in enumerate(lists)]
)


def allowed(statements: Any) -> set[Any]:
    """What statements say, one by one: whom, what, under which condition."""
    return {
        (kind, each, action, json.dumps(statement.conditions), statement.effect)
        for statement in statements
        for kind, each in statement.principals
        for action in statement.actions
    }


@given(st.lists(foreign, max_size=4), st.lists(part_lists, min_size=1, max_size=4))
def test_foreign_statements_stay_as_they_are_and_in_order_whatever_becomes_of_ours(
    theirs: list[Any], history: list[list[Part]]
) -> None:
    policy = Policy(tuple(theirs))
    for parts in history:
        policy = Policy.parse(render(policy, parts).text())
        assert [each for each in policy.statements if not is_ours(each)] == theirs
    assert render(policy, []).statements == tuple(theirs)


@given(st.lists(foreign, max_size=3), part_lists, part_lists)
def test_our_statements_say_what_the_parts_say_and_nothing_else(
    theirs: list[Any], before: list[Part], parts: list[Part]
) -> None:
    policy = render(render(Policy(tuple(theirs)), before), parts)
    written = [Statement.from_content({**each, "Sid": ""}) for each in ours(policy)]
    wanted = [Statement.from_content(each) for part in parts for each in part.content["statements"]]
    assert allowed(written) == allowed(wanted)
    assert len({each["Sid"] for each in ours(policy)}) == len(ours(policy))


@given(st.lists(foreign, max_size=3), part_lists)
def test_a_policy_that_holds_just_the_parts_is_rendered_as_it_is(theirs: list[Any], parts: list[Part]) -> None:
    policy = render(Policy(tuple(theirs)), parts)
    assert render(Policy.parse(policy.text()), parts) == policy


def test_our_statement_is_known_in_any_form_in_which_ecr_may_show_it() -> None:
    parts = [part("A", pull("web", "api")), part("B", Statement((("AWS", arn("job")),), ("ecr:ListImages",)))]
    policy = render(Policy((LAMBDA_ADDED,)), parts)
    shown = json.loads(policy.text())
    for each in shown["Statement"][1:]:
        names = each["Principal"]["AWS"]
        each["Principal"]["AWS"] = names[::-1] if isinstance(names, list) else [names]
        each["Action"] = each["Action"][0] if len(each["Action"]) == 1 else each["Action"]
    assert Policy.parse(json.dumps(shown)) == policy


@pytest.mark.parametrize("junk", [{}, {"Principal": "*"}, {"NotPrincipal": {"AWS": "a"}, "Action": "ecr:*"}])
def test_what_others_wrote_under_a_sid_of_ours_is_removed(junk: dict[str, Any]) -> None:
    text = json.dumps({"Statement": [{"Sid": prefix() + "X", "Effect": "Allow", **junk}, LAMBDA_ADDED]})
    assert render(Policy.parse(text), []).statements == (LAMBDA_ADDED,)


# Principals that are gone


def test_a_policy_without_a_principal_keeps_the_others_of_its_statements() -> None:
    policy = Policy(
        (
            {"Effect": "Allow", "Principal": {"AWS": ["AROAX", "b"]}, "Action": "ecr:*"},
            {"Effect": "Allow", "Principal": {"AWS": "AROAX"}, "Action": "ecr:*"},
            {"Effect": "Allow", "Principal": {"AWS": "AROAX", "Service": "s"}, "Action": "ecr:*"},
            {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"},
            {"Effect": "Deny", "NotPrincipal": {"AWS": "AROAX"}, "Action": "ecr:*"},
        )
    )
    left = [each.get("Principal") for each in policy.without({"AROAX"}).statements]
    assert left == [{"AWS": "b"}, {"Service": "s"}, "*", None]
    assert policy.without(set()) is policy


# Length


def test_a_policy_of_just_the_length_that_ecr_takes_is_taken_and_one_more_character_is_not() -> None:
    parts = [part("Grant", pull("x"))]
    padding = MAX_LENGTH - len(render(Policy(), parts).text())
    parts = [part("Grant", pull("x" + "y" * padding))]
    policy = render(Policy(), parts)
    assert len(policy.text()) == MAX_LENGTH
    refuse_too_long("team/app", policy, parts)
    parts = [part("Grant", pull("x" + "y" * (padding + 1)))]
    with pytest.raises(UserError, match=r"would have 10,241 characters\. ECR accepts 10,240"):
        refuse_too_long("team/app", render(Policy(), parts), parts)


def test_the_error_names_the_grants_that_weigh_most_and_the_weight_of_others() -> None:
    light = [part(f"Light{i}", pull(f"light{i}")) for i in range(8)]
    heavy = part("Heavy", pull(*(f"role{i}" for i in range(300))))
    parts = [*light, heavy]
    with pytest.raises(UserError) as raised:
        refuse_too_long("team/app", render(Policy((LAMBDA_ADDED,)), parts), parts)
    message = str(raised.value)
    assert "Largest grants: Heavy in the stack shop (" in message
    assert message.count("Light") == 4
    assert f"statements that the controller does not manage: {len(json.dumps(LAMBDA_ADDED)):,}" in message
