"""What `ecrctl lifecycle plan` does."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ecr_controller.errors import UserError
from ecr_controller.lifecycle.ecr import LifecyclePolicies, Previews
from ecrctl import arguments, concurrency, console
from ecrctl.inputs import ecr, files, images, policies, template_policies
from ecrctl.outputs import html, json, markdown, table
from ecrctl.plan import Plan, Plans
from ecrctl.usages import Usages

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
    with ecr.translated_errors() if given.calls_aws else nullcontext():
        plans = _plan_registry(given) if given.of_registry else _plan_declared(given)
    _write(plans, given)
    return plans.exit_code


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """The options of `ecrctl lifecycle plan` as given. ``parameters`` are of the form ``NAME=VALUE``."""

    template: str | None
    parameters: Sequence[str]
    resource: str | None
    rules_file: str | None
    policy_file: str | None
    repository: str | None
    all_repositories: bool
    prefix: str | None
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
    def of_registry(self) -> bool:
        """Whether the repositories of the registry are planned, and not those that are named."""
        return self.all_repositories or self.prefix is not None

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
        sources = [source for source in (self.template, self.rules_file, self.policy_file) if source is not None]
        if self.of_registry:
            self._check_registry()
        elif len(sources) != 1:
            raise UserError("specify exactly one of --template, --rules-file, and --policy-file, or --all or --prefix")
        if self.template is None and (self.parameters or self.resource):
            raise UserError("--parameter and --resource require --template")
        if self.template is None and self.needs_repository and not self.of_registry:
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

    def _check_registry(self) -> None:
        if self.all_repositories and self.prefix is not None:
            raise UserError("--all cannot be used with --prefix: remove one")
        others = {"--template": self.template, "--repository": self.repository, "--images-file": self.images_file}
        named = [option for option, value in others.items() if value is not None]
        if named:
            chosen = "--all" if self.all_repositories else "--prefix"
            raise UserError(f"{chosen} cannot be used with {named[0]}: remove one")
        if self.rules_file is not None and self.policy_file is not None:
            raise UserError("--rules-file cannot be used with --policy-file: remove one")


def _plan_declared(given: PlanOptions) -> Plans:
    """One plan for each policy that is given or declared. Calls AWS as `inputs.ecr` does."""
    declared, not_planned = _read_policies(given)
    now = arguments.parse_time(given.now)
    from_file = None if given.images_file is None else images.read_file(given.images_file)
    if given.calls_aws:
        return Plans(_plan_with_ecr(given, declared, from_file, now), not_planned)
    plans = [Plan.of(each, given.repository or each.repository, from_file or (), now) for each in declared]
    return Plans(plans, not_planned)


def _plan_registry(given: PlanOptions) -> Plans:
    """A plan for each repository of the registry that has a policy, or is given one."""
    now = arguments.parse_time(given.now)
    has_policy = given.rules_file is not None or given.policy_file is not None
    policy = _read_policies(given)[0][0] if has_policy else None
    client = ecr.client(given.region, given.profile)
    names = ecr.Registry(client).names(given.prefix or "")
    found = concurrency.of_each(names, lambda name: _plan_in_force(client, name, policy, now), "Planning")
    not_planned = [each for each in found if isinstance(each, str)]
    plans = [each for each in found if isinstance(each, Plan)]
    if given.preview:
        plans = [replace(each, preview=_preview(client, each.repository or "", each.declared)) for each in plans]
    return Plans(plans, not_planned, of_registry=True)


def _plan_in_force(client: ECRClient, name: str, policy: DeclaredPolicy | None, now: datetime) -> Plan | str | None:
    """The plan of a repository, None if it has no policy, or why it isn't planned."""
    if policy is None:
        text = LifecyclePolicies(client).get_lifecycle_policy(name)
        if text is None:
            return None
        try:
            policy = policies.from_text(text)
        except UserError as error:
            return f"{name}: {error}"
    found = ecr.Images(client).read(name, lambda _status: None)
    if found is None:
        return f"{name}: the repository was deleted meanwhile"
    return Plan.of(replace(policy, repository=name), name, found, now)


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
    plans, usages = [], Usages(given.region, given.profile)
    for each in declared:
        repository = given.repository or each.repository or ""
        if repository not in known:
            known[repository] = _read_images(client, repository, given) if from_file is None else from_file
        preview = _preview(client, repository, each) if given.preview else None
        found = known[repository]
        if each.keep_in_use is not None and from_file is None:
            found = usages.held(repository, found, each.keep_in_use, now)
        plans.append(Plan.of(each, repository, found, now, preview))
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


def _write(plans: Plans, given: PlanOptions) -> None:
    rows = TABLE_ROWS if given.output == "table" else PAGE_ROWS
    limit = rows if given.limit is None else given.limit
    match given.output:
        case "json":
            console.write(json.render(plans), given.output_file)
        case "html":
            console.write(html.render(plans, limit), given.output_file)
        case "markdown":
            console.write(markdown.render(plans, limit), given.output_file)
        case _:
            console.show(table.render(plans, limit), given.output_file)
