"""KeepInUse of resources: the look comes before the policy, and the holds end with the resource."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller.deadline import DEADLINE
from ecr_controller.errors import InvalidProperties, RetryableError, UserError
from ecr_controller.in_use import keeping
from ecr_controller.in_use.declared import Declarations
from ecr_controller.in_use.keeping import InUseFunction, Keeping
from ecr_controller.lifecycle import guard
from ecr_controller.lifecycle.ecr import LifecyclePolicies
from ecr_controller.lifecycle.keep_in_use import KeepInUse
from ecr_controller.resources.lifecycle_policy import LifecyclePolicyResource
from ecr_controller.resources.repository import RepositoryResource
from ecr_controller.stacks import Stacks
from tests.unit.conftest import STACK_ID, Served, declared, request
from tests.unit.in_use.conftest import NAME

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

    from ecr_controller.shared_documents.parts import PartsTable

KEEP = {"Sources": ["ECS"], "GraceDays": "3"}
PROPERTIES: dict[str, Any] = {
    "RepositoryName": NAME,
    "LifecycleRules": [{"TagStatus": "untagged", "MaxImageAge": "1"}, {"MaxImageCount": "5"}],
    "KeepInUse": KEEP,
}
WITHOUT = {name: value for name, value in PROPERTIES.items() if name != "KeepInUse"}
ADOPTING = PROPERTIES | {"OnExisting": "Adopt"}


class Looks:
    """The looks that were asked for, and what one of them fails with."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.started: list[str] = []
        self.error: Exception | None = None

    def look(self, repository: str) -> None:
        """As the function does, with the policy that there is then."""
        self.made.append(repository)
        if self.error is not None:
            raise self.error


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    found = Looks()
    monkeypatch.setattr(InUseFunction, "look", lambda _self, repository, _since: found.look(repository))
    monkeypatch.setattr(InUseFunction, "start", lambda _self, repository: found.started.append(repository))
    monkeypatch.setattr(Stacks, "tags", lambda _self, _stack: {})
    monkeypatch.setattr(Stacks, "is_rolling_back", lambda _self, _stack: False)
    return found


@pytest.fixture(params=[RepositoryResource, LifecyclePolicyResource])
def served(request: pytest.FixtureRequest, ecr: ECRClient, parts: PartsTable, looks: Looks) -> Served:
    """A type, with a repository that it finds and may take."""
    ecr.create_repository(repositoryName=NAME)
    return Served(request.param())


def properties_of(served: Served, **properties: Any) -> dict[str, Any]:
    adopts = {"OnExisting": "Adopt"} if isinstance(served._first, RepositoryResource) else {}
    return PROPERTIES | adopts | properties


def create(served: Served, **properties: Any) -> None:
    served.create(request("Create", properties=properties_of(served, **properties)))


def rules(ecr: ECRClient) -> list[dict[str, Any]] | None:
    try:
        found: list[dict[str, Any]] = json.loads(ecr.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"])[
            "rules"
        ]
    except ecr.exceptions.LifecyclePolicyNotFoundException:
        return None
    return found


def keeps() -> list[KeepInUse | None]:
    return [each.keep for each in Declarations().of(NAME).declarations]


def test_the_policy_has_a_first_rule_that_claims_what_is_held_and_never_acts(ecr: ECRClient, served: Served) -> None:
    create(served)
    first, *others = rules(ecr) or []
    assert first["rulePriority"] == 1
    assert first["selection"] == {
        "tagStatus": "tagged",
        "tagPatternList": ["ecr-controller-in-use-*"],
        "countType": "imageCountMoreThan",
        "countNumber": 99_999,
    }
    assert [(each["rulePriority"], each["selection"]["tagStatus"]) for each in others] == [(2, "untagged"), (3, "any")]
    assert keeps() == [KeepInUse(("ECS",), None, 3)]


def test_the_look_comes_before_the_policy(
    ecr: ECRClient, served: Served, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Any] = []
    monkeypatch.setattr(InUseFunction, "look", lambda _self, _repository, _since: found.append((rules(ecr), keeps())))
    create(served)
    assert found == [(None, [KeepInUse(("ECS",), None, 3)])]


def test_without_a_look_there_is_no_policy(ecr: ECRClient, served: Served, looks: Looks) -> None:
    looks.error = UserError("ECS cannot be read.")
    with pytest.raises(UserError, match="ECS cannot be read"):
        create(served)
    assert rules(ecr) is None


def test_the_guard_judges_after_the_look(
    served: Served, looks: Looks, monkeypatch: pytest.MonkeyPatch, ecr: ECRClient
) -> None:
    def enforce(*_arguments: Any) -> guard.PreviewSummary:
        looks.made.append("guard")
        return guard.PreviewSummary(0, 0, ())

    monkeypatch.setattr(guard, "enforce", enforce)
    create(served, LifecycleGuard={"MaxImages": "0"})
    assert looks.made == [NAME, "guard"]


