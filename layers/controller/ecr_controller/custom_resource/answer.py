"""The answer to a custom resource request: one HTTP PUT to the ResponseURL.

It uses the standard library alone, because the on-failure function runs it without a layer.
Source: "Custom resource response objects" in the CloudFormation user guide: at most 4,096 bytes, a PhysicalResourceId
in every answer, a Reason with FAILED, and an empty content type, which is part of the URL's signature.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import random
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

MAX_BYTES = 4096
# Seconds that one attempt may take, and the longest pause between two.
TRY_SECONDS = 5.0
MAX_PAUSE = 4.0
FAILED_CREATE = "ecr-controller:create-failed:"
# The domains of AWS by partition, in which CloudFormation's buckets are.
AWS_DOMAINS = (
    *("amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk"),
    "csp.hci.ic.gov",
)
_HOST = re.compile(r"([a-z0-9-]+\.)+[a-z0-9-]+")
_LOOPBACK = re.compile(r"localhost|::1|127(\.[0-9]{1,3}){3}")


class TooLarge(Exception):
    """The attributes do not fit into an answer."""


class NotDelivered(Exception):
    """CloudFormation did not accept the answer in time."""


class ForeignUrl(LookupError):
    """The ResponseURL of a request is none of CloudFormation's, so that the request cannot be answered."""


def response_url(request: Mapping[str, Any]) -> str:
    """Where the request is answered. Raises KeyError without a ResponseURL, and ForeignUrl if it leads elsewhere.

    It leads to AWS by HTTPS, or to this machine. Under `sam local invoke` it may lead anywhere, because the developer
    wrote the event, and this machine is the container.
    """
    url = request["ResponseURL"]
    if not isinstance(url, str) or not _is_trusted(url):
        # Not the URL: it may be signed.
        raise ForeignUrl("ResponseURL does not lead to AWS by HTTPS, or to this machine. The request is not answered.")
    return url


def _is_trusted(url: str) -> bool:
    try:
        address = urlsplit(url)
        host, port = address.hostname or "", address.port
    except ValueError:
        return False
    if "@" in address.netloc or address.scheme not in ("http", "https"):
        return False
    if _LOOPBACK.fullmatch(host) or os.environ.get("AWS_SAM_LOCAL") == "true":
        return True
    is_aws = _HOST.fullmatch(host) is not None and host.endswith(tuple(f".{domain}" for domain in AWS_DOMAINS))
    return is_aws and address.scheme == "https" and port in (None, 443)


def physical_id_of(request: Mapping[str, Any]) -> str:
    """The resource's id, or in a Create a marker that names the request, so that the Delete that follows finds it."""
    return str(request.get("PhysicalResourceId") or f"{FAILED_CREATE}{request['RequestId']}")


def success(
    request: Mapping[str, Any], physical_id: str, attributes: Mapping[str, Any], *, no_echo: bool = False
) -> bytes:
    """The answer to a request that succeeded, as JSON. Raises TooLarge."""
    answer = _answer(request, "SUCCESS", physical_id) | {"Data": dict(attributes), "NoEcho": no_echo}
    if len(_encode(answer)) > MAX_BYTES:
        size = len(_encode(answer))
        raise TooLarge(
            f"The response with the attributes of the resource has {size:,} bytes. CloudFormation accepts "
            f"{MAX_BYTES:,} bytes."
        )
    return _encode(answer)


def failure(request: Mapping[str, Any], reason: str, log: str) -> bytes:
    """The answer to a request that failed, as JSON. A reason that is too long is cut, and then names the log."""
    answer = _answer(request, "FAILED", physical_id_of(request))
    whole, kept = _encode(answer | {"Reason": reason}), MAX_BYTES
    while len(whole) > MAX_BYTES and kept > 0:
        whole = _encode(answer | {"Reason": f"{reason[:kept]} … (shortened; for the full reason, see the log: {log})"})
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
    """PUT the answer, and retry with full jitter until it is accepted or ``until`` (a ``time.time()``) has come.

    Raises NotDelivered. The URL's query is a signature, so neither a log nor an error contains it.
    """
    tries, pause = 0, 0.25
    while True:
        tries += 1
        failure = _put(url, answer, min(TRY_SECONDS, max(0.5, until - time.time())))
        if failure is None:
            return
        where = urlsplit(url).netloc
        logger.warning("Attempt %d to respond to CloudFormation at %s failed: %s", tries, where, failure)
        wait = random.uniform(0, pause)
        if time.time() + wait >= until:
            raise NotDelivered(
                f"CloudFormation at {where} did not accept the response. Attempts: {tries}. Last error: {failure}."
            )
        time.sleep(wait)
        pause = min(MAX_PAUSE, 2 * pause)


def _put(url: str, answer: bytes, seconds: float) -> str | None:
    """One attempt: None if it was accepted, else why it was not."""
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
