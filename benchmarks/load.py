"""Many stacks side by side, with scan events among them, on the embedded AWS with the functions as deployed.

``python -m benchmarks.load`` is the short run of `make bench`; ``--stacks 200 --events 10000`` is the whole. Each stack
has a repository, a grant for a repository that it shares with others, and a scan route, and is created, updated and
deleted. Every event must reach the queue of one route. The resident memory of the processes that run the functions is
sampled meanwhile.
"""

from __future__ import annotations

import argparse
import json
import resource
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from local import deploy
from local.emulator.process import Emulator
from local.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.stack import Deployment

CONTROLLER, SOURCE = "ecr-controller", "load.replay"
PARAMETERS = {"RepositoryNames": "*", "ScanEventSources": f"aws.ecr,{SOURCE}", "GranteeAccounts": "*"}
SIDE_BY_SIDE = 8
SHARED = 10  # repositories for which all stacks have grants
BATCH = 10  # events of one PutEvents
SAMPLE_SECONDS = 2.0
STACK_SECONDS = 900.0
DRAIN_SECONDS = 300.0  # without any further event, after which the rest counts as lost
PAGE: int = resource.getpagesize()
VERSIONS = ("created", "updated", "deleted")


def template(number: int, version: int, queue: str) -> str:
    """The template of a stack. Version 1 differs from version 0 in every resource."""
    shared, account = f"load/shared-{number % SHARED}", f"{100_000_000_000 + number}"
    declared: dict[str, tuple[str, dict[str, Any]]] = {
        "Repository": (
            "ECRRepository",
            {
                "RepositoryName": f"load/app-{number}",
                "LifecycleRules": [{"MaxImageCount": 10 + version}],
                "ImageScanOnPush": not version,
                "Tags": [{"Key": "version", "Value": f"{version}"}],
            },
        ),
        "Grant": (
            "ECRRepositoryGrant",
            {"RepositoryName": shared, "Grantee": account, "Access": ("Pull", "Push")[version]},
        ),
        "Route": (
            "ECRImageScanRoute",
            {"RepositoryName": f"load/app-{number}", "ImageTags": [f"none-{version}"], "Targets": [queue]},
        ),
    }
    resources = {
        name: {
            "Type": f"Custom::{kind}",
            "Properties": {"ServiceToken": {"Fn::ImportValue": f"{CONTROLLER}-{kind}"}, **properties},
        }
        for name, (kind, properties) in declared.items()
    }
    return json.dumps({"Resources": resources})


def event(number: int, repositories: int) -> dict[str, str]:
    """An entry of PutEvents, whose image names its number."""
    detail = {
        "scan-status": "COMPLETE",
        "repository-name": f"load/app-{number % repositories}",
        "finding-severity-counts": {"HIGH": number % 3},
        "image-digest": f"sha256:{number:064x}",
        "image-tags": ["latest"],
    }
    return {"Source": SOURCE, "DetailType": "ECR Image Scan", "Detail": json.dumps(detail)}


