"""The parameters of the controller's stack that bound what a template can declare, as far as they are given."""

from __future__ import annotations

import os
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ecr_controller.custom_resource.boundaries import Boundaries, OutsideBoundaries
from ecr_controller.errors import UserError
from ecr_controller.event_routing import targets
from ecr_controller.patterns import matches
from ecr_controller.repository_policy.bounds import ALL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Those that the functions read from their environment, and those that only their roles hold.
_READ = (
    "RepositoryNames",
    "Boundaries",
    "GranteeAccounts",
    "GranteeOrganization",
    "PublicGrants",
    "DeniedGrantActions",
    "LifecycleMaxImages",
    "LifecycleMaxPercent",
)
# The environment is that of all threads.
_ENVIRONMENT = threading.RLock()
PARAMETERS = (*_READ, *(kind.parameter for kind in targets.KINDS.values()))


@dataclass(frozen=True, slots=True)
class Controller:
    """The values of parameters by name. One that is not given has the default of the controller's template."""

    parameters: Mapping[str, str]

    def check(self) -> None:
        """Raise UserError for a parameter that bounds nothing."""
        unknown = [name for name in self.parameters if name not in PARAMETERS]
        if unknown:
            raise UserError(f"--controller-parameter: {', '.join(unknown)} is not one of {', '.join(PARAMETERS)}")

    @contextmanager
    def configured(self) -> Iterator[None]:
        """Within it, the code of the controller sees the parameters as its functions do: in the environment."""
        names = {name: re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper() for name in _READ}
        with _ENVIRONMENT:
            before = {variable: os.environ.pop(variable, None) for variable in names.values()}
            os.environ.update({names[name]: value for name, value in self.parameters.items() if name in names})
            try:
                yield
            finally:
                for variable, value in before.items():
                    os.environ.pop(variable, None)
                    if value is not None:
                        os.environ[variable] = value

    def refusal_of_repository(self, name: str, stack: str | None) -> str | None:
        """Why the stack may not manage a repository or a pattern of them, as far as its name is known."""
        with self.configured():
            boundaries = Boundaries.configured()
            if stack is None and not boundaries.is_empty:
                return None
            try:
                boundaries.verify(stack or "of this template", [name])
            except OutsideBoundaries as error:
                return str(error).removeprefix("RepositoryName: ")
        return None

    def refusal_of_target(self, arn: str) -> str | None:
        """Why a route can't have the target, if the parameter of its kind is given and doesn't allow it."""
        try:
            target = targets.parse(arn)
        except UserError:
            return None  # a fault of its own
        allowed = self.parameters.get(target.parameter, "")
        patterns = [each.strip() for each in allowed.split(",") if each.strip()]
        if not patterns or any(matches(each.replace("?", "*"), arn) for each in patterns):
            return None
        return (
            f"the {target.kind} {arn} is not among those that the parameter {target.parameter} of the controller's "
            "stack allows; name another target, or add it there"
        )


# Whom a statement allows is for the operator of the controller to bound, at the deployment.
UNBOUNDED = Controller({"GranteeAccounts": ALL, "PublicGrants": "true", "DeniedGrantActions": "none"})
