"""What `ecrctl lifecycle plan` does."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecr_controller.errors import UserError
from ecr_controller.lifecycle.ecr import Previews
from ecrctl import arguments, console
from ecrctl.inputs import ecr, files, images, policies, template_policies
from ecrctl.outputs import html, json, table
from ecrctl.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mypy_boto3_ecr import ECRClient

    from ecr_controller.lifecycle.ecr import Preview
    from ecr_controller.lifecycle.images import Image
    from ecrctl.inputs.policies import DeclaredPolicy

TABLE_ROWS, PAGE_ROWS = 50, 1000
PREVIEW_SECONDS = 300


def run(given: PlanOptions) -> int:
    """Make and write the plans. Returns the exit code. Raises UserError and RetryableError."""
    given.check()
    declared, not_planned = _read_policies(given)
    plans = _make_plans(given, declared)
    _write(plans, not_planned, given)
    if not_planned:
        return 3
    return 2 if any(each.has_effect for each in plans) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """The options of `ecrctl lifecycle plan` as given. ``parameters`` are of the form ``NAME=VALUE``."""

    template: str | None
    parameters: Sequence[str]
    resource: str | None
    rules_file: str | None
    policy_file: str | None
    repository: str | None
    images_file: str | None
    region: str | None
    region_on_command_line: bool
    profile: str | None
    preview: bool
    now: str | None
    output: str
    output_file: str | None
    limit: int | None

    @property
    def calls_aws(self) -> bool:
        """Whether the plan needs Amazon ECR."""
        return self.images_file is None or self.preview

    @property
    def needs_repository(self) -> bool:
        """Whether the repository must come from the template."""
        return self.calls_aws and self.repository is None

    def check(self) -> None:
        """Check that the options can be combined. Raises UserError."""
        if sum(source is not None for source in (self.template, self.rules_file, self.policy_file)) != 1:
            raise UserError("specify exactly one of --template, --rules-file, and --policy-file")
        if self.template is None and (self.parameters or self.resource):
            raise UserError("--parameter and --resource require --template")
        if self.template is None and self.needs_repository:
            other = "" if self.images_file else ", or the images with --images-file"
            raise UserError(f"specify the repository with --repository{other}")
        if not self.calls_aws and self.profile is not None:
            raise UserError("--profile cannot be used with --images-file, because AWS is not called: remove one")
        if not self.calls_aws and self.region_on_command_line and self.template is None:
            raise UserError("--region cannot be used with --images-file, because AWS is not called: remove one")
        if self.output == "json" and self.limit is not None:
            raise UserError("--limit cannot be used with --output json, which always has all images: remove one")
        inputs = {
            "--template": self.template,
            "--rules-file": self.rules_file,
            "--policy-file": self.policy_file,
            "--images-file": self.images_file,
        }
        arguments.check_files(inputs, self.output_file)


def _make_plans(given: PlanOptions, declared: Sequence[DeclaredPolicy]) -> list[Plan]:
    """One plan for each policy. Calls AWS as `inputs.ecr` does. Raises UserError and RetryableError."""
    now = arguments.parse_time(given.now)
    from_file = None if given.images_file is None else images.read_file(given.images_file)
    if given.calls_aws:
        with ecr.translated_errors():
            return _plan_with_ecr(given, declared, from_file, now)
    return [Plan.of(each, given.repository or each.repository, from_file or (), now) for each in declared]


def _read_policies(given: PlanOptions) -> tuple[list[DeclaredPolicy], list[str]]:
    """The policies, and what a template has that cannot be planned."""
    if given.policy_file is not None:
        with files.errors_in(given.policy_file):
            return [policies.from_text(files.read_text(given.policy_file))], []
    if given.rules_file is not None:
        with files.errors_in(given.rules_file):
            return [policies.from_rules(files.read_yaml(given.rules_file))], []
    parameters = arguments.parse_parameters(given.parameters)
    if given.region:
        parameters.setdefault("AWS::Region", given.region)
    path = given.template or ""
    with files.errors_in(path):
        return template_policies.from_template(
            files.read_yaml(path), parameters, only=given.resource, repositories_needed=given.needs_repository
        )


def _plan_with_ecr(
    given: PlanOptions, declared: Sequence[DeclaredPolicy], from_file: Sequence[Image] | None, now: datetime
) -> list[Plan]:
    client = ecr.client(given.region, given.profile)
    known: dict[str, Sequence[Image]] = {}
    plans = []
    for each in declared:
        repository = given.repository or each.repository or ""
        if repository not in known:
            known[repository] = _read_images(client, repository, given) if from_file is None else from_file
        preview = _preview(client, repository, each) if given.preview else None
        plans.append(Plan.of(each, repository, known[repository], now, preview))
    if given.preview and given.now:
        console.print_note("The preview of Amazon ECR is for the current time, not for --now, so the two can differ.")
    return plans


def _read_images(client: ECRClient, repository: str, given: PlanOptions) -> Sequence[Image]:
    with console.progress(f"Reading the images of {repository}") as report:
        images = ecr.Images(client).read(repository, report)
    if images is None and given.repository is not None:
        raise UserError(f"--repository: the repository {repository} does not exist in this account and Region")
    if images is None:
        console.print_note(f"The repository {repository} doesn't exist yet, so its plan has no images.")
    return images or ()


def _preview(client: ECRClient, repository: str, declared: DeclaredPolicy) -> Preview:
    with console.progress(f"Waiting for the lifecycle policy preview of {repository}"):
        return Previews(client).preview(repository, declared.policy.text(), time.time() + PREVIEW_SECONDS)


def _write(plans: Sequence[Plan], not_planned: Sequence[str], given: PlanOptions) -> None:
    limit = given.limit
    match given.output:
        case "json":
            console.write(json.render(plans, not_planned), given.output_file)
        case "html":
            console.write(html.render(plans, PAGE_ROWS if limit is None else limit, not_planned), given.output_file)
        case _:
            console.show(table.render(plans, TABLE_ROWS if limit is None else limit, not_planned), given.output_file)
