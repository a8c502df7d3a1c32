"""A repository for people to read: settings, rules, owner, images.

`python -m local.show REPOSITORY …` prints it.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
from rich.console import Group
from rich.panel import Panel
from rich.table import Table

from ecr_controller.errors import ControllerError, Faults
from ecr_controller.lifecycle.describe import describe
from ecr_controller.lifecycle.ecr import LifecyclePolicies
from ecr_controller.lifecycle.rules import parse_policy
from ecr_controller.repository import ownership
from ecr_controller.repository.ecr import Repositories
from ecr_controller.repository.settings import ImageScanOnPush, ImageTagMutability
from local.progress import console, exit_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_ecr import ECRClient
    from rich.console import RenderableType

    from ecr_controller.repository.model import Repository


class NotFoundError(LookupError):
    """There is no such repository. The message names it."""


def repository(ecr: ECRClient, name: str, newest: int = 10) -> RenderableType:
    """Settings, rules, tags, owner and the newest images of one repository. Raises NotFoundError."""
    found = find(ecr, name)
    if found is None:
        raise NotFoundError(f"There is no repository {name}.")
    return Panel(
        Group(_settings(found), _rules(found), _images(ecr, name, newest)), title=f"[bold]{name}[/]", title_align="left"
    )


def find(ecr: ECRClient, name: str) -> Repository | None:
    """The repository with its lifecycle policy, or None if it does not exist."""
    found = Repositories(ecr).describe_repository(name)
    return found and replace(found, lifecycle_text=LifecyclePolicies(ecr).get_lifecycle_policy(name))


def _settings(found: Repository) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for label, value in settings(found).items():
        if label != "rules":
            table.add_row(f"[dim]{label}[/]", value)
    return table


def settings(found: Repository) -> dict[str, str]:
    """The settings of a repository, each as text."""
    mutability = ImageTagMutability().observed(found)
    filters = mutability.exclusion_filters
    exclusions = f", except {' '.join(filters)}" if filters else ""
    theirs = {key: value for key, value in found.tags.items() if not key.startswith("ecr-controller:")}
    return {
        "URI": found.uri,
        "scan on push": "yes" if ImageScanOnPush().observed(found) else "no",
        "tags are": mutability.value.removesuffix("_WITH_EXCLUSION").lower() + exclusions,
        "encryption": found.encryption.type,
        "tags": ", ".join(f"{key}={value}" for key, value in theirs.items()) or "none",
        "owner": _owner(found.tags),
        "rules": "; ".join(rules(found)) or "none",
    }


def _owner(tags: Mapping[str, str]) -> str:
    stack = tags.get(ownership.STACK_ID)
    if stack is None:
        return "no stack"
    how = "adopted" if ownership.is_adopted(tags) else "created"
    return f"{tags.get(ownership.LOGICAL_ID)} in the stack {stack.split('/')[1]}, which {how} it"


def rules(found: Repository) -> list[str]:
    """The lifecycle rules in the order in which ECR applies them."""
    if found.lifecycle_text is None:
        return []
    policy = parse_policy({"LifecyclePolicyText": found.lifecycle_text}, Faults())
    if policy is None:
        return [json.dumps(json.loads(found.lifecycle_text))]
    ordered = sorted(policy.rules, key=lambda rule: rule.priority)
    return [f"{rule.priority}. {describe(rule)}" for rule in ordered]


def _rules(found: Repository) -> RenderableType:
    return "\n".join(["", "[dim]lifecycle rules, in order[/]", *(f"  {rule}" for rule in rules(found) or ["none"])])


def _images(ecr: ECRClient, name: str, newest: int) -> RenderableType:
    images: list[Any] = []
    for page in ecr.get_paginator("describe_images").paginate(repositoryName=name):
        images += page["imageDetails"]
    table = Table("tags", "digest", "size", "pushed", box=None, padding=(0, 2), title_justify="left")
    for image in sorted(images, key=lambda each: each["imagePushedAt"], reverse=True)[:newest]:
        size = f"{image['imageSizeInBytes'] / 1_000_000:.1f} MB"
        pushed = f"{image['imagePushedAt']:%Y-%m-%d %H:%M}"
        table.add_row(", ".join(image.get("imageTags", [])) or "—", image["imageDigest"][:19], size, pushed)
    return (
        Group("", f"[dim]images: {len(images)}{_and_newest(len(images), newest)}[/]", table)
        if images
        else "\n[dim]images: none[/]"
    )


def _and_newest(count: int, newest: int) -> str:
    return f", the newest {newest} of them" if count > newest else ""


def main() -> None:
    """Print repositories of the AWS that the environment names. Raises NotFoundError."""
    parser = argparse.ArgumentParser(prog="python -m local.show", description="Show repositories and their images.")
    parser.add_argument(
        "repositories", metavar="REPOSITORY", nargs="+", help="the name of a repository, such as team/app"
    )
    for name in parser.parse_args().repositories:
        console.print(repository(boto3.client("ecr"), name))


if __name__ == "__main__":
    sys.exit(exit_code(main, NotFoundError, ControllerError))
