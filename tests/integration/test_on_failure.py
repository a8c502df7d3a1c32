"""A function behind a custom resource that really crashes, and the answer that CloudFormation receives."""

from __future__ import annotations

import io
import json
import threading
import uuid
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.conftest import ON_REAL_AWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.emulator.process import Emulator

pytestmark = pytest.mark.skipif(ON_REAL_AWS, reason="the listener on loopback is out of AWS's reach")

DEATHS = {
    "at import": "raise ImportError('no module named that')",
    "by exit": "import os\ndef handler(event, context): os._exit(1)",
    "by the time-out of Lambda": "import time\ndef handler(event, context): time.sleep(60)",
}


@pytest.fixture
def answers() -> Iterator[tuple[str, Queue[dict[str, Any]]]]:
    """A ResponseURL, and what is PUT to it."""
    received: Queue[dict[str, Any]] = Queue()

    class Listener(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            received.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/answer?X-Amz-Signature=secret", received
    server.shutdown()
    server.server_close()


def destination_of(aws: Emulator, controller_stack: str) -> tuple[str, dict[str, Any]]:
    """The on-failure destination of the deployed repository function, and how it is retried."""
    outputs = aws.client("cloudformation").describe_stacks(StackName=controller_stack)["Stacks"][0]["Outputs"]
    token = next(each["OutputValue"] for each in outputs if each["OutputKey"] == "ECRRepository")
    configured = aws.client("lambda").get_function_event_invoke_config(FunctionName=token, Qualifier="$LATEST")
    return configured["DestinationConfig"]["OnFailure"]["Destination"], configured


def doomed_function(aws: Emulator, code: str, destination: str) -> str:
    """A function that crashes, configured as the functions of the template are."""
    name = f"doomed-{uuid.uuid4().hex[:6]}"
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    may_invoke = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": destination}
    iam = aws.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Statement": [may_invoke]}))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("app.py", code)
    functions = aws.client("lambda")
    functions.create_function(
        FunctionName=name,
        Role=role,
        Runtime="python3.13",
        Handler="app.handler",
        Code={"ZipFile": archive.getvalue()},
        Timeout=2,
    )
    functions.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": destination}}
    )
    return name


@pytest.mark.parametrize("death", DEATHS)
def test_a_function_that_crashes_is_answered_for(
    aws: Emulator, controller_stack: str, answers: tuple[str, Queue[dict[str, Any]]], death: str
) -> None:
    url, received = answers
    destination, _ = destination_of(aws, controller_stack)
    name = doomed_function(aws, DEATHS[death], destination)
    request = {
        "RequestType": "Create",
        "ResponseURL": url,
        "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/7d6f1c80",
        "RequestId": "request-1",
        "ResourceType": "Custom::ECRRepository",
        "LogicalResourceId": "Images",
        "ResourceProperties": {},
    }
    aws.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(request))
    answer = received.get(timeout=30)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", "ecr-controller:create-failed:request-1")
    assert (answer["RequestId"], answer["LogicalResourceId"]) == ("request-1", "Images")
    assert f"The controller's function {name} failed before it could answer" in answer["Reason"]
    assert received.empty()


def test_a_function_that_crashed_is_not_run_again(aws: Emulator, controller_stack: str) -> None:
    _, configured = destination_of(aws, controller_stack)
    assert configured["MaximumRetryAttempts"] == 0
