"""What the tests of the emulator ask of it: clients with few rights, and queues of events."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.emulator.process import Emulator


def as_role(cloud: Emulator, service: str, *statements: dict[str, Any]) -> Any:
    """A client with the rights of a role that has these statements, and no others."""
    iam, role = cloud.client("iam"), f"role-{uuid.uuid4().hex[:8]}"
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]["Arn"]
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | each for each in statements]})
    iam.put_role_policy(RoleName=role, PolicyName="rights", PolicyDocument=document)
    session = cloud.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return cloud.client(
        service,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )


def event_queue(cloud: Emulator, detail_type: str, name: str, source: str = "aws.ecr") -> str:
    """A queue that gets the events of one type about one repository."""
    pattern = {"source": [source], "detail-type": [detail_type], "detail": {"repository-name": [{"suffix": name}]}}
    return queue_of(cloud, pattern)


def queue_of(cloud: Emulator, pattern: dict[str, Any]) -> str:
    """A queue that gets the events of a pattern."""
    name = uuid.uuid4().hex
    queue = cloud.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    cloud.client("events").put_rule(Name=name, EventPattern=json.dumps(pattern))
    arn = f"arn:aws:sqs:{cloud.region}:{cloud.account}:{queue.rpartition('/')[2]}"
    cloud.client("events").put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    return str(queue)


def next_event(cloud: Emulator, queue: str) -> Any:
    """The one event that is in a queue next."""
    messages = cloud.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=2).get("Messages", [])
    assert len(messages) == 1
    return json.loads(messages[0]["Body"])
