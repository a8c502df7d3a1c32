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


class TooLarge(Exception):
    """The attributes do not fit into an answer."""


class NotDelivered(Exception):
    """CloudFormation did not take the answer before the time was up."""


def physical_id_of(request: Mapping[str, Any]) -> str:
    """The resource's id; without one, as in a Create, a marker: by it the Delete that follows finds what is left."""
    return str(request.get("PhysicalResourceId") or FAILED_CREATE + request["RequestId"])


def success(
    request: Mapping[str, Any], physical_id: str, attributes: Mapping[str, Any], *, no_echo: bool = False
) -> bytes:
    """The JSON that says what the request came to. Raises TooLarge."""
    answer = _answer(request, "SUCCESS", physical_id) | {"Data": dict(attributes), "NoEcho": no_echo}
    if len(_encode(answer)) > MAX_BYTES:
        raise TooLarge(f"The answer takes {len(_encode(answer))} bytes with its attributes; at most {MAX_BYTES} fit.")
    return _encode(answer)


def failure(request: Mapping[str, Any], reason: str, log: str) -> bytes:
    """The JSON that says why the request failed. A reason too long is cut, and then names the log."""
    answer = _answer(request, "FAILED", physical_id_of(request))
    whole, kept = _encode(answer | {"Reason": reason}), MAX_BYTES
    while len(whole) > MAX_BYTES and kept > 0:
        whole = _encode(answer | {"Reason": f"{reason[:kept]} … (cut; the whole is in the log {log})"})
        # An escaped character takes up to 12 bytes, so this many characters at least must go.
        kept -= max(1, (len(whole) - MAX_BYTES) // 12)
    return whole


def _answer(request: Mapping[str, Any], status: str, physical_id: str) -> dict[str, Any]:
    copied = {key: request[key] for key in ("RequestId", "StackId", "LogicalResourceId")}
    return {"Status": status, "PhysicalResourceId": physical_id, **copied}


def _encode(answer: Mapping[str, Any]) -> bytes:
    # ASCII only, so that characters are bytes and a lone surrogate cannot break the encoding.
    return json.dumps(answer, separators=(",", ":"), allow_nan=False).encode("ascii")


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
        wait = random.uniform(0, pause)
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
    except (OSError, ValueError, http.client.HTTPException) as error:
        # Not the message: it may quote the signed URL.
        return type(error).__name__
    finally:
        connection.close()
    return None if 200 <= status < 300 else f"HTTP status {status}"
