"""moto, with versions of its state that can be returned to, and a memory of what it answered in each.

Most cases make the same calls in the same states, and moto takes milliseconds for each. So an answer is kept by the
version of the state and the request, with the version that follows, and the state itself is only put in place for a
call that was not made in it before.
"""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

from moto.core.botocore_stubber import BotocoreStubber

from tests.faults.cloudformation import ACCOUNT, REGION, Json
from tests.faults.faults import is_read
from tests.faults.invocation import name_of

Version = str
Response = tuple[int, Any, str | bytes]
_Key = tuple[Version, str, str, bytes]


class Moto:
    """See above. ``version`` is that of the present state."""

    def __init__(self) -> None:
        self._moto: Any = BotocoreStubber()
        self.version: Version = ""
        self._in_place: Version = ""
        self._kept: dict[Version, tuple[list[Any], Json]] = {}
        self._answers: dict[_Key, tuple[Response, Version]] = {}

    def answer(self, request: Any, operation: Any) -> Response:
        """Carry out a call."""
        name, body = name_of(operation), request.body or b""
        key = (self.version, name, request.url, body.encode() if isinstance(body, str) else bytes(body))
        if self.version and key in self._answers:
            known, self.version = self._answers[key]
            return known
        self._put_in_place()
        response: Response = self._moto.process_request(request)
        if not self.version:  # the account is still being set up
            return response
        if not is_read(name):
            self.keep()
        self._answers[key] = response, self.version
        return response

    def keep(self) -> Version:
        """Keep the state that is in place, as the present version."""
        found = _contents()
        self.version = self._in_place = hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()
        if self.version not in self._kept:
            self._kept[self.version] = [_copy(getattr(*each)) for each in _changing()], found
        return self.version

    def go_to(self, version: Version) -> None:
        """Return to a version."""
        self.version = version

    def forget_all_but(self, *versions: Version) -> None:
        """Free the memory, and go to the first of the versions."""
        self._answers.clear()
        self.go_to(versions[0])
        self._put_in_place()
        self._kept = {version: self._kept[version] for version in versions}

    def contents(self) -> Json:
        """Everything that scenarios change: ``repositories`` by name, ``attached`` policies, ``rows`` of the tables."""
        found: Json = copy.deepcopy(self._kept[self.version][1])
        return found

    def _put_in_place(self) -> None:
        if self._in_place != self.version:
            for (holder, name), value in zip(_changing(), self._kept[self.version][0], strict=True):
                setattr(holder, name, _copy(value))
            self._in_place = self.version


def holders() -> list[Any]:
    """Everything to which a managed policy can be attached."""
    from moto.iam.models import iam_backends

    iam = iam_backends[ACCOUNT]["aws"]
    return [*iam.roles.values(), *iam.users.values(), *iam.groups.values()]


def _ecr() -> Any:
    from moto.ecr.models import ecr_backends

    return ecr_backends[ACCOUNT][REGION]


def _tables() -> dict[str, Any]:
    from moto.dynamodb.models import dynamodb_backends

    tables: dict[str, Any] = dynamodb_backends[ACCOUNT][REGION].tables
    return tables


def _changing() -> list[tuple[Any, str]]:
    """The attributes of moto's objects that hold the state."""
    ecr = _ecr()
    return [
        (ecr, "repositories"),
        (ecr.tagger, "tags"),
        *((table, "items") for table in _tables().values()),
        *((holder, "managed_policies") for holder in holders()),
    ]


def _copy(value: Any) -> Any:
    # The policies themselves do not change, and are large.
    is_attachments = value and all(str(key).startswith("arn:aws:iam:") for key in value)
    return dict(value) if is_attachments else copy.deepcopy(value)


def _contents() -> Json:
    rows = {
        name: [{key: each.value for key, each in row.attrs.items()} for row in table.all_items()]
        for name, table in _tables().items()
    }
    return {
        "repositories": {name: _repository(each) for name, each in _ecr().repositories.items()},
        "attached": sorted([holder.arn, policy] for holder in holders() for policy in holder.managed_policies),
        "rows": {name: sorted(found, key=str) for name, found in rows.items()},
    }


def _repository(repository: Any) -> Json:
    mutability = repository.image_tag_mutability
    return {
        "tags": dict(_ecr().tagger.get_tag_dict_for_resource(repository.arn)),
        "scan": repository.image_scanning_configuration["scanOnPush"],
        "mutability": str(getattr(mutability, "value", mutability)),
        "exclusions": sorted(each["filter"] for each in repository.image_tag_mutability_exclusion_filters or []),
        "encryption": repository.encryption_configuration["encryptionType"],
        "lifecycle": repository.lifecycle_policy,
        "policy": repository.policy,
        "images": sorted(tag for image in repository.images for tag in image.image_tags),
        "scanned": sorted(image.image_digest or "" for image in repository.images if image.last_scan),
    }
