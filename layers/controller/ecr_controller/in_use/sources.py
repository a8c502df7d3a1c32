"""The sources that know what runs, each read as a whole, and shared.

Many resources that are deployed at once each need what runs before their policy is put. One of them reads a source, and
stores what it found. The others wait, and one of them reads it once more: what began to run after the first read began
would be missing.
"""

from __future__ import annotations

import base64
import json
import logging
import time
import zlib
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from ecr_controller.deadline import DEADLINE, wait_before
from ecr_controller.errors import ControllerError
from ecr_controller.in_use import usage
from ecr_controller.in_use.ecs import Clusters
from ecr_controller.in_use.functions import ImageFunctions
from ecr_controller.in_use.inspector import Inspector
from ecr_controller.in_use.versions import StoredVersions
from ecr_controller.lifecycle.keep_in_use import ECS, LAMBDA
from ecr_controller.shared_documents.lock import lock_if_free
from ecr_controller.shared_documents.parts import PartsTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ecr_controller.custom_resource.request import Home
    from ecr_controller.in_use.ecs import Container
    from ecr_controller.in_use.usage import Use

logger = logging.getLogger(__name__)

SNAPSHOTS = "in-use-snapshot/sources"
# Seconds: those of the function that reads.
_LONGEST_READ = 900.0
# Of DynamoDB: an item has 400 KB. A larger snapshot is not shared.
_LONGEST = 380_000


def read_usage(sources: Iterable[str], home: Home, earliest: float) -> usage.Usage:
    """What these sources knew at ``earliest``, a ``time.time()``, or later. One that cannot be read is named in the
    result."""
    uses: dict[str, Sequence[Use]] = {}
    unread: dict[str, ControllerError] = {}
    for source in sources:
        try:
            uses[source] = _shared(source, home, earliest)
        except ControllerError as error:
            logger.warning("%s cannot be read, so no image is released: %s", source, error)
            unread[source] = error
    return usage.Usage(tuple(chain.from_iterable(uses.values())), frozenset(uses), unread)


def _shared(source: str, home: Home, earliest: float) -> Sequence[Use]:
    """What was read of a source from a ``time.time()`` on."""
    asked = time.time()
    # Those that wait need no lock for what another one has read meanwhile.
    while (found := _stored(source, earliest)) is None:
        with lock_if_free(f"in-use-lock/source/{source}", _LONGEST_READ) as is_held:
            if is_held:
                found = _stored(source, earliest)
                return _read_and_store(source, home) if found is None else found
        wait_before(DEADLINE.get(asked + _LONGEST_READ), f"Another invocation is reading {source}.")
    return found


def _stored(source: str, earliest: float) -> Sequence[Use] | None:
    for stored in PartsTable().query_parts(SNAPSHOTS, source):
        if stored.content["began"] >= earliest:
            return _unpacked(stored.content, source)
    return None


def _read_and_store(source: str, home: Home) -> Sequence[Use]:
    began, uses = time.time(), read(source, home)
    packed = _packed(uses)
    if len(packed) <= _LONGEST:
        PartsTable().put_part(SNAPSHOTS, source, {"began": began, "uses": packed})
    return uses


def read(source: str, home: Home) -> tuple[Use, ...]:
    """All uses that a source knows. Raises UserError and RetryableError."""
    if source == ECS:
        return usage.distinct(uses_of(Clusters().list_containers(), source, home))
    if source == LAMBDA:
        return usage.distinct(uses_of(ImageFunctions().list_containers(StoredVersions()), source, home))
    images = Inspector().list_images(home.account, datetime.now(UTC))
    found = (usage.use_of_arn(each.arn, source, each.user, home) for each in images)
    return usage.distinct(use for use in found if use is not None)


def uses_of(containers: Iterable[Container], source: str, home: Home) -> tuple[Use, ...]:
    """The uses of images of this account and Region among containers."""
    found = (usage.use_of_uri(each.uri, each.digest, source, each.user, home) for each in containers)
    return tuple(use for use in found if use is not None)


def _packed(uses: Iterable[Use]) -> str:
    return base64.b64encode(zlib.compress(json.dumps(usage.to_rows(uses)).encode())).decode()


def _unpacked(content: Mapping[str, Any], source: str) -> tuple[Use, ...]:
    return usage.from_rows(json.loads(zlib.decompress(base64.b64decode(content["uses"]))), source)