@dataclass
class Memory:
    """The resident memory of each process that runs a function, in MB, over time. The server has its own."""

    server: int
    functions: dict[int, str] = field(default_factory=dict)
    samples: defaultdict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    ended: threading.Event = field(default_factory=threading.Event)

    def sample(self) -> None:
        """Sample until the end."""
        while not self.ended.wait(SAMPLE_SECONDS):
            for process in self._processes():
                self.samples[process].append(resident(process))

    def _processes(self) -> Iterator[int]:
        yield self.server
        for folder in Path("/proc").glob("[0-9]*"):
            process = int(folder.name)
            if process not in self.functions and process != self.server:
                name = function_of(folder, self.server)
                if name:
                    self.functions[process] = name
            if process in self.functions and folder.exists():
                yield process

    def table(self) -> Table:
        """One row a function: its processes, and their memory early and late in their lives."""
        made = Table("function", "processes", "MB at 1/4", "at 1/2", "at the end", "most", title="Memory")
        for column in made.columns[1:]:
            column.justify = "right"
        by_function = defaultdict[str, list[list[float]]](list)
        for process, samples in self.samples.items():
            lived = [each for each in samples if each]
            if lived:
                by_function[self.functions.get(process, "embedded AWS")].append(lived)
        for name, lives in sorted(by_function.items()):
            longest = max(lives, key=len)
            at = [longest[min(len(longest) - 1, len(longest) * quarter // 4)] for quarter in (1, 2, 4)]
            most = max(max(each) for each in lives)
            made.add_row(name, f"{len(lives)}", *(f"{each:.0f}" for each in (*at, most)))
        return made


def resident(process: int) -> float:
    """The resident memory of a process in MB, or 0 if it has ended."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]) * PAGE / 1e6
    except OSError:
        return 0.0


def function_of(folder: Path, group: int) -> str | None:
    """The function that a process of the group runs, if any."""
    try:
        if int((folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[2]) != group:
            return None
        variables = (folder / "environ").read_bytes().split(b"\0")
    except OSError:
        return None
    named = [each.partition(b"=")[2].decode() for each in variables if each.startswith(b"AWS_LAMBDA_FUNCTION_NAME=")]
    return named[0].removeprefix(f"{CONTROLLER}-").split("Function-")[0] if named else None


@dataclass
class Load:
    """One run."""

    aws: Emulator
    stacks: int
    events: int
    until: float
    deployments: defaultdict[str, list[Deployment]] = field(default_factory=lambda: defaultdict(list))
    received: defaultdict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    sent: threading.Event = field(default_factory=threading.Event)
    failures: list[str] = field(default_factory=list)
    ended: int = 0

    def run(self) -> None:
        """Make everything ready, then stacks, events and the reading of what is delivered at the same time."""
        ecr, sqs = self.aws.client("ecr"), self.aws.client("sqs")
        for number in range(SHARED):
            ecr.create_repository(repositoryName=f"load/shared-{number}")
        self.url = sqs.create_queue(QueueName="load")["QueueUrl"]
        self.queue = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        token = {"Fn::ImportValue": f"{CONTROLLER}-ECRImageScanRoute"}
        properties = {"ServiceToken": token, "RepositoryName": "load/*", "Targets": [self.queue]}
        route = {"Type": "Custom::ECRImageScanRoute", "Properties": properties}
        self._expect(self._stack("load-route").deploy(json.dumps({"Resources": {"Route": route}})))
        with ThreadPoolExecutor(SIDE_BY_SIDE + 2) as pool:
            others = [pool.submit(self._send), pool.submit(self._receive)]
            for _ in pool.map(self._live, range(self.stacks)):
                self.ended += 1
            for other in others:
                other.result()

    def _stack(self, name: str) -> Stack:
        return Stack(self.aws.client("cloudformation"), name, timeout=STACK_SECONDS)

    def _live(self, number: int) -> None:
        """The life of one stack, if it begins in time."""
        stack = self._stack(f"load-{number}")
        try:
            for name, version in zip(VERSIONS[:2], (0, 1), strict=True):
                if time.monotonic() < self.until or version:
                    self.deployments[name].append(self._expect(stack.deploy(template(number, version, self.queue))))
                else:
                    return
            self.deployments[VERSIONS[2]].append(self._expect(stack.delete()))
        except (AssertionError, TimeoutError) as error:
            self.failures.append(str(error))

    @staticmethod
    def _expect(deployed: Deployment) -> Deployment:
        if not deployed.succeeded:
            raise AssertionError(f"{deployed.status}: {deployed.reasons}")
        return deployed

    def _send(self) -> None:
        """Send the events evenly over the lives of the stacks, as many as there is time for."""
        events, operations = self.aws.client("events"), len(VERSIONS) * self.stacks
        start = 0
        while start < self.events and self.ended < self.stacks:
            if start / self.events > sum(map(len, self.deployments.values())) / operations + 0.05:
                time.sleep(0.2)
                continue
            batch = [event(number, self.stacks) for number in range(start, min(start + BATCH, self.events))]
            if events.put_events(Entries=batch)["FailedEntryCount"]:
                raise AssertionError("Events were not accepted.")
            start += len(batch)
        self.events = start
        self.sent.set()

    def _receive(self) -> None:
        """Receive what is delivered until all events are, or nothing comes any more."""
        sqs, last = self.aws.client("sqs"), time.monotonic()
        while not self.sent.is_set() or (len(self.received) < self.events and time.monotonic() - last < DRAIN_SECONDS):
            shown = sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get(
                "Messages", []
            )
            for message in shown:
                digest = json.loads(message["Body"])["imageDigest"]
                # A message that is received again has its ID. One that is delivered again has another.
                self.received[int(digest.removeprefix("sha256:"), 16)].add(message["MessageId"])
                sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                last = time.monotonic()

    def left(self) -> dict[str, int]:
        """What is there after all stacks are deleted, which should be nothing."""
        ecr, sqs, dynamodb = (self.aws.client(service) for service in ("ecr", "sqs", "dynamodb"))
        outputs = {each["OutputKey"]: each["OutputValue"] for each in self._described()["Outputs"]}
        self._expect(self._stack("load-route").delete())
        repositories = [
            each["repositoryName"]
            for page in ecr.get_paginator("describe_repositories").paginate()
            for each in page["repositories"]
        ]
        counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        dead = sqs.get_queue_attributes(QueueUrl=outputs["ScanDeadLetters"], AttributeNames=counts)["Attributes"]
        return {
            "stacks that failed": len(self.failures),
            "events lost": self.events - len(self.received),
            "events delivered twice": sum(len(messages) > 1 for messages in self.received.values()),
            "dead letters": sum(map(int, dead.values())),
            "repositories of deleted stacks": sum(each.startswith("load/app-") for each in repositories),
            "statements of deleted stacks": sum(self._has_policy(ecr, f"load/shared-{n}") for n in range(SHARED)),
            "rows in the table of parts": dynamodb.scan(TableName=outputs["PartsTable"], Select="COUNT")["Count"],
        }

    def _described(self) -> Any:
        return self.aws.client("cloudformation").describe_stacks(StackName=CONTROLLER)["Stacks"][0]

    @staticmethod
    def _has_policy(ecr: Any, repository: str) -> bool:
        try:
            ecr.get_repository_policy(repositoryName=repository)
        except ecr.exceptions.RepositoryPolicyNotFoundException:
            return False
        return True


def run(stacks: int, events: int, minutes: float) -> None:
    """Print the tables of one run."""
    console = Console()
    with Emulator.start() as aws:
        built = deploy.build(aws.folder, aws.environment())
        deploy.deploy(built, aws.environment(), CONTROLLER, PARAMETERS)
        load, memory = Load(aws, stacks, events, time.monotonic() + minutes * 60), Memory(aws.pid)
        sampling = threading.Thread(target=memory.sample)
        sampling.start()
        started = time.monotonic()
        try:
            load.run()
        finally:
            memory.ended.set()
            sampling.join()
        seconds = time.monotonic() - started
        lived = len(load.deployments[VERSIONS[0]])
        title = f"{lived} stacks, {SIDE_BY_SIDE} side by side, and {load.events:,} events in {seconds:.0f} s"
        table = Table("stacks", "median, s", "slowest, s", title=title)
        for name, each in load.deployments.items():
            times = [deployed.seconds for deployed in each]
            table.add_row(f"{name}: {len(each)}", f"{median(times):.1f}", f"{max(times):.1f}")
        console.print(table)
        left = Table("left", "", title="")
        for name, count in load.left().items():
            left.add_row(name, f"{count:,}")
        console.print(left)
        console.print(*load.failures, sep="\n")
        console.print(memory.table())


def main(arguments: list[str] | None = None) -> None:
    """The short run, or the one of the arguments."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--stacks", type=int, default=10)
    parser.add_argument("--events", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=60, help="after which no further stack is created")
    chosen = parser.parse_args(arguments or [])
    run(chosen.stacks, chosen.events, chosen.minutes)


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
