"""How far a request or an event travels through the code: files, functions, calls, and how often properties are parsed.

From the handler of the function to the answer or the delivery, on moto. Only the package itself is counted.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moto import mock_aws
from rich.console import Console
from rich.table import Table

from benchmarks.api_calls import CHANGED, FULL, PULL, ROLE, STATED, prepare
from ecr_controller import aws
from ecr_controller.event_routing.routes import Route, storage_key
from ecr_controller.shared_documents.parts import PartsTable
from tests.unit.custom_resource.response_server import ResponseServer
from tests.unit.custom_resource.stand_ins import LambdaContext, event
from tests.unit.deployed import create_table
from tests.unit.event_routing.fakes import record
from tests.unit.event_routing.samples import basic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = str(ROOT / "layers" / "controller" / "ecr_controller")
NAME = FULL["RepositoryName"]
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
    "PARTS_TABLE": "parts",
    "DELIVERIES_TABLE": "deliveries",
    "MAX_RECEIVES": "5",
    "AUTHORIZATION_TOKEN_POLICY": "arn:aws:iam::123456789012:policy/token",
}


@dataclass
class Trip:
    """The functions that were entered, in order."""

    entered: list[tuple[str, str]] = field(default_factory=list)
    moves: int = 0

    def note(self, frame: FrameType, kind: str, _argument: object) -> None:
        """A profile function for the interpreter."""
        file = frame.f_code.co_filename
        if kind == "call" and file.startswith(PACKAGE) and not frame.f_code.co_name.startswith("<"):
            self.entered.append((file, frame.f_code.co_qualname))
            self.moves += _caller(frame) not in (file, None)

    @property
    def row(self) -> list[str]:
        """Files, functions, calls, calls into another file, and how often properties were parsed."""
        files = [file for file, _ in self.entered]
        parsed = sum(name == "check" and file.endswith("properties.py") for file, name in self.entered)
        return [str(each) for each in (len(set(files)), len(set(self.entered)), len(files), self.moves, parsed)]


def _caller(frame: FrameType) -> str | None:
    """The file of ours that called, directly or through others."""
    above = frame.f_back
    while above is not None and not above.f_code.co_filename.startswith(PACKAGE):
        above = above.f_back
    return above.f_code.co_filename if above else None


@contextmanager
def travelling() -> Iterator[Trip]:
    """Note what is entered, in this thread and in those that are started."""
    trip = Trip()
    threading.setprofile(trip.note)
    sys.setprofile(trip.note)
    try:
        yield trip
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def handler_of(function: str) -> Callable[[dict[str, Any], LambdaContext], object]:
    """The handler of a function."""
    spec = importlib.util.spec_from_file_location(f"app_of_{function}", ROOT / "functions" / function / "app.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(function)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[[dict[str, Any], LambdaContext], object] = module.handler
    return found


def trips(url: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The name of each trip, its function and its event, in an order in which each has what it requires."""
    grant = {"ResourceType": "Custom::ECRRepositoryGrant"}
    change = {"PhysicalResourceId": NAME, "ResourceProperties": STATED}
    yield "Create of a usual repository", "repository", event("Create", url, ResourceProperties=FULL)
    yield (
        "Update that adds PolicyStatements",
        "repository",
        event("Update", url, **change, OldResourceProperties=CHANGED),
    )
    yield (
        "Update of one property, statements kept",
        "repository",
        event("Update", url, **change, OldResourceProperties=STATED | {"ImageScanOnPush": "true"}),
    )
    yield "Create of a repository grant", "grant", event("Create", url, **grant, ResourceProperties=PULL)
    yield "Delete of the repository", "repository", event("Delete", url, **change)
    yield "Scan event, queue to delivery", "route_scan", {"Records": [record(basic())]}


def main() -> None:
    """Make each trip once, and print how far it went."""
    os.environ |= ENVIRONMENT
    logging.disable()
    table = Table("trip", "files", "functions", "calls", "moves between files", "properties parsed")
    with mock_aws(), ResponseServer() as server:
        cloudformation = prepare()
        _prepare_routing()
        for name, function, asked in trips(server.url):
            handler = handler_of(function)
            cloudformation.request = asked
            with travelling() as trip:
                handler(asked, LambdaContext())
            if server.taken and server.taken[-1].answer["Status"] != "SUCCESS":
                raise RuntimeError(json.dumps(server.taken[-1].answer))
            table.add_row(name, *trip.row)
    logging.disable(logging.NOTSET)
    Console(width=110).print(table)


def _prepare_routing() -> None:
    """The table of deliveries, and a queue that is the target of a route for all repositories."""
    create_table(aws.client("dynamodb"), "DeliveriesTable", "deliveries")
    aws.client("sqs").create_queue(QueueName="findings")
    target = f"arn:aws:sqs:eu-west-1:{ROLE.split(':')[4]}:findings"
    PartsTable().put_part(storage_key("*"), "owner", Route("*", (target,)).content())


if __name__ == "__main__":
    main()
