"""The answer to a custom resource request: one HTTP PUT to the ResponseURL.

It stands alone, on the standard library, because the function that answers for dead functions uses it without a layer.
Source: "Custom resource response objects" in the CloudFormation user guide: at most 4,096 bytes, a PhysicalResourceId
in every answer, a Reason with FAILED, and an empty content type, which is part of the URL's signature.
"""

from __future__ import annotations

import http.client
import json
import logging
import random
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

MAX_BYTES = 4096
# Seconds that one try may take, and the longest pause between two.
TRY_SECONDS = 5.0
MAX_PAUSE = 4.0
FAILED_CREATE = "ecr-controller:create-failed:"


class NotDelivered(Exception):
    """CloudFormation did not take the answer before the time was up."""


def failed_create_id(request_id: str) -> str:
    """The physical id of a Create that failed. By the request in it, the Delete that follows finds what is left."""
    return FAILED_CREATE + request_id


def body(
    request: Mapping[str, Any],
    status: str,
    physical_id: str,
    *,
    reason: str = "",
    data: Mapping[str, Any] | None = None,
    no_echo: bool = False,
    log: str = "",
) -> bytes:
    """The answer's JSON, at most 4,096 bytes. What is too long is cut from the reason, which then names the log."""
    answer: dict[str, Any] = {
        "Status": status,
        "RequestId": request["RequestId"],
        "StackId": request["StackId"],
        "LogicalResourceId": request["LogicalResourceId"],
        "PhysicalResourceId": physical_id,
    }
    if data:
        answer |= {"Data": dict(data), "NoEcho": no_echo}
    whole = _encode(answer | {"Reason": reason})
    if len(whole) <= MAX_BYTES:
        return whole
    if len(_encode(answer)) > MAX_BYTES - len(_cut(log)) - 64:
        too_large = f"The attributes take {len(_encode(answer))} bytes; CloudFormation takes {MAX_BYTES}."
        return body(request, "FAILED", physical_id, reason=too_large, log=log)
    kept = len(reason)
    while len(whole) > MAX_BYTES:
        # An escaped character takes up to 12 bytes, so this many characters at least must go.
        kept -= max(1, (len(whole) - MAX_BYTES) // 12)
        whole = _encode(answer | {"Reason": reason[:kept] + _cut(log)})
    return whole


def _cut(log: str) -> str:
    return " … (cut; the whole is in the log" + (f" {log})" if log else ")")


def _encode(answer: Mapping[str, Any]) -> bytes:
    # ASCII only, so that characters are bytes and a lone surrogate cannot break the encoding.
    return json.dumps(answer, separators=(",", ":")).encode("ascii")


def send(url: str, answer: bytes, until: float) -> None:
    """PUT the answer, again and again with full jitter, until it is taken or ``until`` (``time.time()``) has come.

    Raises NotDelivered. The URL's query is a signature: neither a log nor an error holds it.
    """
    tries, pause = 0, 0.25
    while True:
        tries += 1
        failure = _put(url, answer, min(TRY_SECONDS, max(0.5, until - time.time())))
        if failure is None:
            return
        where = urlsplit(url).netloc
        logger.warning("Try %d to answer CloudFormation at %s failed: %s", tries, where, failure)
        wait = random.uniform(0, pause)  # noqa: S311
        if time.time() + wait >= until:
            raise NotDelivered(f"CloudFormation at {where} took none of {tries} answers; the last one: {failure}")
        time.sleep(wait)
        pause = min(MAX_PAUSE, 2 * pause)


def _put(url: str, answer: bytes, seconds: float) -> str | None:
    """One try: None when it was taken, else why it was not."""
    address = urlsplit(url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.netloc, timeout=seconds)
    try:
        connection.request("PUT", address._replace(scheme="", netloc="").geturl(), answer, {"Content-Type": ""})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        # Not the message: it may quote the signed URL.
        return type(error).__name__
    finally:
        connection.close()
    return None if 200 <= status < 300 else f"HTTP status {status}"
