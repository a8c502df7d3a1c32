"""KeepInUse of one resource, for one repository: declared before its lifecycle policy is put, and ended after it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from ecr_controller import aws
from ecr_controller.config import config, is_sam_local
from ecr_controller.errors import RetryableError, UserError
from ecr_controller.in_use.declared import Declarations, Kept
from ecr_controller.lifecycle.keep_in_use import PROPERTY
from ecr_controller.stacks import Stacks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_lambda import LambdaClient

    from ecr_controller.lifecycle.keep_in_use import KeepInUse

logger = logging.getLogger(__name__)


@aws.translates_errors
class InUseFunction:
    """The function IN_USE_FUNCTION, which alone may see what runs. Under `sam local invoke` it is not called."""

    # A look reads all that runs, which may take minutes. A second one would not be faster.
    _lambda: aws.Client[LambdaClient] = aws.Client("lambda", attempts=1, read_timeout=280)

    def look(self, repository: str, since: float | None = None) -> None:
        """Invoke, and wait: hold the images of a repository that are in use, or were so ``since`` a `time.time`.

        Raises UserError if it cannot be seen what is in use, or an image cannot be held, and RetryableError.
        """
        if is_sam_local():
            return
        answer = self._invoke(repository, "RequestResponse", {} if since is None else {"Since": since})
        result: Mapping[str, Any] = json.loads(answer["Payload"].read() or b"{}")
        if answer.get("FunctionError"):
            raise RetryableError(f"The look at what uses the images of {repository} failed: {result.get('errorType')}.")
        if result.get("faults"):
            raise UserError(
                f"{PROPERTY}: The images of {repository} that are in use cannot be kept, so the lifecycle policy was "
                f"not changed. {' '.join(result['faults'])}"
            )

    def start(self, repository: str) -> None:
        """Invoke, without waiting."""
        if not is_sam_local():
            self._invoke(repository, "Event", {})

    def _invoke(self, repository: str, invocation: Any, more: Mapping[str, float]) -> Any:
        payload = json.dumps({"RepositoryName": repository, **more})
        return self._lambda.invoke(FunctionName=config().in_use_function, InvocationType=invocation, Payload=payload)


class Keeping:
    """What the resource with this owner keeps of a repository. Raises UserError and RetryableError.

    Under `sam local invoke` nothing is stored: no stack declares anything there.
    """

    def __init__(self, repository: str, owner: str, type_name: str) -> None:
        self._repository, self._owner, self._type = repository, owner, type_name

    def begin(self, keep: KeepInUse | None, *, looks: bool = True, since: float | None = None) -> None:
        """Declare it, and hold what is in use, unless nothing is declared. Without ``looks``, there is no image yet;
        for ``since``, see `InUseFunction.look`."""
        if keep is None or is_sam_local():
            return
        Declarations().put(self._kept(keep))
        if looks:
            self._look(since)

    def end(self) -> None:
        """Have the tags removed, unless another resource keeps the images; nothing happens if it is not declared."""
        if is_sam_local():
            return
        declared = Declarations().of(self._repository).declarations
        if any(each.owner == self._owner and each.keep is not None for each in declared):
            Declarations().put(self._kept(None))
            InUseFunction().start(self._repository)

    def _look(self, since: float | None) -> None:
        try:
            InUseFunction().look(self._repository, since)
        except UserError as error:
            # A rollback that fails leaves the stack as it is, and the next look on the schedule continues.
            if not Stacks().is_rolling_back(self._owner.split("|")[0]):
                raise
            logger.warning("Images in use are looked for later, because of a rollback: %s", error)

    def _kept(self, keep: KeepInUse | None) -> Kept:
        return Kept(self._repository, self._owner, self._type, keep)
