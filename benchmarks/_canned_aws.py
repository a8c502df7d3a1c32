"""A local HTTP server in the place of AWS and of CloudFormation's ResponseURL. It answers at once, from a table."""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = {
    "repositoryName": "team/app",
    "repositoryArn": "arn:aws:ecr:eu-west-1:123456789012:repository/team/app",
    "registryId": "123456789012",
    "repositoryUri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app",
    "imageTagMutability": "MUTABLE",
    "imageScanningConfiguration": {"scanOnPush": False},
    "encryptionConfiguration": {"encryptionType": "AES256"},
}
IMAGE = {"repositoryName": "team/app", "imageDigest": "sha256:" + "0" * 64, "imagePushedAt": 1767225600.0}
SCANNED = {"imageScanCompletedAt": 1767225600.0, "findings": []}
# By operation; all others answer nothing. A name with `__type` is an error.
ANSWERS: dict[str, dict[str, Any]] = {
    "DescribeEventBus": {"Name": "default", "Arn": "arn:aws:events:eu-west-1:123456789012:event-bus/default"},
    "DescribeImageScanFindings": {"imageScanStatus": {"status": "COMPLETE"}, "imageScanFindings": SCANNED},
    "DescribeImages": {"imageDetails": [IMAGE]},
    "DescribeRepositories": {"repositories": [REPOSITORY]},
    "GetLifecyclePolicy": {"__type": "LifecyclePolicyNotFoundException"},
    "GetRepositoryPolicy": {"__type": "RepositoryPolicyNotFoundException"},
    "ListTagsForResource": {"tags": []},
    "PutEvents": {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]},
    "SendMessage": {"MessageId": "1"},
}
# Of the services that answer in XML.
ROLE = "<Role><Arn>arn:aws:iam::123456789012:role/web</Arn></Role>"
STACK = "<StackName>shop</StackName><StackStatus>UPDATE_IN_PROGRESS</StackStatus>"
RESULTS = {
    "GetRole": ROLE,
    "ListAttachedRolePolicies": "<IsTruncated>false</IsTruncated><AttachedPolicies/>",
    "DescribeStacks": f"<Stacks><member>{STACK}</member></Stacks>",
}


class Call(NamedTuple):
    """A call to AWS, as it arrived."""

    service: str
    operation: str
    parameters: dict[str, Any]


class CannedAws:
    """What arrives since `clear`: the calls to AWS, and the answers to CloudFormation. What is put in a table stays.

    ``requests`` are those that CloudFormation makes, by logical ID.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.calls: list[Call] = []
        self.answers: list[dict[str, Any]] = []
        self.requests: dict[str, dict[str, Any]] = {}
        self._items: dict[str, Any] = {}

    def clear(self) -> None:
        self.calls.clear()
        self.answers.clear()

    def respond(self, call: Call) -> dict[str, Any]:
        """The JSON of an operation. A repository is created as asked, so that nothing is left to change; tables keep
        their items, so that a document with many owners converges."""
        if call.operation == "CreateRepository":
            return {"repository": REPOSITORY | call.parameters}
        puts = [each.get("Put", {}) for each in call.parameters.get("TransactItems", [])]
        for item in (each.get("Item", {}) for each in (call.parameters, *puts)):
            if "target" in item:
                self._items[json.dumps([item["target"], item.get("owner")])] = item
        if call.operation != "Query":
            return ANSWERS.get(call.operation, {})
        target = call.parameters["ExpressionAttributeValues"][":target"]
        found = [each for each in self._items.values() if each["target"] == target]
        return {"Count": len(found), "Items": found}

    def result(self, operation: str, parameters: dict[str, Any]) -> str:
        """The XML of an operation."""
        if operation != "DescribeStackResource":
            return RESULTS.get(operation, "")
        request = self.requests[parameters["LogicalResourceId"]]
        shown = {
            "LogicalResourceId": request["LogicalResourceId"],
            "PhysicalResourceId": request.get("PhysicalResourceId", ""),
            "ResourceType": request["ResourceType"],
            "ResourceStatus": f"{request['RequestType'].upper()}_IN_PROGRESS",
            "LastUpdatedTimestamp": "2026-01-01T00:00:00Z",
        }
        detail = "".join(f"<{name}>{value}</{name}>" for name, value in shown.items())
        return f"<StackResourceDetail>{detail}</StackResourceDetail>"


@contextmanager
def canned_aws() -> Iterator[CannedAws]:
    """The server, on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_PUT(self) -> None:
            aws.answers.append(json.loads(self._body()))
            self._send(200, "")

        def do_POST(self) -> None:
            body = self._body()
            [service] = re.findall(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", self.headers["Authorization"])
            if target := self.headers["X-Amz-Target"]:
                aws.calls.append(Call(service, target.split(".")[-1], json.loads(body)))
                answer = aws.respond(aws.calls[-1])
                self._send(400 if "__type" in answer else 200, json.dumps(answer))
                return
            parameters = dict(parse_qsl(body.decode()))
            operation, _version = parameters.pop("Action"), parameters.pop("Version")
            aws.calls.append(Call(service, operation, parameters))
            result = f"<{operation}Result>{aws.result(operation, parameters)}</{operation}Result>"
            self._send(200, f"<{operation}Response>{result}</{operation}Response>")

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers["Content-Length"]))

        def _send(self, status: int, body: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    aws = CannedAws(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield aws
    finally:
        server.shutdown()
        server.server_close()
