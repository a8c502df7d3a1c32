"""What the properties of ``Custom::ECRRepositoryBaseline`` declare, and which baseline applies to a repository.

A baseline is stored under the pattern that it names, as a route is: the one that applies is found with one read a level
of the name of the repository.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from ecr_controller.custom_resource import properties
from ecr_controller.errors import Faults
from ecr_controller.patterns import matches, patterns_matching
from ecr_controller.repository.spec import RepositorySpec, parse_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ecr_controller.custom_resource.boundaries import Boundaries
    from ecr_controller.custom_resource.properties import Values
    from ecr_controller.custom_resource.request import Home
    from ecr_controller.shared_documents.converge import Part

TYPE = "ECRRepositoryBaseline"
REPORT, FILL_MISSING, ENFORCE = "Report", "FillMissing", "Enforce"
_LIKE_SOURCE = "LikeSource"
_PROPERTIES = "properties"


@dataclass(frozen=True, slots=True)
class Baseline:
    """A declared baseline. ``owner`` is that of its part, ``properties`` are the valid ones, as they are stored."""

    pattern: str
    spec: RepositorySpec
    mode: str = FILL_MISSING
    exceptions: tuple[str, ...] = ()
    like_source: bool = False
    properties: Mapping[str, Any] = field(default_factory=dict)
    owner: str = ""

    @property
    def stack_id(self) -> str:
        """The stack that declares it."""
        return self.owner.split("|")[0]

    @property
    def logical_id(self) -> str:
        """The logical ID of the resource that declares it."""
        return self.owner.split("|")[1]

    @property
    def resource(self) -> str:
        """``Images in the stack shop``, for a message."""
        return f"{self.logical_id} in the stack {self.stack_name}"

    @property
    def stack_name(self) -> str:
        """The name of the stack."""
        return self.stack_id.split("/")[1]

    def content(self) -> dict[str, Any]:
        """As it is stored."""
        return {_PROPERTIES: dict(self.properties)}

    def excepts(self, repository: str) -> bool:
        """Whether it does not apply to the repository, which its pattern matches."""
        return any(matches(each, repository) for each in self.exceptions)


def parse_baseline(values: Values, faults: Faults, home: Home) -> Baseline | None:
    """The baseline that the properties declare."""
    spec = parse_repository(values, faults, home)
    if values.get(_LIKE_SOURCE):
        for name in ("LifecycleRules", "LifecyclePolicyText", "PolicyStatements"):
            if values.declares(name):
                faults.add(name, f"cannot be combined with {_LIKE_SOURCE}, which takes it from the source; remove one")
    if spec.name is None:
        return None
    return Baseline(
        spec.name,
        replace(spec, name=None),
        values.get("Mode", FILL_MISSING),
        tuple(each for each in values.get("Except", ()) if each),
        values.get(_LIKE_SOURCE, False),
        values,
    )


def storage_key(pattern: str) -> str:
    """The target in the table of parts under which the baseline of a pattern is stored."""
    return f"baseline/{pattern}"


def from_part(pattern: str, part: Part, home: Home) -> Baseline:
    """The baseline that is stored. Raises InvalidProperties if the operator of the controller no longer allows it."""
    faults = Faults()
    values = properties.check(TYPE, part.content[_PROPERTIES], faults)
    found = parse_baseline(values, faults, home)
    faults.raise_if_any(f"The baseline {part.resource}")
    if found is None:
        raise LookupError(f"The stored baseline of {pattern} has no pattern.")
    return replace(found, owner=part.owner)


def reader(query_parts: Callable[[str], Iterable[Part]], home: Home) -> Callable[[str], tuple[Baseline, ...]]:
    """A function that reads the baselines of a pattern, each pattern once; make a new one for each batch."""

    @cache
    def baselines_of(pattern: str) -> tuple[Baseline, ...]:
        return tuple(from_part(pattern, part, home) for part in query_parts(storage_key(pattern)))

    return baselines_of


def applying(
    repository: str, baselines_of: Callable[[str], Iterable[Baseline]], boundaries: Boundaries
) -> Baseline | None:
    """The baseline with the most specific pattern that does not except the repository, and whose stack may manage
    it."""
    for pattern in patterns_matching(repository):
        for baseline in baselines_of(pattern):
            if not baseline.excepts(repository) and boundaries.allow(baseline.stack_name, repository):
                return baseline
    return None
