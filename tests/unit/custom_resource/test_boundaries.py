"""Which repositories a stack may manage, and what the protocol makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller.custom_resource.authority import Authority
from ecr_controller.custom_resource.boundaries import Boundaries, OutsideBoundaries
from ecr_controller.custom_resource.request import Home, Request
from ecr_controller.errors import UserError
from ecr_controller.resources.authorization_token_grant import AuthorizationTokenGrantResource
from ecr_controller.resources.image_scan import ImageScanResource
from ecr_controller.resources.image_scan_route import ImageScanRouteResource
from ecr_controller.resources.lifecycle_policy import LifecyclePolicyResource
from ecr_controller.resources.repository import RepositoryResource
from ecr_controller.resources.repository_grant import RepositoryGrantResource
from ecr_controller.stacks import Stacks
from tests.unit.conftest import request
from tests.unit.custom_resource.stand_ins import MARKER, LambdaContext, event, serve

if TYPE_CHECKING:
    from ecr_controller.custom_resource.protocol import Resource
    from tests.unit.custom_resource.response_server import ResponseServer

TEAMS = Boundaries("*", (("payments-*", "payments/*"), ("payments-*", "shared/base"), ("platform", "*")))
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:findings"
RULES = {"LifecycleRules": [{"MaxImageCount": "3"}]}


@pytest.fixture
def bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOUNDARIES", "shop*=shop/*, other=*")


@pytest.mark.parametrize(
    ("stack", "repository", "is_allowed"),
    [
        ("payments-api", "payments/api", True),
        ("payments-api", "payments/api/worker", True),
        ("payments-api", "shared/base", True),
        ("payments-api", "payments", False),
        ("payments-api", "shared/other", False),
        ("payments", "payments/api", False),
        ("platform", "payments/api", True),
        ("web", "web/app", False),
        # Patterns, as in a route.
        ("payments-api", "payments/*", True),
        ("payments-api", "payments/api/*", True),
        ("payments-api", "*", False),
        ("platform", "*", True),
    ],
)
def test_a_stack_may_manage_what_one_of_its_patterns_covers(stack: str, repository: str, is_allowed: bool) -> None:
    assert TEAMS.allow(stack, repository) == is_allowed


def test_without_boundaries_the_names_of_the_controller_are_the_only_bound() -> None:
    assert Boundaries("team/*").allow("any", "team/app")
    assert not Boundaries("team/*").allow("any", "other/app")
    assert not Boundaries("team/*").allow("any", "*")


def test_boundaries_are_within_the_names_of_the_controller() -> None:
    assert not Boundaries("team/*", (("any", "*"),)).allow("any", "other/app")


def test_the_reason_names_all_that_is_outside_and_what_is_inside() -> None:
    with pytest.raises(OutsideBoundaries) as refused:
        TEAMS.verify("payments-api", ["web/b", "payments/a", "web/a", "web/b"])
    assert "the stack payments-api may not manage web/a, web/b. It may manage payments/* and shared/base." in str(
        refused.value
    )
    assert "the parameters RepositoryNames and Boundaries" in str(refused.value)
    with pytest.raises(OutsideBoundaries, match="It may manage no repositories"):
        TEAMS.verify("web", ["web/a"])


def test_they_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Boundaries.configured() == Boundaries("*")
    monkeypatch.setenv("REPOSITORY_NAMES", "team/*")
    monkeypatch.setenv("BOUNDARIES", "a-*=team/a*, b=team/b,")
    assert Boundaries.configured() == Boundaries("team/*", (("a-*", "team/a*"), ("b", "team/b")))


@pytest.mark.parametrize("text", ["team/*", "=team/*", "a=", "a=b,c"])
def test_what_cannot_be_read_allows_nothing(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("BOUNDARIES", text)
    with pytest.raises(UserError, match="is not a list of STACKS=REPOSITORIES"):
        Boundaries.configured()


@pytest.mark.parametrize(
    ("resource", "new", "old", "physical_id", "names"),
    [
        (RepositoryResource(), {"RepositoryName": "a"}, {"RepositoryName": "b"}, "b2", {"a", "b", "b2"}),
        (
            LifecyclePolicyResource(),
            {"RepositoryName": "a", **RULES},
            {"RepositoryName": "b", **RULES},
            "b2",
            {"a", "b", "b2"},
        ),
        (
            RepositoryGrantResource(),
            {"RepositoryName": "a", "Grantee": "123456789012", "Access": "Pull"},
            {"RepositoryName": "b", "Grantee": "123456789012", "Access": "Pull"},
            "b2|Images",
            {"a", "b", "b2"},
        ),
        (
            ImageScanRouteResource(),
            {"RepositoryName": "a/*", "Targets": [QUEUE]},
            {"RepositoryName": "*", "Targets": [QUEUE]},
            "0123:*",
            {"a/*", "*"},
        ),
        (
            ImageScanResource(),
            {"RepositoryName": "aa", "ImageTag": "v1"},
            {"RepositoryName": "bb", "ImageTag": "v1"},
            "bb@x",
            {"aa"},
        ),
        (AuthorizationTokenGrantResource(), {"Grantee": "arn:aws:iam::123456789012:role/r"}, {}, "x|Images", set()),
    ],
    ids=lambda each: getattr(each, "type_name", None),
)
def test_an_update_concerns_what_it_names_and_what_it_named(
    resource: Resource[Any], new: Any, old: Any, physical_id: str, names: set[str]
) -> None:
    # ECR's names have two characters at least.
    longer = {"a": "aa", "b": "bb"}
    new, old = ({k: longer.get(v, v) if isinstance(v, str) else v for k, v in each.items()} for each in (new, old))
    asked = request("Update", properties=new, old_properties=old, physical_id=physical_id).for_resource(resource)
    assert set(resource.repositories(asked)) == {longer.get(each, each) for each in names}


def test_a_generated_name_is_bounded_too(bounded: None, server: ResponseServer) -> None:
    assert serve(event("Create", server.url), LambdaContext(), RepositoryResource()) == "FAILED"
    assert "the stack shop may not manage shop-images-" in server.only()["Reason"]


@pytest.mark.parametrize("kind", ["Create", "Update", "Delete"])
def test_a_request_outside_changes_nothing(
    bounded: None, monkeypatch: pytest.MonkeyPatch, server: ResponseServer, kind: str
) -> None:
    monkeypatch.setattr(Stacks, "is_rolling_back", lambda *_asked: False)
    declared = {"RepositoryName": "other/app"}
    changes: dict[str, Any] = {} if kind == "Create" else {"PhysicalResourceId": "other/app"}
    asked = event(kind, server.url, ResourceProperties=declared, **changes)
    assert serve(asked, LambdaContext(seconds=8), RepositoryResource()) == "FAILED"
    assert "RepositoryName: the stack shop may not manage other/app" in server.only()["Reason"]


@pytest.mark.parametrize("physical_id", [f"{MARKER}request-0", "shop-Images-1A2B3C4D5E6F"])
def test_the_delete_after_a_refused_create_succeeds(bounded: None, server: ResponseServer, physical_id: str) -> None:
    declared = {"RepositoryName": "other/app"}
    asked = event("Delete", server.url, ResourceProperties=declared, PhysicalResourceId=physical_id)
    assert serve(asked, LambdaContext(), RepositoryResource()) == "SUCCESS"


@pytest.mark.parametrize(
    ("kind", "rolls_back", "is_refused"), [("Update", True, False), ("Update", False, True), ("Create", True, True)]
)
def test_an_update_of_a_rollback_is_not_refused(
    bounded: None, monkeypatch: pytest.MonkeyPatch, kind: str, rolls_back: bool, is_refused: bool
) -> None:
    authority, asked = Authority(None), Request[Any].from_event(event(kind), 0)
    monkeypatch.setattr(authority._stacks, "is_rolling_back", lambda _stack: rolls_back)
    if is_refused:
        with pytest.raises(OutsideBoundaries):
            authority.authorize(asked, ["other/app"])
    else:
        authority.authorize(asked, ["other/app"])


def test_the_place_of_a_function_is_in_its_arn() -> None:
    arn = "arn:aws-cn:lambda:cn-north-1:123456789012:function:ecr-controller-repository:live"
    assert Home.of_function(arn) == Home("aws-cn", "cn-north-1", "123456789012")
