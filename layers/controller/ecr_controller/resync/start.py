"""The start of a resync by another function."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ecr_controller import aws
from ecr_controller.config import config, is_sam_local

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


@aws.translates_errors
class ResyncFunction:
    """The function RESYNC_FUNCTION. Under `sam local invoke` it is not called."""

    _lambda: aws.Client[LambdaClient] = aws.Client("lambda")

    def start(self, pattern: str) -> None:
        """Invoke, without waiting: a resync of the repositories of a pattern."""
        if not is_sam_local():
            payload = json.dumps({"RepositoryName": pattern})
            self._lambda.invoke(FunctionName=config().resync_function, InvocationType="Event", Payload=payload)
