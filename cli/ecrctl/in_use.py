"""What `ecrctl in-use` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_controller.errors import UserError
from ecr_controller.in_use.planning import used_images
from ecr_controller.lifecycle.ecr import LifecyclePolicies
from ecr_controller.lifecycle.holds import is_held
from ecr_controller.lifecycle.keep_in_use import ECS, LAMBDA, KeepInUse
from ecrctl import arguments, concurrency, console
from ecrctl.inputs import ecr, policies
from ecrctl.outputs import in_use as outputs
from ecrctl.plan import Plan
from ecrctl.usages import Usages, UsedImage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from mypy_boto3_ecr import ECRClient

    from ecr_controller.in_use.usage import Usage

DEFAULT_SOURCES = (ECS, LAMBDA)


def run(
    prefix: str,
    sources: Sequence[str],
    pulled_within: int | None,
    region: str | None,
    profile: str | None,
    output: str,
    output_file: str | None,
) -> int:
    """Write what is in use. Returns the exit code. Raises UserError and RetryableError."""
    keep = KeepInUse(tuple(dict.fromkeys(sources)) or DEFAULT_SOURCES, pulled_within)
    now = arguments.parse_time(None)
    with ecr.translated_errors():
        usage = Usages(region, profile).of(keep.sources)
        client = ecr.client(region, profile)
        names = ecr.Registry(client).names(prefix)
        read = concurrency.of_each(names, lambda name: list(_used(client, name, usage, keep, now)), "Reading")
    used = [each for found in read for each in found]
    not_read = [str(each) for each in usage.faults(keep.sources)]
    if output == "json":
        console.write(outputs.as_json(used, not_read), output_file)
    else:
        console.show(outputs.table(used, not_read), output_file)
    if not_read:
        return 3
    return 2 if any(each.expires_by is not None for each in used) else 0


def _used(client: ECRClient, name: str, usage: Usage, keep: KeepInUse, now: datetime) -> Iterator[UsedImage]:
    """The images of a repository in use, and which rule of the policy in force expires or archives them."""
    uses = usage.of(name, keep.sources)
    if not uses and keep.pulled_within is None:
        return
    images = ecr.Images(client).read(name, lambda _status: None) or ()
    used = used_images(images, uses, keep, now)
    text = LifecyclePolicies(client).get_lifecycle_policy(name) if used else None
    try:
        plan = None if text is None else Plan.of(policies.from_text(text), name, images, now)
    except UserError:
        plan = None
    expiring = {} if plan is None else {f.image.digest: f.rule_priority or 0 for f in plan.affected}
    for image in images:
        if image.digest in used:
            held = is_held(image.digest, image.tags)
            yield UsedImage(name, image, used[image.digest], held, expiring.get(image.digest))
    missing = {use.image: use.user for use in uses} if len(used) < len(uses) else {}
    present = {image.digest for image in images} | {tag for image in images for tag in image.tags}
    for reference, user in missing.items():
        if reference not in present:
            yield UsedImage(name, reference, user)
