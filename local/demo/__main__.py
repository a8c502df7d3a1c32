"""`make demo`: the whole job, once, on an embedded AWS, with what a person would want to see of it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ecr_controller.repository.gateway import Ecr
from local import show
from local.demo.grants import show_grants
from local.demo.routes import show_routes
from local.images import push_image
from local.progress import console, heading, run, say, step
from local.serve import running_controller
from local.stack import Stack

if TYPE_CHECKING:
    from local.emulator.process import Emulator
    from local.stack import Deployment

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
NAME = "team/app"


class DemoError(Exception):
    """Something went otherwise than the demo shows."""


def main() -> None:
    """Start, deploy, use, update, delete; then everything is gone."""
    with running_controller() as aws:
        show_everything(aws)
    heading("That was all. Next: `make local` keeps such an AWS running for you to try things.")


def show_everything(aws: Emulator) -> None:
    """Each part of the demo, in the order in which a user would meet it."""
    stack = Stack(aws.client("cloudformation"), "shop")
    quickstart = (EXAMPLES / "quickstart.yaml").read_text(encoding="utf-8")
    show_create(aws, stack, quickstart)
    show_faults(aws)
    show_adoption(aws)
    show_update(aws, stack, quickstart)
    show_guard(aws)
    show_gate(aws)
    show_routes(aws, 7)
    show_grants(aws, 8)
    show_delete(aws, stack)


def show_create(aws: Emulator, stack: Stack, quickstart: str) -> None:
    heading("1. A repository from examples/quickstart.yaml")
    with step("Deploying the stack shop"):
        _expect(stack.deploy(quickstart), "CREATE_COMPLETE")
    ecr = aws.client("ecr")
    with step("Pushing three images"):
        for tag in ("prod-1.0", "build-41", "latest"):
            push_image(ecr, NAME, tag, content=tag)
    with step("Pushing prod-1.0 again, with other content, is refused: the tag is immutable"):
        try:
            push_image(ecr, NAME, "prod-1.0", content="something else")
        except ClientError as error:
            refusal = error.response["Error"]["Message"]
        else:
            raise DemoError("it was taken")
    say(refusal)
    console.print(show.repository(ecr, NAME))


def show_faults(aws: Emulator) -> None:
    heading("2. A template with mistakes fails within seconds, tells all of them, and harms nothing")
    template = (EXAMPLES / "quickstart.yaml").read_text(encoding="utf-8")
    template = template.replace("MaxImageAge: 30", "MaxImageAge: 0").replace(
        "ImageScanOnPush: true", "ImageScanOnPsh: true"
    )
    stack = Stack(aws.client("cloudformation"), "shop-with-mistakes")
    with step("Deploying it"):
        failed = stack.deploy(template)
        _expect(failed, "ROLLBACK_COMPLETE")
    say(failed.reasons[0])
    with step("Deploying a stack that wants a repository that exists"):
        taken = Stack(aws.client("cloudformation"), "another-shop").deploy(quickstart_of("team/app"))
        _expect(taken, "ROLLBACK_COMPLETE")
    say(taken.reasons[0])


def show_adoption(aws: Emulator) -> None:
    heading("3. An existing repository is adopted, and released again with its images")
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="legacy/app", tags=[{"Key": "cost-center", "Value": "42"}])
    push_image(ecr, "legacy/app", "v1")
    stack = Stack(aws.client("cloudformation"), "legacy")
    with step("Deploying the stack legacy with OnExisting: Adopt"):
        _expect(stack.deploy(quickstart_of("legacy/app", "OnExisting: Adopt")), "CREATE_COMPLETE")
    console.print(show.repository(ecr, "legacy/app"))
    with step("Deleting the stack legacy"):
        _expect(stack.delete(), "DELETE_COMPLETE")
    console.print(show.repository(ecr, "legacy/app"))


def show_update(aws: Emulator, stack: Stack, quickstart: str) -> None:
    heading("4. An update changes what differs, and nothing else")
    gateway = Ecr(aws.client("ecr"))
    before = gateway.find_whole(NAME)
    changed = quickstart.replace("MaxImageAge: 30", "MaxImageAge: 14").replace("      ImageScanOnPush: true\n", "")
    with step("Updating the stack shop: MaxImageAge 14, no ImageScanOnPush, EmptyOnDelete"):
        changed = changed.replace("      Tags:", "      EmptyOnDelete: true\n      Tags:")
        _expect(stack.deploy(changed), "UPDATE_COMPLETE")
    after = gateway.find_whole(NAME)
    if before is None or after is None:
        raise DemoError(f"{NAME} is not there")
    was, now = show.settings(before), show.settings(after)
    for label in was:
        if was[label] != now[label]:
            console.print(f"  {label}\n    [red]- {was[label]}[/]\n    [green]+ {now[label]}[/]")


def show_guard(aws: Emulator) -> None:
    heading("5. A guard stops a lifecycle rule that would delete too much")
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="nightly/builds")
    with step("Pushing forty images to a repository that no stack made"):
        for night in range(40):
            created = datetime.now(UTC) - timedelta(days=40 - night)
            push_image(ecr, "nightly/builds", f"night-{night}", created=created, content=f"night {night}")
    template = (EXAMPLES / "lifecycle-policy.yaml").read_text(encoding="utf-8")
    stack = Stack(aws.client("cloudformation"), "nightly")
    with step("Deploying examples/lifecycle-policy.yaml: at most 20 % may go"):
        _expect(stack.deploy(template), "CREATE_COMPLETE")
    with step("Updating it with MaxImageCount 3 in place of 35"):
        stopped = stack.deploy(template.replace("MaxImageCount: 35", "MaxImageCount: 3"))
        _expect(stopped, "UPDATE_ROLLBACK_COMPLETE")
    say(stopped.reasons[0])
    console.print(show.repository(ecr, "nightly/builds", newest=3))
    with step("Deleting the stack nightly, which takes its policy away and leaves the repository"):
        _expect(stack.delete(), "DELETE_COMPLETE")
    ecr.delete_repository(repositoryName="nightly/builds", force=True)


def show_gate(aws: Emulator) -> None:
    heading("6. A release stops at an image in which a scan finds something bad")
    ecr = aws.client("ecr")
    push_image(ecr, NAME, "prod-2.0", findings="LOW=3")
    push_image(ecr, NAME, "prod-2.1", findings="CRITICAL=1,HIGH=2,LOW=3")
    template = (EXAMPLES / "scan-gate.yaml").read_text(encoding="utf-8")
    stack = Stack(aws.client("cloudformation"), "release")
    with step("Deploying examples/scan-gate.yaml with prod-2.0, which is clean enough"):
        released = stack.deploy(template, ImageTag="prod-2.0")
        _expect(released, "CREATE_COMPLETE")
    with step("Updating it with prod-2.1"):
        stopped = stack.deploy(template, ImageTag="prod-2.1")
        _expect(stopped, "UPDATE_ROLLBACK_COMPLETE")
    say(stopped.reasons[0])
    say(f"Released is still {stopped.outputs['Image']}")
    with step("Deleting the stack release"):
        _expect(stack.delete(), "DELETE_COMPLETE")


def show_delete(aws: Emulator, stack: Stack) -> None:
    heading("9. Deleting the stack deletes what it made, and only that")
    with step("Deleting the stack shop"):
        _expect(stack.delete(), "DELETE_COMPLETE")
    ecr = aws.client("ecr")
    with step("Looking at what is left"):
        left = [each["repositoryName"] for each in ecr.describe_repositories()["repositories"]]
        if left != ["legacy/app"]:
            raise DemoError(f"these repositories are left: {left}")
    say("team/app is gone with its images; legacy/app, which no stack made, is as it was")


def quickstart_of(name: str, *more: str) -> str:
    """The quickstart with another repository name, and with more properties."""
    text = (EXAMPLES / "quickstart.yaml").read_text(encoding="utf-8")
    return text.replace("RepositoryName: team/app", "\n      ".join([f"RepositoryName: {name}", *more]))


def _expect(deployment: Deployment, status: str) -> None:
    if deployment.status != status:
        raise DemoError(f"it ended in {deployment.status}: {'; '.join(deployment.reasons) or 'no reason was given'}")


if __name__ == "__main__":
    sys.exit(run(main))
