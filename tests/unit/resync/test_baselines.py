"""What a baseline does to the repositories that no stack declares, and what it leaves alone."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from ecr_controller.errors import InvalidProperties, RetryableError, UserError
from ecr_controller.in_use.declared import Declarations
from ecr_controller.in_use.keeping import Keeping
from ecr_controller.lifecycle import guard
from ecr_controller.lifecycle.guard import PreviewSummary
from ecr_controller.resources.lifecycle_policy import LifecyclePolicyResource
from ecr_controller.resources.repository import RepositoryResource
from ecr_controller.resources.repository_baseline import RepositoryBaselineResource
from ecr_controller.resync.application import BaselineOfRepository
from tests.unit.conftest import STACK_ID, Served, request
from tests.unit.resync.conftest import NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ecr import ECRClient

    from ecr_controller.controller_events import ControllerEvent
    from ecr_controller.resync.repository import Resync
    from ecr_controller.shared_documents.parts import PartsTable
    from tests.unit.conftest import Calls
    from tests.unit.resync.conftest import KnownStacks

    Declare = Callable[..., str]
    Run = Callable[..., Resync]

RULES = [{"MaxImageCount": 10}]
STATEMENT = {"Sid": "Read", "Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": ["ecr:BatchGetImage"]}


def create(ecr: ECRClient, name: str = NAME, **tags: str) -> str:
    entries: Any = [{"Key": key, "Value": value} for key, value in tags.items()]
    return ecr.create_repository(repositoryName=name, tags=entries)["repository"]["repositoryArn"]


def policy(ecr: ECRClient, name: str = NAME) -> Any:
    try:
        return json.loads(ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])
    except ecr.exceptions.LifecyclePolicyNotFoundException:
        return None


def put_policy(ecr: ECRClient, count: int, name: str = NAME) -> None:
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count}
    text = json.dumps({"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]})
    ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=text)


def count(ecr: ECRClient) -> int | None:
    found = policy(ecr)
    return None if found is None else found["rules"][0]["selection"]["countNumber"]


def shown(ecr: ECRClient, name: str = NAME) -> Any:
    return ecr.describe_repositories(repositoryNames=[name])["repositories"][0]


def tags(ecr: ECRClient, arn: str) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in ecr.list_tags_for_resource(resourceArn=arn)["tags"]}


def test_what_a_repository_does_not_have_is_filled(
    ecr: ECRClient, baseline: Declare, resync: Run, told: list[ControllerEvent]
) -> None:
    arn = create(ecr, team="other")
    ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    baseline(
        LifecycleRules=RULES,
        ImageScanOnPush="true",
        ImageTagMutability="MUTABLE",
        Tags=[{"Key": "team", "Value": "shop"}, {"Key": "cost", "Value": "1"}],
    )
    resync()
    assert count(ecr) == 10
    assert shown(ecr)["imageScanningConfiguration"]["scanOnPush"]
    assert shown(ecr)["imageTagMutability"] == "IMMUTABLE"
    assert tags(ecr, arn) == {"team": "other", "cost": "1"}
    [event] = told
    assert (event.name, event.repository, event.logical_id) == ("BaselineApplied", NAME, "Defaults")
    assert {each.setting for each in event.differences} == {"ImageScanOnPush", "Tags", "LifecyclePolicy"}
    told.clear()
    resync()
    assert told == []


def test_enforce_replaces_what_differs_and_puts_it_back(ecr: ECRClient, baseline: Declare, resync: Run) -> None:
    create(ecr)
    put_policy(ecr, 99)
    baseline(LifecycleRules=RULES, Mode="Enforce")
    resync()
    assert count(ecr) == 10
    put_policy(ecr, 5)
    resync()
    assert count(ecr) == 10


def test_report_changes_nothing(ecr: ECRClient, baseline: Declare, resync: Run, told: list[ControllerEvent]) -> None:
    create(ecr)
    baseline(LifecycleRules=RULES, Mode="Report")
    assert resync().tally["BaselineReported"] == 1
    assert count(ecr) is None
    [event] = told
    assert event.name == "BaselineReported"
    assert [each.setting for each in event.differences] == ["LifecyclePolicy"]


def test_the_most_specific_pattern_wins_unless_it_excepts_the_repository(
    ecr: ECRClient, baseline: Declare, resync: Run
) -> None:
    create(ecr)
    create(ecr, "team/tool")
    create(ecr, "other")
    baseline("All", RepositoryName="*", LifecycleRules=[{"MaxImageCount": 50}], Except=["oth*"])
    baseline("Team", RepositoryName="team/*", LifecycleRules=RULES, Except=["team/to*"])
    for name in (NAME, "team/tool", "other"):
        resync(name)
    assert count(ecr) == 10
    assert policy(ecr, "team/tool")["rules"][0]["selection"]["countNumber"] == 50
    assert policy(ecr, "other") is None


def test_a_repository_that_a_stack_declares_is_left_alone(
    ecr: ECRClient, parts: PartsTable, baseline: Declare, resync: Run, stacks: KnownStacks
) -> None:
    properties = {"RepositoryName": NAME}
    Served(RepositoryResource()).create(request("Create", logical_id="App", properties=properties))
    baseline(LifecycleRules=RULES)
    resync()
    assert count(ecr) is None
    stacks.retained.add("App")
    resync()
    assert count(ecr) == 10


def test_a_repository_of_a_native_stack_is_left_alone(
    ecr: ECRClient, baseline: Declare, resync: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(ecr, native=STACK_ID)
    monkeypatch.setattr("ecr_controller.repository.ownership.NATIVE_STACK_ID", "native")
    baseline(LifecycleRules=RULES)
    resync()
    assert count(ecr) is None


def test_the_lifecycle_policy_of_another_resource_is_left_alone(
    ecr: ECRClient, baseline: Declare, resync: Run, stacks: KnownStacks
) -> None:
    create(ecr, **{"ecr-controller:lifecycle-policy": "shop/7d6f1c80 Policy"})
    put_policy(ecr, 99)
    baseline(LifecycleRules=RULES, ImageScanOnPush="true", Mode="Enforce")
    resync()
    assert count(ecr) == 99
    assert shown(ecr)["imageScanningConfiguration"]["scanOnPush"]


def test_a_policy_beyond_a_bound_is_refused_and_the_rest_is_set(
    ecr: ECRClient, baseline: Declare, resync: Run, told: list[ControllerEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    create(ecr)
    monkeypatch.setenv("LIFECYCLE_MAX_PERCENT", "10")
    image: Any = type("Image", (), {"tags": ("v1",), "digest": "sha256:1", "rule_priority": 1})
    monkeypatch.setattr(guard, "preview", lambda *_given: PreviewSummary(2, 1, (image,)))
    baseline(LifecycleRules=RULES, ImageScanOnPush="true")
    assert resync().tally["PoliciesRefused"] == 1
    assert count(ecr) is None
    assert shown(ecr)["imageScanningConfiguration"]["scanOnPush"]
    assert [each.name for each in told] == ["GuardRefused", "BaselineApplied"]
    assert "LifecycleMaxPercent 10" in told[0].message


def test_what_a_removed_baseline_put_goes_if_it_is_still_so(
    ecr: ECRClient, parts: PartsTable, baseline: Declare, resync: Run, started: list[str]
) -> None:
    arn = create(ecr, team="other")
    properties = {"RepositoryName": "team/*", "LifecycleRules": RULES, "ImageScanOnPush": "true"}
    properties |= {"Tags": [{"Key": "cost", "Value": "1"}], "PolicyStatements": [STATEMENT]}
    baseline_id = baseline(**properties)
    resync()
    assert len(json.loads(ecr.get_repository_policy(repositoryName=NAME)["policyText"])["Statement"]) == 1
    put_policy(ecr, 7)
    removed = request("Delete", logical_id="Defaults", physical_id=baseline_id, properties=properties)
    Served(RepositoryBaselineResource()).delete(removed)
    assert started == ["team/*", "team/*"]
    resync()
    assert count(ecr) == 7
    assert not shown(ecr)["imageScanningConfiguration"]["scanOnPush"]
    assert tags(ecr, arn) == {"team": "other"}
    with pytest.raises(ecr.exceptions.RepositoryPolicyNotFoundException):
        ecr.get_repository_policy(repositoryName=NAME)
    assert parts.query_parts(f"baseline-repository/{NAME}") == ()
    assert parts.query_parts(f"owner/ECRRepositoryBaseline/{NAME}/{STACK_ID}|Defaults") == ()


def test_a_changed_baseline_changes_what_it_put(ecr: ECRClient, baseline: Declare, resync: Run) -> None:
    create(ecr)
    baseline(LifecycleRules=RULES, ImageScanOnPush="true")
    resync()
    baseline(LifecycleRules=[{"MaxImageCount": 20}])
    resync()
    assert count(ecr) == 20
    assert not shown(ecr)["imageScanningConfiguration"]["scanOnPush"]


def test_a_first_push_is_looked_at_and_no_later_one(ecr: ECRClient, baseline: Declare, resync: Run) -> None:
    create(ecr)
    baseline(LifecycleRules=RULES)
    resync(only_unseen=True)
    assert count(ecr) == 10
    ecr.delete_lifecycle_policy(repositoryName=NAME)
    resync(only_unseen=True)
    assert count(ecr) is None


def test_a_new_repository_of_the_same_name_is_another_one(
    ecr: ECRClient, parts: PartsTable, baseline: Declare, resync: Run
) -> None:
    create(ecr)
    baseline(LifecycleRules=RULES)
    resync()
    ecr.delete_repository(repositoryName=NAME)
    resync()
    assert parts.query_parts(f"baseline-repository/{NAME}") == ()


def test_a_pattern_has_one_baseline(baseline: Declare, stacks: KnownStacks) -> None:
    baseline(LifecycleRules=RULES)
    with pytest.raises(UserError, match="already has the baseline Defaults in the stack shop"):
        baseline("Second")
    stacks.gone.add(STACK_ID)
    baseline("Second")


def test_faults_are_named(baseline: Declare) -> None:
    with pytest.raises(InvalidProperties) as raised:
        baseline(Mode="Apply", Except=["NO"], EmptyOnDelete="true")
    assert {fault.path for fault in raised.value.faults} == {"Mode", "Except[0]", "EmptyOnDelete"}


# What is given back, and what is left


def remove(baseline_id: str, **properties: Any) -> None:
    served = Served(RepositoryBaselineResource())
    served.delete(
        request(
            "Delete",
            logical_id="Defaults",
            physical_id=baseline_id,
            properties={"RepositoryName": "team/*", **properties},
        )
    )


def test_what_goes_back_is_what_there_was_when_the_baseline_put_its_own(
    ecr: ECRClient, baseline: Declare, resync: Run
) -> None:
    create(ecr)
    put_policy(ecr, 1)
    made = baseline(LifecycleRules=RULES)
    resync()  # sees the policy of a person, and leaves it
    ecr.delete_lifecycle_policy(repositoryName=NAME)
    resync()
    assert count(ecr) == 10
    remove(made, LifecycleRules=RULES)
    resync()
    assert count(ecr) is None


def test_a_policy_that_goes_back_is_bounded_by_the_ceiling(
    ecr: ECRClient, baseline: Declare, resync: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(ecr)
    put_policy(ecr, 1)
    made = baseline(LifecycleRules=RULES, Mode="Enforce")
    resync()
    remove(made, LifecycleRules=RULES)
    monkeypatch.setenv("LIFECYCLE_MAX_IMAGES", "0")
    affected = (SimpleNamespace(tags=("v1",), digest="sha256:1", rule_priority=1),)
    monkeypatch.setattr(guard, "preview", lambda *_: PreviewSummary(100, 100, affected))  # type: ignore[arg-type]
    assert resync().tally["PoliciesRefused"] == 1
    assert policy(ecr) is None


def test_in_report_the_policy_of_the_baseline_stays_with_what_it_keeps(
    ecr: ECRClient, baseline: Declare, resync: Run, looked: list[str]
) -> None:
    create(ecr)
    keep = {"Sources": ["ECS"]}
    baseline(LifecycleRules=RULES, KeepInUse=keep)
    resync()
    assert looked == [NAME]
    [declared] = Declarations().of(NAME).declarations
    assert declared.keep is not None
    baseline(LifecycleRules=RULES, KeepInUse=keep, Mode="Report")
    resync()
    assert Declarations().of(NAME).keep is not None
    assert len(policy(ecr)["rules"]) == 2


def test_the_images_in_use_stay_declared_when_another_baseline_applies(
    ecr: ECRClient, baseline: Declare, resync: Run, looked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    create(ecr)
    keep = {"Sources": ["ECS"]}
    baseline(LifecycleRules=RULES, KeepInUse=keep, RepositoryName="*")
    resync()
    baseline(LifecycleRules=RULES, KeepInUse=keep, RepositoryName=NAME, logical_id="Narrow")
    ended: list[bool] = []
    end = Keeping.end

    def ending(self: Keeping) -> None:
        end(self)
        ended.append(Declarations().of(NAME).keep is not None)

    monkeypatch.setattr(Keeping, "end", ending)
    resync()
    assert ended == [True]


def test_a_stack_that_adopts_a_repository_ends_what_the_baseline_put(
    ecr: ECRClient, baseline: Declare, resync: Run, looked: list[str]
) -> None:
    create(ecr)
    baseline(LifecycleRules=RULES, PolicyStatements=[STATEMENT], KeepInUse={"Sources": ["ECS"]}, ImageScanOnPush="true")
    resync()
    served = Served(RepositoryResource())
    served.create(request("Create", logical_id="App", properties={"RepositoryName": NAME, "OnExisting": "Adopt"}))
    resync()
    assert policy(ecr) is None
    with pytest.raises(ecr.exceptions.RepositoryPolicyNotFoundException):
        ecr.get_repository_policy(repositoryName=NAME)
    assert Declarations().of(NAME).keep is None
    assert shown(ecr)["imageScanningConfiguration"]["scanOnPush"]


def test_a_policy_of_the_stack_stays_when_the_baseline_ends(ecr: ECRClient, baseline: Declare, resync: Run) -> None:
    create(ecr)
    baseline(LifecycleRules=RULES)
    resync()
    served = Served(RepositoryResource())
    adopting = {"RepositoryName": NAME, "OnExisting": "Adopt", "LifecycleRules": [{"MaxImageCount": 7}]}
    served.create(request("Create", logical_id="App", properties=adopting))
    resync()
    assert count(ecr) == 7


def test_a_resource_whose_name_is_too_long_for_its_tag_keeps_its_policy(
    ecr: ECRClient, baseline: Declare, resync: Run
) -> None:
    create(ecr)
    long = "L" * 255
    served = Served(LifecyclePolicyResource())
    served.create(request("Create", logical_id=long, properties={"RepositoryName": NAME, "LifecycleRules": RULES}))
    baseline(LifecycleRules=[{"MaxImageCount": 1}], Mode="Enforce")
    resync()
    assert count(ecr) == 10
    put_policy(ecr, 3)
    assert resync().tally["Drift"] == 1


def test_a_repository_outside_the_names_of_the_controller_is_not_looked_at(
    ecr: ECRClient, baseline: Declare, resync: Run, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPOSITORY_NAMES", "team/*")
    calls.made.clear()
    resync("other/app")
    assert calls.made == []


def test_a_repository_that_is_taken_over_while_a_baseline_is_applied_is_left_to_its_stack(
    ecr: ECRClient, baseline: Declare, resync: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = create(ecr)
    baseline(LifecycleRules=RULES)
    read = BaselineOfRepository._plan

    def takes_over(*arguments: Any, **options: Any) -> Any:
        ecr.tag_resource(resourceArn=arn, tags=[{"Key": "ecr-controller:stack-id", "Value": STACK_ID}])
        return read(*arguments, **options)

    monkeypatch.setattr(BaselineOfRepository, "_plan", takes_over)
    with pytest.raises(RetryableError, match="changed while the baseline was applied"):
        resync()
    assert policy(ecr) is None


def test_a_baseline_that_the_operator_no_longer_allows_changes_nothing(
    ecr: ECRClient, baseline: Declare, resync: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(ecr)
    baseline(LifecycleRules=RULES, PolicyStatements=[STATEMENT])
    resync()
    monkeypatch.setenv("DENIED_GRANT_ACTIONS", "ecr:BatchGetImage")
    assert resync().tally["BaselinesInvalid"] == 1
    assert count(ecr) == 10
    assert resync(only_unseen=True).tally["RepositoriesResynced"] == 0


def test_a_retained_baseline_makes_room_for_another_one(
    baseline: Declare, stacks: KnownStacks, parts: PartsTable
) -> None:
    baseline("First", LifecycleRules=RULES)
    stacks.retained.add("First")
    baseline("Second", LifecycleRules=RULES)
    assert [part.owner.split("|")[1] for part in parts.query_parts("baseline/team/*")] == ["Second"]


def test_a_push_to_a_repository_of_a_stack_is_looked_at_once(
    ecr: ECRClient, baseline: Declare, resync: Run, calls: Calls
) -> None:
    create(ecr, **{"aws:cloudformation:stack-id": STACK_ID})
    baseline(LifecycleRules=RULES)
    assert resync(only_unseen=True).tally["RepositoriesResynced"] == 1
    assert resync(only_unseen=True).tally["RepositoriesResynced"] == 0
    assert policy(ecr) is None
