"""The scenes about repositories: created, refused, adopted, updated, guarded, deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from local import show
from local.demo.checks import DemoError, example, expect
from local.images import push_image
from local.progress import console, heading, say, step
from local.stack import Stack

if TYPE_CHECKING:
    from local.emulator.process import Emulator

NAME = "team/app"


def show_create(aws: Emulator, number: int) -> None:
    heading(f"{number}. A repository from examples/quickstart.yaml")
    with step("Deploying the stack shop"):
        expect(Stack(aws.client("cloudformation"), "shop").deploy(example("quickstart")), "CREATE_COMPLETE")
    ecr = aws.client("ecr")
    with step("Pushing three images"):
        for tag in ("prod-1.0", "build-41", "latest"):
            push_image(ecr, NAME, tag, content=tag)
    with step("Pushing another image as prod-1.0, which ECR refuses: the tag is immutable"):
        try:
            push_image(ecr, NAME, "prod-1.0", content="something else")
        except ClientError as error:
            refusal = error.response["Error"]["Message"]
        else:
            raise DemoError("The push was accepted.")
    say(refusal)
    console.print(show.repository(ecr, NAME))


def show_faults(aws: Emulator, number: int) -> None:
    heading(f"{number}. A template with mistakes fails within seconds, lists all of them, and changes nothing")
    template = example("quickstart").replace("MaxImageAge: 30", "MaxImageAge: 0")
    template = template.replace("ImageScanOnPush: true", "ImageScanOnPsh: true")
    stack = Stack(aws.client("cloudformation"), "shop-with-mistakes")
    with step("Deploying it"):
        failed = expect(stack.deploy(template), "ROLLBACK_COMPLETE")
    say(failed.reasons[0])
    with step("Deploying a stack with the name of a repository that exists"):
        stack = Stack(aws.client("cloudformation"), "another-shop")
        refused = expect(stack.deploy(example("quickstart")), "ROLLBACK_COMPLETE")
    say(refused.reasons[0])


def show_adoption(aws: Emulator, number: int) -> None:
    heading(f"{number}. An existing repository is adopted, and released with its images")
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="legacy/app", tags=[{"Key": "cost-center", "Value": "42"}])
    push_image(ecr, "legacy/app", "v1")
    stack = Stack(aws.client("cloudformation"), "legacy")
    adopted = "RepositoryName: legacy/app\n      OnExisting: Adopt"
    with step("Deploying the stack legacy with OnExisting: Adopt"):
        template = example("quickstart").replace(f"RepositoryName: {NAME}", adopted)
        expect(stack.deploy(template), "CREATE_COMPLETE")
    console.print(show.repository(ecr, "legacy/app"))
    with step("Deleting the stack legacy"):
        expect(stack.delete(), "DELETE_COMPLETE")
    console.print(show.repository(ecr, "legacy/app"))


def show_update(aws: Emulator, number: int) -> None:
    heading(f"{number}. An update changes what differs, and nothing else")
    changed = example("quickstart").replace("MaxImageAge: 30", "MaxImageAge: 14")
    changed = changed.replace("      ImageScanOnPush: true\n", "")
    changed = changed.replace("      Tags:", "      EmptyOnDelete: true\n      Tags:")
    with step("Updating the stack shop: MaxImageAge 14, no ImageScanOnPush, EmptyOnDelete"):
        before = _settings(aws)
        expect(Stack(aws.client("cloudformation"), "shop").deploy(changed), "UPDATE_COMPLETE")
        after = _settings(aws)
    for label in [label for label in before if before[label] != after[label]]:
        console.print(f"  {label}\n    [red]- {before[label]}[/]\n    [green]+ {after[label]}[/]")


def _settings(aws: Emulator) -> dict[str, str]:
    found = show.find(aws.client("ecr"), NAME)
    if found is None:
        raise DemoError(f"The repository {NAME} does not exist.")
    return show.settings(found)


def show_guard(aws: Emulator, number: int) -> None:
    heading(f"{number}. A guard stops a lifecycle rule that would delete too many images")
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="nightly/builds")
    with step("Pushing 40 images to a repository that no stack created"):
        for night in range(40):
            created = datetime.now(UTC) - timedelta(days=40 - night)
            push_image(ecr, "nightly/builds", f"night-{night}", created=created, content=f"night {night}")
    template, stack = example("lifecycle-policy"), Stack(aws.client("cloudformation"), "nightly")
    with step("Deploying examples/lifecycle-policy.yaml: a policy may expire at most 20 % of the images"):
        expect(stack.deploy(template), "CREATE_COMPLETE")
    with step("Updating it to MaxImageCount 3 instead of 35"):
        stopped = stack.deploy(template.replace("MaxImageCount: 35", "MaxImageCount: 3"))
        expect(stopped, "UPDATE_ROLLBACK_COMPLETE")
    say(stopped.reasons[0])
    console.print(show.repository(ecr, "nightly/builds", newest=3))
    with step("Deleting the stack nightly, which deletes its policy and keeps the repository"):
        expect(stack.delete(), "DELETE_COMPLETE")
    ecr.delete_repository(repositoryName="nightly/builds", force=True)


def show_delete(aws: Emulator, number: int) -> None:
    heading(f"{number}. Deleting the stack deletes what it created, and nothing else")
    with step("Deleting the stack shop"):
        expect(Stack(aws.client("cloudformation"), "shop").delete(), "DELETE_COMPLETE")
    with step("Listing the repositories that are left"):
        left = [each["repositoryName"] for each in aws.client("ecr").describe_repositories()["repositories"]]
        if left != ["legacy/app"]:
            raise DemoError(f"These repositories are left: {', '.join(left) or 'none'}")
    say(f"{NAME} and its images are deleted; legacy/app, which no stack created, is unchanged")
