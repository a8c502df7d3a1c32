"""Answers CloudFormation for a function that failed: a crash at import, out of memory, a timeout.

Lambda invokes it as an on-failure destination, with the request. It has no layer and uses the standard library alone,
so that what made the other function fail cannot make it fail.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import answer

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger()
logger.setLevel(logging.INFO)


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Answer FAILED to the request in ``requestPayload``, which is all that it needs.

    Raises NotDelivered, so that Lambda retries, and LookupError for a request that cannot be answered.
    """
    request = event["requestPayload"]
    circumstances, response = _map(event.get("requestContext")), event.get("responsePayload")
    error = response if isinstance(response, dict) else {"errorMessage": response}
    cause = error.get("errorMessage") or error.get("errorType") or circumstances.get("condition", "unknown")
    # A function's name has at most 64 characters.
    function = str(circumstances.get("functionArn", "unknown")).split(":function:")[-1].split(":")[0][:64]
    reason = f"The controller's function {function} failed before it could answer: {cause}. Its log has the details."
    until = time.time() + context.get_remaining_time_in_millis() / 1000 * 0.9
    try:
        answer.send(answer.response_url(request), answer.failure(request, reason, log=f"log of {function}"), until)
    finally:
        kind, logical_id = request.get("RequestType"), request.get("LogicalResourceId")
        failed = f"The function {function} failed during {kind} of {logical_id}: {cause}"
        logger.error(failed.encode("ascii", "backslashreplace").decode())


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
