"""KeepInUse of one resource, for one repository: declared before its lifecycle policy is put, and ended after it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.config import config, is_sam_local
from ecr_controller.deadline import DEADLINE
from ecr_controller.errors import RetryableError, UserError
from ecr_controller.in_use.declared import Declarations, Kept
from ecr_controller.lifecycle.keep_in_use import PROPERTY
from ecr_controller.shared_documents.ledger import owner_of
from ecr_controller.stacks import Stacks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_lambda import LambdaClient

    from ecr_controller.custom_resource.request import Request
    from ecr_controller.lifecycle.keep_in_use import KeepInUse

# Seconds before the deadline, at which the function has answered.
_ANSWER = 2.0


@aws.translates_errors
class InUseFunction:
    """The function IN_USE_FUNCTION, which alone may see what runs. Under `sam local invoke` it is not called."""

    # A look reads all that runs, which may take minutes. A second one would not be faster.
    _lambda: aws.Client[LambdaClient] = aws.Client("lambda", attempts=1, read_timeout=280)

    def look(self, repository: str, since: float) -> None:
        """Invoke, and wait: hold the images of a repository that are in use, or were so ``since`` a `time.time`.

        Raises UserError if it cannot be seen what is in use, or an image cannot be held, and RetryableError if that may
        succeed later.
        """
        if is_sam_local():
            return
        answer = self._invoke(repository, "RequestResponse", {"Since": since} | _until())
        result: Mapping[str, Any] = json.loads(answer["Payload"].read() or b"{}")
        if answer.get("FunctionError"):
            raise RetryableError(f"The check of the images in use of {repository} failed: {result.get('errorType')}.")
        if result.get("faults"):
            message = (
                f"{PROPERTY}: The images of {repository} that are in use cannot be kept, so the lifecycle policy was "
                f"not changed. {' '.join(result['faults'])}"
            )
            if result.get("isWorthARetry"):
                raise RetryableError(message)
            raise UserError(message)

    def start(self, repository: str) -> None:
        """Invoke, without waiting."""
        if not is_sam_local():
            self._invoke(repository, "Event", {})

    def _invoke(self, repository: str, invocation: Any, more: Mapping[str, float]) -> Any:
        payload = json.dumps({"RepositoryName": repository, **more})
        return self._lambda.invoke(FunctionName=config().in_use_function, InvocationType=invocation, Payload=payload)


def _until() -> dict[str, float]:
    """Until when the answer is waited for."""
    deadline = DEADLINE.get(None)
    return {} if deadline is None else {"Until": deadline - _ANSWER}


@dataclass(frozen=True, slots=True)
class Keeping:
    """What the resource with this owner keeps of a repository. Its methods raise UserError and RetryableError.

    ``stack_id`` is that of a stack whose rollback does not wait for a look: one that fails leaves the stack as it is.
    Under `sam local invoke` nothing is stored: no stack declares anything there.
    """

    repository: str
    owner: str
    type_name: str
    stack_id: str = ""

    @classmethod
    def of(cls, request: Request[Any], repository: str) -> Keeping:
        """That of the resource of a request."""
        return cls(repository, owner_of(request), request.type_name, request.stack_id)

    def begin(self, keep: KeepInUse | None, since: float, *, looks: bool = True) -> None:
        """Declare it, and hold what is in use, or was so ``since`` a `time.time`, unless nothing is declared.

        Without ``looks``, there is no image yet.
        """
        if keep is None or is_sam_local():
            return
        Declarations().put(self._kept(keep))
        if not looks:
            return
        if self.stack_id and Stacks().is_rolling_back(self.stack_id):
            InUseFunction().start(self.repository)
        else:
            InUseFunction().look(self.repository, since)

    def end(self) -> None:
        """Have the tags removed, unless another resource keeps the images; nothing happens if it is not declared."""
        if is_sam_local():
            return
        declared = Declarations().of(self.repository).declarations
        if any(each.owner == self.owner and each.keep is not None for each in declared):
            Declarations().put(self._kept(None))
            InUseFunction().start(self.repository)

    def _kept(self, keep: KeepInUse | None) -> Kept:
        return Kept(self.repository, self.owner, self.type_name, keep)
