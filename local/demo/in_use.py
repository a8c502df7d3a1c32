"""The scene about an image that runs and is not expired."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ecr_controller.lifecycle.holds import is_held
from local import show
from local.demo.checks import DemoError, example, expect
from local.expire import expire
from local.grace import let_days_pass
from local.images import push_image
from local.progress import console, heading, step
from local.run_service import run_service
from local.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

    from local.emulator.process import Emulator

NAME, SERVICE, DAYS = "shop/web", "web", 15
_MOST_CHECKS = 15
LONG_AGO = datetime.now(UTC) - timedelta(days=30)


def show_images_in_use(aws: Emulator, number: int) -> None:
    heading(f"{number}. An image that a service runs is kept, although its tag moved on and a rule would expire it")
    ecr, ecs, stack = aws.client("ecr"), aws.client("ecs"), Stack(aws.client("cloudformation"), "shop-web")
    [controller] = aws.client("cloudformation").describe_stacks(StackName="ecr-controller")["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in controller["Outputs"]}

    def look() -> None:
        payload = json.dumps({"RepositoryName": NAME})
        aws.client("lambda").invoke(FunctionName=outputs["InUseFunction"], Payload=payload)

    with step("Deploying examples/keep-in-use-ecs.yaml: untagged images expire after a day, unless they run"):
        expect(stack.deploy(example("keep-in-use-ecs")), "CREATE_COMPLETE")
    with step(f"Running {NAME}:latest as a service, then pushing another image as latest"):
        push_image(ecr, NAME, "latest", content="v1", created=LONG_AGO)
        old = run_service(ecs, ecr, SERVICE, f"{NAME}:latest", cluster="shop")
        push_image(ecr, NAME, "latest", content="v2", created=LONG_AGO)
        look()
    console.print(show.repository(ecr, NAME))
    with step("Carrying out the lifecycle policy: the image that runs stays"):
        _require(expire(ecr, NAME) == [], "An image in use was expired")
    with step(f"Deploying the new image, and letting {DAYS} days pass, of which 14 are days of grace"):
        run_service(ecs, ecr, SERVICE, f"{NAME}:latest", cluster="shop")
        # The event of the first task may still be on its way, and then the days of grace begin anew.
        for _ in range(_MOST_CHECKS):
            look()
            let_days_pass(aws.client("dynamodb"), outputs["PartsTable"], NAME, DAYS)
            look()
            if not _is_held(ecr, old):
                break
            time.sleep(1)
    with step("Carrying out the lifecycle policy: now the old image goes"):
        _require(expire(ecr, NAME) == [old], "The old image was not expired")
    console.print(show.repository(ecr, NAME))
    ecs.delete_service(cluster="shop", service=SERVICE, force=True)
    with step("Deleting the images and the stack shop-web"):
        found = {each["imageDigest"] for each in ecr.list_images(repositoryName=NAME)["imageIds"]}
        ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": each} for each in found])
        expect(stack.delete(), "DELETE_COMPLETE")


def _is_held(ecr: ECRClient, digest: str) -> bool:
    [found] = ecr.describe_images(repositoryName=NAME, imageIds=[{"imageDigest": digest}])["imageDetails"]
    return is_held(digest, found.get("imageTags", ()))


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise DemoError(f"{otherwise}.")
