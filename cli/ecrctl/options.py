"""What a person asks for, and the plans that answer it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ecr_controller.errors import UserError
from ecr_controller.lifecycle.preview import Previews
from ecrctl import console
from ecrctl.inputs import ecr, policies, template
from ecrctl.inputs import files as documents
from ecrctl.inputs import images as offline
from ecrctl.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_ecr import ECRClient

    from ecr_controller.lifecycle.images import Image
    from ecr_controller.lifecycle.preview import Preview
    from ecrctl.inputs.policies import DeclaredPolicy

PREVIEW_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Request:
    """The options as they were given. ``parameters`` are ``NAME=VALUE``."""

    template: str | None = None
    parameters: Sequence[str] = ()
    resource: str | None = None
    rules_file: str | None = None
    policy_file: str | None = None
    repository: str | None = None
    images_file: str | None = None
    region: str | None = None
    profile: str | None = None
    now: str | None = None
    preview: bool = False

    def check(self) -> None:
        """Whether the options go together. Raises UserError."""
        if sum(source is not None for source in (self.template, self.rules_file, self.policy_file)) != 1:
            raise UserError("give the rules by exactly one of --template, --rules-file and --policy-file")
        if self.template is None and (self.parameters or self.resource):
            raise UserError("--parameter and --resource go only with --template")
        if self.template is None and self.repository is None and (self.images_file is None or self.preview):
            needed = "--repository" if self.images_file else "--repository or --images-file"
            raise UserError(f"say whose images to plan for: give {needed}")
        if (self.template, self.rules_file, self.policy_file, self.images_file).count("-") > 1:
            raise UserError("standard input can be read only once; give - to one option")


def plans_of(request: Request) -> list[Plan]:
    """One plan for each policy. Raises UserError and RetryableError; see `ecr` for the calls to AWS."""
    request.check()
    now = _now(request.now)
    declared = _declared(request)
    images = None if request.images_file is None else offline.images_of(request.images_file)
    if images is None or request.preview:
        with ecr.asked():
            return _online(request, declared, images, now)
    return [Plan.of(each, request.repository or each.repository, images, now) for each in declared]


def _now(given: str | None) -> datetime:
    if given is None:
        return datetime.now(UTC)
    try:
        now = datetime.fromisoformat(given)
        return (now if now.tzinfo else now.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UserError(f"--now: {given!r} is no time in ISO 8601, such as 2026-11-01T12:00:00Z") from None


def _declared(request: Request) -> list[DeclaredPolicy]:
    if request.policy_file is not None:
        return [policies.of_text(documents.read_text(request.policy_file))]
    if request.rules_file is not None:
        return [policies.of_rules(documents.read_yaml(request.rules_file))]
    parameters = dict(map(_parameter, request.parameters))
    if request.region:
        parameters.setdefault("AWS::Region", request.region)
    return template.policies_of(
        documents.read_yaml(request.template or ""),
        parameters,
        only=request.resource,
        repositories_needed=request.repository is None and (request.images_file is None or request.preview),
    )


def _parameter(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not equals:
        raise UserError(f"--parameter: {given!r} is not NAME=VALUE")
    return name, value


def _online(
    request: Request, declared: Sequence[DeclaredPolicy], images: Sequence[Image] | None, now: datetime
) -> list[Plan]:
    client = ecr.client(request.region, request.profile)
    known: dict[str, Sequence[Image]] = {}
    plans = []
    for each in declared:
        repository = request.repository or each.repository or ""
        if repository not in known:
            known[repository] = _read(client, repository) if images is None else images
        preview = _preview(client, repository, each) if request.preview else None
        plans.append(Plan.of(each, repository, known[repository], now, preview))
    if request.preview and request.now:
        console.tell_note("ECR's preview is of this moment, not of --now, so images that grow old may differ")
    return plans


def _read(client: ECRClient, repository: str) -> Sequence[Image]:
    with console.progress(f"Reading {repository}") as so_far:
        return ecr.Images(client).of(repository, so_far)


def _preview(client: ECRClient, repository: str, declared: DeclaredPolicy) -> Preview:
    with console.progress(f"Waiting for ECR's preview of {repository}"):
        return Previews(client).preview(repository, declared.policy.text(), time.time() + PREVIEW_SECONDS)