def test_an_update_looks_only_if_the_policy_or_what_is_kept_changes(served: Served, looks: Looks) -> None:
    create(served)
    looks.made.clear()
    declared_now = properties_of(served)
    for changed, looked in (
        ({}, []),
        ({"KeepInUse": KEEP | {"GraceDays": "9"}}, [NAME]),
        ({"KeepInUse": KEEP | {"GraceDays": "9"}, "LifecycleRules": [{"MaxImageCount": "7"}]}, [NAME]),
    ):
        before, declared_now = declared_now, properties_of(served, **changed)
        served.update(request("Update", physical_id=NAME, properties=declared_now, old_properties=before))
        assert looks.made == looked
        looks.made.clear()
    assert keeps() == [KeepInUse(("ECS",), None, 9)]


def test_holds_end_when_it_is_no_longer_declared_and_the_rule_goes(
    ecr: ECRClient, served: Served, looks: Looks
) -> None:
    create(served)
    before = properties_of(served)
    after = {name: value for name, value in before.items() if name != "KeepInUse"}
    served.update(request("Update", physical_id=NAME, properties=after, old_properties=before))
    assert [each["rulePriority"] for each in rules(ecr) or []] == [1, 2]
    assert (keeps(), looks.started) == ([None], [NAME])


def test_holds_end_with_the_resource(ecr: ECRClient, served: Served, looks: Looks) -> None:
    create(served)
    served.delete(request("Delete", physical_id=NAME, properties=properties_of(served)))
    assert (keeps(), looks.started) == ([None], [NAME])
    assert rules(ecr) is None


def test_holds_end_if_the_create_failed(served: Served, looks: Looks) -> None:
    looks.error = UserError("ECS cannot be read.")
    with pytest.raises(UserError):
        create(served)
    served.delete_failed_create(request("Delete", properties=properties_of(served)), "request-1")
    assert keeps() == [None]


def test_a_rollback_goes_on_without_a_look(
    ecr: ECRClient, served: Served, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks.error = AssertionError("It may take minutes, and fail.")
    monkeypatch.setattr(Stacks, "is_rolling_back", lambda _self, stack_id: stack_id == STACK_ID)
    create(served)
    assert len(rules(ecr) or []) == 3
    assert (looks.made, looks.started) == ([], [NAME])


def test_a_look_that_failed_for_a_moment_is_retried_with_what_was_read_for_the_request(
    served: Served, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    since: list[float] = []

    def look(_self: InUseFunction, _repository: str, asked: float) -> None:
        since.append(asked)
        if len(since) == 1:
            raise RetryableError("A throttle.")

    monkeypatch.setattr(InUseFunction, "look", look)
    resource = served._first
    made = request("Create", properties=properties_of(served)).for_resource(resource)
    with pytest.raises(RetryableError):
        resource.create(made)
    resource.create(made)
    assert since == [made.received_at] * 2


def test_a_new_repository_has_no_image_to_look_for(
    ecr: ECRClient, parts: PartsTable, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = LifecyclePolicies.put_lifecycle_policy

    def putting(self: LifecyclePolicies, repository: str, text: str | None) -> None:
        assert keeps() == [KeepInUse(("ECS",), None, 3)]
        put(self, repository, text)

    monkeypatch.setattr(LifecyclePolicies, "put_lifecycle_policy", putting)
    served = Served(RepositoryResource())
    served.create(request("Create", properties=PROPERTIES))
    assert looks.made == []
    served.delete(request("Delete", physical_id=NAME, properties=PROPERTIES))
    assert (keeps(), looks.started) == ([None], [NAME])


def test_a_resource_that_keeps_nothing_costs_no_request_until_it_is_deleted(
    ecr: ECRClient, parts: PartsTable, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = Served(RepositoryResource())
    with monkeypatch.context() as patched:
        patched.setattr(keeping, "Declarations", None)
        served.create(request("Create", properties=WITHOUT))
        served.update(request("Update", physical_id=NAME, properties=WITHOUT, old_properties=WITHOUT))
    served.delete(request("Delete", physical_id=NAME, properties=WITHOUT))
    assert (looks.made, looks.started) == ([], [])


def test_a_delete_ends_what_an_update_began_that_died(ecr: ECRClient, parts: PartsTable, looks: Looks) -> None:
    served = Served(RepositoryResource())
    served.create(request("Create", properties=PROPERTIES))
    served.delete(request("Delete", physical_id=NAME, properties=WITHOUT))
    assert (keeps(), looks.started) == ([None], [NAME])


# The properties


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"KeepInUse": {}}, "KeepInUse: must have Sources, PulledWithinDays or both"),
        ({"KeepInUse": {"GraceDays": 3}}, "KeepInUse: must have Sources, PulledWithinDays or both"),
        ({"LifecycleRules": []}, "KeepInUse: is only supported with LifecycleRules or LifecyclePolicyText"),
        ({"KeepInUse": {"Sources": ["EKS"]}}, "KeepInUse.Sources[0]: must be one of ECS, Lambda, Inspector"),
        ({"KeepInUse": {"Sources": []}}, "KeepInUse.Sources: must have at least 1"),
        ({"KeepInUse": KEEP | {"GraceDays": 0}}, "KeepInUse.GraceDays: must be at least 1"),
        ({"KeepInUse": KEEP | {"PulledWithinDays": 1}}, "KeepInUse.PulledWithinDays: must be at least 2"),
        (
            {"LifecycleRules": [{"TagPrefixList": [f"v{n}"], "MaxImageCount": 1} for n in range(50)]},
            "LifecycleRules: has 50 rules, but can have 49 with KeepInUse, which adds a rule; remove or combine rules",
        ),
        (
            {"LifecycleRules": [{"RulePriority": 2**31 - 1, "MaxImageCount": 1}]},
            "LifecycleRules: has a rule of priority 2147483647, which KeepInUse increases; use a lower one",
        ),
    ],
)
@pytest.mark.parametrize("resource", [RepositoryResource(), LifecyclePolicyResource()])
def test_what_cannot_be_kept_is_an_error_at_once(resource: Any, properties: Any, message: str, moto: None) -> None:
    with pytest.raises(InvalidProperties) as raised:
        declared(resource, PROPERTIES | properties)
    assert message in str(raised.value)


