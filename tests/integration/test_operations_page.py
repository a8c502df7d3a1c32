"""Every command of docs/operations.md, in the order of the page, on an account in which all of it has happened."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from local import ROOT, deploy
from local.emulator.process import Emulator
from local.invoke import invocation
from local.invoke.listener import listening
from local.stack import Stack
from tests.integration import pages
from tests.integration.conftest import ON_REAL_AWS
from tests.integration.everything import outputs_of
from tests.unit.template.sam import ALARMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(ON_REAL_AWS, reason="the page names a controller and stacks that may be there")

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
CONTROLLER = "ecr-controller"
HOME = "eu-west-1:123456789012"  # of the ARNs on the page


@pytest.fixture(scope="module")
def account(built: Path) -> Iterator[Emulator]:
    """An AWS in which the names of the page are free."""
    with Emulator.start() as emulator:
        parameters = deploy.EVERYTHING | {"GranteeAccounts": "111111111111,222222222222"}
        deploy.deploy(built, emulator.environment(), CONTROLLER, parameters)
        yield emulator


@pytest.fixture
def shell(account: Emulator, built: Path, tmp_path: Path) -> Iterator[pages.Shell]:
    pages.save_files(PAGE, tmp_path)
    with pages.shell(account, built, tmp_path) as opened:
        yield opened


class World:
    """What has happened in the account before the operator comes, and what people do between the commands."""

    def __init__(self, aws: Emulator) -> None:
        self._aws = aws
        self._shop, self._gone = (Stack(aws.client("cloudformation"), name) for name in ("shop", "gone"))
        self.before: dict[str, Callable[[], None]] = {
            "start-message-move-task": self._make_the_queue,
            'delete-stack --stack-name "$controller"': self._retain_and_remove,
        }

    def make(self) -> None:
        """All of it."""
        self._deploy_shop()
        self._leave_a_grant()
        self._crash()
        self._forge()
        self._send_a_scan()
        self._raise_an_alarm()

    def _token(self, kind: str) -> Any:
        return {"Fn::ImportValue": f"{CONTROLLER}-{kind}"}

    def _grant(self, account: str, **attributes: str) -> Any:
        declared = {"RepositoryName": "team/app", "Grantee": account, "Access": "Pull"}
        properties = {"ServiceToken": self._token("ECRRepositoryGrant"), **declared}
        return {"Type": "Custom::ECRRepositoryGrant", "Properties": properties, **attributes}

    def _shop_template(self, *, web: bool = False, **attributes: str) -> str:
        token = {"ServiceToken": self._token("ECRRepository")}
        arn = f"arn:aws:sqs:{HOME}:findings"
        route = {"ServiceToken": self._token("ECRImageScanRoute"), "RepositoryName": "team/*", "Targets": [arn]}
        resources = {
            "Repository": {"Type": "Custom::ECRRepository", "Properties": token | {"RepositoryName": "team/app"}},
            "Grant": self._grant("111111111111") | {"DependsOn": "Repository"},
            "Route": {"Type": "Custom::ECRImageScanRoute", "Properties": route},
        }
        if web:
            properties = token | {"RepositoryName": "team/web"}
            resources["Web"] = {"Type": "Custom::ECRRepository", "Properties": properties}
        declared = {name: resource | attributes for name, resource in resources.items()}
        return json.dumps({"Resources": declared | {"Topic": {"Type": "AWS::SNS::Topic"}}})

    def _deploy_shop(self) -> None:
        ecr, sqs = self._aws.client("ecr"), self._aws.client("sqs")
        self._make_the_queue()
        assert self._shop.deploy(self._shop_template()).succeeded
        for name in ("team/web", "team/old"):
            ecr.create_repository(repositoryName=name)
        assert self._shop.deploy(self._shop_template(web=True)).status == "UPDATE_ROLLBACK_COMPLETE"
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="findings")["QueueUrl"])

    def _make_the_queue(self) -> None:
        self._aws.client("sqs").create_queue(QueueName="findings")

    def _leave_a_grant(self) -> None:
        """A stack that is deleted and leaves its grant."""
        grant = self._grant("222222222222", DeletionPolicy="Retain")
        assert self._gone.deploy(json.dumps({"Resources": {"Grant": grant}})).succeeded
        assert self._gone.delete().succeeded

    def _crash(self) -> None:
        event, name = invocation.load("on_failure/crash-at-import"), self._function("RepositoryFunction")
        event["requestContext"]["functionArn"] = f"arn:aws:lambda:{HOME}:function:{name}:$LATEST"
        with listening() as (url, answers):
            payload = json.dumps(invocation.addressed_to(url, event)).encode()
            self._aws.client("lambda").invoke(FunctionName=self._function("OnFailureFunction"), Payload=payload)
        assert answers

    def _forge(self) -> None:
        """Somebody invokes a function with a request in the name of the stack."""
        request = {
            "RequestType": "Delete",
            "RequestId": "forged",
            "StackId": self._shop.id,
            "LogicalResourceId": "Repository",
            "ResourceType": "Custom::ECRRepository",
            "PhysicalResourceId": "team/app",
            "ResourceProperties": {"RepositoryName": "team/app", "EmptyOnDelete": "true"},
        }
        with listening() as (url, answers):
            payload = json.dumps(request | {"ResponseURL": url}).encode()
            self._aws.client("lambda").invoke(FunctionName=self._function("RepositoryFunction"), Payload=payload)
        assert [each["Status"] for each in answers] == ["FAILED"]

    def _function(self, logical_id: str) -> str:
        cloudformation = self._aws.client("cloudformation")
        found = cloudformation.describe_stack_resource(StackName=CONTROLLER, LogicalResourceId=logical_id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def _send_a_scan(self) -> None:
        sqs, outputs = self._aws.client("sqs"), outputs_of(self._aws, CONTROLLER)
        records = invocation.load("route_scan/basic")["Records"]
        sqs.send_message(QueueUrl=outputs["ScanQueue"], MessageBody=records[0]["body"])
        wanted, end = ["ApproximateNumberOfMessages"], time.monotonic() + 30
        while time.monotonic() < end:
            counts = sqs.get_queue_attributes(QueueUrl=outputs["ScanDeadLetters"], AttributeNames=wanted)
            if counts["Attributes"] == {wanted[0]: "1"}:
                return
            time.sleep(0.2)
        raise AssertionError("the event was not sent to the dead-letter queue")

    def _raise_an_alarm(self) -> None:
        cloudwatch = self._aws.client("cloudwatch")
        alarms = cloudwatch.describe_alarms(AlarmNamePrefix=CONTROLLER)["MetricAlarms"]
        [name] = [each["AlarmName"] for each in alarms if "ScanDeadLettersAlarm" in each["AlarmName"]]
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a dead letter")

    def _retain_and_remove(self) -> None:
        """What the owners of the stack do before the controller can be deleted."""
        assert self._shop.deploy(self._shop_template(DeletionPolicy="Retain")).succeeded
        assert self._shop.deploy(json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})).succeeded


@pytest.mark.timeout(600)
def test_every_command_of_the_page_prints_what_the_page_shows(account: Emulator, shell: pages.Shell) -> None:
    world = World(account)
    world.make()
    for each in pages.commands(PAGE):
        for words, happens in world.before.items():
            if words in each.command:
                happens()
        output = shell.run(each.command).strip() + "\n"
        if each.output:
            assert re.fullmatch(each.pattern, output), f"{each.command}\nprinted\n{output}"
    ecr = account.client("ecr")
    assert [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]
    policy = ecr.get_repository_policy(repositoryName="team/app")["policyText"]
    assert ("111111111111" in policy, "222222222222" in policy) == (True, False)


def test_every_alarm_has_a_section() -> None:
    headings = re.findall(r"^### (\w+Alarm)$", PAGE, re.MULTILINE)
    assert sorted(headings) == ALARMS
    assert sorted(re.findall(r"^\| \[`(\w+)`\]", PAGE, re.MULTILINE)) == ALARMS
