"""Answers CloudFormation for a function that died: a crash at import, out of memory, past its time.

Lambda hands it the request as an on-failure destination. It has no layer and nothing but the standard library, so that
what killed the other function cannot kill it.
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
    """Answer FAILED to the request in ``requestPayload``. Raises NotDelivered, so that Lambda tries again."""
    request = event["requestPayload"]
    circumstances, death = event["requestContext"], event.get("responsePayload")
    told = death if isinstance(death, dict) else {"errorMessage": death}
    what = told.get("errorMessage") or told.get("errorType") or circumstances.get("condition", "unknown")
    function = circumstances["functionArn"].split(":function:")[-1].split(":")[0]
    logger.error("%s died with %s of %s: %s", function, request.get("RequestType"), request["LogicalResourceId"], what)
    reason = f"The controller's function {function} died before it could answer: {what}. Its log has the details."
    until = time.time() + context.get_remaining_time_in_millis() / 1000 * 0.9
    answer.send(request["ResponseURL"], answer.failure(request, reason, log=f"of {function}"), until)