def test_49_rules_are_left(moto: None) -> None:
    many = [{"TagPrefixList": [f"v{n}"], "MaxImageCount": 1} for n in range(49)]
    spec = declared(LifecyclePolicyResource(), PROPERTIES | {"LifecycleRules": many})
    assert len(spec.policy.rules) == 50


def test_a_text_gets_the_rule_once(moto: None) -> None:
    spec = declared(LifecyclePolicyResource(), PROPERTIES)
    text = {"RepositoryName": NAME, "LifecyclePolicyText": spec.policy.text(), "KeepInUse": KEEP}
    assert declared(LifecyclePolicyResource(), text).policy == spec.policy


# The function


class Lambda:
    """What invocations get."""

    def __init__(self, payload: Any, **answer: str) -> None:
        self.answer = {"Payload": io.BytesIO(json.dumps(payload).encode()), **answer}
        self.invoked: list[Any] = []

    def invoke(self, **arguments: Any) -> Any:
        self.invoked.append(arguments)
        return self.answer


def function(client: Lambda, monkeypatch: pytest.MonkeyPatch) -> InUseFunction:
    monkeypatch.setenv("IN_USE_FUNCTION", "ecr-controller-InUse")
    made = InUseFunction()
    made._lambda = client  # type: ignore[assignment]
    return made


def test_a_look_waits_for_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Lambda({"faults": [], "imagesInUse": 3})
    function(client, monkeypatch).look(NAME, 1.0)
    assert client.invoked == [
        {
            "FunctionName": "ecr-controller-InUse",
            "InvocationType": "RequestResponse",
            "Payload": json.dumps({"RepositoryName": NAME, "Since": 1.0}),
        }
    ]


def test_what_could_not_be_kept_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Lambda({"faults": ["ECS cannot be read.", "An image is full."]})
    with pytest.raises(UserError) as raised:
        function(client, monkeypatch).look(NAME, 1.0)
    assert str(raised.value) == (
        f"KeepInUse: The images of {NAME} that are in use cannot be kept, so the lifecycle policy was not changed. "
        "ECS cannot be read. An image is full."
    )


def test_what_could_not_be_kept_for_a_moment_is_worth_a_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Lambda({"faults": ["ECS cannot be read. A throttle."], "isWorthARetry": True})
    with pytest.raises(RetryableError, match="A throttle"):
        function(client, monkeypatch).look(NAME, 1.0)


def test_a_look_answers_before_the_deadline_of_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Lambda({"faults": []})
    token = DEADLINE.set(1_000.0)
    try:
        function(client, monkeypatch).look(NAME, 1.0)
    finally:
        DEADLINE.reset(token)
    assert json.loads(client.invoked[0]["Payload"]) == {"RepositoryName": NAME, "Since": 1.0, "Until": 998.0}


def test_a_look_that_died_is_worth_a_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Lambda({"errorType": "Sandbox.Timedout"}, FunctionError="Unhandled")
    with pytest.raises(RetryableError, match=r"Sandbox\.Timedout"):
        function(client, monkeypatch).look(NAME, 1.0)


def test_under_sam_local_invoke_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SAM_LOCAL", "true")
    client = Lambda({})
    function(client, monkeypatch).look(NAME, 1.0)
    function(client, monkeypatch).start(NAME)
    Keeping(NAME, "owner", "ECRRepository").begin(KeepInUse(("ECS",)), 1.0)
    Keeping(NAME, "owner", "ECRRepository").end()
    assert client.invoked == []
