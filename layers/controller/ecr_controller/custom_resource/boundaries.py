"""Which repositories the stacks may manage. The operator of the controller decides, by two parameters of its stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecr_controller.config import config
from ecr_controller.errors import UserError
from ecr_controller.patterns import matches

if TYPE_CHECKING:
    from collections.abc import Iterable


class OutsideBoundaries(UserError):
    """The stack may not manage a repository."""

    event = "BoundaryRefused"


@dataclass(frozen=True, slots=True)
class Boundaries:
    """``repositories`` is a pattern for all stacks; ``by_stack`` are pairs of a pattern of stack names and a pattern of
    the repositories that these stacks may manage. Without any pair, every stack may manage what the first pattern
    matches."""

    repositories: str
    by_stack: tuple[tuple[str, str], ...] = ()

    @classmethod
    def configured(cls) -> Boundaries:
        """Those of the environment: REPOSITORY_NAMES, and BOUNDARIES in the form ``payments-*=payments/*,platform=*``.

        Raises UserError for an entry of another form.
        """
        entries = [entry.strip().partition("=") for entry in config().boundaries.split(",") if entry.strip()]
        if not all(stacks and repositories for stacks, _, repositories in entries):
            raise UserError(
                "The parameter Boundaries of the controller's stack is not a list of STACKS=REPOSITORIES, such as "
                "payments-*=payments/*. Nothing is changed until it is corrected."
            )
        return cls(config().repository_names or "*", tuple((stacks, names) for stacks, _, names in entries))

    @property
    def is_empty(self) -> bool:
        """Whether no stack has a boundary of its own."""
        return not self.by_stack

    def of(self, stack_name: str) -> tuple[str, ...]:
        """The patterns of the repositories that the stack may manage."""
        if self.is_empty:
            return (self.repositories,)
        return tuple(repositories for stacks, repositories in self.by_stack if matches(stacks, stack_name))

    def allow(self, stack_name: str, repository: str) -> bool:
        """Whether the stack may manage the repository, or all repositories of a pattern."""
        patterns = self.of(stack_name)
        return matches(self.repositories, repository) and any(matches(each, repository) for each in patterns)

    def name(self, stack_name: str, repository: str) -> bool:
        """Whether a boundary of the stack's own allows the repository, and not only the absence of boundaries."""
        return not self.is_empty and self.allow(stack_name, repository)

    def verify(self, stack_name: str, repositories: Iterable[str]) -> None:
        """Raise OutsideBoundaries unless the stack may manage all of these names and patterns."""
        outside = sorted({each for each in repositories if not self.allow(stack_name, each)})
        if outside:
            raise OutsideBoundaries(
                f"RepositoryName: the stack {stack_name} may not manage {', '.join(outside)}. It may manage "
                f"{self._describe(stack_name)}. Choose another name, or ask the operator of the controller to change "
                "the parameters RepositoryNames and Boundaries of its stack."
            )

    def _describe(self, stack_name: str) -> str:
        patterns = " and ".join(self.of(stack_name)) or "no repositories"
        return patterns if self.is_empty or self.repositories == "*" else f"{patterns}, within {self.repositories}"
