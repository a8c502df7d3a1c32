"""What the adoption of a repository would change, by the difference that the controller computes itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource import properties
from ecr_controller.errors import Fault, InvalidProperties, UserError
from ecr_controller.lifecycle import guard
from ecr_controller.lifecycle.ecr import PreviewedImage
from ecr_controller.repository.ownership import LIFECYCLE_POLICY, LOGICAL_ID, NATIVE_STACK_ID, STACK_ID
from ecr_controller.repository.replacement import encryption_is_fixed, needs_other_encryption
from ecr_controller.repository_policy.policy import refuse_too_long
from ecr_controller.repository_policy.statement import merged
from ecr_controller.shared_documents.converge import Part
from ecrctl.comparison import compare, spec_of
from ecrctl.inputs.policies import DeclaredPolicy
from ecrctl.inputs.values import Unresolved
from ecrctl.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from ecr_controller.custom_resource.request import Home
    from ecr_controller.lifecycle.images import Image
    from ecr_controller.repository.changes import Change
    from ecr_controller.repository.spec import RepositorySpec
    from ecrctl.controller import Controller
    from ecrctl.inputs.inventory import Found
    from ecrctl.inputs.template import Declaration


@dataclass(frozen=True, slots=True)
class Adoption:
    """What changes, in the order in which it does; the plan of the lifecycle policy if that changes; why the deployment
    would refuse it; and what to check before."""

    resource: str
    repository: str
    exists: bool = True
    changes: Sequence[Change[Any]] = ()
    plan: Plan | None = None
    refusals: Sequence[str] = ()
    warnings: Sequence[str] = ()


def declared_name(declaration: Declaration) -> str | None:
    """The name of the repository that the resource adopts; None if it adopts none. Raises InvalidProperties if the name
    is known only at deployment."""
    declared = declaration.properties
    if declaration.type_name != "ECRRepository" or not isinstance(declared, Mapping):
        return None
    wanted = {name: declared[name] for name in ("OnExisting", "RepositoryName") if name in declared}
    try:
        if declaration.is_excluded():
            return None
        values = declaration.resolver.resolve(wanted, declaration.name)
    except Unresolved as error:
        raise InvalidProperties("The template", error.faults) from None
    return str(values["RepositoryName"]) if values.get("OnExisting") == "Adopt" and "RepositoryName" in values else None


def adopt(
    declaration: Declaration,
    found: Found,
    controller: Controller,
    images: Callable[[str], Sequence[Image]],
    now: datetime,
) -> Adoption:
    """What the deployment of the resource would do to a repository. Raises InvalidProperties.

    ``images`` reads the images of a repository, and is called only if the lifecycle policy changes.
    """
    spec = _spec(declaration, found.home, controller)
    changes = compare(found, spec)
    plan = None
    if spec.lifecycle_policy is not None and any(change.setting.name == "LifecyclePolicy" for change in changes):
        declared = DeclaredPolicy(spec.lifecycle_policy, found.name, declaration.name)
        plan = Plan.of(declared, found.name, images(found.name), now)
    refusals = list(_refusals(declaration, found, spec, controller, plan))
    warnings = _warnings(found, spec)
    if plan is not None and spec.keep_in_use is not None:
        warnings.append(
            "Images in use that have no tag of the controller yet count as expired here, and the deployment keeps "
            "them. To see them, run ecrctl in-use."
        )
    return Adoption(declaration.name, found.name, True, changes, plan, refusals, warnings)


def _refusals(
    declaration: Declaration, found: Found, spec: RepositorySpec, controller: Controller, plan: Plan | None
) -> Iterator[str]:
    if outside := controller.refusal_of_repository(found.name, declaration.resolver.parameters.get("AWS::StackName")):
        yield outside
    if needs_other_encryption(found.repository.encryption, spec, spec):
        yield str(encryption_is_fixed(found.repository))
    with controller.configured():
        if plan is not None and (refusal := _refusal_by_guard(plan, found, spec)):
            yield refusal
        try:
            _refuse_too_long(declaration, found, spec)
        except UserError as error:
            yield str(error)


def _refusal_by_guard(plan: Plan, found: Found, spec: RepositorySpec) -> str | None:
    """Why the bounds refuse the policy: by the plan, where the deployment asks the preview of Amazon ECR."""
    affected = tuple(
        PreviewedImage(each.image.digest, each.image.tags, each.action, each.rule_priority)
        for each in plan.affected
        if each.rule_priority is not None and each.action != "keep"
    )
    matched = sum(each.claimed_by is not None for each in plan.evaluation.fates)
    summary = guard.PreviewSummary(len(plan.evaluation.fates), matched, affected)
    return guard.refusal(spec.guard or guard.Guard(), summary, found.name, guard.ceiling() or guard.Guard())


def _refuse_too_long(declaration: Declaration, found: Found, spec: RepositorySpec) -> None:
    if not spec.statements:
        return
    present = {each.get("Sid") for each in found.policy.statements}
    added = [each for each in merged(spec.statements).values() if each["Sid"] not in present]
    part = Part(f"of this template|{declaration.name}", {"statements": [each.content() for each in spec.statements]})
    wanted = replace(found.policy, statements=(*found.policy.statements, *added))
    refuse_too_long(found.name, wanted, [part])


def _spec(declaration: Declaration, home: Home, controller: Controller) -> RepositorySpec:
    resolver = declaration.resolver
    known = {"AWS::AccountId": home.account, "AWS::Region": home.region, "AWS::Partition": home.partition}
    resolver = replace(resolver, parameters={**known, **resolver.parameters})
    own = {name: value for name, value in declaration.properties.items() if name not in properties.PROTOCOL}
    try:
        declared = resolver.resolve(own, declaration.name)
    except Unresolved as error:
        raise InvalidProperties("The template", error.faults) from None
    spec, faults = spec_of("ECRRepository", declared, home, controller)
    if faults:
        raise InvalidProperties("", [Fault(f"{declaration.name}.{each.path}", each.message) for each in faults])
    return spec


def _warnings(found: Found, spec: RepositorySpec) -> list[str]:
    tags = found.repository.tags
    warnings = []
    if STACK_ID in tags:
        owner = f"{tags.get(LOGICAL_ID, 'a resource')} in the stack {tags[STACK_ID]}"
        warnings.append(f"It belongs to {owner}. Another stack adopts it only if that stack no longer has it.")
    elif NATIVE_STACK_ID in tags:
        warnings.append(
            f"The stack {tags[NATIVE_STACK_ID]} created it. Remove it there with DeletionPolicy: Retain, or that stack "
            "changes it as well."
        )
    if spec.lifecycle_policy is not None and LIFECYCLE_POLICY in tags and STACK_ID not in tags:
        warnings.append(f"Its lifecycle policy is declared by {tags[LIFECYCLE_POLICY]}, unless that no longer exists.")
    if spec.statements:
        warnings.append("The statements are put beside those that the policy has, which stay.")
    return warnings
